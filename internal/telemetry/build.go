package telemetry

import (
	"runtime"
	"runtime/debug"
)

// Build says what a binary was made from.
type Build struct {
	Version   string // of the module; "devel" when it was not built from a release
	Revision  string // of the source, with "-dirty" when it had changes; "unknown"
	GoVersion string
	Platform  string // such as linux/amd64
}

// ReadBuild returns what the linker noted in this binary.
func ReadBuild() Build {
	b := Build{Version: "devel", Revision: "unknown", GoVersion: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		b.Version = v
	}
	dirty := ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && s.Value != "":
			b.Revision = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "-dirty"
		}
	}
	b.Revision += dirty
	return b
}
