package intake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/reading"
	"github.com/belfry-city/belfry/collector/tsdb"
)

// words is a decoder: each word of a message is an asset that reads 1. "bad"
// is refused, "event" is an event, and "panic" is one.
type words struct{}

func (words) Decode(m *input.Message, out *reading.Builder) {
	for i, word := range strings.Fields(string(m.Body)) {
		out.Part(i + 1)
		switch word {
		case "bad":
			out.Refuse(reading.ReasonSyntax, "bad is bad")
		case "quoted":
			out.Refuse(reading.ReasonBadType, fmt.Sprintf("%q is no state", m.Body))
		case "panic":
			panic("nobody thought of this")
		case "event":
			out.Event(reading.Event{ID: string(m.Body), Kind: "fire", Raw: m.Body})
		default:
			out.Begin(m.Received)
			out.Label("asset", word)
			out.Value("seen", 1)
		}
	}
}

// keeper keeps events and what was refused.
type keeper struct {
	mu      sync.Mutex
	events  []string
	refused []Refused
	fail    error
}

func (k *keeper) Add(_ context.Context, events []reading.Event) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, e := range events {
		k.events = append(k.events, e.ID+" "+string(e.Raw))
	}
	return k.fail
}

func (k *keeper) Keep(r Refused) {
	k.mu.Lock()
	defer k.mu.Unlock()
	r.Raw = bytes.Clone(r.Raw)
	k.refused = append(k.refused, r)
}

// noPlates takes the word secret out of texts, and labels that have it.
type noPlates struct{}

func (noPlates) Text(b []byte, around ...reading.Label) []byte {
	b = bytes.ReplaceAll(b, []byte("secret"), []byte("***"))
	for _, l := range around {
		if string(l.Name) == "plate" {
			b = bytes.ReplaceAll(b, l.Value, []byte("***"))
		}
	}
	return b
}

func (n noPlates) Event(e *reading.Event, around ...reading.Label) {
	e.Raw = n.Text(e.Raw, around...)
	e.ID = string(n.Text([]byte(e.ID), around...))
}

func (noPlates) Labels(labels []reading.Label) ([]reading.Label, error) {
	return slices.DeleteFunc(labels, func(l reading.Label) bool {
		return bytes.Contains(l.Name, []byte("secret")) || bytes.Contains(l.Value, []byte("secret"))
	}), nil
}

// twice derives a reading from each that is seen.
type twice struct{}

func (twice) Derive(b *reading.Batch, out *reading.Builder) {
	for _, p := range b.Points {
		out.Begin(p.Time)
		out.Value("derived", float64(p.Count))
	}
}

// stored is a real store, and what a query finds in it.
func openStore(t *testing.T) *tsdb.Store {
	t.Helper()
	s, err := tsdb.Open(tsdb.Options{Dir: t.TempDir(), Logger: discard()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func TestAMessageIsStoredTogetherWithWhatFollowsFromIt(t *testing.T) {
	k := &keeper{}
	set := metrics.NewSet()
	in := New(Options{
		Store: openStore(t), Metrics: set, Lag: noLag, Events: k, Quarantine: k, Redactor: noPlates{}, Derive: []Deriver{twice{}},
	})
	m := &input.Message{Body: []byte("a bad secret event"), Sender: "somebody", Received: time.Now().UnixMilli(),
		Labels: []input.Label{{Name: "district", Value: "渝中"}}}
	res, err := in.Take(t.Context(), "words", m, words{})
	require.NoError(t, err)
	require.Equal(t, Result{Samples: 2, Events: 1, Refused: 1, Refusals: []Refusal{{2, reading.ReasonSyntax, "bad is bad"}}, RefusedParts: 1, last: 2}, res)
	require.Equal(t, []string{"a bad *** event a bad *** event"}, k.events)
	require.Len(t, k.refused, 1)
	r := k.refused[0]
	require.Equal(t, Source{Input: "words", Sender: "somebody"}, r.Source)
	require.Equal(t, "a bad *** event", string(r.Raw))
	require.EqualValues(t, 1, set.GetOrCreateCounter(`belfry_refused_total{reason="syntax"}`).Get())
	require.EqualValues(t, 1, set.GetOrCreateCounter(`belfry_input_refused_total{input="words",reason="syntax"}`).Get())
	require.EqualValues(t, 4, set.GetOrCreateCounter(`belfry_samples_total{input="words"}`).Get(), "two readings, and what follows from each")
}

func TestWhatTheAddressOfAMessageNamesIsGoneFromItsEvents(t *testing.T) {
	k := &keeper{}
	in := New(Options{Store: openStore(t), Metrics: metrics.NewSet(), Lag: noLag, Events: k, Redactor: noPlates{}})
	tk := in.newTaking()
	defer in.release(tk)
	for _, plate := range []string{"KA01", "KA02"} {
		m := &input.Message{Body: []byte("event KA01 KA02"), Received: time.Now().UnixMilli(), Labels: []input.Label{{Name: "plate", Value: plate}}}
		in.decode(tk, taken{message: m, decoder: words{}})
	}
	require.NoError(t, in.appendTaking(t.Context(), tk))
	require.NoError(t, in.settle(t.Context(), tk.receipt, tk.batch.Events))
	require.Equal(t, []string{"event *** KA02 event *** KA02", "event KA01 *** event KA01 ***"}, k.events, "of messages that share a batch each knows its own")
}

func TestARefusalDoesNotRepeatWhatIsNotKept(t *testing.T) {
	k := &keeper{}
	in := New(Options{Store: openStore(t), Metrics: metrics.NewSet(), Lag: noLag, Quarantine: k, Redactor: noPlates{}})
	m := &input.Message{Body: []byte("quoted secret KA01"), Labels: []input.Label{{Name: "plate", Value: "KA01"}}, Received: time.Now().UnixMilli()}
	res, err := in.Take(t.Context(), "words", m, words{})
	require.NoError(t, err)
	require.Equal(t, `"quoted *** ***" is no state`, res.Refusals[0].Detail)
	require.Equal(t, `"quoted *** ***" is no state`, k.refused[0].Detail)
	require.Equal(t, "quoted *** ***", string(k.refused[0].Raw))
}

func TestADecoderThatPanicsHarmsOnlyItsMessage(t *testing.T) {
	set := metrics.NewSet()
	in := New(Options{Store: openStore(t), Metrics: set, Lag: noLag})
	res, err := in.Take(t.Context(), "words", &input.Message{Body: []byte("a panic b"), Received: time.Now().UnixMilli()}, words{})
	require.NoError(t, err)
	require.Equal(t, 1, res.Samples)
	require.Equal(t, 1, res.Refused)
	require.Contains(t, res.Refusals[0].Detail, "nobody thought of this")
	require.EqualValues(t, 1, set.GetOrCreateCounter(`belfry_decoder_panics_total`).Get())
}

func TestLabelsThatAreNoTextCannotBecomeOthers(t *testing.T) {
	in := New(Options{Store: openStore(t), Metrics: metrics.NewSet(), Lag: noLag})
	m := &input.Message{Body: []byte("a"), Received: time.Now().UnixMilli(), Labels: []input.Label{{Name: "site", Value: "x\xffevil\xfeyes"}}}
	res, err := in.Take(t.Context(), "words", m, words{})
	require.NoError(t, err)
	require.Zero(t, res.Samples)
	require.Equal(t, reading.ReasonInvalidUTF8, res.Refusals[0].Reason)
}

func TestALongTopicIsNotRepeatedForEachPoint(t *testing.T) {
	in := New(Options{Store: openStore(t), Metrics: metrics.NewSet(), Lag: noLag})
	m := &input.Message{Body: []byte(strings.Repeat("a ", 1000)), Received: time.Now().UnixMilli(), Labels: []input.Label{{Name: "site", Value: strings.Repeat("x", 60_000)}}}
	res, err := in.Take(t.Context(), "words", m, words{})
	require.NoError(t, err)
	require.Zero(t, res.Samples)
	require.Len(t, res.Refusals, 1)
	require.Equal(t, reading.ReasonTooLong, res.Refusals[0].Reason)
}

func TestEventsThatNobodyKeepsAreRefused(t *testing.T) {
	in := New(Options{Store: openStore(t), Metrics: metrics.NewSet(), Lag: noLag})
	res, err := in.Take(t.Context(), "words", &input.Message{Body: []byte("event"), Received: 1}, words{})
	require.NoError(t, err)
	require.Equal(t, []Refusal{{1, reading.ReasonUnsupported, "events are not kept here"}}, res.Refusals)
}

func TestEventsThatCannotBeKeptAcknowledgeNothing(t *testing.T) {
	full := errors.New("full")
	in := New(Options{Store: openStore(t), Metrics: metrics.NewSet(), Lag: noLag, Events: &keeper{fail: full}})
	_, err := in.Take(t.Context(), "words", &input.Message{Body: []byte("event"), Received: 1}, words{})
	require.ErrorIs(t, err, full)
}

func TestTheStoresRefusalsAreNotCountedAsStored(t *testing.T) {
	in := New(Options{Store: openStore(t), Metrics: metrics.NewSet(), Lag: noLag})
	res, err := in.Take(t.Context(), "words", &input.Message{Body: []byte("a b"), Received: 1}, words{})
	require.NoError(t, err)
	require.Equal(t, 0, res.Samples)
	require.Equal(t, 2, res.Refused)
	require.Equal(t, reading.ReasonTooOld, res.Refusals[1].Reason)
	require.EqualValues(t, 2, res.Refusals[1].Line)
}
