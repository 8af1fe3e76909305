package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/alerting/anomaly/model"
	"github.com/belfry-city/belfry/alerting/anomaly/trial"
)

// What is learned from a few series is of use for others already, and from what was written one can go on.
func TestWhatIsLearnedFindsAnomaliesInOtherSeries(t *testing.T) {
	out := filepath.Join(t.TempDir(), "judge.json")
	var said bytes.Buffer
	o := options{Out: out, Seeds: 1, Each: 1, Hidden: 4, Epochs: 2}
	require.NoError(t, o.run(printer{&said}))
	require.Contains(t, said.String(), "kind of its own: points")
	text, err := os.ReadFile(out) //nolint:gosec // it is the test's own
	require.NoError(t, err)
	var j model.Judge
	require.NoError(t, json.Unmarshal(text, &j))

	others := lessons(trial.Hard(77, 1))
	learned := judgeAll(&j, others).Points()
	require.Greater(t, learned, 30., "silence is 0")
	again, err := (&options{From: out}).learn(others)
	require.NoError(t, err)
	require.InDelta(t, learned, judgeAll(again, others).Points(), 1e-9)
}

func TestAFileThatIsNoneIsNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "judge.json")
	require.NoError(t, os.WriteFile(file, []byte("{"), 0o600))
	_, err := (&options{From: file}).learn(nil)
	require.ErrorContains(t, err, file)
	require.True(t, strings.HasPrefix(err.Error(), "reading what was learned"))
}
