package mapping

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/expr-lang/expr/vm"

	"github.com/belfry-city/belfry/collector/catalog"
	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/input/jsontext"
	"github.com/belfry-city/belfry/collector/reading"
	"github.com/belfry-city/belfry/internal/config"
)

// Options of a Decoder. Mapping, Timezone and Metrics are required.
type Options struct {
	Mapping  config.JSONMapping
	Timezone *time.Location // where the mapping has none
	// Catalog is for the function external; it may be nil.
	Catalog func() *catalog.Catalog
	Metrics *metrics.Set
}

// Decoder decodes the messages of one mapping. It is safe for concurrent use.
type Decoder struct {
	opts              Options
	each              []*program
	when, asset, time *program
	labels, metrics   []named
	times             times
	names             []string // of the message's fields that any expression uses
	scratch           sync.Pool
	note              func(input.Note) // may be nil

	filtered *metrics.Counter
	undated  *metrics.Counter
}

// named is an expression under a key.
type named struct {
	name string
	*program
	missing *metrics.Counter
}

// New compiles a mapping. The error is strict.Problems, with the lines of the
// configuration.
func New(o Options) (*Decoder, error) {
	m := o.Mapping
	zone := o.Timezone
	if m.Timezone != nil {
		zone = m.Timezone
	}
	times, layoutErr := newTimes(zone, m.Layout)
	d := &Decoder{opts: o, times: times}
	c := &compiler{functions: functions(d.times, o.Catalog)}
	if layoutErr != nil {
		c.problems = append(c.problems, m.LayoutProblem(layoutErr.Error()))
	}
	for _, e := range m.Each {
		d.each = append(d.each, c.text(e))
	}
	d.when, d.asset, d.time = c.text(m.When), c.text(m.Asset), c.text(m.Time)
	for _, e := range m.Labels {
		d.labels = append(d.labels, named{name: e.Name, program: c.text(e.Expression)})
	}
	for _, e := range m.Metrics {
		d.metrics = append(d.metrics, named{
			name: e.Name, program: c.value(e.Expression),
			missing: o.Metrics.GetOrCreateCounter(fmt.Sprintf(`belfry_json_missing_total{mapping=%q,metric=%q}`, m.Name, e.Name)),
		})
	}
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	d.filtered = o.Metrics.GetOrCreateCounter(fmt.Sprintf(`belfry_json_filtered_total{mapping=%q}`, m.Name))
	d.undated = o.Metrics.GetOrCreateCounter(fmt.Sprintf(`belfry_json_undated_total{mapping=%q}`, m.Name))
	d.collectNames()
	d.scratch.New = func() any { return newRun(d) }
	return d, nil
}

func (d *Decoder) collectNames() {
	all := append([]*program{d.when, d.asset, d.time}, d.each...)
	for _, n := range slices.Concat(d.labels, d.metrics) {
		all = append(all, n.program)
	}
	used := map[string]bool{}
	for _, p := range all {
		if p != nil {
			for _, name := range p.names {
				used[name] = true
			}
		}
	}
	d.names = slices.Sorted(maps.Keys(used))
}

// Trace implements input.Traced.
func (d *Decoder) Trace(note func(input.Note)) input.Decoder {
	traced := &Decoder{
		opts: d.opts, each: d.each, when: d.when, asset: d.asset, time: d.time, labels: d.labels, metrics: d.metrics,
		times: d.times, names: d.names, filtered: d.filtered, undated: d.undated, note: note,
	}
	traced.scratch.New = func() any { return newRun(traced) }
	return traced
}

// Decode implements input.Decoder.
func (d *Decoder) Decode(m *input.Message, out *reading.Builder) {
	r := d.scratch.Get().(*run)
	defer func() {
		r.message, r.out = nil, nil
		if len(m.Body) <= keptBody {
			d.scratch.Put(r)
		}
	}()
	r.message, r.out = m, out
	r.budget.beginBody(time.Now())
	jsontext.Each(m.Body, func(p jsontext.Part) bool {
		out.Part(p.N)
		r.part = p
		if p.Err != nil {
			jsontext.Refuse(out, p.Err, p.Raw)
			return true
		}
		r.begin()
		r.walk(0)
		if r.budget.over {
			out.RefuseRaw(reading.ReasonTooLarge, errTooLong.Error()+"; the rest of it is not taken", p.Raw)
		}
		return true
	})
}

// run is the state of one Decode.
type run struct {
	d       *Decoder
	vm      vm.VM
	env     map[string]any
	budget  budget
	message *input.Message
	out     *reading.Builder
	part    jsontext.Part
	chain   []any // the message, and what each has led to so far
	places  []int // of the chain's elements in their lists
}

func newRun(d *Decoder) *run {
	r := &run{d: d, env: make(map[string]any, len(d.names)+8)}
	for name, helper := range helpers(&r.budget) {
		r.env[name] = helper
	}
	return r
}

// keptBody is the largest body of which the values may stay in memory until the
// next message has taken their places.
const keptBody = 64 << 10

// begin begins a message of the body.
func (r *run) begin() {
	r.budget.begin(time.Now())
	r.chain, r.places = append(r.chain[:0], r.part.Value), r.places[:0]
	r.env[nameMessage], r.env[nameTopic] = r.part.Value, r.message.Topic
	r.env[nameKey], r.env[nameIndex] = nil, nil
	r.env[nameReceived] = time.UnixMilli(r.message.Received).In(r.d.times.zone)
	around := make(map[string]any, len(r.message.Labels))
	for _, l := range r.message.Labels {
		around[l.Name] = l.Value
	}
	r.env[nameLabels] = around
	r.bind()
}

// bind gives the names that expressions use what they mean at this place: the
// fields of the innermost object that has them.
func (r *run) bind() {
	r.env[nameItem] = r.chain[len(r.chain)-1]
	for _, name := range r.d.names {
		r.env[name] = nil
		for i := len(r.chain) - 1; i >= 0; i-- {
			if fields, ok := r.chain[i].(map[string]any); ok {
				if v, ok := fields[name]; ok {
					r.env[name] = plain(v)
					break
				}
			}
		}
	}
}

// walk follows the lists of each from the given one on.
func (r *run) walk(level int) {
	if level == len(r.d.each) {
		r.take()
		return
	}
	e := r.d.each[level]
	v, err := r.eval(e)
	if err != nil {
		r.refuseEval("each", err)
		return
	}
	step := func(key any, index int, element any) bool {
		r.chain, r.places = append(r.chain[:level+1], element), append(r.places[:level], index)
		r.env[nameKey], r.env[nameIndex] = key, index
		r.bind()
		r.walk(level + 1)
		r.chain, r.places = r.chain[:level+1], r.places[:level]
		r.bind()
		return !r.budget.over
	}
	switch list := v.(type) {
	case nil:
		r.refuse(reading.ReasonMissing, "each: there is no "+show(e))
	case []any:
		for i, element := range list {
			if !step(nil, i, element) {
				return
			}
		}
	case map[string]any:
		for i, key := range slices.Sorted(maps.Keys(list)) {
			if !step(key, i, list[key]) {
				return
			}
		}
	default:
		r.refuse(reading.ReasonBadType, fmt.Sprintf("each: %s: want a list or an object; got %s", show(e), jsontext.Kind(v)))
	}
}

// take takes one reading.
func (r *run) take() {
	d := r.d
	if d.when != nil {
		v, err := r.eval(d.when)
		wanted, isBool := v.(bool)
		switch {
		case err != nil && !errors.Is(err, errMissing):
			r.refuseEval("when", err)
			return
		case !isBool && v != nil:
			r.refuse(reading.ReasonBadType, fmt.Sprintf("when: %s: want true or false; got %s", show(d.when), jsontext.Show(v)))
			return
		case !wanted:
			d.filtered.Inc()
			r.tell(input.Note{Why: input.OmittedFiltered, Field: "when", Detail: d.when.Text})
			return
		}
	}
	asset, ok := r.asset()
	if !ok {
		return
	}
	ms, ok := r.time()
	if !ok {
		return
	}
	r.out.Begin(ms)
	r.out.Label("asset", asset)
	if !r.labels() {
		return
	}
	r.values()
}

// longestText is the longest value of a label, in bytes.
const longestText = 1024

// asset is what the mapping says, or what surrounds the message.
func (r *run) asset() (id string, ok bool) {
	if r.d.asset == nil {
		if id = r.message.Label("asset"); id == "" {
			r.refuse(reading.ReasonMissing, "asset: neither the mapping nor the URL (?asset=…) or topic says whose reading this is")
		}
		return id, id != ""
	}
	v, err := r.eval(r.d.asset)
	if err != nil && !errors.Is(err, errMissing) {
		r.refuseEval("asset", err)
		return "", false
	}
	id, isText := jsontext.Text(plain(v))
	id = strings.TrimSpace(id)
	switch {
	case v == nil || (isText && id == ""):
		r.refuse(reading.ReasonMissing, "asset: there is no "+show(r.d.asset))
		return "", false
	case !isText:
		r.refuse(reading.ReasonBadType, fmt.Sprintf("asset: %s: want text or a number; got %s", show(r.d.asset), jsontext.Kind(v)))
		return "", false
	case len(id) > longestText:
		r.refuse(reading.ReasonTooLong, fmt.Sprintf("asset: %s: want at most %d bytes; got %d", show(r.d.asset), longestText, len(id)))
		return "", false
	}
	return id, true
}

func (r *run) time() (ms int64, ok bool) {
	if r.d.time == nil {
		return r.message.Received, true
	}
	v, err := r.eval(r.d.time)
	switch {
	case errors.Is(err, errMissing), err == nil && (v == nil || v == ""):
		r.d.undated.Inc()
		r.tell(input.Note{Why: input.OmittedMissing, Field: "time", Detail: r.d.time.Text})
		return r.message.Received, true
	case err != nil:
		r.refuse(reading.ReasonBadTimestamp, "time: "+err.Error())
		return 0, false
	}
	if ms, err = r.d.times.read(v); err != nil {
		r.refuse(reading.ReasonBadTimestamp, "time: "+err.Error())
		return 0, false
	}
	return ms, true
}

func (r *run) labels() bool {
	for _, l := range r.d.labels {
		v, err := r.eval(l.program)
		if err != nil && !errors.Is(err, errMissing) {
			r.refuseEval("labels."+l.name, err)
			return false
		}
		text, ok := jsontext.Text(plain(v))
		if v != nil && !ok {
			r.refuse(reading.ReasonBadType, fmt.Sprintf("labels.%s: %s: want text or a number; got %s", l.name, show(l.program), jsontext.Kind(v)))
			return false
		}
		if len(text) > longestText {
			r.refuse(reading.ReasonTooLong, fmt.Sprintf("labels.%s: %s: want at most %d bytes; got %d", l.name, show(l.program), longestText, len(text)))
			return false
		}
		if text == "" {
			r.tell(input.Note{Why: input.OmittedMissing, Field: "labels." + l.name, Detail: l.Text})
		}
		r.out.Label(l.name, text)
	}
	return true
}

// values takes what there is, each by itself. A reading in which there is
// nothing at all is refused: the mapping does not fit it.
func (r *run) values() {
	found := false
	for _, m := range r.d.metrics {
		v, err := r.eval(m.program)
		switch {
		case errors.Is(err, errMissing), err == nil && (v == nil || v == ""):
			m.missing.Inc()
			r.tell(input.Note{Why: input.OmittedMissing, Field: m.name, Detail: m.Text})
			continue
		case err != nil:
			r.refuseEval("metrics."+m.name, err)
		default:
			if n, ok := quantity(v); ok {
				r.out.Value(m.name, n)
			} else {
				r.refuse(reading.ReasonBadType, fmt.Sprintf("metrics.%s: %s: want a number; got %s", m.name, show(m.program), jsontext.Show(v)))
			}
		}
		found = true
		if r.budget.over {
			return
		}
	}
	if !found {
		r.refuse(reading.ReasonMissing, "there is nothing in it for any of the mapping's metrics")
	}
}

// show is an expression in a message.
func show(p *program) string {
	const most = 60
	text := strings.Join(strings.Fields(p.Text), " ")
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return text
}

// refuse says which reading of a list is meant, counted from 1.
func (r *run) refuse(reason reading.Reason, detail string) {
	for i, place := range r.places {
		sep := "."
		if i == 0 {
			sep = " in reading "
		}
		detail += sep + strconv.Itoa(place+1)
	}
	r.out.RefuseRaw(reason, detail, r.part.Raw)
}

// refuseEval refuses what an expression could not be evaluated for. Where there
// is no time left, that is said once, at the end.
func (r *run) refuseEval(key string, err error) {
	if r.budget.over {
		return
	}
	reason := reading.ReasonBadType
	if errors.Is(err, errMissing) {
		reason = reading.ReasonMissing
	}
	r.refuse(reason, key+": "+err.Error())
}

func (r *run) tell(n input.Note) {
	if r.d.note != nil {
		n.Part = r.part.N
		r.d.note(n)
	}
}
