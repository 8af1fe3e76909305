package model

import (
	"encoding"
	"time"
)

// Model watches one or several series. It is not safe for concurrent use.
type Model interface {
	// Observe takes what the series had at an instant, in milliseconds since 1970, later than the one before. Where a series
	// had none, or none that is finite, its value is NaN. The length of values is that which the model was made for.
	Observe(t int64, values []float64) Verdict
	// AppendBinary appends the state, from which UnmarshalBinary goes on as if nothing had been in between. Of bytes that
	// are not such a state it returns an error, and the model is as new.
	encoding.BinaryAppender
	encoding.BinaryUnmarshaler
}

// Verdict is what a model thinks of an instant.
type Verdict struct {
	// Score is not negative, and over 1 where the values are anomalous; 0 while the model has not learned enough.
	Score float64
	// Expected is what the value, of several the first, should have been about; a usual one lies between Lower and Upper.
	// They are NaN where the model has no opinion.
	Expected, Lower, Upper float64
}

// Kind is one of the models to choose from.
type Kind struct {
	// Name is what detector files call it.
	Name string
	// Summary says in a sentence for an operator what it finds.
	Summary string
	// Joint is true where it watches several series as one, and false where each series has a model of its own.
	Joint bool
	// Options are what can be set.
	Options []Option
	// Version changes with the meaning of the state.
	Version int
	// New makes one for so many series. By the clocks of the zone, of which nil is UTC, days and weeks are learned; a model
	// takes no state of one for which Clock of the zone is another, if it learns them.
	New func(series int, set Settings, zone *time.Location) Model
}

// Settings are the values of a kind's options, by name.
type Settings map[string]float64

// Defaults are the settings of a kind to which nothing was said.
func (k Kind) Defaults() Settings {
	s := make(Settings, len(k.Options))
	for _, o := range k.Options {
		s[o.Name] = o.Default
	}
	return s
}

// Kinds are all there are, the default first.
func Kinds() []Kind {
	return []Kind{autoKind(), bandKind(), seasonalKind(), forestKind(), resonanceKind(), contextKind(), knnKind(), changepointKind(), multivariateKind()}
}
