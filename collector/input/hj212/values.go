package hj212

import (
	"bytes"
	"fmt"

	"github.com/belfry-city/belfry/collector/reading"
)

// pollutantValues adds what is said about one code.
func (w *decoding) pollutantValues(fields []field) {
	flag := w.flagOf(fields)
	p, known := w.opts.Table.Find(fields[0].code)
	for i := range fields {
		f := &fields[i]
		switch f.kind {
		case flagged:
		case ownFlag, serial:
			w.out.Skip(1)
		case sampleTime:
			w.sampled(p, f)
		case state, running:
			w.facility(f, flag)
		default:
			w.value(p, known, f, flag)
		}
	}
}

// flagOf returns the flag of the values, or "" where they are fit for use. Of
// devices that send it apart from the values, it is looked for in the whole
// message.
func (w *decoding) flagOf(fields []field) string {
	flag, found := findFlag(fields, fields[0].code)
	if !found && w.scattered {
		flag, found = findFlag(w.fields, fields[0].code)
	}
	if !found || len(flag) == 0 {
		return ""
	}
	text := view(flag)
	if c := flag[0]; len(flag) == 1 && c >= 'a' && c <= 'z' {
		const upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		text = upper[c-'a' : c-'a'+1]
	}
	if w.valid[text] {
		return ""
	}
	if len(text) > longestFlag {
		return "other"
	}
	return text
}

// longestWord is that of a code or suffix which is kept.
const longestWord = 64

// longestFlag is that of the standard's own flags and extended flags; what is
// longer is none.
const longestFlag = 4

func findFlag(fields []field, code []byte) ([]byte, bool) {
	for i := range fields {
		if fields[i].kind == flagged && bytes.EqualFold(fields[i].code, code) {
			return fields[i].value, true
		}
	}
	return nil, false
}

func (w *decoding) value(p *Pollutant, known bool, f *field, flag string) {
	v, ok := number(f.value)
	if !ok {
		w.notNumber(f)
		return
	}
	l := labels{period: w.period, flag: flag}
	switch f.kind {
	case levelDay:
		l.period = "daytime"
	case levelNight:
		l.period = "nighttime"
	}
	if known {
		// A momentary value in a report over a period is not the real-time series.
		if name, ok := p.name(f.kind, f.converted, len(flag) > 0); ok && (f.kind != realTime || w.period == "") {
			w.begin(l)
			w.out.Value(name, v)
			return
		}
	}
	if len(f.suffix) > longestWord || len(f.code) > longestWord {
		w.out.Skip(1)
		return
	}
	w.name = w.name[:0]
	switch {
	case known:
		w.name = append(w.name, p.Metric...)
	case plain(f.code):
		w.name = append(w.name, "hj212_"...)
		for _, c := range f.code {
			w.name = append(w.name, lowered(c))
		}
	default:
		// What cannot stand in a name stands in a label.
		w.name = append(w.name, "hj212_code"...)
		l.code = view(f.code)
	}
	w.name = append(w.name, '_')
	w.name = snake(w.name, f.suffix)
	if len(flag) > 0 {
		w.name = append(append(w.name, '_'), flaggedSuffix...)
	}
	w.begin(l)
	w.out.ValueBytes(w.name, v)
}

// notNumber refuses where only a number makes sense, and skips text where a
// device may have any.
func (w *decoding) notNumber(f *field) {
	if f.kind == other || f.kind == information {
		w.out.Skip(1)
		return
	}
	w.out.RefuseRaw(reading.ReasonBadNumber, fmt.Sprintf("%s-%s is %q; want a number", f.code, f.suffix, f.value), f.value)
}

// sampled adds the time at which a slow analyzer took its sample.
func (w *decoding) sampled(p *Pollutant, f *field) {
	if len(f.value) == 0 {
		return
	}
	t, ok := parseTime(f.value, w.opts.Zone)
	if !ok {
		w.out.RefuseRaw(reading.ReasonBadTimestamp, fmt.Sprintf("%s-SampleTime %q: want YYYYMMDDhhmmss", f.code, f.value), f.value)
		return
	}
	if p != nil {
		w.begin(labels{period: w.period})
		w.out.Value(p.Sampled, float64(t)/1000)
		return
	}
	if !plain(f.code) {
		w.out.Skip(1)
		return
	}
	w.name = append(w.name[:0], "hj212_"...)
	w.name = snake(w.name, f.code)
	w.name = append(append(w.name, '_'), sampledSuffix...)
	w.begin(labels{period: w.period})
	w.out.ValueBytes(w.name, float64(t)/1000)
}

// facility adds the state of a treatment facility (0 off, 1 on, 2 calibrating,
// 3 in maintenance, 4 alarm, 5 blowing back), or its hours of work in a day.
func (w *decoding) facility(f *field, flag string) {
	v, ok := number(f.value)
	if !ok {
		w.notNumber(f)
		return
	}
	w.begin(labels{period: w.period, facility: view(f.code), flag: flag})
	name := "hj212_facility_state"
	if f.kind == running {
		name = "hj212_facility_running_hours"
	}
	if len(flag) > 0 {
		w.name = append(append(append(w.name[:0], name...), '_'), flaggedSuffix...)
		w.out.ValueBytes(w.name, v)
		return
	}
	w.out.Value(name, v)
}

// bareWord adds a word without a code, such as RestartTime.
func (w *decoding) bareWord(f *field) {
	switch view(f.code) {
	case "DataTime", "PolId", "BeginTime", "EndTime":
		return
	}
	if !plain(f.code) {
		w.out.Skip(1)
		return
	}
	w.name = append(w.name[:0], "hj212_"...)
	if word, isTime := bytes.CutSuffix(f.code, []byte("Time")); isTime && len(word) > 0 {
		if t, ok := parseTime(f.value, w.opts.Zone); ok {
			w.name = append(snake(w.name, word), "_timestamp_seconds"...)
			w.begin(labels{period: w.period})
			w.out.ValueBytes(w.name, float64(t)/1000)
			return
		}
	}
	v, ok := number(f.value)
	if !ok {
		w.out.Skip(1)
		return
	}
	w.name = snake(w.name, f.code)
	w.begin(labels{period: w.period})
	w.out.ValueBytes(w.name, v)
}

// begin begins a point, unless the one that is begun has these labels.
func (w *decoding) begin(l labels) {
	if w.begun && w.current == l {
		return
	}
	w.begun, w.current = true, l
	w.out.Begin(w.time)
	w.out.Label("asset", w.asset)
	if len(w.pollutant) > 0 {
		w.out.LabelBytes("pollutant", w.pollutant)
	}
	w.out.Label("facility", l.facility)
	w.out.Label("period", l.period)
	w.out.Label("flag", l.flag)
	w.out.Label("code", l.code)
}
