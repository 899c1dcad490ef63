package targets

import (
	"bytes"
	"cmp"
	_ "embed"
	"errors"
	"fmt"
	"go/format"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"

	"edgec/runtime"
	"edgec/runtime/preprocess"
	"edgec/runtime/program"
)

// Package is a Go package that WritePackage has made.
type Package struct {
	Name     string `json:"package"`          // of the package
	Import   string `json:"import"`           // path that programs import it by
	Path     string `json:"output"`           // folder, as given
	Module   bool   `json:"own_module"`       // it is a module; otherwise part of the one around it
	Size     int64  `json:"bytes"`            // of all files
	Model    int    `json:"model_bytes"`      // of those, bytes of the model
	Hash     string `json:"model_sha256"`     // of the model, in hexadecimal digits
	Sources  string `json:"sources_sha256"`   // of the sources, names and contents
	Pictures bool   `json:"decodes_pictures"` // it decodes PNG and JPEG
}

// localModules is the first part of the paths of modules that packages are. Paths without a dot
// there are those of the standard library.
const localModules = "edgec.local/"

// inner is the folder of the runtime in a package.
const inner = "internal/edgec"

// WritePackage writes a Go package into the folder dir, which may not be there or empty: the
// model, the runtime that it needs, and functions to predict with. The package imports the standard
// library only. Where a folder above dir has a go.mod, the package belongs to that module; otherwise
// it is a module of its own, edgec.local/NAME. src, model and options are as of Build; Serve and
// Go mean nothing.
//
// The package is written whole or not at all. Errors: the runtime cannot load the model, dir holds
// files already, its name is no name of a package, the module around it is of an older Go than
// GoVersion, or it cannot be written.
func WritePackage(src fs.FS, model []byte, dir string, opt Options) (Package, error) {
	m, err := runtime.Load(model)
	if err != nil {
		return Package{}, fmt.Errorf("targets: the model cannot be built into a package: %w", err)
	}
	p := Package{Path: dir, Model: len(model), Hash: hashModel(model), Pictures: opt.pictures(m.Info())}
	if err := p.place(dir); err != nil {
		return Package{}, err
	}
	files, err := p.files(src, model, m, opt)
	if err != nil {
		return Package{}, err
	}
	for _, data := range files {
		p.Size += int64(len(data))
	}
	return p, writeFolder(dir, files)
}

// place gives the package its name and its import path.
func (p *Package) place(dir string) error {
	full, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("targets: %w", err)
	}
	p.Name = packageName(filepath.Base(full))
	if !token.IsIdentifier(p.Name) {
		return fmt.Errorf("targets: the folder %s has no name that a Go package can have; choose one with letters", filepath.Base(full))
	}
	for above := filepath.Dir(full); ; above = filepath.Dir(above) {
		text, err := os.ReadFile(filepath.Join(above, "go.mod"))
		if err == nil {
			if version := cmp.Or(directive(text, "go"), "1.16"); tooOld("go" + version) {
				return fmt.Errorf("targets: %s: the module %s is written in Go %s, and the package needs Go %s; raise it there with go mod edit -go=%[4]s, or choose a folder outside of the module",
					filepath.Join(above, "go.mod"), directive(text, "module"), version, strings.TrimPrefix(GoVersion, "go"))
			}
			rest, err := filepath.Rel(above, full)
			p.Import = path.Join(directive(text, "module"), filepath.ToSlash(rest))
			return err
		}
		if above == filepath.Dir(above) {
			p.Import, p.Module = localModules+p.Name, true
			return nil
		}
	}
}

// packageName returns a name without what Go does not allow: "lenet-5" is lenet5.
func packageName(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(name))
}

// directive returns what a line of a go.mod says: of "module" the path, of "go" the version. It is
// "" without one.
func directive(text []byte, name string) string {
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "//")
		if words := strings.Fields(line); len(words) == 2 && words[0] == name {
			return strings.Trim(words[1], "\"`")
		}
	}
	return ""
}

// files returns all files of the package.
func (p *Package) files(src fs.FS, model []byte, m *runtime.Model, opt Options) (map[string][]byte, error) {
	sources, err := readSources(src, "runtime")
	if err != nil {
		return nil, err
	}
	p.Sources = hashSources(sources)
	if !opt.AnyModel {
		if err := onlyUsed(sources, model); err != nil {
			return nil, err
		}
	}
	t := p.describe(m, opt.Version)
	p.Pictures = t.Files
	files := map[string][]byte{"model.edgec": model}
	for name, text := range sources {
		if strings.HasPrefix(name, "runtime/program/") || !p.Pictures && strings.HasPrefix(name, "runtime/preprocess/") {
			continue
		}
		files[inner+"/"+name] = []byte(strings.ReplaceAll(string(text), `"`+module+`/runtime`, `"`+p.Import+"/"+inner+`/runtime`))
	}
	if p.Module {
		files["go.mod"] = goMod(p.Import)
	}
	for name, source := range map[string]string{p.Name + ".go": packageTemplate, p.Name + "_test.go": testTemplate} {
		if files[name], err = t.write(source); err != nil {
			return nil, fmt.Errorf("targets: %s: %w", name, err)
		}
	}
	return files, nil
}

// operand is an input or an output of Predict.
type operand struct {
	Index int
	Name  string // x, or x0 where there are several
	Dims  string // "28x28x1"
	Size  int    // number of elements
	Set   string // the method of the session that takes an input
}

// operands describes inputs or outputs.
func operands(word string, list []int, shapes [][]int) (all []operand) {
	for _, i := range list {
		name, size := word, 1
		for _, d := range shapes[i] {
			size *= d
		}
		if len(list) > 1 {
			name += strconv.Itoa(i)
		}
		all = append(all, operand{Index: i, Name: name, Size: size, Dims: preprocess.Dims(shapes[i]), Set: "SetInputNCHW"})
	}
	return all
}

// text is what the templates of a package know.
type text struct {
	Package
	Edgec, Inner, Title string
	Labels              []string
	Inputs, Outputs     []operand
	Shape               []int // of input 0
	OutputCount         int   // the state among them
	Files, State, Last  bool  // it reads files; it has a state; input 0 has its channels last
}

//go:embed package.tmpl
var packageTemplate string

//go:embed package_test.tmpl
var testTemplate string

// write executes a template and formats what it makes.
func (t *text) write(source string) ([]byte, error) {
	parsed, err := template.New("").Parse(source)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := parsed.Execute(&b, t); err != nil {
		return nil, err
	}
	return format.Source(b.Bytes())
}

// describe returns what the templates say about the model.
func (p *Package) describe(m *runtime.Model, version string) *text {
	info := m.Info()
	given, results := program.GivenInputs(info), program.Results(info)
	t := &text{Package: *p, Edgec: cmp.Or(version, "devel"), Inner: p.Import + "/" + inner, Title: info.Name, Labels: info.Labels,
		Inputs: operands("x", given, info.Inputs), Outputs: operands("y", results, info.Outputs), Shape: info.Inputs[0], OutputCount: len(info.Outputs),
		Files: p.Pictures && len(given) == 1 && given[0] == 0, State: len(info.State) > 0, Last: m.Preprocess().ChannelsLast}
	if t.Last && len(given) > 0 && given[0] == 0 {
		t.Inputs[0].Set = "SetInput"
	}
	return t
}

// writeFolder writes files into a folder that is not there or empty, all or none.
func writeFolder(dir string, files map[string][]byte) error {
	if list, err := os.ReadDir(dir); err == nil && len(list) > 0 {
		return fmt.Errorf("targets: the folder %s is not empty; remove it first, or choose another", dir)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("targets: %w; choose another folder", err)
	}
	full, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("targets: %w", err)
	}
	above := filepath.Dir(full)
	whole, err := os.MkdirTemp(above, ".edgec-package-")
	switch cause := new(fs.PathError); {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("targets: %s: no such folder; make the folder above it first", above)
	case errors.As(err, &cause):
		return fmt.Errorf("targets: %s: cannot write into the folder: %w; choose another one", above, cause.Err)
	case err != nil:
		return fmt.Errorf("targets: %w", err)
	}
	defer os.RemoveAll(whole)
	if err := writeFiles(whole, files); err != nil {
		return err
	}
	if err := os.Chmod(whole, 0o755); err != nil {
		return fmt.Errorf("targets: %w", err)
	}
	os.Remove(full) // an empty folder
	if err := os.Rename(whole, full); err != nil {
		return fmt.Errorf("targets: %w", err)
	}
	return nil
}
