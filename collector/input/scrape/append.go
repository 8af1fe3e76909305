package scrape

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/storage"
)

// appendable is what upstream's scraper appends to.
type appendable struct{ *Scraper }

// AppenderV2 implements storage.AppendableV2.
func (a appendable) AppenderV2(ctx context.Context) storage.AppenderV2 {
	target := "?"
	if t, ok := scrape.TargetFromContext(ctx); ok {
		target = t.GetValue(model.JobLabel) + "/" + t.GetValue(model.InstanceLabel)
	}
	return &transaction{scraper: a.Scraper, ctx: ctx, target: target, refused: a.opts.Room()}
}

// transaction is one scrape on its way to the intake.
type transaction struct {
	scraper *Scraper
	ctx     context.Context // of the transaction, as upstream has it
	target  string
	inner   storage.AppenderV2 // nil before the first sample
	// refused is why nothing can be stored.
	refused error
	// marks are the staleness markers that came before all other samples.
	marks []mark
}

// mark is a staleness marker.
type mark struct {
	labels labels.Labels
	time   int64
	value  float64
}

// Append implements storage.AppenderV2.
func (t *transaction) Append(ref storage.SeriesRef, ls labels.Labels, st, at int64, v float64, h *histogram.Histogram, fh *histogram.FloatHistogram, o storage.AOptions) (storage.SeriesRef, error) {
	if ref == 0 {
		ref = max(storage.SeriesRef(ls.Hash()), 1)
	}
	if t.refused != nil {
		if o.RejectOutOfOrder || isReport(o) {
			return ref, nil
		}
		// The scrape fails with this, which the API shows at the target.
		return 0, t.refused
	}
	if o.RejectOutOfOrder && t.inner == nil {
		t.marks = append(t.marks, mark{ls, at, v})
		return ref, nil
	}
	t.begin()
	return t.inner.Append(ref, ls, st, at, v, h, fh, o)
}

// isReport says whether a sample is one of upstream's about the scrape, such as
// up. Upstream tells them from the target's own by a byte that is in no text.
func isReport(o storage.AOptions) bool { return strings.HasSuffix(o.MetricFamilyName, "\xff") }

// begin begins to store.
func (t *transaction) begin() {
	if t.inner == nil {
		t.inner = t.scraper.opts.Appender(t.ctx, t.target)
		t.mark(t.marks)
	}
}

func (t *transaction) mark(marks []mark) {
	for _, m := range marks {
		_, _ = t.inner.Append(0, m.labels, 0, m.time, m.value, nil, nil, storage.AOptions{}) // takes everything
	}
	t.marks = nil
}

// Commit implements storage.AppenderV2. It returns no errors, which upstream
// would log for each scrape.
func (t *transaction) Commit() error {
	s := t.scraper
	if t.refused != nil {
		s.opts.Refuse(t.target, t.refused)
		s.failures.add(t.target, t.refused)
		return nil
	}
	if t.inner == nil && len(t.marks) > 0 {
		// Nothing but markers: the target has gone some time ago. It may have come
		// back in another job.
		marks, err := s.stillStale(t.ctx, t.marks)
		if err != nil {
			s.failures.add(t.target, err)
		}
		t.marks = marks
		t.begin()
	}
	if t.inner == nil {
		return nil
	}
	err := t.inner.Commit()
	if err != nil && !errors.Is(err, context.Canceled) {
		s.failures.add(t.target, err)
	}
	return nil
}

// Rollback implements storage.AppenderV2.
func (t *transaction) Rollback() error {
	if t.inner == nil {
		return nil
	}
	return t.inner.Rollback()
}

// failures logs that scrapes were not stored, now and then.
type failures struct {
	logger *slog.Logger
	mu     sync.Mutex
	since  int
	logged time.Time
}

const logEvery = 30 * time.Second

func (f *failures) add(target string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.since++
	if time.Since(f.logged) < logEvery {
		return
	}
	f.logger.Error("scrapes are not stored", "err", err, "target", target, "scrapes", f.since)
	f.since, f.logged = 0, time.Now()
}
