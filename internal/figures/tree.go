package main

import (
	"bytes"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// file is a parsed Go file.
type file struct {
	name  string // slash-separated, from the module's folder
	dir   string // of the package; "." is the root
	lines int
	ast   *ast.File
}

// tree is the module's own source. testdata, hidden folders and nested modules
// are left out.
type tree struct {
	fset  *token.FileSet
	files []*file
}

// parse reads the Go files of a module that are no tests.
func parse(fsys fs.FS) (*tree, error) {
	return read(fsys, func(name string) bool { return !strings.HasSuffix(name, "_test.go") })
}

// parseAll reads the Go files of a module, tests too.
func parseAll(fsys fs.FS) (*tree, error) {
	return read(fsys, func(string) bool { return true })
}

func read(fsys fs.FS, wanted func(name string) bool) (*tree, error) {
	t := &tree{fset: token.NewFileSet()}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return enter(fsys, name)
		}
		if path.Ext(name) != ".go" || !wanted(name) {
			return nil
		}
		return t.add(fsys, name)
	})
	if err == nil && len(t.files) == 0 {
		err = errors.New("no Go files")
	}
	return t, err
}

// enter returns fs.SkipDir for folders that hold no source of the module.
func enter(fsys fs.FS, name string) error {
	if name == "." {
		return nil
	}
	base := path.Base(name)
	if strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" {
		return fs.SkipDir
	}
	if _, err := fs.Stat(fsys, path.Join(name, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}

func (t *tree) add(fsys fs.FS, name string) error {
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return err
	}
	f, err := parser.ParseFile(t.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	t.files = append(t.files, &file{name, path.Dir(name), bytes.Count(text, []byte("\n")), f})
	return nil
}

// in returns the files of one package.
func (t *tree) in(dir string) (files []*file) {
	for _, f := range t.files {
		if f.dir == dir {
			files = append(files, f)
		}
	}
	return files
}

// search returns the files of the search: internal/search, or the root package
// of a tree that has none.
func (t *tree) search() []*file {
	if files := t.in("internal/search"); len(files) > 0 {
		return files
	}
	return t.in(".")
}

// imports returns the name that f has for the package whose path ends in
// suffix, or "" if f does not import it.
func (f *file) imports(suffix string) string {
	for _, s := range f.ast.Imports {
		p := strings.Trim(s.Path.Value, `"`)
		if p != suffix && !strings.HasSuffix(p, "/"+suffix) {
			continue
		}
		if s.Name != nil {
			return s.Name.Name
		}
		return path.Base(p)
	}
	return ""
}

// sortedKeys returns the keys of a set in order.
func sortedKeys(set map[string]bool) []string {
	keys := make([]string, 0, len(set))
	for k := range set {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
