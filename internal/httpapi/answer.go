package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/belfry-city/belfry/collector/intake"
)

// answer is how one version of InfluxDB words an error.
type answer interface {
	fail(w http.ResponseWriter, status int, err error)
	partial(w http.ResponseWriter, res intake.Result)
}

// answerV1 is {"error": "..."}, as clients of InfluxDB 1 and Telegraf read it.
type answerV1 struct{}

func (answerV1) fail(w http.ResponseWriter, status int, err error) {
	w.Header().Set("X-Influxdb-Error", oneLine(err.Error()))
	writeJSON(w, status, map[string]string{"error": err.Error()})
}

func (answerV1) partial(w http.ResponseWriter, res intake.Result) {
	message := partialMessage(res) + fmt.Sprintf(" dropped=%d", res.Refused)
	w.Header().Set("X-Influxdb-Error", oneLine(message))
	writeJSON(w, http.StatusBadRequest, map[string]any{"error": message, "refused": refusedLines(res)})
}

// answerV2 is {"code": "...", "message": "..."}, as clients of InfluxDB 2 read
// it. The codes are InfluxDB's.
type answerV2 struct{}

func (answerV2) fail(w http.ResponseWriter, status int, err error) {
	code := "internal error"
	switch status {
	case http.StatusBadRequest, http.StatusRequestTimeout, http.StatusUnsupportedMediaType:
		code = "invalid"
	case http.StatusMethodNotAllowed:
		code = "method not allowed"
	case http.StatusRequestEntityTooLarge:
		code = "request too large"
	case http.StatusTooManyRequests:
		code = "too many requests"
	case http.StatusServiceUnavailable:
		code = "unavailable"
	}
	writeJSON(w, status, map[string]string{"code": code, "message": err.Error()})
}

func (answerV2) partial(w http.ResponseWriter, res intake.Result) {
	writeJSON(w, http.StatusBadRequest, map[string]any{
		"code": "invalid", "message": partialMessage(res), "refused": refusedLines(res),
	})
}

// refusedLine is an addition to InfluxDB's bodies, for programs.
type refusedLine struct {
	Line   uint32 `json:"line"`
	Reason string `json:"reason"`
	Detail string `json:"detail"`
}

func refusedLines(res intake.Result) []refusedLine {
	lines := make([]refusedLine, 0, len(res.Refusals))
	for _, r := range res.Refusals {
		lines = append(lines, refusedLine{r.Line, string(r.Reason), r.Detail})
	}
	return lines
}

func partialMessage(res intake.Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "partial write: %d refused, %d samples stored", res.Refused, res.Samples)
	for i, r := range res.Refusals {
		if i == 5 {
			break
		}
		fmt.Fprintf(&b, "; %s", r)
	}
	if res.Refused > 5 {
		b.WriteString("; …")
	}
	return b.String()
}

func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return ' '
		}
		return r
	}, s)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
