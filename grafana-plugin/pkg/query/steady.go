package query

import (
	"maps"
	"slices"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
)

// mostSteady is how many series a live panel has when it also keeps those that are
// gone.
const mostSteady = 1000

// Steady keeps the columns of live series as they were in the rows before, and
// puts them in order. Grafana adds a row by the position of its values, not by
// their names: a series less would put the next one's values into its line. The
// zero value is ready. It is not safe for concurrent use.
type Steady struct{ columns map[string]column }

type column struct {
	field *data.Field // without values
	seen  time.Time
}

// Complete gives a frame of series at a time, one row or the answer that rows are
// added to, the columns of those before it, empty; such that were not seen for so
// long as the panel's span are left out. Other frames stay as they are.
func (s *Steady) Complete(frame *data.Frame, now time.Time, span time.Duration) {
	if frame.Meta == nil || frame.Meta.Type != data.FrameTypeTimeSeriesWide {
		return
	}
	if s.columns == nil {
		s.columns = map[string]column{}
	}
	there := map[string]*data.Field{}
	for _, f := range frame.Fields[1:] {
		there[f.Name] = f
		empty := data.NewField(f.Name, f.Labels, []*float64{})
		empty.Config = f.Config
		s.columns[f.Name] = column{empty, now}
	}
	for name, c := range s.columns {
		if there[name] == nil && (now.Sub(c.seen) > span || len(s.columns) > mostSteady) {
			delete(s.columns, name)
		}
	}
	times := frame.Fields[0]
	if times.Len() == 0 && len(s.columns) > 0 {
		times.Append(now.UTC())
	}
	frame.Fields = []*data.Field{times}
	for _, name := range slices.Sorted(maps.Keys(s.columns)) {
		f := there[name]
		if f == nil {
			c := s.columns[name].field
			f = data.NewField(name, c.Labels, make([]*float64, times.Len()))
			f.Config = c.Config
		}
		frame.Fields = append(frame.Fields, f)
	}
}
