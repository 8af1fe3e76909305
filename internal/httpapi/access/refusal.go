package access

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"
)

// refusal is an answer of 401 or 403 with its reason, which holds no secret.
type refusal struct {
	status int
	reason string
}

func isInflux1(path string) bool { return path == "/write" || path == "/query" }

// answer speaks as the client of the route expects it.
func (f *refusal) answer(w http.ResponseWriter, r *http.Request) {
	code := "forbidden"
	if f.status == http.StatusUnauthorized {
		code = "unauthorized"
		w.Header().Add("WWW-Authenticate", `Bearer realm="belfry"`)
		w.Header().Add("WWW-Authenticate", `Basic realm="belfry", charset="UTF-8"`)
	}
	var body any
	switch path := r.URL.Path; {
	case path == "/api/v2/write":
		body = map[string]string{"code": code, "message": f.reason}
	case isInflux1(path):
		w.Header().Set("X-Influxdb-Error", f.reason)
		body = map[string]string{"error": f.reason}
	case strings.HasPrefix(path, "/api/v1/"):
		body = map[string]string{"status": "error", "errorType": code, "error": f.reason}
	case strings.HasPrefix(path, "/api/belfry/"):
		body = map[string]string{"error": f.reason}
	default:
		http.Error(w, f.reason, f.status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(f.status)
	_ = json.NewEncoder(w).Encode(body) // the client may be gone
}

// complaints logs refusals, but not every one: a device with an old token
// sends every few seconds.
type complaints struct {
	logger *slog.Logger
	every  time.Duration

	mu     sync.Mutex
	next   time.Time
	unsaid int
}

func (c *complaints) add(r *http.Request, f *refusal) {
	now := time.Now()
	c.mu.Lock()
	if now.Before(c.next) {
		c.unsaid++
		c.mu.Unlock()
		return
	}
	unsaid := c.unsaid
	c.unsaid, c.next = 0, now.Add(c.every)
	c.mu.Unlock()
	c.logger.Warn("refused a request", "reason", f.reason, "method", r.Method, "url", RedactURL(r.URL),
		"from", r.RemoteAddr, "unlogged_before", unsaid)
}
