package config

import (
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/belfry-city/belfry/internal/config/strict"
)

// Load reads the file at path. The error is strict.Problems when something in
// the file is wrong.
func Load(path string) (*Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return Parse(path, data)
}

// Parse reads data. name is what the file is called in problems, and relative
// paths are resolved against its directory. The error is strict.Problems and
// holds all that is wrong.
func Parse(name string, data []byte) (*Config, error) {
	c, err := ParsePartly(name, data)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// ParsePartly is Parse for those who look for further mistakes: where something
// is wrong, the Config holds what is well, and defaults for the rest. It is nil
// where the file is no YAML.
func ParsePartly(name string, data []byte) (*Config, error) {
	p := &parser{file: strict.NewFile(name)}
	root, ok := p.file.YAML(data)
	if !ok {
		return nil, p.file.Err()
	}
	c := Default()
	c.File, c.lines = name, map[string]int{}
	c.DataDir = ResolvePath(name, c.DataDir)
	strict.Mapping(root, c, noteLines(p.keys()))
	c.lateForHJ212(p.lateGiven)
	return c, p.file.Err()
}

// Keys are the keys at the top of the file, also those of later versions.
func Keys() []string { return slices.Sorted(maps.Keys((&parser{}).keys())) }

// noteLines keeps where each key stands, for Config.Problem.
func noteLines(keys strict.Keys[Config]) strict.Keys[Config] {
	for name, read := range keys {
		if read == nil {
			continue
		}
		keys[name] = func(v strict.Value, c *Config) {
			c.lines[name] = v.Line()
			read(v, c)
		}
	}
	return keys
}

type parser struct {
	file      *strict.File
	lateGiven bool // limits.late
}

func (p *parser) keys() strict.Keys[Config] {
	return strict.Keys[Config]{
		"listen": func(v strict.Value, c *Config) {
			strict.Set(v, &c.Listen, strict.HostPort)
			c.listenInFile = c.Listen
		},
		"data_dir": func(v strict.Value, c *Config) { p.path(v, &c.DataDir) },
		"durability": func(v strict.Value, c *Config) {
			strict.Set(v, &c.Durability, strict.OneOf(DurabilityFsync, DurabilityOS))
		},
		"retention":       p.retention,
		"events":          p.events,
		"hazards":         p.hazards,
		"limits":          p.limits,
		"disk_reserve":    func(v strict.Value, c *Config) { strict.Set(v, &c.DiskReserve, strict.Size(0, "256MiB")) },
		"external_labels": p.externalLabels,
		"external_url":    func(v strict.Value, c *Config) { strict.Set(v, &c.ExternalURL, WebAddress) },
		"timezone":        func(v strict.Value, c *Config) { strict.Set(v, &c.Timezone, timezone) },
		"language": func(v strict.Value, c *Config) {
			strict.Set(v, &c.Language, strict.OneOf(LanguageEnglish, LanguageChinese))
		},
		"bucket_label": func(v strict.Value, c *Config) {
			if text, ok := v.Text(); ok && text == "" {
				c.BucketLabel = ""
				return
			}
			strict.Set(v, &c.BucketLabel, labelName)
		},
		"catalog":   func(v strict.Value, c *Config) { c.Catalog = p.paths(v, "catalog.yml") },
		"rules":     func(v strict.Value, c *Config) { c.Rules = p.globs(v, "rules/*.yml") },
		"detectors": func(v strict.Value, c *Config) { c.Detectors = p.globs(v, "detectors/*.yml") },
		"evaluation_interval": func(v strict.Value, c *Config) {
			strict.Set(v, &c.EvaluationInterval, strict.Duration(100*time.Millisecond, "1s"))
		},
		"query":   p.query,
		"devices": p.devices,
		"pager":   p.pager,
		"auth":    p.auth,
		"tls":     p.tls,
		"log":     p.log,
		"inputs":  p.inputs,
		"forward": p.forward,
	}
}

func (p *parser) retention(v strict.Value, c *Config) {
	strict.Mapping(v, &c.Retention, strict.Keys[Retention]{
		"time": func(v strict.Value, r *Retention) { strict.Set(v, &r.Time, strict.Duration(0, "90d")) },
		"size": func(v strict.Value, r *Retention) { strict.Set(v, &r.Size, strict.Size(0, "100GB")) },
	})
}

func (p *parser) limits(v strict.Value, c *Config) {
	strict.Mapping(v, &c.Limits, strict.Keys[Limits]{
		"series": func(v strict.Value, l *Limits) {
			strict.Set(v, &l.Series, strict.Whole("a whole number of series", 1, 1_000_000))
		},
		"exemplars": func(v strict.Value, l *Limits) {
			strict.Set(v, &l.Exemplars, strict.Whole("a whole number of exemplars", 0, 100_000))
			const most = 100_000_000 // there is memory for all of them from the start
			if l.Exemplars > most {
				v.Refuse("want at most %d exemplars, which are held in memory", most)
			}
		},
		"late": func(v strict.Value, l *Limits) {
			p.lateGiven = true
			strict.Set(v, &l.Late, strict.Duration(0, "24h"))
		},
		"early":     func(v strict.Value, l *Limits) { strict.Set(v, &l.Early, strict.Duration(0, "10m")) },
		"body":      func(v strict.Value, l *Limits) { strict.Set(v, &l.Body, strict.Size(1<<10, "32MiB")) },
		"line":      func(v strict.Value, l *Limits) { strict.Set(v, &l.Line, strict.Size(1<<8, "64KiB")) },
		"in_flight": func(v strict.Value, l *Limits) { strict.Set(v, &l.InFlight, strict.Size(1<<10, "128MiB")) },
		"watched": func(v strict.Value, l *Limits) {
			strict.Set(v, &l.Watched, strict.Whole("a whole number of series", 1, 200_000))
		},
		"body_time": func(v strict.Value, l *Limits) { strict.Set(v, &l.BodyTime, strict.Duration(time.Second, "30s")) },
	})
	if c.Limits.InFlight < c.Limits.Body {
		v.Refuse("want in_flight to be at least body, so that the largest request fits; got %d bytes and %d bytes",
			c.Limits.InFlight, c.Limits.Body)
	}
}

func (p *parser) query(v strict.Value, c *Config) {
	strict.Mapping(v, &c.Query, strict.Keys[Query]{
		"timeout": func(v strict.Value, q *Query) {
			strict.Set(v, &q.Timeout, strict.Duration(time.Millisecond, "2m"))
		},
		"max_samples": func(v strict.Value, q *Query) {
			strict.Set(v, &q.MaxSamples, strict.Whole("a whole number of samples", 1, 50_000_000))
		},
		"max_concurrent": func(v strict.Value, q *Query) {
			strict.Set(v, &q.MaxConcurrent, strict.Whole("a whole number of queries", 1, 4))
		},
		"lookback": func(v strict.Value, q *Query) {
			strict.Set(v, &q.Lookback, strict.Duration(time.Second, "5m"))
		},
	})
}

func (p *parser) devices(v strict.Value, c *Config) {
	strict.Mapping(v, &c.Devices, strict.Keys[Devices]{
		"silent_after": func(v strict.Value, d *Devices) {
			strict.Set(v, &d.SilentAfter, strict.Number("a number of expected intervals from 1 to 1000, such as 3", 1, 1000))
		},
		"least":  func(v strict.Value, d *Devices) { strict.Set(v, &d.Least, strict.Duration(time.Second, "5s")) },
		"forget": func(v strict.Value, d *Devices) { strict.Set(v, &d.Forget, strict.Duration(time.Minute, "7d")) },
		"max": func(v strict.Value, d *Devices) {
			strict.Set(v, &d.Max, strict.Whole("a whole number of devices", 0, 1_000_000))
		},
	})
}

func (p *parser) pager(v strict.Value, c *Config) {
	strict.Mapping(v, &c.Pager, strict.Keys[Pager]{
		"config": func(v strict.Value, g *Pager) { p.optionalPath(v, &g.Config) },
		"external": func(v strict.Value, g *Pager) {
			g.External = nil
			strict.List(v, `a list of Alertmanagers, such as ["http://am1:9093", "http://am2:9093"]`, func(v strict.Value) {
				g.External = append(g.External, v.Hidden().Raw())
			})
		},
	})
	if c.Pager.Config != "" && len(c.Pager.External) > 0 {
		v.Refuse("want config, which is for the embedded Alertmanager, or external, which are used instead of it; got both")
	}
}

func (p *parser) tls(v strict.Value, c *Config) {
	strict.Mapping(v, &c.TLS, strict.Keys[TLS]{
		"cert": func(v strict.Value, t *TLS) { p.optionalPath(v, &t.Cert) },
		"key":  func(v strict.Value, t *TLS) { p.optionalPath(v, &t.Key) },
	})
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		v.Refuse("want both cert and key, or neither; got one of them")
	}
}

func (p *parser) log(v strict.Value, c *Config) {
	strict.Mapping(v, &c.Log, strict.Keys[Log]{
		"level":  func(v strict.Value, l *Log) { strict.Set(v, &l.Level, logLevel) },
		"format": func(v strict.Value, l *Log) { strict.Set(v, &l.Format, strict.OneOf(LogText, LogJSON)) },
	})
}

func (p *parser) externalLabels(v strict.Value, c *Config) {
	b := labels.NewBuilder(labels.EmptyLabels())
	strict.Pairs(v, "labels and their values, such as {district: yuzhong}", func(name string, v strict.Value) {
		if _, want := labelName(name); want != "" {
			v.Refuse("want %s", want)
			return
		}
		var value string
		strict.Set(v, &value, strict.Text("a value for the label"))
		b.Set(name, value)
	})
	c.ExternalLabels = b.Labels()
}

// globs is never nil, which would mean the defaults.
func (p *parser) globs(v strict.Value, example string) []string {
	globs := []string{}
	strict.List(v, fmt.Sprintf("a list of files, such as [%q]", written(v, example)), func(v strict.Value) {
		if _, text := v.Text(); !text && !v.IsNull() {
			v.Want(fmt.Sprintf("the path of a file that has this in it, such as %q", example))
			return
		}
		var glob string
		strict.Set(v, &glob, shellPattern)
		if glob != "" {
			globs = append(globs, ResolveGlob(p.file.Name(), glob))
		}
	})
	return globs
}

// written is what stands there where that is a text by itself, or the example.
func written(v strict.Value, example string) string {
	if text, ok := v.Text(); ok && text != "" {
		return text
	}
	return example
}

func (p *parser) paths(v strict.Value, example string) (paths []string) {
	strict.List(v, "a list of files, such as ["+written(v, example)+"]", func(v strict.Value) {
		var path string
		p.path(v, &path)
		if path != "" {
			paths = append(paths, path)
		}
	})
	return paths
}

func shellPattern(text string) (string, string) {
	if _, err := filepath.Match(text, ""); err != nil || text == "" {
		return "", "a path, in which *, ? and [a-z] are as in a shell"
	}
	return text, ""
}

func (p *parser) path(v strict.Value, into *string) {
	var path string
	strict.Set(v, &path, strict.Text("the path of a file or directory"))
	*into = ResolvePath(p.file.Name(), path)
}

func (p *parser) optionalPath(v strict.Value, into *string) {
	if text, ok := v.Text(); ok && text == "" {
		*into = ""
		return
	}
	p.path(v, into)
}

var labelPattern = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

func labelName(text string) (string, string) {
	if !labelPattern.MatchString(text) || strings.HasPrefix(text, "__") {
		return "", "a label name of letters, digits and _, not beginning with a digit or __"
	}
	return text, ""
}

func timezone(text string) (*time.Location, string) {
	const want = "a time zone such as Asia/Shanghai, UTC, or Local for the machine's own"
	if text == "" {
		return nil, want
	}
	zone, err := time.LoadLocation(text)
	if err != nil {
		return nil, want
	}
	return zone, ""
}

// WebAddress reads the address under which people reach Belfry. Where it is none, it
// says what is wanted; no text is no address.
func WebAddress(text string) (*url.URL, string) {
	if text == "" {
		return nil, ""
	}
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, "the address under which people reach Belfry, such as https://belfry.example.org/"
	}
	return u, ""
}

func logLevel(text string) (slog.Level, string) {
	levels := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}
	if level, ok := levels[text]; ok {
		return level, ""
	}
	_, want := strict.OneOf("debug", "info", "warn", "error")(text)
	return 0, want
}
