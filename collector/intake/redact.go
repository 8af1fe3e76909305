package intake

import (
	"bytes"
	"errors"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/belfry-city/belfry/collector/reading"
)

// redactingSpeller applies the redactor once for each series.
type redactingSpeller struct {
	reading.Speller
	redactor Redactor
}

func (in *Intake) redacting(sp reading.Speller) reading.Speller {
	if in.opts.Redactor == nil {
		return sp
	}
	return redactingSpeller{sp, in.opts.Redactor}
}

func (s redactingSpeller) Spell(key, field []byte, scratch []reading.Label) ([]byte, []reading.Label, error) {
	metric, all, err := s.Speller.Spell(key, field, scratch)
	if err != nil {
		return metric, all, err
	}
	if !bytes.Equal(metric, s.redactor.Text(metric, all...)) {
		return nil, all[:0], errMetric
	}
	kept, err := s.redactor.Labels(all)
	return metric, kept, err
}

var errMetric = errors.New("the name of the metric looks like a number plate, and plates are not kept; name the metric after what is measured")

// redactExemplars is for what no speller sees.
func (in *Intake) redactExemplars(b *reading.Batch) {
	if in.opts.Redactor == nil {
		return
	}
	var all []reading.Label
	for i := range b.Exemplars {
		e := &b.Exemplars[i].Exemplar
		all = all[:0]
		e.Labels.Range(func(l labels.Label) {
			all = append(all, reading.Label{Name: []byte(l.Name), Value: []byte(l.Value)})
		})
		kept := labels.NewScratchBuilder(len(all))
		left, _ := in.opts.Redactor.Labels(all) // an exemplar without labels is one, too
		for _, l := range left {
			kept.Add(string(l.Name), string(l.Value))
		}
		e.Labels = kept.Labels()
	}
}

// Redacted is a text for people, such as why something was refused, without what
// must not be kept. around are labels of the message that it is about.
func (in *Intake) Redacted(text string, around ...reading.Label) string {
	if in.opts.Redactor == nil {
		return text
	}
	before := []byte(text)
	if after := in.opts.Redactor.Text(before, around...); !bytes.Equal(before, after) {
		return string(after)
	}
	return text
}

// redactEvents comes before they are stored, once.
func (in *Intake) redactEvents(t *taking) {
	if in.opts.Redactor == nil {
		return
	}
	for i := range t.batch.Events {
		e := &t.batch.Events[i]
		in.opts.Redactor.Event(e, t.messageOf(e.Line).around()...)
	}
}

// around are the labels that surround a message, such as those of its address.
func (m *taken) around() (all []reading.Label) {
	if m == nil {
		return nil
	}
	for _, l := range m.message.Labels {
		all = append(all, reading.Label{Name: []byte(l.Name), Value: []byte(l.Value)})
	}
	return all
}
