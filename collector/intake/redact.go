package intake

import (
	"github.com/prometheus/common/model"
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
	kept := all[:0]
	for _, l := range all {
		l.Value = s.redactor.Label(l.Name, l.Value)
		if len(l.Value) > 0 && len(s.redactor.Text(l.Name)) == len(l.Name) {
			kept = append(kept, l)
		}
	}
	return s.redactor.Label([]byte(model.MetricNameLabel), metric), kept, nil
}

// redactExemplars is for what no speller sees.
func (in *Intake) redactExemplars(b *reading.Batch) {
	if in.opts.Redactor == nil {
		return
	}
	for i := range b.Exemplars {
		e := &b.Exemplars[i].Exemplar
		kept := labels.NewBuilder(e.Labels)
		e.Labels.Range(func(l labels.Label) {
			kept.Set(l.Name, string(in.opts.Redactor.Label([]byte(l.Name), []byte(l.Value))))
		})
		e.Labels = kept.Labels()
	}
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
