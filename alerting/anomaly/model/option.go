package model

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	promodel "github.com/prometheus/common/model"

	"github.com/belfry-city/belfry/internal/config/strict"
)

// Option is a number that can be set.
type Option struct {
	Name    string
	Default float64
	// Min and Max bound it.
	Min, Max float64
	// Whole is true where it counts something, and Duration where it is in seconds and may be written as 5m.
	Whole, Duration bool
	// Meaning says in a few words what it does.
	Meaning string
}

// Option finds one of a kind's options; the error says which there are.
func (k Kind) Option(name string) (Option, error) {
	i := slices.IndexFunc(k.Options, func(o Option) bool { return o.Name == name })
	if i >= 0 {
		return k.Options[i], nil
	}
	names := make([]string, len(k.Options))
	for i, o := range k.Options {
		names[i] = o.Name
	}
	hint := "it has " + k.Choice()
	if near := strict.Nearest(name, names); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	return Option{}, fmt.Errorf("unknown option of model %s; %s", k.Name, hint)
}

// Choice says in a line what can be set.
func (k Kind) Choice() string {
	if len(k.Options) == 0 {
		return "none"
	}
	texts := make([]string, len(k.Options))
	for i, o := range k.Options {
		texts[i] = fmt.Sprintf("%s (%s, default %s)", o.Name, o.Meaning, o.Text(o.Default))
	}
	return strings.Join(texts, ", ")
}

// Parse reads a value. want says what would be right, and is "" where that is what it is.
func (o Option) Parse(text string) (v float64, want string) {
	what := "a number"
	switch {
	case o.Duration:
		what = "a duration"
	case o.Whole:
		what = "a whole number"
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil && o.Duration {
		var d promodel.Duration
		d, err = promodel.ParseDuration(text)
		v = time.Duration(d).Seconds()
	}
	if err != nil || math.IsNaN(v) || v < o.Min || v > o.Max || o.Whole && v != math.Trunc(v) {
		return 0, fmt.Sprintf("%s from %s to %s, such as %s (%s)", what, o.Text(o.Min), o.Text(o.Max), o.Text(o.Default), o.Meaning)
	}
	return v, ""
}

// Text is a value as Parse reads it.
func (o Option) Text(v float64) string {
	if o.Duration {
		return promodel.Duration(v * float64(time.Second)).String()
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}
