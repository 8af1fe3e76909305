package pages

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// receiver is the webhook that Alertmanagers call.
type receiver struct {
	url    string
	server *http.Server
	served chan struct{}
}

// notification is what of Alertmanager's webhook matters here.
type notification struct {
	Alerts []struct {
		Status string            `json:"status"`
		Labels map[string]string `json:"labels"`
	} `json:"alerts"`
}

// receive calls came for each alert that fires, with the moment at which the
// request was there. It may be called concurrently.
func receive(ctx context.Context, came func(labels map[string]string, now time.Time)) (*receiver, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listening for pages: %w", err)
	}
	r := &receiver{url: "http://" + l.Addr().String() + "/page", served: make(chan struct{})}
	r.server = &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		text, err := io.ReadAll(req.Body)
		now := time.Now()
		var n notification
		if err = errors.Join(err, json.Unmarshal(text, &n)); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		for _, a := range n.Alerts {
			if a.Status == "firing" {
				came(a.Labels, now)
			}
		}
	})}
	go func() {
		defer close(r.served)
		_ = r.server.Serve(l)
	}()
	return r, nil
}

// close returns when no page is being received any more.
func (r *receiver) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := r.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, r.server.Close())
	}
	<-r.served
	return err
}
