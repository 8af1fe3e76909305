package rules

import (
	"embed"
	"io/fs"
)

// FS holds the default rule files at its top.
//
//go:embed *.yml
var FS embed.FS

//go:embed detectors/*.yml
var detectors embed.FS

// Detectors holds the default detector files at its top.
func Detectors() fs.FS {
	top, err := fs.Sub(detectors, "detectors")
	if err != nil {
		panic(err) // the path is none
	}
	return top
}
