package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/belfry-city/belfry/dashboards"
	"github.com/belfry-city/belfry/dashboards/grafana"
)

// service is one of docker-compose.yml, and what an image needs to start it.
type service struct {
	Build       struct{ Context, Target string }
	Command     []string
	User        string
	ReadOnly    bool `yaml:"read_only"`
	Tmpfs       []string
	Volumes     []string
	CapDrop     []string `yaml:"cap_drop"`
	Ports       []string
	Environment map[string]string
	Healthcheck struct{ Test []string }
}

func composed(t *testing.T) map[string]service {
	t.Helper()
	content, err := os.ReadFile("../../docker-compose.yml")
	require.NoError(t, err)
	var file struct{ Services map[string]service }
	require.NoError(t, yaml.Unmarshal(content, &file))
	require.Contains(t, file.Services, "belfry")
	require.Contains(t, file.Services, "grafana")
	return file.Services
}

// stages are the instructions of the Dockerfile, by the name of their stage.
func stages(t *testing.T) map[string][]string {
	t.Helper()
	content, err := os.ReadFile("../../Dockerfile")
	require.NoError(t, err)
	text := strings.ReplaceAll(string(content), "\\\n", " ")
	out := map[string][]string{}
	stage := ""
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 4 && words[0] == "FROM" {
			stage = words[3]
		}
		if len(words) > 0 && words[0] != "#" {
			out[stage] = append(out[stage], strings.Join(words, " "))
		}
	}
	return out
}

// TestComposedServicesAreConfined is about what a break-in would find.
func TestComposedServicesAreConfined(t *testing.T) {
	for name, s := range composed(t) {
		user, _, _ := strings.Cut(s.User, ":")
		assert.Regexp(t, `^[1-9][0-9]*$`, user, name)
		assert.True(t, s.ReadOnly, name)
		assert.Equal(t, []string{"ALL"}, s.CapDrop, name)
		for _, p := range s.Ports {
			assert.True(t, strings.HasPrefix(p, "127.0.0.1:"), "%s: %s can be reached from beyond the machine", name, p)
		}
		built := stages(t)[s.Build.Target]
		require.NotEmpty(t, built, "the Dockerfile has no stage %s", s.Build.Target)
		assert.True(t, slices.ContainsFunc(built, func(l string) bool { return l == "USER "+s.User }), "%s: the image is for another user", name)
	}
}

// TestComposedBelfryStarts runs the command of docker-compose.yml, with an address
// and a directory of the test, and then its health check.
func TestComposedBelfryStarts(t *testing.T) {
	s := composed(t)["belfry"]
	assert.Contains(t, stages(t)["belfry"], `ENTRYPOINT ["/belfry"]`)
	command := slices.Clone(s.Command)
	listen := slices.Index(command, "--listen") + 1
	require.Positive(t, listen)
	_, port, err := net.SplitHostPort(command[listen])
	require.NoError(t, err)
	require.Equal(t, []string{"127.0.0.1:" + port + ":" + port}, s.Ports, "the port that it listens on")
	command[listen] = "127.0.0.1:0"
	external := command[slices.Index(command, "--external-url")+1]
	require.Equal(t, "http://localhost:"+port, external, "where a browser on this machine finds it")
	directory := slices.Index(command, "--data-dir") + 1
	require.Positive(t, directory)
	_, inside, _ := strings.Cut(s.Volumes[0], ":")
	require.True(t, strings.HasPrefix(command[directory], inside+"/"), "data are kept where a volume is")
	command[directory] = filepath.Join(t.TempDir(), "demo")

	require.Equal(t, "demo", command[0])
	d := startDemoWith(t, command[1:]...)
	t.Cleanup(func() {
		require.NoError(t, d.Process.Signal(os.Interrupt))
		d.until(t, "summary")
		require.NoError(t, d.Wait())
	})
	response, err := http.Get(d.url + "/-/ready")
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)
	linksLeadTo(t, d, external)
	require.Equal(t, []string{"CMD", "/belfry"}, s.Healthcheck.Test[:2])
	check := exec.CommandContext(t.Context(), "belfry", s.Healthcheck.Test[2:]...)
	check.Env = append(os.Environ(), "BELFRY_URL="+d.url)
	output, err := check.CombinedOutput()
	require.NoError(t, err, "%s", output)
}

// linksLeadTo is about the hazards that a new demo begins with.
func linksLeadTo(t *testing.T, d *demoProcess, external string) {
	t.Helper()
	response, err := http.Get(d.url + "/api/belfry/v1/hazards?limit=10")
	require.NoError(t, err)
	var list struct{ Hazards []struct{ URL string } }
	err = json.NewDecoder(response.Body).Decode(&list)
	require.NoError(t, errors.Join(err, response.Body.Close()))
	require.NotEmpty(t, list.Hazards)
	for _, h := range list.Hazards {
		require.True(t, strings.HasPrefix(h.URL, external+"/"), h.URL)
	}
}

func TestComposedGrafanaFindsItsFiles(t *testing.T) {
	s, image := composed(t)["grafana"], strings.Join(stages(t)["grafana"], "\n")
	version := regexp.MustCompile(`FROM grafana/grafana:12\.([0-9]+)\.`).FindStringSubmatch(image)
	require.NotNil(t, version)
	require.GreaterOrEqual(t, version[1], "3")
	assert.Contains(t, image, "GF_PLUGINS_ALLOW_LOADING_UNSIGNED_PLUGINS="+grafana.PluginID)
	assert.Contains(t, image, "/opt/belfry/plugins/"+grafana.PluginID)
	assert.Contains(t, image, "GF_PATHS_PLUGINS=/opt/belfry/plugins")
	belfry := composed(t)["belfry"]
	_, port, _ := strings.Cut(strings.TrimPrefix(belfry.Ports[0], "127.0.0.1:"), ":")
	assert.Equal(t, "http://belfry:"+port, s.Environment["BELFRY_URL"])
	// COPY dashboards/en /etc/belfry/dashboards/en and so on.
	at := map[string]string{}
	for _, m := range regexp.MustCompile(`COPY (dashboards/\S+) (\S+)`).FindAllStringSubmatch(image, -1) {
		_, err := os.Stat(filepath.Join("../..", m[1]))
		require.NoError(t, err)
		at[m[2]] = m[1]
	}
	home := regexp.MustCompile(`GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH=(\S+)`).FindStringSubmatch(image)
	require.NotNil(t, home)
	_, err := fs.Stat(dashboards.FS, path.Join(path.Base(path.Dir(home[1])), path.Base(home[1])))
	require.NoError(t, err)
	assert.Contains(t, at, path.Dir(home[1]))
	assert.Equal(t, "dashboards/provisioning", at["/etc/grafana/provisioning"])
}

// TestImagesAreOfTheVersionsThatAreTested compares the Dockerfile with go.mod.
func TestImagesAreOfTheVersionsThatAreTested(t *testing.T) {
	content, err := os.ReadFile("../../go.mod")
	require.NoError(t, err)
	wants := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindSubmatch(content)
	require.NotNil(t, wants)
	assert.True(t, strings.HasPrefix(stages(t)["go"][0], "FROM golang:"+string(wants[1])+"-"))
}
