package backtest

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	promodel "github.com/prometheus/common/model"

	"github.com/belfry-city/belfry/alerting/anomaly/model"
	"github.com/belfry-city/belfry/internal/config/strict"
)

// Default is the kind of model for so many columns where none is asked for: of several columns multivariate, or else one
// that watches them as one.
func Default(kinds []model.Kind, columns int) (model.Kind, error) {
	if len(kinds) == 0 {
		return model.Kind{}, fmt.Errorf("--model: this Belfry has no models")
	}
	if columns > 1 {
		for _, k := range kinds {
			if k.Name == "multivariate" {
				return k, nil
			}
		}
		for _, k := range kinds {
			if k.Joint {
				return k, nil
			}
		}
	}
	return kinds[0], nil
}

// Choose finds a kind by its name, or the default one for so many columns where that is "", with its settings.
func Choose(kinds []model.Kind, name string, options []string, columns int) (model.Kind, model.Settings, error) {
	find := func() (model.Kind, error) { return Default(kinds, columns) }
	if name != "" {
		find = func() (model.Kind, error) { return Named(kinds, name) }
	}
	k, err := find()
	if err != nil {
		return k, nil, err
	}
	set, err := Settings(k, options)
	return k, set, err
}

// Named finds a kind by its name; the error lists those that there are.
func Named(kinds []model.Kind, name string) (model.Kind, error) {
	var names []string
	for _, k := range kinds {
		if k.Name == name {
			return k, nil
		}
		names = append(names, k.Name)
	}
	hint := "."
	if near := strict.Nearest(name, names); near != "" {
		hint = fmt.Sprintf("; did you mean %q?", near)
	}
	return model.Kind{}, fmt.Errorf("--model: no model is called %q%s There are:\n%s", name, hint, List(kinds))
}

// List shows kinds with their options, a line each.
func List(kinds []model.Kind) string {
	var b strings.Builder
	for _, k := range kinds {
		fmt.Fprintf(&b, "  %-13s %s\n", k.Name, k.Summary)
		for _, o := range k.Options {
			fmt.Fprintf(&b, "  %-13s   %s=%s  %s\n", "", o.Name, written(o, o.Default), o.Meaning)
		}
	}
	return b.String()
}

func written(o model.Option, v float64) string {
	if o.Duration {
		return promodel.Duration(v * float64(time.Second)).String()
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// Settings reads options NAME=VALUE of a kind; those that are not named have their defaults.
func Settings(k model.Kind, options []string) (model.Settings, error) {
	set := k.Defaults()
	for _, text := range options {
		name, value, ok := strings.Cut(text, "=")
		if !ok {
			return nil, fmt.Errorf("--option: want NAME=VALUE; got %q", text)
		}
		o, err := option(k, strings.TrimSpace(name))
		if err != nil {
			return nil, err
		}
		if set[o.Name], err = parse(o, strings.TrimSpace(value)); err != nil {
			return nil, fmt.Errorf("--option %s: %w", o.Name, err)
		}
	}
	return set, nil
}

func option(k model.Kind, name string) (model.Option, error) {
	var names []string
	for _, o := range k.Options {
		if o.Name == name {
			return o, nil
		}
		names = append(names, o.Name)
	}
	if len(names) == 0 {
		return model.Option{}, fmt.Errorf("--option %s: the model %s has no options", name, k.Name)
	}
	return model.Option{}, fmt.Errorf("--option %s: the model %s has no such option, but %s", name, k.Name, strings.Join(names, ", "))
}

func parse(o model.Option, text string) (float64, error) {
	v, err := strconv.ParseFloat(text, 64)
	what := "a number"
	switch {
	case o.Duration:
		what = "a duration such as 30s, 5m or 1h30m"
		if d, bad := promodel.ParseDuration(text); bad == nil {
			v, err = time.Duration(d).Seconds(), nil
		}
	case o.Whole:
		what = "a whole number"
	}
	if err != nil || math.IsNaN(v) || v < o.Min || v > o.Max || o.Whole && v != math.Trunc(v) {
		return 0, fmt.Errorf("want %s from %s to %s; got %q", what, written(o, o.Min), written(o, o.Max), text)
	}
	return v, nil
}
