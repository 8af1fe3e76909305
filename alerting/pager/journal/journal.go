package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"syscall"
	"time"
)

// ErrClosed says that the journal was closed before the change was on disk.
var ErrClosed = errors.New("journal is closed")

// State is what a Journal keeps; *silence.Silences and *nflog.Log are such states.
type State interface {
	// Merge takes a snapshot or one change; merging the same again changes nothing.
	Merge([]byte) error
	// Snapshot writes everything.
	Snapshot(io.Writer) (int64, error)
	// SetBroadcast sets who is told of each change. It is called with the state's lock held.
	SetBroadcast(func([]byte))
	// GC forgets what has expired and returns how much that was.
	GC() (int, error)
}

// Options of a Journal.
type Options struct {
	// Dir is the directory of the files; it must exist.
	Dir string
	// Name is the snapshot's file name and the segments' prefix.
	Name   string
	Logger *slog.Logger
	// CompactInterval is how often a snapshot is written and the journal emptied; 0 means 15 minutes.
	CompactInterval time.Duration
	// CompactBytes of journal bring that forward; 0 means 4 MiB.
	CompactBytes int64
	// RetryInterval is how often writing is tried again after it failed; 0 means one second.
	RetryInterval time.Duration
	// SyncLater leaves changes to the operating system at first, so that nobody waits for the disk on their account: they
	// outlive the process as soon as they are written, and the machine after RetryInterval. Sync does not say when.
	SyncLater bool
	// OnHealth, if set, is called from one goroutine whenever writing begins to fail and when it works again.
	OnHealth func(err error)
	// Disk is the file system; nil means the machine's.
	Disk Disk
}

func (o *Options) setDefaults() {
	if o.CompactInterval == 0 {
		o.CompactInterval = 15 * time.Minute
	}
	if o.CompactBytes == 0 {
		o.CompactBytes = 4 << 20
	}
	if o.RetryInterval == 0 {
		o.RetryInterval = time.Second
	}
	if o.OnHealth == nil {
		o.OnHealth = func(error) {}
	}
	if o.Disk == nil {
		o.Disk = osDisk{}
	}
}

// Journal keeps one State on disk. All methods are safe for concurrent use.
type Journal struct {
	state State
	opts  Options
	disk  Disk

	wake     chan struct{}
	reserves chan reservation
	stop     chan struct{}
	done     chan struct{}
	stopOnce sync.Once
	closeErr error // set before done is closed

	mu       sync.Mutex
	pending  []byte        // records not yet written
	appended uint64        // records handed over so far
	durable  uint64        // of these, how many are on disk
	tried    uint64        // of these, how many were tried; those above durable failed with err
	err      error         // why
	moved    chan struct{} // closed, and replaced, when durable or tried changes
	closed   bool

	// The rest belongs to the goroutine that writes.
	segment     *segment // nil while writing fails
	number      uint64   // of the newest segment
	old         []string // segments that the next snapshot replaces
	lastAttempt time.Time
	sick        error // what OnHealth was last told
}

type reservation struct {
	bytes int64
	reply chan error
}

// Open merges what is on disk into the state, which must be new, and from then on keeps it. It fails if the
// directory cannot be read or written. A disk that is full is no reason to fail: that is logged and tried again,
// and Sync and Reserve fail until there is room.
func Open(state State, opts Options) (*Journal, error) {
	opts.setDefaults()
	j := &Journal{
		state: state, opts: opts, disk: opts.Disk,
		wake: make(chan struct{}, 1), reserves: make(chan reservation),
		stop: make(chan struct{}), done: make(chan struct{}), moved: make(chan struct{}),
	}
	if err := j.load(); err != nil {
		return nil, err
	}
	state.SetBroadcast(j.append)
	if err := j.heal(); err != nil && !outOfRoom(err) {
		state.SetBroadcast(func([]byte) {})
		return nil, err
	}
	go j.run()
	return j, nil
}

func outOfRoom(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}

// append takes one change. It is called with the state's lock held, so it only queues.
func (j *Journal) append(payload []byte) {
	j.mu.Lock()
	if !j.closed {
		j.appended++
		j.pending = appendRecord(j.pending, payload)
	}
	j.mu.Unlock()
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// Sync returns when every change made before the call is on disk, or with the reason why one is not. A change
// whose Sync failed is written later, when the disk allows.
func (j *Journal) Sync(ctx context.Context) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return ErrClosed
	}
	upTo := j.appended
	for j.durable < upTo {
		if j.tried >= upTo {
			return j.err
		}
		if err := j.await(ctx); err != nil {
			return err
		}
	}
	return nil
}

// await gives up the lock until something has moved.
func (j *Journal) await(ctx context.Context) error {
	moved := j.moved
	j.mu.Unlock()
	defer j.mu.Lock()
	select {
	case <-moved:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("sync of %s: %w", j.opts.Name, ctx.Err())
	}
}

// Reserve returns nil when changes of up to n bytes can be written without more room on disk, or the reason why
// they cannot. The room is taken by whichever changes come next.
func (j *Journal) Reserve(ctx context.Context, n int) error {
	r := reservation{bytes: int64(n) + headerSize, reply: make(chan error, 1)}
	select {
	case j.reserves <- r:
	case <-j.done:
		return ErrClosed
	case <-ctx.Done():
		return fmt.Errorf("reserve room for %s: %w", j.opts.Name, ctx.Err())
	}
	select {
	case err := <-r.reply:
		return err
	case <-ctx.Done():
		return fmt.Errorf("reserve room for %s: %w", j.opts.Name, ctx.Err())
	}
}

// Close writes what is left and a last snapshot. Changes made afterwards are not kept. It may be called again.
func (j *Journal) Close(ctx context.Context) error {
	j.stopOnce.Do(func() { close(j.stop) })
	select {
	case <-j.done:
		return j.closeErr
	case <-ctx.Done():
		return fmt.Errorf("close journal of %s: %w", j.opts.Name, ctx.Err())
	}
}
