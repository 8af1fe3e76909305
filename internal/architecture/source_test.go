package architecture

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

const module = "github.com/belfry-city/belfry"

// source is what the tests want to know of one package.
type source struct {
	pkg     string   // within the module
	imports []string // of this module, each within the module; without those of tests
	where   []string // for each import, file:line
	doc     bool     // it has a package comment, in doc.go or, if it is a command, in main.go
}

// readSource parses every Go file of the module outside hidden directories and
// testdata, and returns its packages by path.
func readSource(root fs.FS) (map[string]*source, error) {
	packages := make(map[string]*source)
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := entry.Name()
		if entry.IsDir() {
			if base != "." && (strings.HasPrefix(base, ".") || base == "testdata" || base == "node_modules") {
				return fs.SkipDir
			}
			return nil
		}
		// A Magefile is a script beside the packages, as a Makefile is.
		if !strings.HasSuffix(base, ".go") || strings.HasSuffix(base, "_test.go") || base == "Magefile.go" {
			return nil
		}
		pkg := path.Dir(name)
		if packages[pkg] == nil {
			packages[pkg] = &source{pkg: pkg}
		}
		return packages[pkg].add(root, name)
	})
	return packages, err
}

func (s *source) add(root fs.FS, name string) error {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return err
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, text, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		return err
	}
	if hasComment(file) && path.Base(name) == whereTheCommentIs(file) {
		s.doc = true
	}
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if ours, found := strings.CutPrefix(imported, module+"/"); found {
			s.imports = append(s.imports, ours)
			s.where = append(s.where, files.Position(spec.Pos()).String())
		}
	}
	return nil
}

func whereTheCommentIs(file *ast.File) string {
	if file.Name.Name == "main" {
		return "main.go"
	}
	return "doc.go"
}

func hasComment(file *ast.File) bool {
	return file.Doc != nil && strings.TrimSpace(file.Doc.Text()) != ""
}
