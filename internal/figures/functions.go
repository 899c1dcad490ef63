package main

import (
	"cmp"
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// function is a declared function with its literals.
type function struct {
	name       string // file, and receiver and name
	lines      int    // from the word func to the last brace
	complexity int
	doc        *ast.CommentGroup
}

// functions returns all functions of the tree that have a body.
func (t *tree) functions() (all []function) {
	for _, f := range t.files {
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			lines := t.fset.Position(fn.End()).Line - t.fset.Position(fn.Pos()).Line + 1
			all = append(all, function{f.name + " " + funcName(fn), lines, complexity(fn), fn.Doc})
		}
	}
	return all
}

// funcName is the name of a function, after its receiver's type.
func funcName(fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return fn.Name.Name
	}
	recv := fn.Recv.List[0].Type
	for {
		switch e := recv.(type) {
		case *ast.StarExpr:
			recv = e.X
		case *ast.IndexExpr:
			recv = e.X
		case *ast.IndexListExpr:
			recv = e.X
		case *ast.Ident:
			return e.Name + "." + fn.Name.Name
		default:
			return fn.Name.Name
		}
	}
}

// longest returns the function with the most lines.
func (t *tree) longest() function {
	return slices.MaxFunc(t.functions(), func(a, b function) int { return cmp.Compare(a.lines, b.lines) })
}

// complexity is the cyclomatic complexity (McCabe 1976) as gocyclo counts it:
// one, and one for each if, for, case that is no default, && and ||.
func complexity(fn *ast.FuncDecl) int {
	n := 1
	ast.Inspect(fn.Body, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.IfStmt, *ast.ForStmt, *ast.RangeStmt:
			n++
		case *ast.CaseClause:
			if node.List != nil {
				n++
			}
		case *ast.CommClause:
			if node.Comm != nil {
				n++
			}
		case *ast.BinaryExpr:
			if node.Op == token.LAND || node.Op == token.LOR {
				n++
			}
		}
		return true
	})
	return n
}

// complex returns the functions above a complexity, the worst first, and how
// many of them say why.
func (t *tree) complex(most int) (above []function, excused int) {
	for _, f := range t.functions() {
		if f.complexity <= most {
			continue
		}
		above = append(above, f)
		if ignored(f.doc) && reason(f.doc) {
			excused++
		}
	}
	slices.SortStableFunc(above, func(a, b function) int { return cmp.Compare(b.complexity, a.complexity) })
	return above, excused
}

// ignored reports that gocyclo leaves the function with this comment out.
func ignored(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.TrimSpace(c.Text) == "//gocyclo:ignore" })
}

// reasonWord starts the sentence of a comment that says why a function is so
// complex.
const reasonWord = "Complexity: "

// reason reports that a comment says why its function is so complex.
func reason(doc *ast.CommentGroup) bool {
	if doc == nil {
		return false
	}
	_, why, ok := strings.Cut(doc.Text(), reasonWord)
	return ok && len(strings.Fields(why)) >= 3
}
