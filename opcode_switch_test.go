package edgec

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"strings"
	"testing"
)

// opcodeTables are the two files that may list opcodes: an opcode is one row in each.
var opcodeTables = map[string]bool{"runtime/format/opcode.go": true, "runtime/execution.go": true}

// Nothing outside the two tables of opcodes switches over them or is a table of them: a
// switch with an opcode as a case, and a map, array or slice with more than two opcodes
// as keys.
func TestOpcodeTables(t *testing.T) {
	found := map[string]bool{}
	for _, name := range goFiles(t) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range opcodeLists(f, path.Dir(name) == "runtime/format") {
			found[name] = true
			if !opcodeTables[name] {
				t.Errorf("%v lists opcodes; ask a row of the tables in runtime/format/opcode.go or runtime/execution.go", set.Position(at))
			}
		}
	}
	for name := range opcodeTables {
		if !found[name] {
			t.Errorf("%s has no table of opcodes; the search does not see it", name)
		}
	}
}

// opcodeLists returns where f has opcodes as cases of a switch, or more than two as keys of
// a literal. own: it is of the package that declares them.
func opcodeLists(f *ast.File, own bool) (at []token.Pos) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CaseClause:
			for _, e := range n.List {
				if mentionsOpcode(e, own) {
					at = append(at, e.Pos())
				}
			}
		case *ast.CompositeLit:
			var keys []token.Pos
			for _, e := range n.Elts {
				if kv, ok := e.(*ast.KeyValueExpr); ok && mentionsOpcode(kv.Key, own) {
					keys = append(keys, kv.Key.Pos())
				}
			}
			if len(keys) > 2 {
				at = append(at, keys...)
			}
		}
		return true
	})
	return at
}

// mentionsOpcode reports whether e contains the name of an opcode: format.OpX, or OpX in
// package format.
func mentionsOpcode(e ast.Expr, own bool) (yes bool) {
	opcode := func(name string) bool {
		rest, ok := strings.CutPrefix(name, "Op")
		return ok && rest != "" && rest[0] >= 'A' && rest[0] <= 'Z'
	}
	ast.Inspect(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Name == "format" && opcode(n.Sel.Name) {
				yes = true
			}
		case *ast.Ident:
			yes = yes || own && opcode(n.Name)
		}
		return !yes
	})
	return yes
}

// The search finds each way of listing opcodes, and leaves the rest alone.
func TestOpcodeLists(t *testing.T) {
	for _, c := range []struct {
		name, body string
		own        bool
		want       int
	}{
		{"cases", "switch in.Op { case format.OpAdd, format.OpMul: case format.OpLUT: }", false, 3},
		{"cases without a tag", "switch { case op == format.OpAdd: }", false, 1},
		{"keys", "_ = map[format.Opcode]int{format.OpAdd: 1, format.OpMul: 2, format.OpSub: 3}", false, 3},
		{"two keys", "_ = map[format.Opcode]int{format.OpAdd: 1, format.OpMul: 2}", false, 0},
		{"in the package", "switch op { case OpAdd: }; _ = [...]int{OpMul: 1, OpAdd: 2, OpSub: 3}", true, 4},
		{"names of another package", "switch op { case OpAdd, op.OpAdd: }", false, 0},
		{"use", "if in.Op == format.OpReshape { emit(format.Instr{Op: format.OpLUT}) }", false, 0},
		{"another switch", "switch k { case 1: emit(format.OpLUT) }", false, 0},
	} {
		f, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x\nfunc f() {"+c.body+"}", 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(opcodeLists(f, c.own)); got != c.want {
			t.Errorf("%s: %d found, want %d", c.name, got, c.want)
		}
	}
}
