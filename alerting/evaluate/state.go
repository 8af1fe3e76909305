package evaluate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/rules"
)

// stateVersion is that of the file's form.
const stateVersion = 1

// stateFile is what is known of the alerts, on disk.
type stateFile struct {
	Version int         `json:"version"`
	Saved   time.Time   `json:"saved"`
	Rules   []ruleState `json:"rules"`
}

// ruleState are the alerts of a rule.
type ruleState struct {
	File   string        `json:"file"`
	Group  string        `json:"group"`
	Name   string        `json:"name"`
	Labels labels.Labels `json:"labels"`
	Alerts []savedAlert  `json:"alerts"`
}

// savedAlert is an alert whose value may be none that JSON can write.
type savedAlert struct {
	rules.Alert
	Value string `json:"value"`
}

// state keeps the alerts on disk, so that a restart changes nothing: neither how
// long an alert has waited, nor that it fires.
type state struct {
	evaluator *Evaluator
	path      string // "" keeps nothing
	dirty     atomic.Bool
	loaded    atomic.Bool // there have been rules: before, saving would forget
	kick      chan struct{}
	// earlier is what an earlier run has left, for rules that have not been loaded
	// yet.
	earlier stateFile
}

func newState(e *Evaluator, path string) (*state, error) {
	s := &state{evaluator: e, path: path, kick: make(chan struct{}, 1)}
	if path == "" {
		return s, nil
	}
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal(content, &s.earlier)
	}
	if err == nil && s.earlier.Version != stateVersion {
		err = fmt.Errorf("version %d, want %d", s.earlier.Version, stateVersion)
	}
	if err != nil {
		s.earlier = stateFile{}
		return s, fmt.Errorf("reading the alerts of the last run from %s: %w", path, err)
	}
	return s, nil
}

// restore gives the rules of a group the alerts of an earlier run, once.
func (s *state) restore(g *group, now time.Time) {
	if now.Sub(s.earlier.Saved) > outageTolerance {
		s.earlier.Rules = nil
	}
	for _, r := range g.rules {
		for i := range s.earlier.Rules {
			old := &s.earlier.Rules[i]
			if old.File == g.file && old.Group == g.name && old.Name == r.name && !r.record && labels.Equal(old.Labels, r.labels) {
				r.restore(old.Alerts, now.Add(s.evaluator.options.Lookback))
				old.Alerts = nil
				break
			}
		}
	}
}

// restore takes alerts of an earlier run. Until patience ends they stay as they
// are while nothing is heard of their series.
func (r *rule) restore(alerts []savedAlert, patience time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range alerts {
		alert := a.Alert
		if alert.Value, _ = strconv.ParseFloat(a.Value, 64); alert.Labels.IsEmpty() {
			continue
		}
		// What was sent may have been lost with the pager's memory; what people have
		// been told is in its log.
		alert.LastSentAt = time.Time{}
		p := r.part(r.partOf(alert.Labels))
		p.alerts[alert.Labels.Hash()] = &alert
		p.patient = patience
	}
	for key, p := range r.parts {
		r.remind(key, p)
	}
}

// unheard are alerts of before a restart of whose series there are no samples
// yet, so that a result without them says nothing.
func (e *Evaluator) unheard(ctx context.Context, r *rule, p *part, result instances, now time.Time) map[uint64]bool {
	if !now.Before(p.patient) || r.evidence.reads == nil {
		return nil
	}
	to := now.UnixMilli()
	from := to - e.options.Lookback.Milliseconds() + 1
	q, err := e.options.Queryable.Querier(from, to)
	if err != nil {
		return nil
	}
	defer func() { _ = q.Close() }() // it only reads
	all := map[uint64]bool{}
	heard := true
	for hash, a := range p.alerts {
		// What is only kept firing was over before.
		found := result[hash] != nil || !a.KeepFiringSince.IsZero()
		if !found {
			err := search{q, e.options.Lookback}.each(ctx, from, to, narrowed(r.evidence.reads, r.evidence, a), func(int, labels.Labels, int64, float64) { found = true })
			found = found || err != nil
		}
		all[hash] = !found
		heard = heard && found
	}
	if heard {
		p.patient = time.Time{}
	}
	return all
}

// changed notes that there is something to save.
func (s *state) changed() {
	s.dirty.Store(true)
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// save writes what has changed.
func (s *state) save() error {
	if s.path == "" || !s.loaded.Load() || !s.dirty.Swap(false) {
		return nil
	}
	file := stateFile{Version: stateVersion, Saved: s.evaluator.now()}
	for _, g := range s.evaluator.running() {
		for _, r := range g.rules {
			if alerts := r.copied(); len(alerts) > 0 {
				file.Rules = append(file.Rules, ruleState{File: g.file, Group: g.name, Name: r.name, Labels: r.labels, Alerts: alerts})
			}
		}
	}
	content, err := json.Marshal(file)
	if err == nil {
		err = replace(s.path, content)
	}
	if err != nil {
		s.dirty.Store(true)
		return fmt.Errorf("writing the alerts: %w", err)
	}
	return nil
}

func (r *rule) copied() (all []savedAlert) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.alerts() {
		c := *a
		c.Value = 0 // JSON has no infinities
		all = append(all, savedAlert{c, strconv.FormatFloat(a.Value, 'g', -1, 64)})
	}
	return all
}
