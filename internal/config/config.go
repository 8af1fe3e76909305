package config

import (
	_ "embed" // example.yml
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"regexp"
	"runtime"
	"time"
	_ "time/tzdata" // a bare machine has no time zones of its own

	"github.com/prometheus/prometheus/model/labels"

	"github.com/belfry-city/belfry/internal/config/strict"
)

// Example is a configuration file that says every setting with its default
// and what it means. It parses to Default.
//
//go:embed example.yml
var Example string

// Config is the whole file. Paths are ready to be opened: relative ones have
// been resolved against the directory of the file.
type Config struct {
	// File is where the configuration was read from, "" for the defaults.
	File string

	Listen             string // host:port
	DataDir            string
	Durability         Durability
	Retention          Retention
	Events             Events
	Hazards            Hazards
	Limits             Limits
	DiskReserve        int64 // bytes that are kept free; 0: the smaller of 256 MiB and a tenth of the volume
	ExternalLabels     labels.Labels
	ExternalURL        *url.URL       // nil: made from Listen
	Timezone           *time.Location // never nil
	Language           Language
	BucketLabel        string // "": db and bucket are ignored
	Catalog            []string
	Rules              []string // globs; nil: the embedded defaults, empty: none
	Detectors          []string // globs; nil: the embedded defaults where Rules is nil too, empty: none
	EvaluationInterval time.Duration
	Query              Query
	Devices            Devices
	Pager              Pager
	Auth               Auth
	TLS                TLS
	Inputs             Inputs
	Forward            []Forward
	Log                Log

	lines        map[string]int // of the keys at the top
	inputsInFile []byte         // as YAML
	listenInFile string         // what Listen was before flags changed it
}

// Durability says what has happened when a write is acknowledged.
type Durability string

// The values of Durability.
const (
	DurabilityFsync Durability = "fsync" // it is on disk
	DurabilityOS    Durability = "os"    // the operating system has it
)

// Language is the language that pages are written in.
type Language string

// The values of Language.
const (
	LanguageEnglish Language = "en"
	LanguageChinese Language = "zh-CN"
)

// Retention says how long samples are kept.
type Retention struct {
	Time time.Duration // 0: no limit
	Size int64         // bytes on disk; 0: no limit
}

// Limits bound what clients may send.
type Limits struct {
	Series    int64         // active series in the store
	Exemplars int64         // exemplars in memory; 0: none are kept
	Late      time.Duration // how old a sample may be
	Early     time.Duration // how far in the future it may be
	Body      int64         // bytes of one request, decompressed
	Line      int64         // bytes of one line
	Watched   int64         // series that all detectors together watch
	InFlight  int64         // bytes of all requests that are being worked on
	BodyTime  time.Duration // in which a client must have sent its request
}

// Query bounds the reading side.
type Query struct {
	Timeout       time.Duration
	MaxSamples    int64
	MaxConcurrent int64
	Lookback      time.Duration
}

// Devices says when they are silent.
type Devices struct {
	SilentAfter float64       // expected intervals
	Least       time.Duration // however short the interval
	Forget      time.Duration // how long silent ones are reported that the catalog has not
	Max         int64         // how many are watched; 0: none
}

// Pager is the embedded Alertmanager, or others instead of it.
type Pager struct {
	Config   string       // Alertmanager's own configuration file; "": the embedded default
	External []strict.Raw // Alertmanagers elsewhere, for alerting/pager/external; none: the embedded one
}

// TLS is the certificate of the listener; both are set or neither.
type TLS struct {
	Cert, Key string // files in PEM
}

// Log says what is logged and how.
type Log struct {
	Level  slog.Level
	Format LogFormat
}

// LogFormat is text (logfmt) or json.
type LogFormat string

// The values of LogFormat.
const (
	LogText LogFormat = "text"
	LogJSON LogFormat = "json"
)

// Default is the configuration of a Belfry without a file.
func Default() *Config {
	return &Config{
		Listen:             "127.0.0.1:9400",
		DataDir:            "belfry-data",
		Durability:         DurabilityFsync,
		Retention:          Retention{Time: 90 * 24 * time.Hour},
		Events:             defaultEvents(),
		Hazards:            defaultHazards(),
		ExternalLabels:     labels.EmptyLabels(),
		Timezone:           time.Local,
		Language:           LanguageEnglish,
		EvaluationInterval: time.Second,
		Limits: Limits{
			Series: 1_000_000, Exemplars: 100_000, Late: 24 * time.Hour, Early: 10 * time.Minute,
			Watched: 200_000, Body: 32 << 20, Line: 64 << 10, InFlight: 128 << 20, BodyTime: 30 * time.Second,
		},
		Query: Query{
			Timeout: 2 * time.Minute, MaxSamples: 50_000_000, MaxConcurrent: 4, Lookback: 5 * time.Minute,
		},
		Devices: Devices{SilentAfter: 3, Least: 5 * time.Second, Forget: 7 * 24 * time.Hour, Max: 1_000_000},
		Inputs:  defaultInputs(),
		Log:     Log{Level: slog.LevelInfo, Format: LogText},
	}
}

// ResolvePath makes path relative to the directory that file is in. Absolute
// paths and the empty one stay as they are, and so does every path when file
// is "".
func ResolvePath(file, path string) string {
	if path == "" || file == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(file), path)
}

// Problem is something wrong with a setting that only its use has shown. key
// stands at the top of the file, of which the line is named if it has the key.
func (c *Config) Problem(key, format string, args ...any) error {
	text := key + ": " + fmt.Sprintf(format, args...)
	if c.File == "" {
		return errors.New(text)
	}
	return strict.Problems{{File: c.File, Line: c.lines[key], Text: text}}
}

// ResolveGlob is ResolvePath for patterns: the directory of file is taken
// literally, also where a pattern character is part of its name.
func ResolveGlob(file, glob string) string {
	if glob == "" || file == "" || filepath.IsAbs(glob) {
		return glob
	}
	return filepath.Join(LiteralGlob(filepath.Dir(file)), glob)
}

// LiteralGlob is a pattern that matches nothing but path.
func LiteralGlob(path string) string {
	if runtime.GOOS == "windows" { // where \ separates directories
		return path
	}
	return regexp.MustCompile(`[*?\[\\]`).ReplaceAllString(path, `\$0`)
}
