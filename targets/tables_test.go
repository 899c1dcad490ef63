package targets

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"strconv"
	"strings"
	"testing"

	"edgec/runtime/format"
)

// Without the rows of a table no import may be left over, since Go does not compile such a file:
// rows name functions of their own package only, or there are others that use the import.
func TestTablesKeepImports(t *testing.T) {
	files, err := readSources(sources, "runtime")
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range []struct{ file, name, field, value string }{{formatTable, "rows", "shape", absent}, {runtimeTable, "executions", "", ""}} {
		source, err := editTable(files[table.file], table.name, table.field, table.value, nil)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), table.file, source, 0)
		if err != nil {
			t.Fatal(err)
		}
		used := map[string]bool{}
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				used[lastName(s.X)] = true
			}
			return true
		})
		for _, spec := range file.Imports {
			name, _ := strconv.Unquote(spec.Path.Value)
			if !used[path.Base(name)] {
				t.Errorf("%s imports %s for a row alone; move what uses it to a function in another file", table.file, name)
			}
		}
	}
}

// Rows of opcodes that are used stay as they are, others go.
func TestOnlyUsed(t *testing.T) {
	files, err := readSources(sources, "runtime")
	if err != nil {
		t.Fatal(err)
	}
	before := string(files[runtimeTable])
	if err := onlyUsed(files, corner(t)); err != nil { // Dense
		t.Fatal(err)
	}
	after := string(files[runtimeTable])
	for _, op := range format.Opcodes() {
		line := func(source string) string {
			_, rest, ok := strings.Cut(source, "\tformat.Op"+op.String()+":")
			if !ok {
				t.Fatalf("no row of %s", op)
			}
			row, _, _ := strings.Cut(rest, "\n")
			return strings.TrimSpace(row)
		}
		if kept := line(after) == line(before); kept != (op == format.OpDense) {
			t.Errorf("%s: kept is %v: %s", op, kept, line(after))
		}
	}
	if n := strings.Count(string(files[formatTable]), "built for a model without it"); n != len(format.Opcodes())-1 {
		t.Errorf("%d opcodes of %d are refused", n, len(format.Opcodes()))
	}
	if _, err := editTable([]byte("package p"), "rows", "", "", nil); err == nil {
		t.Error("a table that is not there was changed")
	}
}
