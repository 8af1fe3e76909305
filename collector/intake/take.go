package intake

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"time"
	"unicode/utf8"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/reading"
	"github.com/belfry-city/belfry/collector/tsdb"
)

// taking is a batch of decoded messages on its way to the disk.
type taking struct {
	batch    reading.Batch
	builder  reading.Builder
	messages []taken
	receipt  tsdb.Receipt
	began    time.Time
	// derived is the line from which on points are derived ones; 0: there are
	// none.
	derived uint32
}

// taken is one message of a taking.
type taken struct {
	message *input.Message
	decoder input.Decoder
	first   uint32 // line
	fields  int    // values decoded
	events  int
	strings int
	res     Result
	done    func(Result, error)
}

// Take decodes one message, stores what it says and returns when that is on
// disk. With an error nothing may be acknowledged, although a part may have
// been stored; sending all of it again does no harm.
func (in *Intake) Take(ctx context.Context, name string, m *input.Message, d input.Decoder) (Result, error) {
	t := in.newTaking()
	defer in.release(t)
	began, err := in.takeTurn(ctx)
	if err != nil {
		return Result{}, err
	}
	in.decode(t, taken{message: m, decoder: d})
	t.batch.Room = in.opts.MaxNew
	err = in.appendTaking(ctx, t)
	in.endTurn(began)
	if err == nil {
		err = in.settle(ctx, t.receipt, t.batch.Events)
	}
	if err != nil {
		return Result{}, err
	}
	in.report(name, t)
	return t.messages[0].res, nil
}

func (in *Intake) newTaking() *taking {
	t := in.takings.Get().(*taking)
	t.began, t.derived = time.Now(), 0
	t.batch.Reset()
	t.builder.Reset(&t.batch)
	return t
}

// release gives the memory back, except for what only a huge message needed.
func (in *Intake) release(t *taking) {
	const keptFields, keptBytes = 1 << 16, 8 << 20
	if cap(t.batch.Fields) > keptFields || t.builder.Memory() > keptBytes {
		return
	}
	clear(t.messages)
	t.messages = t.messages[:0]
	t.receipt = tsdb.Receipt{}
	t.batch.Reset()
	in.takings.Put(t)
}

// maxAround bounds the labels that come from a topic or a URL, in bytes: each
// point of the message has them.
const maxAround = 8 << 10

// decode adds a message to the taking.
func (in *Intake) decode(t *taking, msg taken) {
	b := &t.batch
	msg.first = t.builder.Message(msg.message.Body)
	known, around := true, 0
	for _, l := range msg.message.Labels {
		around += len(l.Name) + len(l.Value)
		if !utf8.ValidString(l.Value) {
			known = false
			t.builder.Refuse(reading.ReasonInvalidUTF8, fmt.Sprintf("label %s, which surrounds the message, is not valid UTF-8: %q", l.Name, l.Value))
		}
		t.builder.Common(l.Name, l.Value)
	}
	if around > maxAround {
		known = false
		t.builder.Refuse(reading.ReasonTooLong, fmt.Sprintf("the labels that surround the message take %d bytes; at most %d are taken", around, maxAround))
	}
	samples, events, strings, points := b.Samples(), len(b.Events), b.Strings, len(b.Points)
	if known {
		t.decodeOne(in, msg)
		t.builder.Done() // keys can be read from here on
		in.arrivals.settle(b, points, msg.message.Received)
	}
	msg.fields, msg.events, msg.strings = b.Samples()-samples, len(b.Events)-events, b.Strings-strings
	t.messages = append(t.messages, msg)
}

// decodeOne survives a decoder that panics: it has met a message that nobody
// thought of, which is refused, and the others are not harmed.
func (t *taking) decodeOne(in *Intake, msg taken) {
	defer func() {
		if p := recover(); p != nil {
			in.opts.Metrics.GetOrCreateCounter(`belfry_decoder_panics_total`).Inc()
			t.builder.Refuse(reading.ReasonSyntax, fmt.Sprintf("the decoder cannot cope with this message: %v", p))
		}
	}()
	msg.decoder.Decode(msg.message, &t.builder)
}

// appendTaking derives what follows and appends the batch to the log.
func (in *Intake) appendTaking(ctx context.Context, t *taking) (err error) {
	t.builder.Done()
	t.derived = t.builder.Message(nil)
	t.builder.Own()
	for _, d := range in.opts.Derive {
		d.Derive(&t.batch, &t.builder)
		t.builder.Done()
	}
	in.redactExemplars(&t.batch)
	in.redactEvents(t)
	t.refuseEvents(in.opts.Events != nil)
	return in.appendAgain(ctx, t)
}

// appendAgain appends a batch that may have been appended before, in vain.
func (in *Intake) appendAgain(ctx context.Context, t *taking) (err error) {
	if !storable(&t.batch) {
		return nil
	}
	before := len(t.batch.Refusals)
	t.receipt, err = in.opts.Store.Append(ctx, &t.batch, in.redacting(reading.LabelSpeller{}))
	if err != nil {
		in.unheard()
		t.batch.Refusals = t.batch.Refusals[:before]
	}
	return err
}

var errNoEvents = errors.New("events are not kept here")

func (t *taking) refuseEvents(kept bool) {
	if kept {
		return
	}
	for _, e := range t.batch.Events {
		t.batch.Refuse(e.Line, reading.ReasonUnsupported, errNoEvents.Error(), e.Raw)
	}
	t.batch.Events = t.batch.Events[:0]
}

// settle returns when samples and events are on disk.
func (in *Intake) settle(ctx context.Context, r tsdb.Receipt, events []reading.Event) error {
	if len(events) > 0 {
		if err := in.opts.Events.Add(ctx, events); err != nil {
			return fmt.Errorf("keep events: %w", err)
		}
	}
	if r.Empty() {
		return nil
	}
	return in.opts.Store.Sync(ctx, r.Generation)
}

// settleAll settles several batches with one sync.
func (in *Intake) settleAll(group []*taking) error {
	var all tsdb.Receipt
	var events []reading.Event
	for _, t := range group {
		events = append(events, t.batch.Events...)
		if t.receipt.Empty() {
			continue
		}
		if !all.Empty() && t.receipt.Generation != all.Generation {
			return tsdb.ErrFailed
		}
		all.Samples += t.receipt.Samples
		all.Exemplars += t.receipt.Exemplars
		all.Generation = t.receipt.Generation
	}
	return in.settle(context.Background(), all, events)
}

// messageOf is the message that has the line, nil for what was derived: that is
// nobody's fault.
func (t *taking) messageOf(line uint32) *taken {
	i := sort.Search(len(t.messages), func(i int) bool { return t.messages[i].first > line }) - 1
	if i < 0 || t.derived != 0 && line >= t.derived {
		return nil
	}
	return &t.messages[i]
}

// report counts what became of the messages, and brings the refusals home.
func (in *Intake) report(name string, t *taking) {
	for i := range t.messages {
		m := &t.messages[i]
		m.res = Result{Samples: m.fields, Events: m.events, Strings: m.strings}
	}
	for _, r := range t.batch.Refusals {
		from := Source{Input: name}
		m := t.messageOf(r.Line)
		around := m.around()
		if m != nil {
			from.Sender = m.message.Sender
			r.Line -= m.first - 1
			in.add(&m.res, r, around)
			m.res.Samples -= int(r.Values)
		}
		in.refuse(from, r, around)
	}
	in.skipped(t.batch.Strings)
	in.stored(name, t.receipt.Samples, t.began)
	if n := len(t.batch.Events); n > 0 {
		in.opts.Metrics.GetOrCreateCounter(fmt.Sprintf(`belfry_events_total{input=%q}`, name)).Add(n)
	}
}
