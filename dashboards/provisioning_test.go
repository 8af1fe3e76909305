package dashboards_test

import (
	"io/fs"
	"path"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/belfry-city/belfry/dashboards"
	"github.com/belfry-city/belfry/dashboards/board"
	"github.com/belfry-city/belfry/dashboards/grafana"
)

func read(t *testing.T, name string, into any) {
	t.Helper()
	content, err := fs.ReadFile(dashboards.FS, name)
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(content, into))
}

func TestDataSourcesAreProvisioned(t *testing.T) {
	var file struct {
		Datasources []struct {
			UID, Type, URL string
			IsDefault      bool              `yaml:"isDefault"`
			JSONData       map[string]any    `yaml:"jsonData"`
			Secure         map[string]string `yaml:"secureJsonData"`
		}
	}
	read(t, "provisioning/datasources/belfry.yml", &file)
	require.Len(t, file.Datasources, 2)
	source, alerts := file.Datasources[0], file.Datasources[1]
	assert.Equal(t, grafana.PluginID, source.Type)
	assert.True(t, source.IsDefault)
	assert.Equal(t, "${BELFRY_TOKEN}", source.Secure["token"])
	assert.Equal(t, "alertmanager", alerts.Type)
	assert.Equal(t, "prometheus", alerts.JSONData["implementation"])
	assert.Equal(t, source.URL, alerts.URL)
	assert.NotEqual(t, source.UID, alerts.UID)
}

func TestDashboardsOfBothLanguagesAreProvisioned(t *testing.T) {
	var file struct {
		Providers []struct {
			Name, Folder string
			Options      struct{ Path string }
		}
	}
	read(t, "provisioning/dashboards/belfry.yml", &file)
	seen := map[string]bool{}
	for _, p := range file.Providers {
		seen[path.Base(p.Options.Path)] = true
	}
	for _, l := range board.Languages() {
		assert.True(t, seen[string(l)], l)
	}
	assert.Len(t, file.Providers, len(board.Languages()))
}
