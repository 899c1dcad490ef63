package targets

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"

	"edgec/runtime/format"
)

// The tables of opcodes in the sources. What no row names, the linker leaves out.
const (
	formatTable  = "runtime/format/opcode.go" // a row's field shape validates an instruction
	runtimeTable = "runtime/execution.go"     // a row executes an instruction
)

// absent is the shape rule of an opcode that a program has no row for.
const absent = `func(*Instr, []*Tensor, *Weight) ([]int, error) {
	return nil, Error("this program was built for a model without it; build one for this model")
}`

// onlyUsed changes the tables of opcodes in files: rows of opcodes that the model does not use
// are dropped from the runtime's, and refuse instructions in the format's.
func onlyUsed(files map[string][]byte, model []byte) error {
	f, err := format.Decode(model)
	if err != nil {
		return fmt.Errorf("targets: the model cannot be built into a program: %w", err)
	}
	used := map[string]bool{}
	for i := range f.Instrs {
		used["Op"+f.Instrs[i].Op.String()] = true
	}
	for _, t := range []struct{ file, table, field, value string }{
		{formatTable, "rows", "shape", absent},
		{runtimeTable, "executions", "", ""},
	} {
		if files[t.file], err = editTable(files[t.file], t.table, t.field, t.value, used); err != nil {
			return fmt.Errorf("targets: sources: %s: %w", t.file, err)
		}
	}
	return nil
}

// edit replaces the bytes from start up to end.
type edit struct {
	start, end int
	text       string
}

// editTable changes the rows, of opcodes that are not used, of a table in a Go source: the
// value of a field of each, or all of it where field is "".
func editTable(source []byte, table, field, value string, used map[string]bool) ([]byte, error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "", source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var edits []edit
	replace := func(n ast.Node, text string) {
		edits = append(edits, edit{set.Position(n.Pos()).Offset, set.Position(n.End()).Offset, text})
	}
	for _, row := range rowsOf(file, table) {
		switch {
		case used[lastName(row.Key)]:
		case field == "":
			replace(row.Value, "{}")
		default:
			for _, e := range row.Value.(*ast.CompositeLit).Elts {
				if kv, ok := e.(*ast.KeyValueExpr); ok && lastName(kv.Key) == field {
					replace(kv.Value, value)
				}
			}
		}
	}
	if edits == nil {
		return nil, fmt.Errorf("no table %s of opcodes", table)
	}
	slices.SortFunc(edits, func(a, b edit) int { return b.start - a.start })
	for _, e := range edits {
		source = slices.Concat(source[:e.start], []byte(e.text), source[e.end:])
	}
	return source, nil
}

// rowsOf returns the rows of the table, a composite literal with keys, that a variable is set to.
func rowsOf(file *ast.File, table string) (rows []*ast.KeyValueExpr) {
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Names) != 1 || spec.Names[0].Name != table || len(spec.Values) != 1 {
			return true
		}
		literal, ok := spec.Values[0].(*ast.CompositeLit)
		if !ok {
			return false
		}
		for _, e := range literal.Elts {
			if row, ok := e.(*ast.KeyValueExpr); ok {
				rows = append(rows, row)
			}
		}
		return false
	})
	return rows
}

// lastName returns the name of x or of p.x.
func lastName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}
