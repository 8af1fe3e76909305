package query

import (
	"encoding/json"
	"slices"
	"unicode/utf8"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/belfry-city/belfry/grafana-plugin/pkg/wording"
)

// answerBytes is how large the answers to one panel may be together. Grafana
// takes messages of 16 MB.
const answerBytes = 8 << 20

// fit cuts the largest answers until all together are not above the limit, and
// puts a notice on those that it cut.
func fit(responses backend.Responses, limit int, models []*asked) {
	sizes := make(map[string]int, len(responses))
	all := make([]int, 0, len(responses))
	for id, r := range responses {
		for _, f := range r.Frames {
			sizes[id] += size(f)
		}
		all = append(all, sizes[id])
	}
	share := fairShare(all, limit)
	for _, a := range models {
		if sizes[a.RefID] <= share {
			continue
		}
		r := responses[a.RefID]
		r.Frames = a.cut(r.Frames, share)
		responses[a.RefID] = r
	}
}

// fairShare is the most that each may have so that together they are not above
// the limit, where small ones leave what they do not need to large ones.
func fairShare(sizes []int, limit int) int {
	slices.Sort(sizes)
	for i, size := range sizes {
		each := limit / (len(sizes) - i)
		if size > each {
			return each
		}
		limit -= size
	}
	return limit + 1<<40
}

// cut keeps the first frames, and of the one that does not fit its first rows, or
// where it has a column for each series its first columns, unless it is one series
// of many.
func (a *asked) cut(frames data.Frames, limit int) data.Frames {
	kept, used := data.Frames{}, 0
	rows, total := 0, 0
	for _, f := range frames {
		n, _ := f.RowLen() // fields of different lengths are no rows
		total += n
	}
	for _, f := range frames {
		n, _ := f.RowLen()
		bytes := size(f)
		if used+bytes <= limit {
			kept, used, rows = append(kept, f), used+bytes, rows+n
			continue
		}
		if f.Meta != nil && f.Meta.Type.IsTimeSeries() && len(kept) > 0 {
			break
		}
		if of := series(f); of > 1 && hasColumns(f) {
			return append(kept, a.cutColumns(f, of, limit-used))
		}
		if n = cutRows(f, limit-used); n > 0 || len(kept) == 0 {
			kept, rows = append(kept, f), rows+n
		}
		break
	}
	if len(kept) < len(frames) {
		a.leaveOut(kept[0], a.fewerSeries(len(kept), len(frames)))
	} else if rows < total {
		a.leaveOut(kept[0], a.say(wording.Text{
			EN: "Shown are the first %d of %d rows, because the answer is too large for Grafana. Filter, or ask for fewer.",
			ZH: "应答过大，只显示了前 %d / %d 行。请加筛选条件或减少条数。",
		}, rows, total))
	}
	return kept
}

func (a *asked) fewerSeries(shown, total int) string {
	return a.say(wording.Text{
		EN: "Shown are %d of %d series, because the answer is too large for Grafana. Ask for less time, fewer series, or aggregate (sum by, topk).",
		ZH: "应答过大，只显示了 %d / %d 条序列。请缩短时间范围、减少序列，或做聚合（sum by、topk）。",
	}, shown, total)
}

// hasColumns says whether a frame has a column for each series.
func hasColumns(f *data.Frame) bool {
	return f.Meta != nil && (f.Meta.Type == data.FrameTypeTimeSeriesWide || f.Meta.Type == data.FrameTypeNumericWide)
}

// series is how many columns of values a frame has.
func series(f *data.Frame) (n int) {
	for _, field := range f.Fields {
		if field.Type().Numeric() {
			n++
		}
	}
	return n
}

// cutColumns leaves as many of the first columns as fit, of all the time.
func (a *asked) cutColumns(f *data.Frame, total, limit int) *data.Frame {
	cut := *f
	cut.Fields = nil
	left := limit - frameOverhead(f)
	shown := 0
	for _, field := range f.Fields {
		left -= fieldOverhead(field) + allCells(field)
		if field.Type().Numeric() && left < 0 {
			break
		}
		cut.Fields = append(cut.Fields, field)
		if field.Type().Numeric() {
			shown++
		}
	}
	a.leaveOut(&cut, a.fewerSeries(shown, total))
	return &cut
}

// cutRows leaves as many of the first rows as fit, and returns how many.
func cutRows(f *data.Frame, limit int) int {
	n, err := f.RowLen()
	if err != nil {
		return 0
	}
	left := limit - overhead(f)
	keep := 0
	for ; keep < n; keep++ {
		for _, field := range f.Fields {
			left -= cell(field, keep)
		}
		if left < 0 {
			break
		}
	}
	for i := n - 1; i >= keep; i-- {
		f.DeleteRow(i)
	}
	return keep
}

// size is at least what a frame is on its way to Grafana, in bytes.
func size(f *data.Frame) int {
	n := overhead(f)
	for _, field := range f.Fields {
		n += allCells(field)
	}
	return n
}

func allCells(field *data.Field) (n int) {
	for row := range field.Len() {
		n += cell(field, row)
	}
	return n
}

// overhead is what names, labels and the format itself take.
func overhead(f *data.Frame) int {
	n := frameOverhead(f)
	for _, field := range f.Fields {
		n += fieldOverhead(field)
	}
	return n
}

func frameOverhead(f *data.Frame) int {
	n := 2048 + written(f.Name)
	if f.Meta != nil {
		n += written(f.Meta.ExecutedQueryString)
	}
	return n
}

func fieldOverhead(field *data.Field) int {
	n := 640 + 2*len(field.Name) + written(field.Name)
	if field.Config != nil {
		n += written(field.Config.DisplayNameFromDS)
	}
	for name, value := range field.Labels {
		n += written(name) + written(value) + 16
	}
	return n
}

// written is what a text takes as JSON, in which markup and what does not print are
// written as \u and four digits; twice, as Arrow writes it before and after rows.
func written(text string) (n int) {
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			n += 2 * 2
		case r < ' ' || r == '<' || r == '>' || r == '&' || r == '\u2028' || r == '\u2029' || r == '\x7f' || r == utf8.RuneError:
			n += 2 * 6
		default:
			n += 2 * utf8.RuneLen(r)
		}
	}
	return n
}

func cell(field *data.Field, row int) int {
	switch field.Type() {
	case data.FieldTypeString:
		text, _ := field.At(row).(string)
		return len(text) + 5
	case data.FieldTypeNullableString:
		if text, _ := field.At(row).(*string); text != nil {
			return len(*text) + 5
		}
		return 5
	case data.FieldTypeJSON:
		raw, _ := field.At(row).(json.RawMessage)
		return len(raw) + 5
	default:
		return 9
	}
}
