package detector

import (
	"errors"
	"io/fs"
	"time"

	anomaly "github.com/belfry-city/belfry/alerting/anomaly/model"
	"github.com/belfry-city/belfry/internal/config/files"
	"github.com/belfry-city/belfry/internal/config/strict"
)

// Set is what detector files hold. It never changes after Load, and may be used
// by several goroutines.
type Set struct {
	files     []string
	detectors []*Detector
}

// Detectors are in the order of the files.
func (s *Set) Detectors() []*Detector { return s.detectors }

// Files are paths as the globs gave them, or embedded:NAME.
func (s *Set) Files() []string { return s.files }

// Load reads and checks the detector files that the globs match, or, where no
// glob is given, every *.yml and *.yaml at the top of fallback (which may be
// nil). Relative globs start at the working directory. A glob that matches no
// file is an error. kinds are the models that there are; zone is that by whose
// clocks they learn days and weeks, nil: UTC.
//
// All mistakes in all files are reported at once, joined; what lies in files is
// strict.Problems. Where there is an error there is no Set.
func Load(globs []string, fallback fs.FS, kinds []anomaly.Kind, zone *time.Location) (*Set, error) {
	kind := files.Kind{Key: "detectors", One: "a detector file", Remedy: "name a detector file, or leave detectors out"}
	sources, err := kind.Read(globs, fallback)
	s := &Set{}
	var problems strict.Problems
	places := map[string]string{} // of names
	for _, src := range sources {
		s.files = append(s.files, src.Name)
		file := strict.NewFile(src.Name)
		p := parser{file: file, kinds: kinds, zone: zone, places: places}
		s.detectors = append(s.detectors, p.parse(src.Content)...)
		problems = append(problems, file.Problems()...)
	}
	if len(problems) > 0 {
		err = errors.Join(err, problems)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}
