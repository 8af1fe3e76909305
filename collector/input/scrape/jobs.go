package scrape

import (
	"bytes"
	"cmp"
	"fmt"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/units"
	commonconfig "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
	promconfig "github.com/prometheus/prometheus/config"
	_ "github.com/prometheus/prometheus/discovery/file" // file_sd_configs
	_ "github.com/prometheus/prometheus/discovery/http" // http_sd_configs
	"go.yaml.in/yaml/v2"

	"github.com/belfry-city/belfry/internal/config/strict"
)

// Job is an entry of Prometheus' scrape_configs, checked, with all defaults.
type Job = promconfig.ScrapeConfig

// ReadJobs reads entries of scrape_configs. Paths are relative to the directory
// of file, and a job that says nothing else takes at most bodyLimit bytes from
// a target. The error is strict.Problems.
func ReadJobs(entries []strict.Raw, file string, bodyLimit int64) ([]*Job, error) {
	global := promconfig.DefaultGlobalConfig
	global.BodySizeLimit = units.Base2Bytes(bodyLimit)
	var jobs []*Job
	var problems strict.Problems
	names := map[string]string{}
	for _, entry := range entries {
		var job *Job
		wrong := entry.Parse(func(text []byte) (err error) {
			job, err = parseJob(text, file, global)
			return err
		}, word)
		problems = append(problems, wrong...)
		if len(wrong) > 0 {
			continue
		}
		if other, double := names[job.JobName]; double {
			problems = append(problems, entry.Problem(fmt.Sprintf("want a job_name of its own; %s is called %q as well", other, job.JobName)))
			continue
		}
		names[job.JobName] = entry.Key()
		jobs = append(jobs, job)
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return jobs, nil
}

func parseJob(text []byte, file string, global promconfig.GlobalConfig) (_ *Job, err error) {
	// Upstream's parser is not meant for everything that a YAML tree can be.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("want an entry of Prometheus' scrape_configs: %v", p)
		}
	}()
	job := new(Job)
	if err := yaml.UnmarshalStrict(text, job); err != nil {
		return nil, err
	}
	if interval := cmp.Or(job.ScrapeInterval, global.ScrapeInterval); job.ScrapeTimeout > interval {
		// Upstream says so too, but not of which of the two.
		return nil, fmt.Errorf("line %d: want at most the scrape_interval, which is %s; got %s", lineOf(text, "scrape_timeout"), interval, job.ScrapeTimeout)
	}
	if err := job.Validate(global); err != nil {
		return nil, err
	}
	if file != "" {
		job.SetDirectory(filepath.Dir(file))
	}
	// Files of certificates are read when a client is made.
	client, err := commonconfig.NewClientFromConfig(job.HTTPClientConfig, job.JobName)
	if err != nil {
		return nil, err
	}
	client.CloseIdleConnections()
	return job, nil
}

// lineOf is the line of a key of the entry itself.
func lineOf(text []byte, key string) int {
	n := 0
	for line := range bytes.Lines(text) {
		n++
		if before, _, found := bytes.Cut(line, []byte(":")); found && string(bytes.Trim(before, `"'`)) == key {
			return n
		}
	}
	return 0
}

var (
	unknownField = regexp.MustCompile(`^field (\S+) not found in type `)
	wrongType    = regexp.MustCompile("(?s)^cannot unmarshal !!(\\w+)(?: `(.*)`)? into (.*)$")
	doubleKey    = regexp.MustCompile(`^(?:key|field) .* already set in `)
	badDuration  = regexp.MustCompile(`^(?:yaml: )?(?:not a valid duration string|empty duration string|unknown unit .* in duration)`)
)

// word says in the words of Belfry's other settings what upstream says about a
// part of an entry, where got is written.
func word(said, got string) string {
	if m := unknownField.FindStringSubmatch(said); m != nil {
		return unknownKey(m[1])
	}
	if m := wrongType.FindStringSubmatch(said); m != nil {
		return fmt.Sprintf("want %s; got %s", kindOf(m[3]), got)
	}
	switch {
	case doubleKey.MatchString(said):
		return "want each key once; got it again"
	case badDuration.MatchString(said):
		return "want a duration such as 15s; got " + got
	case said == "job_name is empty":
		return "want a job_name, which becomes the label job"
	case strings.HasPrefix(said, "want "):
		return said
	}
	return "want what Prometheus takes here; it says: " + strings.TrimPrefix(said, "yaml: ")
}

func unknownKey(name string) string {
	if strings.HasSuffix(name, "_sd_configs") {
		return "not available here; targets come from static_configs, file_sd_configs and http_sd_configs"
	}
	if near := strict.Nearest(name, jobKeys()); near != "" && near != name {
		return fmt.Sprintf("unknown key; did you mean %q?", near)
	}
	return "unknown key; Prometheus' documentation of scrape_config names those that there are"
}

// jobKeys are the keys of an entry.
func jobKeys() []string {
	keys := []string{"static_configs", "file_sd_configs", "http_sd_configs"}
	for _, t := range []reflect.Type{reflect.TypeFor[Job](), reflect.TypeFor[commonconfig.HTTPClientConfig]()} {
		for i := range t.NumField() {
			key, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
			if key != "" && key != "-" {
				keys = append(keys, key)
			}
		}
	}
	slices.Sort(keys)
	return keys
}

// kindOf names a type of Go for those who write YAML.
func kindOf(goType string) string {
	switch {
	case goType == "bool":
		return "true or false"
	case goType == "string", strings.HasSuffix(goType, "Secret"):
		return "text"
	case strings.HasPrefix(goType, "uint"), strings.HasPrefix(goType, "int"):
		return "a whole number"
	case strings.HasPrefix(goType, "float"):
		return "a number"
	case strings.HasPrefix(goType, "[]"):
		return "a list"
	case goType == reflect.TypeFor[model.Duration]().String():
		return "a duration such as 15s"
	default:
		return "keys and values"
	}
}
