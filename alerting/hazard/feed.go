package hazard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// ringLength is how many of the newest events are in memory for followers; who is
// further behind reads from the database.
const ringLength = 2048

// Told is an event as followers get it.
type Told struct {
	*Event
	// JSON is the event with its hazard, made once for all followers.
	JSON []byte
}

// feed holds the newest events that are kept.
type feed struct {
	mu              sync.Mutex
	ring            []Told // by Seq
	trimmed, newest int64
	changed         chan struct{}
}

func newFeed() *feed { return &feed{changed: make(chan struct{})} }

func (f *feed) reset(trimmed, newest int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ring, f.trimmed, f.newest = nil, trimmed, newest
	f.tell()
}

func (f *feed) tell() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// publish takes events that are kept.
func (f *feed) publish(events []*Event) {
	if len(events) == 0 {
		return
	}
	told := make([]Told, 0, len(events))
	for _, e := range events {
		if t, err := tell(e); err == nil { // it has been written in JSON before
			told = append(told, t)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ring = append(f.ring, told...)
	if over := len(f.ring) - ringLength; over > 0 {
		f.ring = slices.Clone(f.ring[over:])
	}
	f.newest = events[len(events)-1].Seq
	f.tell()
}

func tell(e *Event) (Told, error) {
	text, err := json.Marshal(e)
	return Told{e, text}, err
}

func (f *feed) trim(trimmed int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.trimmed = max(f.trimmed, trimmed)
	for len(f.ring) > 0 && f.ring[0].Seq <= trimmed {
		f.ring[0], f.ring = Told{}, f.ring[1:]
	}
}

func (f *feed) extent() (trimmed, newest int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.trimmed, f.newest
}

// after returns events of memory; ok says that no older ones are missing.
func (f *feed) after(seq int64, most int) (events []Told, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if seq >= f.newest {
		return nil, true
	}
	if len(f.ring) == 0 || f.ring[0].Seq > seq+1 {
		return nil, false
	}
	i, _ := slices.BinarySearchFunc(f.ring, seq+1, func(t Told, seq int64) int { return int(t.Seq - seq) })
	return slices.Clone(f.ring[i:min(i+most, len(f.ring))]), true
}

// Extent says which events there are: those after trimmed, up to newest. Both are
// numbers that may be asked to go on after.
func (s *Store) Extent() (trimmed, newest int64) { return s.feed.extent() }

// Changed is closed when there are more events than now.
func (s *Store) Changed() <-chan struct{} {
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	return s.feed.changed
}

// EventsAfter returns the events that follow one, in order, at most some. Those
// that are not kept any more are left out: see Extent.
func (s *Store) EventsAfter(ctx context.Context, seq int64, most int) (events []Told, err error) {
	if events, ok := s.feed.after(seq, most); ok {
		return events, nil
	}
	db, release, err := s.reader()
	if err != nil {
		return nil, err
	}
	defer release()
	rows, err := db.Read.QueryContext(ctx, "SELECT seq, said, doc FROM events WHERE seq > ? AND doc IS NOT NULL ORDER BY seq LIMIT ?", seq, most)
	if err != nil {
		return nil, fmt.Errorf("read events of hazards: %w", s.read(err))
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		e := &Event{Hazard: &Hazard{}}
		var said, doc []byte
		if err := rows.Scan(&e.Seq, &said, &doc); err != nil {
			return nil, fmt.Errorf("read events of hazards: %w", s.read(err))
		}
		if err := errors.Join(json.Unmarshal(said, e), json.Unmarshal(doc, e.Hazard)); err != nil {
			return nil, fmt.Errorf("read event %d of hazards: %w", e.Seq, err)
		}
		e.Hazard.URL = s.url(e.Hazard.ID)
		told, err := tell(e)
		if err != nil {
			return nil, fmt.Errorf("read event %d of hazards: %w", e.Seq, err)
		}
		events = append(events, told)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read events of hazards: %w", s.read(err))
	}
	return events, nil
}
