package remote

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	influxhttp "github.com/influxdata/influxdb-client-go/v2/api/http"
)

// Kind is what can be done about a failure.
type Kind string

// The kinds of failures.
const (
	Away     Kind = "away"      // no answer: send it again later
	Busy     Kind = "busy"      // 408, 425, 429, 5xx: send it again later
	Denied   Kind = "denied"    // a wrong address, token or bucket: somebody has to look
	Refused  Kind = "refused"   // 400 or 422: something in the data
	TooLarge Kind = "too_large" // 413: send less at once
)

// Failure is why a batch was not accepted.
type Failure struct {
	Kind       Kind
	Status     int           // of HTTP; 0 where there was no answer
	RetryAfter time.Duration // that the answer asks for; 0: it does not
	Err        error
}

// Error implements error.
func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap implements errors.Unwrap.
func (f *Failure) Unwrap() error { return f.Err }

func away(err error) *Failure { return &Failure{Kind: Away, Err: err} }

const mostOfMessage = 300

// answered makes a Failure of an answer that is not 2xx.
func answered(status int, header http.Header, message string) *Failure {
	message = strings.Join(strings.Fields(strings.ToValidUTF8(message, "")), " ")
	if len(message) > mostOfMessage {
		message = strings.ToValidUTF8(message[:mostOfMessage], "") + "..."
	}
	f := &Failure{Kind: kindOf(status, message), Status: status, RetryAfter: retryAfter(header.Get("Retry-After"), time.Now())}
	switch {
	case status >= 300 && status < 400:
		f.Err = fmt.Errorf("answered with %d, a redirection to %q; want the address itself", status, header.Get("Location"))
	case message == "":
		f.Err = fmt.Errorf("answered with %d %s", status, http.StatusText(status))
	default:
		f.Err = fmt.Errorf("answered with %d %s: %s", status, http.StatusText(status), message)
	}
	return f
}

func kindOf(status int, message string) Kind {
	switch status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		// What Go's servers and nginx say to HTTP where HTTPS is spoken.
		if strings.Contains(message, "HTTP request to an HTTPS server") || strings.Contains(message, "HTTP request was sent to HTTPS port") {
			return Denied
		}
		return Refused
	case http.StatusRequestEntityTooLarge:
		return TooLarge
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return Busy
	}
	if status >= 500 {
		return Busy
	}
	return Denied
}

// retryAfter reads the header (RFC 9110, 10.2.3): seconds, or a date.
func retryAfter(text string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

// fromInflux makes a Failure of what InfluxDB's client returns.
func fromInflux(err error) *Failure {
	var failed *influxhttp.Error
	if !errors.As(err, &failed) || failed.StatusCode == 0 {
		return away(err)
	}
	message := failed.Message
	if message == "" {
		message = failed.Code
	}
	return answered(failed.StatusCode, failed.Header, message)
}
