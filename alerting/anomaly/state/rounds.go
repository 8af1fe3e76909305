package state

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/belfry-city/belfry/collector/wal/tail"
)

// format is what a file of this version begins with.
const (
	format    = "belfry anomaly state 1\n"
	roundName = "round-"
)

// begin is what a round says of itself.
type begin struct {
	From tail.Place `json:"from"`
	Time time.Time  `json:"time"`
	// States is how many there are to write, besides those of series that come
	// meanwhile. All of those is in the log from that place on.
	States int `json:"states"`
}

// Rounds are the rounds of one directory. They are not safe for concurrent use.
type Rounds struct {
	dir    string
	logger *slog.Logger
	// base is the newest complete round, or else the oldest of all, from whose
	// place on the log is needed; between are those behind it. 0: there is none.
	base    int
	between []int
	next    int

	file    *os.File // of the round that is written; nil: none is
	records int
	bytes   int64
}

// Open makes the directory where it is not there.
func Open(dir string, logger *slog.Logger) (*Rounds, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("make directory for the states of detectors: %w", err)
	}
	r := &Rounds{dir: dir, logger: logger, next: 1}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list the states of detectors: %w", err)
	}
	var all []int
	for _, e := range entries {
		if number, ok := strings.CutPrefix(e.Name(), roundName); ok {
			if n, err := strconv.Atoi(number); err == nil {
				all = append(all, n)
				r.next = max(r.next, n+1)
			}
		}
	}
	slices.Sort(all)
	if len(all) > 0 {
		r.base, r.between = all[0], all[1:]
	}
	return r, nil
}

// Empty says that there is no round.
func (r *Rounds) Empty() bool { return r.base == 0 }

func (r *Rounds) path(round int) string {
	return filepath.Join(r.dir, fmt.Sprintf(roundName+"%08d", round))
}

// Loaded says what Load has found.
type Loaded struct {
	// From is the place in the log from which on states may lack samples; Known is
	// false where nobody says.
	From  tail.Place
	Known bool
	// Any is whether there was any round.
	Any bool
	// Lost is how many states are not readable at least, for which the log does not
	// make up. Of some, there may be newer ones.
	Lost  int
	Bytes int64
}

// Load gives all records to take, of each series the newest first, up to a
// complete round.
func (r *Rounds) Load(take func(Record)) Loaded {
	var l Loaded
	all := append([]int{r.base}, r.between...)
	r.base, r.between = 0, nil
	for _, n := range slices.Backward(all) {
		if n == 0 {
			continue
		}
		one, complete, err := r.load(n, take)
		if errors.Is(err, errFormat) || errors.Is(err, errEmpty) {
			r.discard(n, err)
			l.Lost = max(l.Lost, 1) // nobody says how many
			continue
		}
		if err != nil {
			r.logger.Error("states of detectors are not readable; their series begin anew unless an older state is there", "file", r.path(n), "err", err)
			one.Lost = max(one.Lost, 1)
		}
		// What a round lacks is in the one before, and since that in the log; so only
		// what the oldest lacks is lost.
		l.Any, l.From, l.Known, l.Lost = true, one.From, one.Known, one.Lost
		l.Bytes += one.Bytes
		if r.base != 0 {
			r.between = slices.Insert(r.between, 0, r.base)
		}
		if r.base = n; complete {
			break
		}
	}
	for _, n := range all { // it died before it had removed them
		if n != 0 && n < r.base {
			if err := r.remove(n); err != nil {
				r.logger.Warn("an old round of states stays", "err", err)
			}
		}
	}
	return l
}

var (
	errFormat = errors.New("it is of another version or damaged at its beginning")
	errEmpty  = errors.New("it is empty, or ends before its beginning is complete")
)

func (r *Rounds) load(round int, take func(Record)) (l Loaded, complete bool, err error) {
	f, err := os.Open(r.path(round))
	if err != nil {
		return l, false, err
	}
	defer func() { _ = f.Close() }() // it is only read
	head := make([]byte, len(format))
	n, err := io.ReadFull(f, head)
	if err != nil && strings.HasPrefix(format, string(head[:n])) {
		return l, false, errEmpty
	}
	if err != nil || string(head) != format {
		return l, false, errFormat
	}
	s := newScanner(f)
	s.at = int64(len(format))
	states, read := -1, 0 // that there should be, -1: nobody says; and that there are
	for {
		kind, payload, err := s.next()
		if l.Lost = max(0, states-read); states < 0 {
			l.Lost = max(1, s.damaged-1) // one of the places is the beginning
		}
		if errors.Is(err, io.EOF) {
			return l, complete, nil
		}
		if err != nil {
			return l, complete, err
		}
		switch kind {
		case beginFrame:
			var b begin
			if json.Unmarshal(payload, &b) == nil {
				l.From, l.Known, states = b.From, true, b.States
			}
		case recordFrame:
			rec, err := record(payload)
			if err != nil {
				s.damaged++
				continue
			}
			read++
			l.Bytes += int64(len(payload))
			take(rec)
		case endFrame:
			complete = true
			if n, used := binary.Uvarint(payload); used > 0 {
				states = int(min(n, math.MaxInt32))
			}
		}
	}
}

// discard takes a file out of the way of which nothing can be read. Where there
// is something in it, people may want to look at that.
func (r *Rounds) discard(round int, why error) {
	file, to, err := r.path(round), "", error(nil)
	if errors.Is(why, errEmpty) {
		err = r.remove(round)
	} else {
		to = filepath.Join(r.dir, "damaged-"+strconv.Itoa(round)+"-"+time.Now().UTC().Format("20060102T150405"))
		err = os.Rename(file, to)
	}
	r.logger.Error("a file of states of detectors is not readable and taken away; what was learned is lost unless an older one is there",
		"file", file, "why", why, "kept_as", to)
	if err != nil {
		r.logger.Error("the file cannot be taken away", "err", err)
	}
}

// Begin begins a round of so many states, in place of one that is not complete.
func (r *Rounds) Begin(from tail.Place, now time.Time, states int) (err error) {
	r.Leave()
	number := r.next
	r.next++
	f, err := os.OpenFile(r.path(number), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return fmt.Errorf("begin a round of states: %w", err)
	}
	r.file, r.records, r.bytes = f, 0, 0
	// Of those that were not completed the newest may still save some reading.
	for len(r.between) > 1 {
		if err := r.remove(r.between[0]); err != nil {
			return err
		}
		r.between = r.between[1:]
	}
	if r.base == 0 {
		r.base = number
	} else {
		r.between = append(r.between, number)
	}
	head, err := appendFrame([]byte(format), beginFrame, func(b []byte) ([]byte, error) {
		text, err := json.Marshal(begin{From: from, Time: now, States: states})
		return append(b, text...), err
	})
	if err != nil {
		return fmt.Errorf("begin a round of states: %w", err)
	}
	return r.Add(head, 0)
}

// Add adds records that AppendRecord has made.
func (r *Rounds) Add(records []byte, n int) error {
	if _, err := r.file.Write(records); err != nil {
		return fmt.Errorf("write states of detectors: %w", err)
	}
	r.records += n
	r.bytes += int64(len(records))
	return nil
}

// Finish completes a round, and removes those before it. It returns how many
// bytes the round takes.
func (r *Rounds) Finish() (int64, error) {
	end, err := appendFrame(nil, endFrame, func(b []byte) ([]byte, error) {
		return binary.AppendUvarint(b, uint64(r.records)), nil
	})
	if err == nil {
		err = r.Add(end, 0)
	}
	if err != nil {
		return 0, err
	}
	f := r.file
	r.file = nil
	if err := errors.Join(f.Sync(), f.Close(), syncDir(r.dir)); err != nil {
		return 0, fmt.Errorf("complete a round of states: %w", err)
	}
	return r.bytes, r.supersede()
}

// supersede removes all rounds before the newest, which is complete.
func (r *Rounds) supersede() error {
	for len(r.between) > 0 {
		if err := r.remove(r.base); err != nil {
			return err
		}
		r.base, r.between = r.between[0], r.between[1:]
	}
	return nil
}

func (r *Rounds) remove(round int) error {
	if err := os.Remove(r.path(round)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove a round of states that is no longer needed: %w", err)
	}
	return nil
}

// Leave closes a round that is not complete. What is in it counts.
func (r *Rounds) Leave() {
	if r.file != nil {
		_ = r.file.Close()
		r.file = nil
	}
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
