package main

import (
	"go/ast"
	"go/token"
)

// Where operators and opcodes are declared.
const (
	opDir     = "internal/op"
	formatDir = "runtime/format"
)

// operatorSwitches returns the packages other than internal/op with a type
// switch that has a case for an operator.
func (t *tree) operatorSwitches() []string {
	return t.packages(func(f *file, op string, node ast.Node) bool {
		s, ok := node.(*ast.TypeSwitchStmt)
		return ok && anyCase(s.Body, func(e ast.Expr) bool { return selects(e, op) })
	})
}

// operatorTests returns the packages other than internal/op that assert that a
// value is one operator.
func (t *tree) operatorTests() []string {
	return t.packages(func(f *file, op string, node ast.Node) bool {
		a, ok := node.(*ast.TypeAssertExpr)
		return ok && a.Type != nil && selects(a.Type, op)
	})
}

// packages returns the packages that import internal/op, under the name op, and
// have a node for which found is true.
func (t *tree) packages(found func(f *file, op string, node ast.Node) bool) []string {
	set := map[string]bool{}
	for _, f := range t.files {
		op := f.imports(opDir)
		if op != "" && f.has(func(node ast.Node) bool { return found(f, op, node) }) {
			set[f.dir] = true
		}
	}
	return sortedKeys(set)
}

// opcodeSwitches returns the files with a switch that has a case for an opcode.
func (t *tree) opcodeSwitches() []string {
	return t.opcodeFiles(func(node ast.Node, isCode func(ast.Expr) bool) bool {
		s, ok := node.(*ast.SwitchStmt)
		return ok && anyCase(s.Body, isCode)
	})
}

// opcodeTests returns the files that compare something with an opcode.
func (t *tree) opcodeTests() []string {
	return t.opcodeFiles(func(node ast.Node, isCode func(ast.Expr) bool) bool {
		b, ok := node.(*ast.BinaryExpr)
		return ok && (isCode(b.X) || isCode(b.Y))
	})
}

// opcodeFiles returns the files with a node for which found is true.
func (t *tree) opcodeFiles(found func(node ast.Node, isCode func(ast.Expr) bool) bool) []string {
	codes := t.opcodes()
	set := map[string]bool{}
	for _, f := range t.files {
		format := f.imports(formatDir)
		if f.dir != formatDir && format == "" {
			continue
		}
		isCode := func(e ast.Expr) bool {
			if id, ok := e.(*ast.Ident); ok {
				return f.dir == formatDir && codes[id.Name]
			}
			s, ok := e.(*ast.SelectorExpr)
			return ok && selects(e, format) && codes[s.Sel.Name]
		}
		if f.has(func(node ast.Node) bool { return found(node, isCode) }) {
			set[f.name] = true
		}
	}
	return sortedKeys(set)
}

// opcodes returns the names of the constants of type format.Opcode.
func (t *tree) opcodes() map[string]bool {
	names := map[string]bool{}
	for _, f := range t.in(formatDir) {
		eachSpec(f, token.CONST, func(s *ast.ValueSpec) {
			if id, ok := s.Type.(*ast.Ident); ok && id.Name == "Opcode" {
				for _, n := range s.Names {
					names[n.Name] = true
				}
			}
		})
	}
	return names
}

// has reports that found is true of a node of f.
func (f *file) has(found func(ast.Node) bool) (ok bool) {
	ast.Inspect(f.ast, func(node ast.Node) bool {
		ok = ok || node != nil && found(node)
		return !ok
	})
	return ok
}

// anyCase reports that is is true of an expression of a case of a switch.
func anyCase(body *ast.BlockStmt, is func(ast.Expr) bool) bool {
	for _, s := range body.List {
		for _, e := range s.(*ast.CaseClause).List {
			if is(e) {
				return true
			}
		}
	}
	return false
}

// selects reports that e is a name of package pkg, or a pointer to one.
func selects(e ast.Expr, pkg string) bool {
	if star, ok := e.(*ast.StarExpr); ok {
		e = star.X
	}
	s, ok := e.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	id, ok := s.X.(*ast.Ident)
	return ok && id.Name == pkg && s.Sel.IsExported()
}
