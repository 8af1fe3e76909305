package forward

import (
	"sync"
	"time"

	"github.com/belfry-city/belfry/collector/wal/tail"
)

const mostSeen = 512

// mark says that the log ended at a position at a time.
type mark struct {
	at       time.Time
	position tail.Position
}

// lag remembers when the log ended where, and so for how long what has not been
// accepted has been waiting. All methods are safe for concurrent use.
type lag struct {
	mu   sync.Mutex
	seen []mark // ascending
}

// see notes where the log ends, and forgets what has been accepted.
func (l *lag) see(end, acked tail.Position, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	done := 0
	for done < len(l.seen) && l.seen[done].position.Compare(acked) <= 0 {
		done++
	}
	l.seen = append(l.seen[:0], l.seen[done:]...)
	if end.Compare(acked) <= 0 || len(l.seen) > 0 && l.seen[len(l.seen)-1].position.Compare(end) >= 0 {
		return
	}
	l.seen = append(l.seen, mark{at: now, position: end})
	if len(l.seen) > mostSeen { // the first must stay: it says since when
		kept := l.seen[:0]
		for i := 0; i < len(l.seen); i += 2 {
			kept = append(kept, l.seen[i])
		}
		l.seen = kept
	}
}

// since is how long the oldest that was not accepted has been there; 0: all of it
// was. It is a second short at most.
func (l *lag) since(acked tail.Position, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range l.seen {
		if m.position.Compare(acked) > 0 {
			return max(now.Sub(m.at), 0)
		}
	}
	return 0
}
