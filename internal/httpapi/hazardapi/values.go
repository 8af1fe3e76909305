package hazardapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/belfry-city/belfry/alerting/hazard"
	"github.com/belfry-city/belfry/internal/httpapi/params"
	"github.com/belfry-city/belfry/internal/httpapi/valuefeed"
)

// Values are the newest of series. valuefeed.Feed is one.
type Values interface {
	Follow(context.Context, valuefeed.Selectors, time.Duration) (*valuefeed.Follower, error)
}

const (
	// valuesEvery is how often values are sent where nobody says.
	valuesEvery = time.Second
	// valuesBytes is how long the data of an event of values becomes, but for one value:
	// readers of streams have lines of a bounded length.
	valuesBytes = 32 << 10
)

// values are those that a stream has besides hazards.
type values struct {
	selectors valuefeed.Selectors
	every     time.Duration
	follower  *valuefeed.Follower // nil: there are none
	sent      time.Time
	due       *time.Timer
}

func (v *values) parameters(s *params.Set) {
	v.every = valuesEvery
	s.Each("values", v.selectors.Add)
	s.DurationWithin("every", valuefeed.LeastEvery, valuefeed.MostEvery, &v.every)
}

// open begins to follow the series, if there are any.
func (v *values) open(ctx context.Context, from Values) (err error) {
	if v.selectors.Empty() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	v.follower, err = from.Follow(ctx, v.selectors, v.every)
	var many valuefeed.TooManyError
	if errors.As(err, &many) && !many.All {
		return badRequest{fmt.Errorf("values: %w", err)}
	}
	return err
}

func (v *values) close() {
	if v.follower != nil {
		v.follower.Close()
	}
}

// wait says when there are values to be sent, or else when that is to be asked again.
func (v *values) wait() (fresh <-chan struct{}, due <-chan time.Time) {
	if v.follower == nil {
		return nil, nil
	}
	rest := v.every - time.Since(v.sent)
	if rest <= 0 {
		return v.follower.Changed(), nil
	}
	if v.due == nil {
		v.due = time.NewTimer(rest)
	} else {
		v.due.Reset(rest)
	}
	return nil, v.due.C
}

func (v *values) stop() {
	if v.due != nil {
		v.due.Stop()
	}
}

// sendValues sends the values that have changed, in as many events as it takes; the
// first time it sends one also where there are none.
func (f *follower) sendValues() error {
	changed, cut := f.values.follower.Take()
	first := f.values.sent.IsZero()
	f.values.sent = time.Now()
	head := fmt.Appendf(nil, "event: values\ndata: {\"time\":%q,", hazard.InstantOf(f.values.sent).Time().Format(valuesTime))
	if cut {
		head = append(head, `"cut":true,`...)
	}
	head = append(head, `"values":[`...)
	for ; first || len(changed) > 0; first = false {
		f.out.Write(head)
		n := writeValues(&f.out, changed)
		changed = changed[n:]
		f.out.WriteString("]}\n\n")
		if err := f.send(); err != nil {
			return err
		}
	}
	return nil
}

const valuesTime = "2006-01-02T15:04:05.000Z07:00"

// writeValues writes the first of some values, as many as an event has.
func writeValues(out *bytes.Buffer, some []valuefeed.Value) (n int) {
	var scratch []byte
	for begin := out.Len(); n < len(some) && (n == 0 || out.Len()-begin < valuesBytes); n++ {
		if n > 0 {
			out.WriteByte(',')
		}
		one := some[n]
		scratch = append(append(scratch[:0], `{"labels":`...), one.Labels...)
		scratch = append(scratch, `,"value":`...)
		if math.IsNaN(one.Value) || math.IsInf(one.Value, 0) {
			scratch = append(scratch, "null"...)
		} else {
			scratch = strconv.AppendFloat(scratch, one.Value, 'g', -1, 64)
		}
		scratch = append(scratch, `,"time":"`...)
		scratch = time.UnixMilli(one.Time).UTC().AppendFormat(scratch, valuesTime)
		out.Write(append(scratch, `"}`...))
	}
	return n
}
