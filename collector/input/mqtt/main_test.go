package mqtt

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/reading"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// named is a decoder that is only told from others.
type named string

func (named) Decode(*input.Message, *reading.Builder) {}
