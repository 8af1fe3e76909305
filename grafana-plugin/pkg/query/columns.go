package query

import (
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
)

// Columns of tables: a field of what each row has.

func texts[T any](name string, rows []T, of func(*T) string) *data.Field {
	values := make([]string, len(rows))
	for i := range rows {
		values[i] = of(&rows[i])
	}
	return data.NewField(name, nil, values)
}

func numbers[T any](name string, rows []T, of func(*T) *float64) *data.Field {
	values := make([]*float64, len(rows))
	for i := range rows {
		values[i] = of(&rows[i])
	}
	return data.NewField(name, nil, values)
}

func counts[T any](name string, rows []T, of func(*T) int64) *data.Field {
	values := make([]int64, len(rows))
	for i := range rows {
		values[i] = of(&rows[i])
	}
	return data.NewField(name, nil, values)
}

func instants[T any](name string, rows []T, of func(*T) *time.Time) *data.Field {
	values := make([]*time.Time, len(rows))
	for i := range rows {
		values[i] = of(&rows[i])
	}
	return data.NewField(name, nil, values)
}

func configured(f *data.Field, c data.FieldConfig) *data.Field {
	f.Config = &c
	return f
}

// inSeconds says that a number is a time in seconds.
func inSeconds(f *data.Field) *data.Field { return configured(f, data.FieldConfig{Unit: "s"}) }

func tableFrame(fields ...*data.Field) *data.Frame {
	frame := data.NewFrame("", fields...)
	frame.Meta = &data.FrameMeta{Type: data.FrameTypeTable, TypeVersion: data.FrameTypeVersion{0, 1}, PreferredVisualization: data.VisTypeTable}
	return frame
}

// wide is one frame of groups as columns, each with the group as labels.
func wide(kind data.FrameType, fields ...*data.Field) *data.Frame {
	frame := data.NewFrame("", fields...)
	frame.Meta = &data.FrameMeta{Type: kind, TypeVersion: data.FrameTypeVersion{0, 1}}
	return frame
}

// numeric is what a rule of Grafana's may compare: of a table, the columns that
// tell rows apart, and one number.
func numeric(table *data.Frame, value string, labels ...string) *data.Frame {
	var fields []*data.Field
	for _, name := range append(labels, value) {
		if field, at := table.FieldByName(name); at >= 0 {
			fields = append(fields, field)
		}
	}
	frame := wide(data.FrameTypeNumericLong, fields...)
	frame.Meta.Notices = table.Meta.Notices
	return frame
}
