package pager

import (
	"encoding/json"
	"net/http"

	"github.com/prometheus/alertmanager/config"
	"go.yaml.in/yaml/v3"
)

// showStatus serves GET /api/v2/status with the configuration as its author wrote it. Upstream shows all defaults
// too, which an amtool of another version refuses as soon as one of them is new to it.
func (p *Pager) showStatus(theirs http.Handler, w http.ResponseWriter, r *http.Request) {
	a := newAnswer()
	theirs.ServeHTTP(a, r)
	var status map[string]any
	if shown := p.shown.Load(); a.ok() && shown != nil && json.Unmarshal(a.body, &status) == nil {
		status["config"] = map[string]string{"original": *shown}
		if body, err := json.Marshal(status); err == nil {
			a.body = append(body, '\n')
			a.header.Del("Content-Length")
		}
	}
	a.leave(w)
}

// asWritten returns the configuration in upstream's spelling, in which secrets are hidden, and of it only what stands
// in the author's text.
func asWritten(conf *config.Config, text string) string {
	full := conf.String()
	var doc yaml.Node
	var author map[string]any
	if yaml.Unmarshal([]byte(full), &doc) != nil || yaml.Unmarshal([]byte(text), &author) != nil || len(doc.Content) == 0 {
		return full
	}
	prune(doc.Content[0], author)
	out, err := yaml.Marshal(&doc)
	if err != nil {
		return full
	}
	return string(out)
}

// prune takes away the keys that the author did not write.
func prune(n *yaml.Node, author any) {
	switch written := author.(type) {
	case map[string]any:
		if n.Kind != yaml.MappingNode {
			return
		}
		kept := n.Content[:0]
		for i := 0; i+1 < len(n.Content); i += 2 {
			if value, ok := written[n.Content[i].Value]; ok {
				prune(n.Content[i+1], value)
				kept = append(kept, n.Content[i], n.Content[i+1])
			}
		}
		n.Content = kept
	case []any:
		if n.Kind != yaml.SequenceNode {
			return
		}
		for i := range min(len(n.Content), len(written)) {
			prune(n.Content[i], written[i])
		}
	}
}
