package live

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/sourcegraph/conc"

	"github.com/belfry-city/belfry/grafana-plugin/pkg/client"
	"github.com/belfry-city/belfry/grafana-plugin/pkg/query"
	"github.com/belfry-city/belfry/grafana-plugin/pkg/wording"
)

// Sender takes frames for those who follow a channel. It may block while they
// are slow.
type Sender interface {
	SendFrame(frame *data.Frame, include data.FrameInclude) error
}

const (
	// pace is the least time between two frames of a channel.
	pace = 500 * time.Millisecond
	// longestWait is between attempts to reach Belfry.
	longestWait = 10 * time.Second
	// patience is how many first answers may fail before a panel that has another
	// answer is emptied for a notice.
	patience = 3
)

// Stream is one channel that is followed.
type Stream struct {
	Client *client.Client
	Runner *query.Runner
	Spec   Spec
	Lang   wording.Lang
	Sender Sender

	last   *data.Frame // the newest answer
	begun  bool        // steady has the columns of the panel's answer
	steady query.Steady
	opened bool // Belfry tells of changes, or did
	failed int  // answers since the last that was good
}

// Run sends the answer now and whenever it changes, until the context ends or
// nobody takes frames any more. While Belfry is away it sends the last answer
// with a notice, and goes on by itself. What was refused it asks again, as the
// next change may be hours away.
func (s *Stream) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// One place: who is slow gets the newest, and nothing of what was before it.
	news := make(chan error, 1)
	var wg conc.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() { s.follow(ctx, news) })
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = time.Second, 15*time.Second
	var again <-chan time.Time
	for {
		var cut error
		select {
		case <-ctx.Done():
			return ctx.Err()
		case cut = <-news:
		case <-again:
		}
		if err := s.send(ctx, cut); err != nil {
			return err
		}
		again = nil
		switch {
		case s.failed == 0:
			wait.Reset()
		case cut == nil: // after a cut, follow tells when there is something to ask again
			again = time.After(wait.NextBackOff())
		}
		timer := time.NewTimer(pace)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// tell puts in the newest news: nil for a change, or why there will be none.
func tell(news chan error, what error) {
	for {
		select {
		case news <- what:
			return
		default:
		}
		select {
		case <-news: //nolint:errcheck // it is older, and newer news are told
		default:
		}
	}
}

// follow reads Belfry's stream over cuts and restarts.
func (s *Stream) follow(ctx context.Context, news chan error) {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 250*time.Millisecond, longestWait
	lastID := ""
	for {
		err := s.once(ctx, news, &lastID, wait.Reset)
		if ctx.Err() != nil {
			return
		}
		var known *client.Error
		if errors.As(err, &known) && known.Kind == client.BadRequest {
			lastID = "" // it may be what is refused
		}
		tell(news, err)
		timer := time.NewTimer(wait.NextBackOff())
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

func (s *Stream) once(ctx context.Context, news chan error, lastID *string, opened func()) error {
	w, err := s.Runner.Watched(ctx, s.Spec.Query)
	if err != nil {
		return err
	}
	params := url.Values{}
	for name, words := range w.Hazards {
		params[name] = words
	}
	if w.Hazards == nil {
		params.Set("hazards", "false")
	}
	if len(w.Values) > 0 {
		params["values"] = w.Values
		params.Set("every", "500ms")
	}
	return s.Client.Follow(ctx, params, *lastID, func() error {
		opened()
		tell(news, nil)
		return nil
	}, func(t client.Told) error {
		if t.ID != "" {
			*lastID = t.ID
		}
		tell(news, nil)
		return nil
	})
}

// send sends the answer as it is now; where there is none, or nothing will tell of
// its changes, the last one with what is wrong.
func (s *Stream) send(ctx context.Context, cut error) error {
	why := cut
	if cut == nil || s.last == nil {
		frame, err := s.answer(ctx)
		if err == nil {
			s.last, s.failed = frame, 0
		} else {
			s.failed++
			why = cmp.Or(cut, err)
		}
	}
	s.opened = s.opened || cut == nil
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case why == nil:
		return s.Sender.SendFrame(s.last, data.IncludeAll)
	case s.last == nil && s.failed < patience:
		return nil
	}
	return s.Sender.SendFrame(s.stale(why), data.IncludeAll)
}

// answer is the query's answer now, with all columns that were there.
func (s *Stream) answer(ctx context.Context) (*data.Frame, error) {
	if !s.begun {
		before, err := s.Runner.Before(ctx, s.Spec.Query, s.Spec.Length())
		if err != nil {
			return nil, err
		}
		if before != nil {
			s.steady.Complete(before, time.Now(), s.Spec.Length())
		}
		s.begun = true
	}
	frame, err := s.Runner.Now(ctx, s.Spec.Query, s.Spec.Length())
	if err != nil {
		return nil, err
	}
	s.steady.Complete(frame, time.Now(), s.Spec.Length())
	return frame, nil
}

// stale is the last frame with a notice. Rows that are added to others are not
// sent again.
func (s *Stream) stale(why error) *data.Frame {
	frame := data.NewFrame("")
	if s.last != nil {
		frame = s.last
	}
	rows := s.Spec.Query.Kind != query.KindMetrics
	text := wording.Text{EN: "This is not up to date: %s", ZH: "这里显示的不是最新状态：%s"}
	if !s.opened {
		text = wording.Text{EN: "This does not change live: %s", ZH: "这里不会实时更新：%s"}
	}
	return marked(frame, rows, text.In(s.Lang, wording.Say(why, s.Lang)))
}

func marked(from *data.Frame, rows bool, text string) *data.Frame {
	frame := data.NewFrame(from.Name)
	frame.RefID, frame.Meta = from.RefID, &data.FrameMeta{}
	if from.Meta != nil {
		*frame.Meta = *from.Meta
	}
	frame.Meta.Notices = append([]data.Notice{{Severity: data.NoticeSeverityError, Text: text}}, frame.Meta.Notices...)
	for _, f := range from.Fields {
		if !rows {
			empty := data.NewFieldFromFieldType(f.Type(), 0)
			empty.Name, empty.Labels, empty.Config = f.Name, f.Labels, f.Config
			f = empty
		}
		frame.Fields = append(frame.Fields, f)
	}
	return frame
}
