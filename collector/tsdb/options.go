package tsdb

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"golang.org/x/sys/unix"
)

// Options configure a Store. Dir is required; zero values of the rest mean the
// defaults stated with each.
type Options struct {
	// Dir holds blocks, WAL and out-of-order log.
	Dir string
	// Retention drops blocks older than this; 90 days. NoLimit keeps them.
	Retention time.Duration
	// RetentionBytes drops the oldest blocks beyond this size; 0 is no limit.
	RetentionBytes int64
	// SeriesLimit bounds the series in memory that Append may create; 1,000,000.
	// Rules and Belfry's own metrics are not bound by it.
	SeriesLimit int
	// MaxExemplars is how many exemplars are kept in memory, the newest of all
	// series together; 100,000, which take 10 to 20 MB when they are there.
	// NoExemplars keeps none.
	MaxExemplars int
	// Late is the oldest sample taken, before now; 24 h.
	Late time.Duration
	// Early is the newest sample taken, after now; 10 min.
	Early time.Duration
	// NoSync acknowledges what the operating system has, without fsync.
	NoSync bool
	// DiskReserve is the free space in bytes below which writes are refused; the
	// smaller of 256 MiB and a tenth of the volume.
	DiskReserve int64
	// Logger is required.
	Logger *slog.Logger
	// Metrics receives belfry_store_*; nil keeps none.
	Metrics *metrics.Set
	// Now is the clock for Late and Early; time.Now.
	Now func() time.Time
	// SyncFile brings a file's bytes to disk; fdatasync. Tests replace it.
	SyncFile func(*os.File) error
	// FreeBytes is the space left for the directory; statfs. Tests replace it.
	FreeBytes func(dir string) (free, total int64, err error)

	segmentSize int // of the WAL; tests make it small to see rotation
}

func (o Options) withDefaults() (Options, error) {
	if o.Dir == "" {
		return o, errors.New("tsdb: no directory given")
	}
	if o.Logger == nil {
		return o, errors.New("tsdb: no logger given")
	}
	setDefault(&o.Retention, 90*24*time.Hour)
	setDefault(&o.SeriesLimit, 1_000_000)
	setDefault(&o.MaxExemplars, 100_000)
	setDefault(&o.Late, 24*time.Hour)
	setDefault(&o.Early, 10*time.Minute)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.SyncFile == nil {
		o.SyncFile = func(f *os.File) error { return unix.Fdatasync(int(f.Fd())) }
	}
	if o.FreeBytes == nil {
		o.FreeBytes = freeBytes
	}
	if o.Metrics == nil {
		o.Metrics = metrics.NewSet()
	}
	return o, nil
}

// NoLimit is a retention that drops nothing.
const NoLimit = 250 * 365 * 24 * time.Hour

// NoExemplars is a MaxExemplars that keeps none.
const NoExemplars = -1

func setDefault[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

func freeBytes(dir string) (free, total int64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, 0, fmt.Errorf("ask for free space of %s: %w", dir, err)
	}
	return int64(st.Bavail) * st.Bsize, int64(st.Blocks) * st.Bsize, nil
}
