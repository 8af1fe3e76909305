package live

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/live"

	"github.com/belfry-city/belfry/grafana-plugin/pkg/query"
	"github.com/belfry-city/belfry/grafana-plugin/pkg/wording"
)

// Spec is what a channel is of.
type Spec struct {
	Query query.Model `json:"q"`
	// Span is the length of the panel's time, in milliseconds.
	Span int64 `json:"s,omitempty"`
}

// Length is Span.
func (s Spec) Length() time.Duration { return time.Duration(s.Span) * time.Millisecond }

const (
	// pathBytes leaves room for the uid of a data source: Grafana takes channels
	// of up to 160 bytes.
	pathBytes = 110
	// packable is from when on a text is not worth the attempt to make it short.
	packable = 512
	// remembered bounds the queries that are kept by their hash.
	remembered = 4096
	specBytes  = 64 << 10
)

// Channels gives queries the names of channels, and finds the query of a name.
// A short query is in its name, so that every process of the plugin knows it,
// also after a restart; of a long one the name is a hash. It is safe for
// concurrent use.
type Channels struct {
	uid string

	mu    sync.Mutex
	known map[string]Spec
}

// NewChannels is for the data source with a uid.
func NewChannels(uid string) *Channels { return &Channels{uid: uid, known: map[string]Spec{}} }

// ErrUnknown is for a name that is nobody's.
var ErrUnknown error = &wording.Fault{Text: wording.Text{
	EN: "there is no such channel; reload the dashboard", ZH: "没有这个实时通道，请重新加载仪表板",
}}

// Of returns the channel of a query, as Grafana names it; empty: it cannot have
// one.
func (c *Channels) Of(s Spec) string {
	path, err := c.path(s)
	if err != nil {
		return ""
	}
	ch := live.Channel{Scope: live.ScopeDatasource, Namespace: c.uid, Path: path}
	if _, err := live.ParseChannel(ch.String()); err != nil {
		return ""
	}
	return ch.String()
}

func (c *Channels) path(s Spec) (string, error) {
	s.Query.RefID, s.Query.Live = "", false
	text, err := json.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("name a channel: %w", err)
	}
	// A second time, as reading leaves out words of filters that filter nothing.
	s = Spec{}
	if err := json.Unmarshal(text, &s); err != nil {
		return "", fmt.Errorf("name a channel: %w", err)
	}
	if text, err = json.Marshal(s); err != nil {
		return "", fmt.Errorf("name a channel: %w", err)
	}
	prefix := map[string]string{query.KindHazards: "hazards/", query.KindAssets: "assets/", query.KindMetrics: "values/"}[s.Query.Kind]
	if prefix == "" || len(text) > specBytes {
		return "", ErrUnknown
	}
	if len(text) <= packable {
		if packed := pack(text); packed != "" && len(prefix)+1+len(packed) <= pathBytes {
			path := prefix + "q" + packed
			return path, nil
		}
	}
	sum := sha256.Sum256(text)
	path := prefix + "h" + hex.EncodeToString(sum[:16])
	c.mu.Lock()
	defer c.mu.Unlock()
	for name := range c.known {
		if len(c.known) < remembered {
			break
		}
		delete(c.known, name)
	}
	c.known[path] = s
	return path, nil
}

// Find returns the query of a path. data is what a subscriber sent along: a
// Spec, for names that are hashes of what this process was never asked.
func (c *Channels) Find(path string, data json.RawMessage) (Spec, error) {
	_, name, ok := strings.Cut(path, "/")
	if !ok || name == "" || len(path) > 160 {
		return Spec{}, ErrUnknown
	}
	c.mu.Lock()
	s, known := c.known[path]
	c.mu.Unlock()
	if known {
		return s, nil
	}
	text := []byte(data)
	if name[0] == 'q' {
		var err error
		if text, err = unpack(name[1:]); err != nil {
			return Spec{}, ErrUnknown
		}
	}
	if len(text) == 0 || len(text) > specBytes || json.Unmarshal(text, &s) != nil {
		return Spec{}, ErrUnknown
	}
	// Only the name that this query has: it was checked as any query.
	if own, err := c.path(s); err != nil || own != path {
		return Spec{}, ErrUnknown
	}
	return s, nil
}

// dictionary is what queries are made of, so that most of them fit into a name.
// A change of it makes other names, as a change of the model does.
const dictionary = `"limit":1000}},"s":604800000,"s":86400000,"s":3600000,"s":21600000` +
	`"__name__=~"rate(sum by (asset)[5m])"range":true,"instant":true,"legendFormat":"{{asset}}","format":"time_series",` +
	`"street":["解放碑街道"],"district":["渝中区"],"rule":["asset":["metrics":["q":"` +
	`"sanitation","municipal","landscape","urban_management","volunteers"],"team":["gas","bridge","tunnel","road","drainage","water",` +
	`"lighting","landscape","parking","camera","device"],"domain":["info","critical","warning"],"severity":["resolved"],"status":["open"],` +
	`"show":"open","by":"domain","show":"map","show":"table","by":"severity",` +
	`{"q":{"kind":"metrics","lang":"en","expr":"{"q":{"kind":"assets","lang":"en","assets":{{"q":{"kind":"hazards","lang":"zh-CN","hazards":{"show":"table","status":["open"]`

func pack(text []byte) string {
	var b bytes.Buffer
	w, err := flate.NewWriterDict(&b, flate.BestCompression, []byte(dictionary))
	if err != nil {
		return ""
	}
	if _, err := w.Write(text); err != nil {
		return ""
	}
	if err := w.Close(); err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(b.Bytes())
}

func unpack(text string) ([]byte, error) {
	packed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(flate.NewReaderDict(bytes.NewReader(packed), []byte(dictionary)), specBytes+1))
}
