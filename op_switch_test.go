package edgec

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"testing"
)

const opPackage = "edgec/internal/op"

// builders may name operators in composite literals: what they build is decided by a file
// or a pattern, not by an operator that could answer itself. Every other package asks the
// operators that a graph has already.
var builders = map[string]string{
	"internal/onnx":     "a row of its table makes an operator of the attributes of a file",
	"internal/tflite":   "a row of its table makes an operator of the options of a file",
	"internal/simplify": "folding writes a normalization as a convolution, a product or a sum",
	"internal/passes":   "pooling of the input puts a mean before the network",
	"internal/demo":     "it makes the network that it trains",
	"internal/bench":    "it makes one of the networks of the ablation",
}

// TestOperatorSwitches parses all packages outside internal/op. What depends on the kind
// of an operator belongs to the operator: nobody else switches over the types of package
// op, asserts one, or compares the name of an operator. Interfaces of the package may be
// asserted, that is what they are for.
func TestOperatorSwitches(t *testing.T) {
	concrete := operatorTypes(t)
	if !concrete["Conv2D"] || !concrete["Softmax"] || concrete["Layer"] || len(concrete) < 20 {
		t.Fatalf("the types of package op are %v: the walk does not see them", concrete)
	}
	builds := map[string]bool{}
	for _, name := range goFiles(t) {
		pkg := path.Dir(name)
		if pkg == "internal/op" || strings.HasSuffix(name, "_test.go") {
			continue
		}
		f := parseFile(t, name)
		found := misuses(f, concrete, builders[pkg] != "")
		for _, m := range found {
			t.Errorf("%s: %s; let the operator answer by an interface of package op", name, m)
		}
		builds[pkg] = builds[pkg] || len(misuses(f, concrete, false)) > len(found)
	}
	for pkg := range builders {
		if !builds[pkg] {
			t.Errorf("%s makes no operators; remove it from builders", pkg)
		}
	}
}

// TestOperatorSwitchesAreSeen feeds the check what it must find.
func TestOperatorSwitchesAreSeen(t *testing.T) {
	const head = "package p\nimport \"edgec/internal/op\"\nfunc f(n *graph.Node) {\n"
	concrete := map[string]bool{"Dense": true, "Pad": true}
	tests := []struct {
		name, body string
		builder    bool
		want       int
	}{
		{"assertion", "_, ok := n.Op.(op.Dense)", false, 1},
		{"assertion of a pointer", "_, ok := n.Op.(*op.Dense)", false, 1},
		{"switch", "switch n.Op.(type) { case op.Dense, op.Pad: }", false, 2},
		{"comparison", "if n.Op == (op.Dense{}) {}", true, 1},
		{"name", `if n.Op.Name() == "Dense" {}`, false, 1},
		{"switch over names", `switch n.Op.Name() { case "Dense": }`, false, 1},
		{"map of names", `_ = byName[n.Op.Name()]`, false, 1},
		{"literal", "n.Op = op.Dense{}", false, 1},
		{"literal of a builder", "n.Op = op.Dense{}", true, 0},
		{"interface", "_, ok := n.Op.(op.Layer)", false, 0},
		{"interfaces", "switch n.Op.(type) { case op.Layer: }", false, 0},
		{"literal of no operator", "c := op.Clamp{}", false, 0},
		{"name in a message", `fail("%s", n.Op.Name())`, false, 0},
	}
	for _, tt := range tests {
		f, err := parser.ParseFile(token.NewFileSet(), "p.go", head+tt.body+"\n}", parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if got := misuses(f, concrete, tt.builder); len(got) != tt.want {
			t.Errorf("%s: found %q, want %d", tt.name, got, tt.want)
		}
	}
}

func parseFile(t *testing.T, name string) *ast.File {
	f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// operatorTypes returns the types of package op with a method Name.
func operatorTypes(t *testing.T) map[string]bool {
	names, err := fs.Glob(os.DirFS("."), "internal/op/*.go")
	if err != nil {
		t.Fatal(err)
	}
	types := map[string]bool{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, d := range parseFile(t, name).Decls {
			if m, ok := d.(*ast.FuncDecl); ok && m.Recv != nil && m.Name.Name == "Name" {
				if id, ok := m.Recv.List[0].Type.(*ast.Ident); ok {
					types[id.Name] = true
				}
			}
		}
	}
	return types
}

// misuses lists where a file depends on the concrete types of operators.
func misuses(f *ast.File, concrete map[string]bool, builder bool) []string {
	u := operatorUses{op: importName(f, opPackage, "op"), concrete: concrete}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.TypeAssertExpr:
			u.operator("asserts", n.Type)
		case *ast.TypeSwitchStmt:
			for _, c := range n.Body.List {
				for _, e := range c.(*ast.CaseClause).List {
					u.operator("switches over", e)
				}
			}
		case *ast.SwitchStmt:
			u.name(n.Tag)
		case *ast.IndexExpr:
			u.name(n.Index)
		case *ast.BinaryExpr:
			if n.Op == token.EQL || n.Op == token.NEQ {
				u.compared(n.X)
				u.compared(n.Y)
			}
		case *ast.CompositeLit:
			if !builder {
				u.operator("makes", n.Type)
			}
		}
		return true
	})
	return u.found
}

// operatorUses collects where a file uses concrete operators, of the package
// that it imports as op, or their names.
type operatorUses struct {
	op       string // "": not imported
	concrete map[string]bool
	found    []string
}

// operator adds what is done to the type e if it is that of a concrete operator,
// or a pointer to one; e may be nil.
func (u *operatorUses) operator(what string, e ast.Expr) {
	if star, ok := e.(*ast.StarExpr); ok {
		e = star.X
	}
	s, ok := e.(*ast.SelectorExpr)
	if !ok {
		return
	}
	if x, ok := s.X.(*ast.Ident); ok && u.op != "" && x.Name == u.op && u.concrete[s.Sel.Name] {
		u.found = append(u.found, what+" op."+s.Sel.Name)
	}
}

// name adds e if it is the name of an operator.
func (u *operatorUses) name(e ast.Expr) {
	if isOperatorName(e) {
		u.found = append(u.found, "depends on the name of an operator")
	}
}

// compared adds one side of a comparison if it is an operator or the name of one.
func (u *operatorUses) compared(e ast.Expr) {
	u.name(e)
	if p, ok := e.(*ast.ParenExpr); ok {
		e = p.X
	}
	if l, ok := e.(*ast.CompositeLit); ok {
		u.operator("compares with", l.Type)
	}
}

// importName is the name under which f imports a package, whose own name is
// given; "" if it does not.
func importName(f *ast.File, path, own string) string {
	for _, i := range f.Imports {
		if p, _ := strconv.Unquote(i.Path.Value); p == path {
			if i.Name != nil {
				return i.Name.Name
			}
			return own
		}
	}
	return ""
}

// isOperatorName reports whether e is the name of a node's operator, x.Op.Name().
func isOperatorName(e ast.Expr) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	m, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || m.Sel.Name != "Name" {
		return false
	}
	x, ok := m.X.(*ast.SelectorExpr)
	return ok && x.Sel.Name == "Op"
}
