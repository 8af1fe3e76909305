package machine

import (
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// Run is when and on what something was measured.
type Run struct {
	Time   time.Time `json:"time"`
	Commit string    `json:"commit"`
	Go     string    `json:"go"`
	CPUs   int       `json:"cpus"`
	// LoadBefore is the machine's load average before anything was started.
	LoadBefore string `json:"load_before"`
}

// NewRun is for a run that begins now.
func NewRun() Run {
	r := Run{Time: time.Now().UTC().Truncate(time.Second), Go: runtime.Version(), CPUs: runtime.NumCPU(), LoadBefore: loadAverage()}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				r.Commit = s.Value
			}
		}
	}
	return r
}

func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	return strings.Join(strings.Fields(string(text))[:3], " ")
}
