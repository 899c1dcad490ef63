package main

import (
	"go/ast"
	"go/token"
	"strconv"
)

// eachSpec calls do for each constant or variable that f declares at its top
// level.
func eachSpec(f *file, tok token.Token, do func(*ast.ValueSpec)) {
	for _, d := range f.ast.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != tok {
			continue
		}
		for _, s := range g.Specs {
			do(s.(*ast.ValueSpec))
		}
	}
}

// structure is a struct type.
type structure struct {
	name   string
	fields int // each name of a list counts, and each embedded type
}

// largestStruct returns the struct type with the most fields that files declare.
func largestStruct(files []*file) (largest structure) {
	for _, f := range files {
		ast.Inspect(f.ast, func(node ast.Node) bool {
			spec, ok := node.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if s, ok := spec.Type.(*ast.StructType); ok && s.Fields.NumFields() > largest.fields {
				largest = structure{spec.Name.Name, s.Fields.NumFields()}
			}
			return true
		})
	}
	return largest
}

// constants returns the number of constants and package variables whose value
// has a number in it, and the number of numeric literals elsewhere, but 0, 1
// and 2.
func constants(files []*file) (named, bare int) {
	for _, f := range files {
		declared := map[ast.Node]bool{}
		count := func(s *ast.ValueSpec) {
			if len(s.Values) > 0 && hasNumber(s) {
				named += len(s.Names)
			}
			declared[s] = true
		}
		ast.Inspect(f.ast, func(node ast.Node) bool {
			if g, ok := node.(*ast.GenDecl); ok && g.Tok == token.CONST {
				for _, s := range g.Specs {
					count(s.(*ast.ValueSpec))
				}
			}
			return true
		})
		eachSpec(f, token.VAR, count)
		ast.Inspect(f.ast, func(node ast.Node) bool {
			if declared[node] {
				return false
			}
			if l, ok := node.(*ast.BasicLit); ok && isNumber(l) && !small(l) {
				bare++
			}
			return true
		})
	}
	return named, bare
}

// hasNumber reports that a number is written in node.
func hasNumber(node ast.Node) (ok bool) {
	ast.Inspect(node, func(n ast.Node) bool {
		l, is := n.(*ast.BasicLit)
		ok = ok || is && isNumber(l)
		return !ok
	})
	return ok
}

func isNumber(l *ast.BasicLit) bool { return l.Kind == token.INT || l.Kind == token.FLOAT }

// small reports that a literal is 0, 1 or 2, of which there is no other choice
// in most places.
func small(l *ast.BasicLit) bool {
	v, err := strconv.ParseFloat(l.Value, 64)
	return err == nil && (v == 0 || v == 1 || v == 2)
}
