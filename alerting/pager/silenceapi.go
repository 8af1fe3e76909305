package pager

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/prometheus/alertmanager/silence"
	"github.com/prometheus/alertmanager/silence/silencepb"
	"google.golang.org/protobuf/proto"
)

// maxSilence bounds the body of a silence, in bytes.
const maxSilence = 1 << 20

// changeSilence serves the requests that make, change or expire a silence. Room on disk is reserved first, then
// upstream's handler does its work, and its answer leaves when the change is on disk. Should the disk fail in spite
// of the reservation, the change is undone as far as upstream allows, and the answer is 503.
func (p *Pager) changeSilence(theirs http.Handler, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxSilence))
	if err != nil {
		status := http.StatusBadRequest
		if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
			status = http.StatusRequestEntityTooLarge
		}
		http.Error(w, err.Error(), status)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	ctx, cancel := context.WithTimeout(r.Context(), diskTime)
	defer cancel()

	p.silenceChange.Lock()
	defer p.silenceChange.Unlock()
	before := p.silenceBefore(ctx, r, body)
	// A change writes the silence, in two forms for old readers, and may expire the one that it replaces.
	room := 2*len(body) + 4096
	if before != nil {
		room += 2 * proto.Size(before)
	}
	if err := p.silenceJournal.Reserve(ctx, room); err != nil {
		p.logger.Error("silence refused: it could not be kept", "err", err)
		refuse(w, "the silence cannot be written to disk: "+err.Error())
		return
	}
	a := newAnswer()
	theirs.ServeHTTP(a, r)
	if !a.ok() {
		a.leave(w)
		return
	}
	if err := p.silenceJournal.Sync(ctx); err != nil {
		p.undoSilence(before, a)
		p.logger.Error("silence not kept", "err", err)
		refuse(w, "the silence could not be written to disk: "+err.Error())
		return
	}
	a.leave(w)
}

// silenceBefore returns the silence that a request is about to change, if there is one.
func (p *Pager) silenceBefore(ctx context.Context, r *http.Request, body []byte) *silencepb.Silence {
	id := strings.TrimPrefix(r.URL.Path, apiPrefix+"silence/")
	if r.Method == http.MethodPost {
		var named struct {
			ID string `json:"id"`
		}
		if json.Unmarshal(body, &named) != nil {
			return nil // upstream says what is wrong with it
		}
		id = named.ID
	}
	if id == "" {
		return nil
	}
	before, err := p.silences.QueryOne(ctx, silence.QIDs(id))
	if err != nil {
		return nil
	}
	return before
}

// undoSilence takes back what a request whose answer will be 503 did in memory: alerts must not stay silent by a
// silence of which its maker was told that it failed. An expired silence stays expired, which errs on the side of
// paging.
func (p *Pager) undoSilence(before *silencepb.Silence, a *answer) {
	var made struct {
		SilenceID string `json:"silenceID"`
	}
	if json.Unmarshal(a.body, &made) != nil || made.SilenceID == "" {
		return
	}
	// The request's context may be over, and there is nothing to wait for.
	var err error
	if before != nil && before.Id == made.SilenceID {
		err = p.silences.Set(context.Background(), before)
	} else {
		err = p.silences.Expire(context.Background(), made.SilenceID)
	}
	if err != nil {
		p.logger.Error("silence that could not be kept is in force until the next start", "silence", made.SilenceID, "err", err)
	}
}
