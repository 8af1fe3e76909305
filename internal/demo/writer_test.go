package demo

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReadingsAreSentAgainUntilTheyAreTaken(t *testing.T) {
	answers := []struct {
		status int
		body   string
	}{
		{http.StatusServiceUnavailable, `{"code":"unavailable","message":"the disk is full"}`},
		{http.StatusTooManyRequests, `{"code":"too many requests","message":"overloaded"}`},
		{http.StatusNoContent, ""},
	}
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		answer := answers[len(got)]
		got = append(got, r.URL.String()+" "+string(body))
		w.WriteHeader(answer.status)
		_, _ = io.WriteString(w, answer.body)
	}))
	defer server.Close()
	tally := newTally()
	w := newWriter(server.URL, tally)
	defer w.close()
	require.NoError(t, w.write(t.Context(), []byte("gas,asset=W1 co_ppm=1 1\n"), 1))
	want := "/api/v2/write?org=belfry&bucket=demo&precision=ns gas,asset=W1 co_ppm=1 1\n"
	require.Equal(t, []string{want, want, want}, got)
	s := tally.status()
	require.Equal(t, 1, s.stored)
	require.Zero(t, s.refused)
	require.NoError(t, s.trouble)
}

func TestWhoStopsDoesNotWaitForAFullDisk(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cancel()
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, `{"code":"unavailable","message":"the disk is full"}`)
	}))
	defer server.Close()
	tally := newTally()
	w := newWriter(server.URL, tally)
	defer w.close()
	require.NoError(t, w.write(ctx, []byte("gas,asset=W1 co_ppm=1 1\n"), 1))
	s := tally.status()
	require.Zero(t, s.stored)
	require.ErrorContains(t, s.trouble, "the disk is full")
}

func TestRefusedLinesAreCounted(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"code":"invalid","message":"partial write: 2 refused, 5 samples stored; line 1: …"}`)
	}))
	defer server.Close()
	tally := newTally()
	w := newWriter(server.URL, tally)
	defer w.close()
	require.NoError(t, w.write(t.Context(), []byte("x"), 7))
	s := tally.status()
	require.Equal(t, 5, s.stored)
	require.Equal(t, 2, s.refused)
}
