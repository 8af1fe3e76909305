package dashboards

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"path"

	"github.com/belfry-city/belfry/collector/input/camera"
	"github.com/belfry-city/belfry/dashboards/board"
	"github.com/belfry-city/belfry/dashboards/city"
	"github.com/belfry-city/belfry/dashboards/limit"
	"github.com/belfry-city/belfry/rules"
)

// FS has the generated dashboards, LANGUAGE/NAME.json, and what Grafana is
// provisioned with.
//
//go:embed en/*.json zh-CN/*.json provisioning
var FS embed.FS

// Generate makes all dashboards anew, by their names in FS.
func Generate() (map[string][]byte, error) {
	table, err := limit.Read(rules.FS)
	if err != nil {
		return nil, err
	}
	kinds, err := camera.NewKinds(nil, nil)
	if err != nil {
		return nil, fmt.Errorf("read what cameras see: %w", err)
	}
	sheets, err := city.Sheets(table, kinds.All())
	if err != nil {
		return nil, fmt.Errorf("describe the dashboards: %w", err)
	}
	files := map[string][]byte{}
	for _, l := range board.Languages() {
		for _, s := range sheets {
			var b bytes.Buffer
			e := json.NewEncoder(&b)
			e.SetEscapeHTML(false)
			e.SetIndent("", "  ")
			if err := e.Encode(board.Render(s, l)); err != nil {
				return nil, fmt.Errorf("write the dashboard %s: %w", s.Name, err)
			}
			files[path.Join(string(l), s.Name+".json")] = b.Bytes()
		}
	}
	return files, nil
}
