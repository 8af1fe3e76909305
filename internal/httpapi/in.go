package httpapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/intake"
	"github.com/belfry-city/belfry/internal/httpapi/access"
)

// answerIn is how Belfry's own inputs answer.
type answerIn struct{}

func (answerIn) fail(w http.ResponseWriter, status int, err error) {
	writeJSON(w, status, map[string]any{"error": err.Error()})
}

func (answerIn) partial(w http.ResponseWriter, res intake.Result) {
	writeJSON(w, http.StatusBadRequest, map[string]any{
		"error": partialMessage(res), "samples": res.Samples, "events": res.Events, "refused": refusedLines(res),
	})
}

// take stores one message that was posted to an input. 200 says that it is on
// disk.
func (d *writeDoor) take(w http.ResponseWriter, r *http.Request) {
	a := answerIn{}
	name := strings.TrimSuffix(r.PathValue("input"), "/")
	if r.Method != http.MethodPost && r.Method != http.MethodPut {
		w.Header().Set("Allow", "POST, PUT")
		d.fail(w, a, http.StatusMethodNotAllowed, fmt.Errorf("messages for %s are posted", name))
		return
	}
	decoder, ok := d.decoder(name)
	if !ok {
		d.fail(w, a, http.StatusNotFound, fmt.Errorf("there is no input %q here; there are %s", name, strings.Join(d.inputNames(), ", ")))
		return
	}
	labels, err := queryLabels(r)
	if err != nil {
		d.fail(w, a, http.StatusBadRequest, err)
		return
	}
	kind, _, _ := strings.Cut(name, "/")
	from := source(kind, r)
	b, err := d.bodies.read(w, r)
	if err != nil {
		d.refuseBody(w, from, a, err)
		return
	}
	defer b.release()
	m := &input.Message{
		Body: b.bytes, ContentType: r.Header.Get("Content-Type"), Sender: from.Sender,
		Labels: labels, Received: time.Now().UnixMilli(),
	}
	res, err := d.opts.Intake.Take(r.Context(), kind, m, decoder)
	if err != nil {
		d.failStore(w, from, a, err)
		return
	}
	if res.Refused > 0 {
		a.partial(w, res)
		return
	}
	writeJSON(w, http.StatusOK, map[string]int{"samples": res.Samples, "events": res.Events})
}

func (d *writeDoor) decoder(name string) (input.Decoder, bool) {
	if d.opts.Input == nil {
		return nil, false
	}
	return d.opts.Input(name)
}

func (d *writeDoor) inputNames() []string {
	if d.opts.InputNames == nil {
		return []string{"none"}
	}
	return d.opts.InputNames()
}

// queryLabels are the parameters of the URL, such as ?asset=W17: what a device
// that cannot say who it is has in the address that it posts to.
func queryLabels(r *http.Request) ([]input.Label, error) {
	var labels []input.Label
	for name, values := range r.URL.Query() {
		if name == access.TokenParameter {
			continue
		}
		if !input.LabelName(name) || len(values) != 1 {
			return nil, fmt.Errorf("parameter %q of the URL: want the name of a label, once, such as ?asset=W17", name)
		}
		value, ok := utf8Text(values[0])
		if !ok {
			return nil, fmt.Errorf("parameter %q of the URL: want UTF-8 or GBK; got %q", name, values[0])
		}
		labels = append(labels, input.Label{Name: name, Value: value})
	}
	slices.SortFunc(labels, func(a, b input.Label) int { return strings.Compare(a.Name, b.Name) })
	return labels, nil
}

// utf8Text translates what is in GBK, as Chinese devices send it.
func utf8Text(text string) (string, bool) {
	if utf8.ValidString(text) {
		return text, true
	}
	text, err := simplifiedchinese.GB18030.NewDecoder().String(text)
	return text, err == nil && !strings.ContainsRune(text, utf8.RuneError)
}
