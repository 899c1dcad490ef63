package edgec

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// openPackages are those that a program outside the module calls. None of their exported
// names mentions a type of internal/, which such a program cannot name.
var openPackages = []string{"prune", "quantize", "share"}

func TestExportedNamesAreOpen(t *testing.T) {
	for _, pkg := range openPackages {
		files, err := filepath.Glob(path.Join(pkg, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pkg, len(files), err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, closed := range closedNames(f) {
				t.Errorf("%s: %s", name, closed)
			}
		}
	}
}

// closedNames returns the exported declarations of f that mention a package of internal/.
func closedNames(f *ast.File) (closed []string) {
	internal := internalImports(f)
	check := func(name *ast.Ident, t ast.Expr) {
		if name.IsExported() && t != nil {
			for _, m := range mentions(t, internal) {
				closed = append(closed, name.Name+" mentions "+m)
			}
		}
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			check(d.Name, d.Type)
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					check(s.Name, s.Type)
				case *ast.ValueSpec:
					for _, name := range s.Names {
						check(name, s.Type)
					}
				}
			}
		}
	}
	return closed
}

// internalImports returns the names under which f imports packages of internal/.
func internalImports(f *ast.File) map[string]bool {
	names := map[string]bool{}
	for _, spec := range f.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil || !strings.Contains("/"+p+"/", "/internal/") {
			continue
		}
		if names[path.Base(p)] = true; spec.Name != nil {
			names[spec.Name.Name] = true
		}
	}
	return names
}

// mentions returns the names of internal packages' types in t, unexported fields of structs aside.
func mentions(t ast.Node, internal map[string]bool) (found []string) {
	ast.Inspect(t, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.StructType:
			for _, field := range n.Fields.List {
				if len(field.Names) == 0 || slices.ContainsFunc(field.Names, (*ast.Ident).IsExported) {
					found = append(found, mentions(field.Type, internal)...)
				}
			}
			return false
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && internal[x.Name] {
				found = append(found, x.Name+"."+n.Sel.Name)
			}
		}
		return true
	})
	return found
}

// The test sees what it looks for, and nothing else.
func TestClosedNames(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "x.go", `package x
import ("edgec/internal/graph"; ten "edgec/internal/tensor"; "io")
func Open(g *graph.Graph, r io.Reader) error { return nil }
func hidden(g *graph.Graph) {}
type Model struct { g *graph.Graph; Sample []ten.Tensor; io.Reader }
type Batches = func(yield func(x *ten.Tensor) bool)
var Empty graph.Graph
type Shape interface { Of() ten.Shape }
const Size int = 3
`, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"Open mentions graph.Graph", "Model mentions ten.Tensor", "Batches mentions ten.Tensor", "Empty mentions graph.Graph", "Shape mentions ten.Shape"}
	if got := closedNames(f); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
