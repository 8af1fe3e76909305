package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	promql "github.com/prometheus/prometheus/promql/parser"

	"github.com/belfry-city/belfry/internal/config/strict"
)

// Forward is a remote database to which everything that is stored, or a part of
// it, is sent as well.
type Forward struct {
	Name        string // of a file, and the label target of metrics
	Type        ForwardType
	URL         string
	Org, Bucket string
	Username    string
	Token       string // or the password, with a Username
	Filter      []string
	Labels      map[string]string
	DropLabels  []string
	Names       string // one of the ForwardNames constants
	Dialect     string // one of the ForwardDialect constants
	Batch       int64  // samples
	Wait        time.Duration
	Timeout     time.Duration
	Connections int64
	Compression string // one of ForwardPlain and ForwardGzip
	Buffer      int64  // bytes
	Resend      time.Duration
	TLS         ForwardTLS
}

// ForwardType is the way to a remote database.
type ForwardType string

// The values of ForwardType.
const (
	ForwardInfluxDB2       ForwardType = "influxdb2"
	ForwardInfluxDB1       ForwardType = "influxdb1"
	ForwardVictoriaMetrics ForwardType = "victoriametrics"
)

// The values of Forward.Names, Dialect and Compression.
const (
	ForwardNamesSplit = "split"
	ForwardNamesValue = "value"
	ForwardNamesBare  = "bare"

	ForwardDialectAuto            = "auto"
	ForwardDialectInfluxDB        = "influxdb"
	ForwardDialectVictoriaMetrics = "victoriametrics"

	ForwardPlain = "none"
	ForwardGzip  = "gzip"
)

// ForwardTLS is how a remote database is trusted, and what it is shown. It holds
// what was in the files, so that a reload sees that they have changed.
type ForwardTLS struct {
	CA                 string // in PEM; "": the machine's
	Cert, Key          string // in PEM; "": none
	ServerName         string // "": the URL's
	InsecureSkipVerify bool
}

// Matchers are those of Filter, each of which selects series.
func (f *Forward) Matchers() (all [][]*labels.Matcher) {
	for _, text := range f.Filter {
		if selector, err := promql.NewParser(promql.Options{}).ParseMetricSelector(text); err == nil {
			all = append(all, selector)
		}
	}
	return all
}

// Client is nil where there is nothing to set.
func (t *ForwardTLS) Client() (*tls.Config, error) {
	if *t == (ForwardTLS{}) {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName, InsecureSkipVerify: t.InsecureSkipVerify}
	if t.CA != "" {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM([]byte(t.CA)) {
			return nil, errors.New("want ca to hold certificates in PEM; found none")
		}
	}
	if t.Cert == "" {
		return c, nil
	}
	pair, err := tls.X509KeyPair([]byte(t.Cert), []byte(t.Key))
	if err != nil {
		return nil, fmt.Errorf("want cert and key to be a pair in PEM: %w", err)
	}
	c.Certificates = []tls.Certificate{pair}
	return c, nil
}

func defaultForward() Forward {
	return Forward{
		Names: ForwardNamesSplit, Dialect: ForwardDialectAuto, Compression: ForwardPlain,
		Batch: 10_000, Wait: 500 * time.Millisecond, Timeout: 10 * time.Second, Connections: 2,
		Buffer: 10 << 30, Resend: 15 * time.Second,
	}
}

// forwardEntry is a Forward while it is read.
type forwardEntry struct {
	Forward
	tokens int // places that one was taken from
}

func (p *parser) forward(v strict.Value, c *Config) {
	names := map[string]int{}
	strict.List(v, "a list of targets, each with name, type and url", func(v strict.Value) {
		f := forwardEntry{Forward: defaultForward()}
		before := v.Problems()
		strict.Mapping(v, &f, p.forwardKeys())
		if v.Problems() > before {
			return
		}
		_, badTLS := f.TLS.Client()
		switch {
		case f.Name == "" || f.Type == "" || f.URL == "":
			v.Refuse("want name, type and url, such as {name: city, type: victoriametrics, url: \"http://10.0.0.9:8428\"}")
		case names[strings.ToLower(f.Name)] > 0:
			v.Refuse("want a name of its own; %q is already on line %d", f.Name, names[strings.ToLower(f.Name)])
		case f.tokens > 1:
			v.Refuse("want at most one of token, token_file and token_env; got %d of them", f.tokens)
		case f.Username != "" && f.Token == "":
			v.Refuse("want the password of username as token_file, token_env or token; got none")
		case f.Names == ForwardNamesBare && f.Type != ForwardVictoriaMetrics && f.Dialect != ForwardDialectVictoriaMetrics:
			v.Refuse("want names to be split or value, because only VictoriaMetrics takes lines without a measurement; got bare")
		case (f.TLS.Cert == "") != (f.TLS.Key == ""):
			v.Refuse("tls: want both cert and key, or neither; got one of them")
		case f.TLS != (ForwardTLS{}) && !strings.HasPrefix(f.URL, "https:"):
			v.Refuse("want a url with https, because tls is given")
		case badTLS != nil:
			v.Refuse("tls: %v", badTLS)
		case f.Type == ForwardInfluxDB2 && f.Bucket == "":
			v.Refuse("bucket: want the bucket to write to, because type is influxdb2; got none")
		}
		names[strings.ToLower(f.Name)] = v.Line()
		c.Forward = append(c.Forward, f.Forward)
	})
}

func (p *parser) forwardKeys() strict.Keys[forwardEntry] {
	type entry = forwardEntry
	return strict.Keys[entry]{
		"name": func(v strict.Value, f *entry) { strict.Set(v, &f.Name, forwardName) },
		"type": func(v strict.Value, f *entry) {
			strict.Set(v, &f.Type, strict.OneOf(ForwardInfluxDB2, ForwardVictoriaMetrics, ForwardInfluxDB1))
		},
		"url":      func(v strict.Value, f *entry) { strict.Set(v.Hidden(), &f.URL, forwardURL) },
		"org":      func(v strict.Value, f *entry) { strict.Set(v, &f.Org, strict.Free) },
		"bucket":   func(v strict.Value, f *entry) { strict.Set(v, &f.Bucket, strict.Free) },
		"username": func(v strict.Value, f *entry) { strict.Set(v, &f.Username, strict.Text("a user's name")) },
		"token": func(v strict.Value, f *entry) {
			f.tokens++
			strict.Set(v.Hidden(), &f.Token, secretText)
		},
		"token_file": func(v strict.Value, f *entry) {
			f.tokens++
			if text, ok := p.contents(v); ok {
				f.setToken(v, text)
			}
		},
		"token_env": func(v strict.Value, f *entry) {
			f.tokens++
			name, _ := v.Text()
			text, set := os.LookupEnv(name)
			if !set {
				v.Refuse("want the name of an environment variable that is set")
				return
			}
			f.setToken(v, text)
		},
		"filter":      forwardFilter,
		"labels":      func(v strict.Value, f *entry) { f.Labels = p.labelMap(v) },
		"drop_labels": forwardDropLabels,
		"names": func(v strict.Value, f *entry) {
			strict.Set(v, &f.Names, strict.OneOf(ForwardNamesSplit, ForwardNamesValue, ForwardNamesBare))
		},
		"dialect": func(v strict.Value, f *entry) {
			strict.Set(v, &f.Dialect, strict.OneOf(ForwardDialectAuto, ForwardDialectInfluxDB, ForwardDialectVictoriaMetrics))
		},
		"batch": func(v strict.Value, f *entry) {
			strict.Set(v, &f.Batch, atMost(strict.Whole("a whole number of samples", 1, 10_000), 1_000_000))
		},
		"wait": func(v strict.Value, f *entry) { strict.Set(v, &f.Wait, strict.Duration(0, "500ms")) },
		"timeout": func(v strict.Value, f *entry) {
			strict.Set(v, &f.Timeout, strict.Duration(100*time.Millisecond, "10s"))
		},
		"connections": func(v strict.Value, f *entry) {
			strict.Set(v, &f.Connections, atMost(strict.Whole("a whole number of connections", 1, 2), 64))
		},
		"compression": func(v strict.Value, f *entry) {
			strict.Set(v, &f.Compression, strict.OneOf(ForwardPlain, ForwardGzip))
		},
		"buffer": func(v strict.Value, f *entry) { strict.Set(v, &f.Buffer, strict.Size(0, "10GiB")) },
		"resend": func(v strict.Value, f *entry) { strict.Set(v, &f.Resend, strict.Duration(0, "15s")) },
		"tls":    p.forwardTLS,
	}
}

func (p *parser) forwardTLS(v strict.Value, f *forwardEntry) {
	strict.Mapping(v, &f.TLS, strict.Keys[ForwardTLS]{
		"ca":          func(v strict.Value, t *ForwardTLS) { t.CA, _ = p.contents(v) },
		"cert":        func(v strict.Value, t *ForwardTLS) { t.Cert, _ = p.contents(v) },
		"key":         func(v strict.Value, t *ForwardTLS) { t.Key, _ = p.contents(v) },
		"server_name": func(v strict.Value, t *ForwardTLS) { strict.Set(v, &t.ServerName, strict.Free) },
		"insecure_skip_verify": func(v strict.Value, t *ForwardTLS) {
			strict.Set(v, &t.InsecureSkipVerify, strict.Bool)
		},
	})
}

// contents reads the file whose path is written there; "" where there is none. ok
// is false where it cannot be read, which has been said then.
func (p *parser) contents(v strict.Value) (_ string, ok bool) {
	var path string
	p.optionalPath(v, &path)
	if path == "" {
		return "", true
	}
	text, err := os.ReadFile(path)
	if err != nil {
		v.Refuse("want a file that can be read: %v", errors.Unwrap(err))
	}
	return string(text), err == nil
}

func (f *forwardEntry) setToken(v strict.Value, text string) {
	token, want := secretText(strings.TrimSpace(text))
	if want != "" {
		v.Refuse("want it to hold %s; got something else", want)
		return
	}
	f.Token = token
}

// secretText is fit to stand in a header.
func secretText(text string) (string, string) {
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", "a token of one line"
	}
	return text, ""
}

func forwardFilter(v strict.Value, f *forwardEntry) {
	strict.List(v, `a list of selectors, such as ['{__name__=~"gas_.*"}']`, func(v strict.Value) {
		text, _ := v.Text()
		if _, err := promql.NewParser(promql.Options{}).ParseMetricSelector(text); err != nil {
			v.Refuse(`want a selector of series as in PromQL, such as '{__name__=~"gas_.*", district="yuzhong"}': %v`, err)
			return
		}
		f.Filter = append(f.Filter, text)
	})
}

func forwardDropLabels(v strict.Value, f *forwardEntry) {
	strict.List(v, "a list of labels, such as [instance]", func(v strict.Value) {
		var name string
		strict.Set(v, &name, labelName)
		f.DropLabels = append(f.DropLabels, name)
	})
}

// forwardName is fit to be the name of a directory.
func forwardName(text string) (string, string) {
	if !regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}$`).MatchString(text) {
		return "", "a name of letters, digits, _, . and -, which begins with a letter or digit and has at most 64 of them"
	}
	return text, ""
}

func forwardURL(text string) (string, string) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", "the address of a database, such as http://10.0.0.9:8428, without user, password and parameters"
	}
	return text, ""
}

// atMost narrows a scalar.
func atMost(read strict.Scalar[int64], most int64) strict.Scalar[int64] {
	return func(text string) (int64, string) {
		n, want := read(text)
		if want == "" && n > most {
			return 0, fmt.Sprintf("a whole number of at most %d", most)
		}
		return n, want
	}
}

// shownForward leaves secrets out.
func (c *Config) shownForward() any {
	targets := make([]any, 0, len(c.Forward))
	for _, f := range c.Forward {
		token := ""
		if f.Token != "" {
			token = secret
		}
		filter, dropped := append([]string{}, f.Filter...), append([]string{}, f.DropLabels...)
		targets = append(targets, mapping(
			"name", f.Name, "type", f.Type, "url", f.URL, "org", f.Org, "bucket", f.Bucket,
			"username", f.Username, "token", token, "filter", filter, "labels", f.Labels, "drop_labels", dropped,
			"names", f.Names, "dialect", f.Dialect, "batch", f.Batch, "wait", duration(f.Wait), "timeout", duration(f.Timeout),
			"connections", f.Connections, "compression", f.Compression, "buffer", f.Buffer, "resend", duration(f.Resend)))
	}
	return targets
}
