package lorawan_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/input/inputtest"
	"github.com/belfry-city/belfry/collector/input/lorawan"
)

func TestADecoderSaysWhatItLeavesOut(t *testing.T) {
	var notes []string
	c := newCity(t, "", wells)
	d := lorawan.NewChirpStack(c.opts).(input.Traced).Trace(func(n input.Note) {
		notes = append(notes, fmt.Sprintf("%s %s %s", n.Why, n.Field, n.Detail))
	})
	for _, file := range []string{"up_nested", "join", "log", "up_older_release_leaves_zeros_out", "up_bosch_parking"} {
		body, err := os.ReadFile("testdata/chirpstack/" + file + ".json")
		require.NoError(t, err)
		inputtest.Spell(t, d, message(body))
	}
	require.Equal(t, []string{
		"text list 40 elements", `text 状态 "正常"`, "event join ", "event log ", "undecoded 70b3d5fffe000009 ",
		"text bytes 2 elements", `text packet_type "Status"`,
	}, notes)
}
