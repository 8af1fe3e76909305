package external

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"slices"
	"strings"
	"time"

	"github.com/go-openapi/strfmt"
	"github.com/prometheus/alertmanager/api/v2/models"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/notifier"
)

// maxBody bounds the body of a request, in bytes.
const maxBody = 16 << 20

func (f *Fleet) api() http.Handler {
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { clean(r.Out.Header) },
		Transport: firstThatAnswers{f},
		ModifyResponse: func(r *http.Response) error {
			// No web page is to silence alerts from its reader's browser.
			r.Header.Del("Access-Control-Allow-Origin")
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			answer(w, http.StatusBadGateway, "no Alertmanager answers: "+err.Error())
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/api/v2/") {
			http.NotFound(w, r)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			status := http.StatusBadRequest
			if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
				status = http.StatusRequestEntityTooLarge
			}
			answer(w, status, err.Error())
			return
		}
		if r.Method == http.MethodPost && r.URL.Path == "/api/v2/alerts" {
			f.take(w, body)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		proxy.ServeHTTP(w, r)
	})
}

// clean takes away what is between a client and Belfry only.
func clean(h http.Header) {
	for _, name := range []string{"Authorization", "Cookie", "Origin", "Referer"} {
		h.Del(name)
	}
}

// take sends on alerts that somebody has posted.
func (f *Fleet) take(w http.ResponseWriter, body []byte) {
	var posted models.PostableAlerts
	err := json.Unmarshal(body, &posted)
	if err == nil {
		err = posted.Validate(strfmt.Default)
	}
	if err != nil {
		answer(w, http.StatusBadRequest, err.Error())
		return
	}
	alerts := make([]*notifier.Alert, 0, len(posted))
	for i, p := range posted {
		if p == nil || len(p.Labels) == 0 {
			answer(w, http.StatusBadRequest, fmt.Sprintf("alert %d: want labels", i))
			return
		}
		alerts = append(alerts, &notifier.Alert{
			Labels: labels.FromMap(p.Labels), Annotations: labels.FromMap(p.Annotations),
			StartsAt: time.Time(p.StartsAt), EndsAt: time.Time(p.EndsAt), GeneratorURL: string(p.GeneratorURL),
		})
	}
	f.raise(alerts...)
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "%q\n", text)
}

// firstThatAnswers tries Alertmanagers in the order of the configuration, those that fail already last.
type firstThatAnswers struct{ *Fleet }

// RoundTrip implements http.RoundTripper.
func (f firstThatAnswers) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, fmt.Errorf("read a request: %w", err)
		}
	}
	now := time.Now()
	senders := slices.Clone(f.senders)
	slices.SortStableFunc(senders, func(a, b *sender) int {
		return int(min(a.failingFor(now), 1) - min(b.failingFor(now), 1))
	})
	var errs []error
	for _, s := range senders {
		out := r.Clone(r.Context())
		out.URL = s.target.api(r.URL.Path)
		out.URL.RawQuery, out.Host = r.URL.RawQuery, ""
		if len(body) > 0 {
			out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		}
		resp, err := s.client.Transport.RoundTrip(out)
		if err == nil {
			return resp, nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", s.target.Name, err))
		if r.Context().Err() != nil || !again(r.Method, err) {
			break
		}
	}
	return nil, errors.Join(errs...)
}

// again reports whether another Alertmanager may be asked: what makes a silence must not be done twice.
func again(method string, err error) bool {
	return method == http.MethodGet || method == http.MethodHead || unheard(err)
}
