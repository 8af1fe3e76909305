package backtest

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/belfry-city/belfry/alerting/anomaly/detector"
	"github.com/belfry-city/belfry/alerting/anomaly/model"
	"github.com/belfry-city/belfry/internal/config"
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

// FromFile is the detector of that name in a detector file, or the only one where name is "". Mistakes in the file are
// strict.Problems.
func FromFile(file, name string, kinds []model.Kind, zone *time.Location) (*detector.Detector, error) {
	if _, err := os.Stat(file); err != nil {
		return nil, fmt.Errorf("--detectors: %w", err)
	}
	set, err := detector.Load([]string{config.LiteralGlob(file)}, nil, kinds, zone)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, d := range set.Detectors() {
		if d.Name == name || name == "" && len(set.Detectors()) == 1 {
			return d, nil
		}
		names = append(names, d.Name)
	}
	there := "there are none"
	if len(names) > 0 {
		there = "there are " + strings.Join(names, ", ")
	}
	if name == "" {
		return nil, fmt.Errorf("--detector: want the name of a detector in %s; %s", file, there)
	}
	if near := strict.Nearest(name, names); near != "" {
		there = fmt.Sprintf("did you mean %q?", near)
	}
	return nil, fmt.Errorf("--detector %s: no such detector in %s; %s", name, file, there)
}

// ChooseDetector is the kind and the settings of a detector, which is to be for so many columns.
func ChooseDetector(d *detector.Detector, columns int) (model.Kind, model.Settings, error) {
	if n := len(d.Channels); n > 0 && n != columns {
		return d.Kind, nil, fmt.Errorf("--value-column: want a column for each of the channels of detector %s, in their order (%s); got %d",
			d.Name, strings.Join(d.Channels.Texts(), ", "), columns)
	}
	return d.Kind, d.Settings, nil
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
			fmt.Fprintf(&b, "  %-13s   %s=%s  %s\n", "", o.Name, o.Text(o.Default), o.Meaning)
		}
	}
	return b.String()
}

// Settings reads options NAME=VALUE of a kind; those that are not named have their defaults.
func Settings(k model.Kind, options []string) (model.Settings, error) {
	set := k.Defaults()
	for _, text := range options {
		name, value, ok := strings.Cut(text, "=")
		if !ok {
			return nil, fmt.Errorf("--option: want NAME=VALUE; got %q", text)
		}
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		o, err := k.Option(name)
		if err != nil {
			return nil, fmt.Errorf("--option %s: %w", name, err)
		}
		v, want := o.Parse(value)
		if want != "" {
			return nil, fmt.Errorf("--option %s: want %s; got %s", name, want, strict.Quote(value))
		}
		set[name] = v
	}
	return set, nil
}
