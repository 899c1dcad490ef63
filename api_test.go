package edgec

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"edgec/internal/eval"
)

// openPackages are those that a program outside the module calls. None of their exported
// names mentions a type of internal/, which such a program cannot name.
var openPackages = []string{".", "prune", "quantize", "share", "export", "runtime", "runtime/format", "runtime/kernel", "runtime/preprocess", "runtime/program", "targets"}

func TestAPIIsOpen(t *testing.T) {
	s := newSources(t, openPackages)
	for _, pkg := range openPackages {
		p, err := s.Import(path.Join(module, pkg))
		if err != nil {
			t.Fatal(err)
		}
		closed, names := closedNames(s, p)
		if names == 0 {
			t.Errorf("%s: no exported names; the test does not see the package", pkg)
		}
		for _, c := range closed {
			t.Errorf("%s: %s", pkg, c)
		}
	}
}

// The test sees what it looks for, and nothing else.
func TestClosedNames(t *testing.T) {
	s := newSources(t, []string{"runtime/format"})
	s.check("m/internal/graph", parse(t, s.fset, `package graph
type Graph struct { N int }
func (Graph) Nodes() int { return 0 }
type Shape []int
func New() *Graph { return nil }
`))
	p, err := s.check("m/x", parse(t, s.fset, `package x
import ("io"; ten "m/internal/graph")
func Open(g *ten.Graph, r io.Reader) error { return nil }
func hidden(g *ten.Graph) {}
type Model struct { g *ten.Graph; Samples []map[string]ten.Shape; io.Reader }
func (m *Model) Graph() (func(yield func(ten.Graph) bool), error) { return nil, nil }
func (m *Model) graph() *ten.Graph { return m.g }
type Batch struct { ten.Graph }
type Lifted struct { part }
type part struct { Of ten.Shape; of ten.Graph }
func Part() part { return part{} }
var Empty = ten.New()
var Nodes = ten.Graph{}.Nodes()
type Shape interface { Of() ten.Shape }
type Alias = ten.Shape
type Defined ten.Shape
type List[T interface{ ~[]string | ten.Shape }] []T
type Several = []struct{ A, b ten.Graph }
type Plain struct { m *Model; Model *Model; Next *Plain }
const Size int = 3
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"Alias mentions graph.Shape", "Batch mentions graph.Graph", "Defined mentions graph.Shape", "Empty mentions graph.Graph",
		"Lifted mentions graph.Shape", "List mentions graph.Shape", "Model mentions graph.Graph", "Model mentions graph.Shape",
		"Open mentions graph.Graph", "Part mentions graph.Shape", "Several mentions graph.Graph", "Shape mentions graph.Shape",
	}
	if got, _ := closedNames(s, p); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func parse(t *testing.T, fset *token.FileSet, text string) []*ast.File {
	t.Helper()
	f, err := parser.ParseFile(fset, "x.go", text, 0)
	if err != nil {
		t.Fatal(err)
	}
	return []*ast.File{f}
}

// closedNames returns which exported names of p, which s has imported, mention which types of
// internal/, in alphabetical order, and the number of exported names.
func closedNames(s *sources, p *types.Package) (closed []string, names int) {
	for _, name := range p.Scope().Names() {
		if !ast.IsExported(name) {
			continue
		}
		names++
		m := mentions{own: p, seen: map[types.Type]bool{}}
		o := p.Scope().Lookup(name)
		if t, ok := o.Type().(*types.Named); ok && t.Obj() == o {
			m.members(t)
			m.name(s.definition(p, name))
		} else {
			m.walk(o.Type())
		}
		slices.Sort(m.found)
		for _, f := range slices.Compact(m.found) {
			closed = append(closed, name+" mentions "+f)
		}
	}
	return closed, names
}

// mentions collects the types of internal/ that a program meets that uses a name of own.
type mentions struct {
	own   *types.Package
	seen  map[types.Type]bool
	found []string
}

// name notes a type's name, if it is of internal/.
func (m *mentions) name(o types.Object) {
	if o != nil && o.Pkg() != nil && strings.Contains("/"+o.Pkg().Path()+"/", "/internal/") {
		m.found = append(m.found, o.Pkg().Name()+"."+o.Name())
	}
}

// walk follows t to every type that is written in it. Exported types of own are left to
// their own names.
//
// Complexity: a case for each kind of type.
//
//gocyclo:ignore
func (m *mentions) walk(t types.Type) {
	if t == nil || m.seen[t] {
		return
	}
	m.seen[t] = true
	switch t := t.(type) {
	case *types.Alias:
		m.name(t.Obj())
		m.walk(t.Rhs())
	case *types.Named:
		m.name(t.Obj())
		for a := range t.TypeArgs().Types() {
			m.walk(a)
		}
		if t.Obj().Pkg() == m.own && !t.Obj().Exported() {
			m.members(t)
		}
	case *types.TypeParam:
		m.walk(t.Constraint())
	case *types.Pointer:
		m.walk(t.Elem())
	case *types.Slice:
		m.walk(t.Elem())
	case *types.Array:
		m.walk(t.Elem())
	case *types.Chan:
		m.walk(t.Elem())
	case *types.Map:
		m.walk(t.Key())
		m.walk(t.Elem())
	case *types.Tuple:
		for v := range t.Variables() {
			m.walk(v.Type())
		}
	case *types.Signature:
		for p := range t.TypeParams().TypeParams() {
			m.walk(p)
		}
		m.walk(t.Params())
		m.walk(t.Results())
	case *types.Struct:
		for f := range t.Fields() {
			if f.Exported() || f.Embedded() {
				m.walk(f.Type())
			}
		}
	case *types.Interface:
		for f := range t.ExplicitMethods() {
			m.walk(f.Type())
		}
		for e := range t.EmbeddedTypes() {
			m.walk(e)
		}
	case *types.Union:
		for term := range t.Terms() {
			m.walk(term.Type())
		}
	}
}

// members follows the type parameters, the underlying type and the exported methods of t.
func (m *mentions) members(t *types.Named) {
	for p := range t.TypeParams().TypeParams() {
		m.walk(p)
	}
	m.walk(t.Underlying())
	for f := range t.Methods() {
		if f.Exported() {
			m.walk(f.Type())
		}
	}
}

// sources imports the module's packages from their sources, without the bodies of functions,
// and others from what the go command has compiled.
type sources struct {
	fset     *token.FileSet
	compiled types.Importer
	packages map[string]*types.Package
	files    map[*types.Package][]*ast.File
	info     types.Info
}

// newSources prepares the import of packages of the module and of all that they import.
func newSources(t *testing.T, packages []string) *sources {
	t.Helper()
	args := []string{"list", "-export", "-deps", "-f", "{{if .Export}}{{.ImportPath}} {{.Export}}{{end}}"}
	for _, p := range packages {
		args = append(args, "./"+p)
	}
	var problems bytes.Buffer
	cmd := exec.Command("go", args...)
	cmd.Stderr = &problems
	list, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, problems.Bytes())
	}
	export := map[string]string{}
	for line := range strings.Lines(string(list)) {
		name, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		export[name] = file
	}
	fset := token.NewFileSet()
	lookup := func(name string) (io.ReadCloser, error) { return os.Open(export[name]) }
	return &sources{fset, importer.ForCompiler(fset, "gc", lookup), map[string]*types.Package{}, map[*types.Package][]*ast.File{}, types.Info{Uses: map[*ast.Ident]types.Object{}}}
}

// Import implements types.Importer.
func (s *sources) Import(name string) (*types.Package, error) {
	if p, ok := s.packages[name]; ok {
		return p, nil
	}
	if name != module && !strings.HasPrefix(name, module+"/") {
		return s.compiled.Import(name)
	}
	found, err := build.ImportDir("./"+strings.TrimPrefix(strings.TrimPrefix(name, module), "/"), 0)
	if err != nil {
		return nil, err
	}
	var files []*ast.File
	var problems []error
	for _, file := range found.GoFiles {
		f, err := parser.ParseFile(s.fset, filepath.Join(found.Dir, file), nil, 0)
		files, problems = append(files, f), append(problems, err)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return s.check(name, files)
}

// check makes the package of the given path from its files.
func (s *sources) check(name string, files []*ast.File) (*types.Package, error) {
	config := types.Config{Importer: s, IgnoreFuncBodies: true}
	p, err := config.Check(name, s.fset, files, &s.info)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	s.packages[name], s.files[p] = p, files
	return p, nil
}

// definition returns the named type of another package that the type called name of p is
// defined by, as in "type name graph.Graph", which its underlying type does not tell; or nil.
func (s *sources) definition(p *types.Package, name string) (o types.Object) {
	for _, f := range s.files[p] {
		ast.Inspect(f, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok && spec.Name.Name == name {
				if x, ok := spec.Type.(*ast.SelectorExpr); ok {
					o = s.info.Uses[x.Sel]
				}
			}
			return true
		})
	}
	return o
}

// The names of tasks are constants of the front door, and those of internal/eval.
func TestTaskNames(t *testing.T) {
	for name, task := range map[string]eval.Task{
		TaskAccuracy: eval.Classification{}, TaskAgreement: eval.Agreement{}, TaskReconstruction: eval.Reconstruction{}, TaskFidelity: eval.Fidelity{},
		TaskRegression: eval.Regression{}, TaskYesNo: eval.YesNo{}, TaskVectors: eval.Vectors{},
	} {
		if task.Name() != name {
			t.Errorf("%q is called %q in internal/eval", name, task.Name())
		}
	}
}
