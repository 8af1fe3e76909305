package pager

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/api"
	"github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/common/model"
	"github.com/prometheus/common/route"
)

const apiPrefix = "/api/v2/"

// makeAPI makes upstream's API and puts ours around it.
func (p *Pager) makeAPI() error {
	var err error
	p.api, err = api.New(api.Options{
		Alerts:          posts{p.alerts, p.opts.Posted},
		Silences:        p.silences,
		GroupMutedFunc:  p.groups.Muted,
		Logger:          p.opts.Logger.With("component", "api"),
		Registry:        p.registry,
		RequestDuration: p.upstream.requestDuration,
		GroupFunc:       p.alertGroups,
	})
	if err != nil {
		return fmt.Errorf("make the Alertmanager API: %w", err)
	}
	theirs := p.api.Register(route.New(), "/")
	p.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, ok := strings.CutPrefix(r.URL.Path, apiPrefix)
		switch {
		case !ok:
			http.NotFound(w, r)
			return
		case p.stopping.Load():
			refuse(w, "the pager is stopping")
			return
		}
		// Upstream allows every origin, which lets any web page silence alerts from its reader's browser.
		if r.Header.Get("Origin") != "" {
			r = r.Clone(r.Context())
			r.Header.Del("Origin")
		}
		switch {
		case r.Method == http.MethodPost && path == "silences",
			r.Method == http.MethodDelete && strings.HasPrefix(path, "silence/"):
			p.changeSilence(theirs, w, r)
		case r.Method == http.MethodGet && path == "status":
			p.showStatus(theirs, w, r)
		default:
			theirs.ServeHTTP(w, r)
		}
	})
	return nil
}

// alertGroups is asked by the API; before Start there are none.
func (p *Pager) alertGroups(
	ctx context.Context, routes func(*dispatch.Route) bool, alerts func(*alert.Alert, time.Time) bool,
) (dispatch.AlertGroups, map[model.Fingerprint][]string, error) {
	g := p.live.Load()
	if g == nil {
		return dispatch.AlertGroups{}, map[model.Fingerprint][]string{}, nil
	}
	return g.dispatcher.Groups(ctx, routes, alerts)
}

// setStatus marks, for the API, what mutes an alert.
func (p *Pager) setStatus(ctx context.Context, labels model.LabelSet) {
	if g := p.live.Load(); g != nil {
		g.inhibitor.Mutes(ctx, labels)
	}
	p.silencer.Mutes(ctx, labels)
}

// refuse answers that something cannot be done now.
func refuse(w http.ResponseWriter, why string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Retry-After", "5")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = fmt.Fprintf(w, "%q\n", why)
}

// answer holds a response back until it may leave.
type answer struct {
	header http.Header
	status int
	body   []byte
}

func newAnswer() *answer { return &answer{header: http.Header{}} }

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

// Write implements http.ResponseWriter.
func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	a.body = append(a.body, b...)
	return len(b), nil
}

func (a *answer) ok() bool { return a.status/100 == 2 }

// leave sends the answer on.
func (a *answer) leave(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	if a.status != 0 {
		w.WriteHeader(a.status)
	}
	_, _ = w.Write(a.body)
}
