package httpapi

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/reading"
	"github.com/belfry-city/belfry/collector/tsdb"
)

// lines is a decoder of `name value`, one a line.
type lines struct{}

func (lines) Decode(m *input.Message, out *reading.Builder) {
	for i, line := range strings.Split(string(m.Body), "\n") {
		out.Part(i + 1)
		var name string
		var v float64
		if _, err := fmt.Sscan(line, &name, &v); err != nil {
			out.Refuse(reading.ReasonSyntax, "want a name and a value")
			continue
		}
		out.Begin(m.Received)
		out.Value(name, v)
	}
}

func withLines(o *Options) {
	o.Input = func(name string) (input.Decoder, bool) { return lines{}, name == "lines" || name == "json/pump" }
	o.InputNames = func() []string { return []string{"json/pump", "lines"} }
}

func TestAMessageThatIsPostedIsStoredUnderTheLabelsOfItsURL(t *testing.T) {
	b := start(t, withLines)
	resp, text := b.post(t, "/api/belfry/v1/in/lines?asset=W17&district=渝中", strings.NewReader("well_level_m 2\ngas_co_ppm 1"))
	require.Equal(t, 200, resp.StatusCode, text)
	require.JSONEq(t, `{"samples":2,"events":0}`, text)
	require.Equal(t, map[string]string{`{"__name__":"well_level_m","asset":"W17","district":"渝中"}`: "2"}, b.query(t, "well_level_m"))
	resp, text = b.post(t, "/api/belfry/v1/in/json/pump/", strings.NewReader("pump_speed_rpm 900"))
	require.Equal(t, 200, resp.StatusCode, text)
	require.EqualValues(t, 1, b.counter(`belfry_samples_total{input="json"}`))
}

func TestLabelsOfTheURLAreTextAndNothingElse(t *testing.T) {
	b := start(t, withLines)
	resp, text := b.post(t, "/api/belfry/v1/in/lines?asset=%B6%AB%C3%C5", strings.NewReader("well_level_m 2"))
	require.Equal(t, 200, resp.StatusCode, text)
	require.Contains(t, b.query(t, "well_level_m"), `{"__name__":"well_level_m","asset":"东门"}`, "GBK is translated")
	for _, value := range []string{"x%FFevil%FEyes", "%FF", "a%FE"} {
		resp, text = b.post(t, "/api/belfry/v1/in/lines?asset=i&site="+value, strings.NewReader("evil_level_m 2"))
		require.Equal(t, 400, resp.StatusCode, text)
		require.Contains(t, text, "want UTF-8 or GBK")
	}
	require.Empty(t, b.query(t, "evil_level_m"))
}

func TestTheGoodPartOfAPostedMessageIsStoredAndTheRestIsNamed(t *testing.T) {
	b := start(t, withLines)
	resp, text := b.post(t, "/api/belfry/v1/in/lines", strings.NewReader("a 1\nbroken\nc 3"))
	require.Equal(t, 400, resp.StatusCode)
	require.JSONEq(t, `{"error":"partial write: 1 refused, 2 samples stored; line 2: syntax: want a name and a value",
		"samples":2,"events":0,"refused":[{"line":2,"reason":"syntax","detail":"want a name and a value"}]}`, text)
	require.Len(t, b.query(t, `{__name__=~"a|c"}`), 2)
}

func TestPostsThatCannotBeTakenSayWhatWouldBe(t *testing.T) {
	b := start(t, withLines)
	for _, c := range []struct {
		method, path string
		status       int
		want         string
	}{
		{"POST", "/api/belfry/v1/in/nothing", 404, `there is no input \"nothing\" here; there are json/pump, lines`},
		{"POST", "/api/belfry/v1/in/", 404, "there are json/pump, lines"},
		{"GET", "/api/belfry/v1/in/lines", 405, "posted"},
		{"POST", "/api/belfry/v1/in/lines?__name__=x", 400, "such as ?asset=W17"},
		{"POST", "/api/belfry/v1/in/lines?asset=a&asset=b", 400, "once"},
	} {
		resp, text := b.send(t, c.method, c.path, strings.NewReader("a 1"))
		require.Equal(t, c.status, resp.StatusCode, c.path)
		require.Contains(t, text, c.want, c.path)
		require.True(t, json.Valid([]byte(text)), text)
	}
	none := start(t)
	resp, _ := none.post(t, "/api/belfry/v1/in/lines", strings.NewReader("a 1"))
	require.Equal(t, 404, resp.StatusCode)
}

func TestAPostThatCannotBeStoredIsToComeAgain(t *testing.T) {
	full := true
	b := startWith(t, tsdb.Options{Dir: t.TempDir(), FreeBytes: func(string) (int64, int64, error) {
		if full {
			return 1 << 10, 1 << 40, nil
		}
		return 1 << 39, 1 << 40, nil
	}}, withLines)
	resp, text := b.post(t, "/api/belfry/v1/in/lines", strings.NewReader("a 1"))
	require.Equal(t, 503, resp.StatusCode)
	require.NotEmpty(t, resp.Header.Get("Retry-After"))
	require.Contains(t, text, "disk")
	full = false
	require.Eventually(t, func() bool {
		resp, _ := b.post(t, "/api/belfry/v1/in/lines", strings.NewReader("a 1"))
		return resp.StatusCode == 200
	}, 10*time.Second, 50*time.Millisecond)
}
