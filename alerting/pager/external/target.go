package external

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	commoncfg "github.com/prometheus/common/config"
	"go.yaml.in/yaml/v2"

	"github.com/belfry-city/belfry/internal/config/strict"
)

// Target is an Alertmanager. Make it by ReadTargets.
type Target struct {
	// Name is for logs and metrics: the address without user, password and scheme.
	Name string

	address *url.URL // without user and password
	client  commoncfg.HTTPClientConfig
}

// entry is a Target as it is written where more than its address is to be said.
type entry struct {
	URL    string                     `yaml:"url"`
	Client commoncfg.HTTPClientConfig `yaml:",inline"`
}

// ReadTargets reads the entries of pager.external: an address, or a mapping of url and the keys that Prometheus has for
// its HTTP clients (basic_auth, authorization, oauth2, tls_config, proxy_url, …). Paths are relative to the directory of
// file. The error is strict.Problems, and repeats no secret.
func ReadTargets(entries []strict.Raw, file string) ([]Target, error) {
	var targets []Target
	var problems strict.Problems
	names := map[string]string{}
	for _, e := range entries {
		var t Target
		wrong := e.Parse(func(text []byte) (err error) {
			t, err = parseTarget(text, file)
			return err
		}, word)
		problems = append(problems, wrong...)
		if len(wrong) > 0 {
			continue
		}
		if other, double := names[t.Name]; double {
			problems = append(problems, e.Problem("want each Alertmanager once; "+other+" is the same"))
			continue
		}
		names[t.Name] = e.Key()
		targets = append(targets, t)
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return targets, nil
}

var (
	errAddress = errors.New("want the address of an Alertmanager, such as http://10.0.0.9:9093 or https://user:password@am.example.org/prefix")
	errTwice   = errors.New("want user and password once; they are in the address and under another key")
)

func parseTarget(text []byte, file string) (t Target, err error) {
	// Upstream's parser is not meant for everything that a YAML tree can be.
	defer func() {
		if p := recover(); p != nil {
			err = errAddress
		}
	}()
	e := entry{Client: commoncfg.DefaultHTTPClientConfig}
	if yaml.Unmarshal(text, &e.URL) != nil {
		if err := yaml.UnmarshalStrict(text, &e); err != nil {
			return t, err
		}
	}
	u, err := url.Parse(e.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" {
		return t, errAddress
	}
	if err := e.Client.Validate(); err != nil {
		return t, err
	}
	if u.User != nil {
		if e.Client.BasicAuth != nil || e.Client.Authorization != nil || e.Client.OAuth2 != nil {
			return t, errTwice
		}
		password, _ := u.User.Password()
		e.Client.BasicAuth = &commoncfg.BasicAuth{Username: u.User.Username(), Password: commoncfg.Secret(password)}
		u.User = nil
	}
	// Some write the address of its API.
	u.Path = strings.TrimSuffix(strings.TrimSuffix(strings.TrimRight(u.Path, "/"), "/api/v2/alerts"), "/api/v2")
	u.RawPath = ""
	if file != "" {
		e.Client.SetDirectory(filepath.Dir(file))
	}
	t = Target{Name: u.Host + u.Path, address: u, client: e.Client}
	// Files of certificates are read when a client is made.
	transport, err := t.transport()
	if err != nil {
		return t, err
	}
	transport.CloseIdleConnections()
	return t, nil
}

// dialTime is how long a connection may take.
const dialTime = 3 * time.Second

// idleCloser is a transport whose connections can be given up.
type idleCloser interface {
	http.RoundTripper
	CloseIdleConnections()
}

func (t Target) transport() (idleCloser, error) {
	// Others are tried while one does not answer at all.
	dialer := &net.Dialer{Timeout: dialTime, KeepAlive: 30 * time.Second}
	rt, err := commoncfg.NewRoundTripperFromConfig(t.client, "pager", commoncfg.WithDialContextFunc(dialer.DialContext))
	if err != nil {
		return nil, fmt.Errorf("make a client for %s: %w", t.Name, err)
	}
	if closer, ok := rt.(idleCloser); ok {
		return closer, nil
	}
	return keepsOpen{rt}, nil
}

// keepsOpen is a transport that has no way to give up its connections.
type keepsOpen struct{ http.RoundTripper }

func (keepsOpen) CloseIdleConnections() {}

// api is the address of a path of the API.
func (t Target) api(path string) *url.URL {
	u := *t.address
	u.Path += path
	return &u
}

var (
	unknownField = regexp.MustCompile(`^field (\S+) not found in type `)
	wrongType    = regexp.MustCompile(`(?s)^cannot unmarshal `)
)

// word says in Belfry's words what the parser says about a part of an entry. It does not say what is written there.
func word(said, _ string) string {
	if m := unknownField.FindStringSubmatch(said); m != nil {
		if near := strict.Nearest(m[1], keys()); near != "" {
			return fmt.Sprintf("unknown key; did you mean %q?", near)
		}
		return "unknown key; Prometheus' documentation of its HTTP clients names those that there are"
	}
	switch {
	case wrongType.MatchString(said):
		return "want what Prometheus takes for HTTP clients; got a value of another kind"
	case strings.HasPrefix(said, "want "):
		return said
	}
	return "want what Prometheus takes for HTTP clients; it says: " + strings.TrimPrefix(said, "yaml: ")
}

// keys are those of an entry and of what is in it.
func keys() []string {
	list := []string{"url"}
	for _, t := range []reflect.Type{
		reflect.TypeFor[commoncfg.HTTPClientConfig](), reflect.TypeFor[commoncfg.ProxyConfig](), reflect.TypeFor[commoncfg.BasicAuth](),
		reflect.TypeFor[commoncfg.Authorization](), reflect.TypeFor[commoncfg.OAuth2](), reflect.TypeFor[commoncfg.TLSConfig](),
	} {
		for i := range t.NumField() {
			if key, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ","); key != "" && key != "-" {
				list = append(list, key)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
