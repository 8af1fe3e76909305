package ruleset

import (
	"io/fs"

	"github.com/belfry-city/belfry/internal/config/files"
)

func readAll(globs []string, fallback fs.FS) ([]*file, error) {
	kind := files.Kind{Key: "rules", One: "a rule file", Remedy: "name a rule file, or leave rules out for the default rules"}
	read, err := kind.Read(globs, fallback)
	all := make([]*file, len(read))
	for i, f := range read {
		all[i] = newFile(f.Name, f.Content)
	}
	return all, err
}
