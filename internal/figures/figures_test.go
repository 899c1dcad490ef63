package main

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// sample is a module with one of everything that is measured.
var sample = fstest.MapFS{
	"go.mod":               {Data: []byte("module m\n")},
	"a.go":                 {Data: []byte("package m\n\nconst (\n\tone = 1\n\ttwo, three = 2.5, 3\n\tname = \"x\"\n)\n\nvar limits = []int{7, 8}\n\ntype pair struct{ a, b int }\n\ntype wide struct {\n\tpair\n\tx, y, z int\n}\n\nfunc f(n int) int {\n\tconst local = 9\n\treturn n*17 + 1 + 2 + 0 + local\n}\n")},
	"a_test.go":            {Data: []byte("package m\n\nconst inTest = 4\n")},
	"runtime/format/op.go": {Data: []byte("package format\n\ntype Opcode int\n\nconst (\n\tOpA Opcode = 1\n\tOpB Opcode = 2\n\tLimit = 5\n)\n\nfunc g(o Opcode, n int) bool {\n\tswitch n {\n\tcase Limit:\n\t}\n\treturn o == OpA\n}\n")},
	"runtime/run.go":       {Data: []byte("package runtime\n\nimport f \"m/runtime/format\"\n\nfunc h(o f.Opcode) {\n\tswitch o {\n\tcase f.OpB:\n\tdefault:\n\t}\n}\n")},
	"internal/op/op.go":    {Data: []byte("package op\n\ntype Conv struct{}\n\nfunc k(o any) {\n\tswitch o.(type) {\n\tcase Conv:\n\t}\n}\n")},
	"lower/lower.go":       {Data: []byte("package lower\n\nimport \"m/internal/op\"\n\nfunc l(o any) {\n\tswitch o.(type) {\n\tcase nil, *op.Conv:\n\t}\n}\n")},
	"lift/lift.go":         {Data: []byte("package lift\n\nimport \"m/internal/op\"\n\nfunc l(o any) bool {\n\tswitch o.(type) {\n\tcase error:\n\t}\n\t_, ok := o.(op.Conv)\n\treturn ok\n}\n")},
	"testdata/x.go":        {Data: []byte("no Go at all")},
	"nested/go.mod":        {Data: []byte("module n\n")},
	"nested/x.go":          {Data: []byte("no Go at all")},
}

// with is sample and one more file.
func with(name, text string) fstest.MapFS {
	m := fstest.MapFS{name: {Data: []byte(text)}}
	for k, v := range sample {
		m[k] = v
	}
	return m
}

func parsed(t *testing.T, fsys fstest.MapFS) *tree {
	t.Helper()
	tr, err := parse(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func TestFigures(t *testing.T) {
	got := map[string]string{}
	for _, f := range parsed(t, sample).figures() {
		got[f.name] = f.value
	}
	for name, want := range map[string]string{
		"files of the root package":                      "1",
		"lines of the root package":                      "21",
		"largest struct of the search":                   "4 fields: wide",
		"packages that switch over operator types":       "1: lower",
		"packages that test for an operator type":        "1: lift",
		"files that switch over opcodes":                 "1: runtime/run.go",
		"files that compare with an opcode":              "1: runtime/format/op.go",
		"longest function":                               "7 lines: lift/lift.go l",
		"numeric constants of the search, with a name":   "5",
		"numeric literals of the search, but 0, 1 and 2": "1",
		"functions with a complexity above 20":           "0, 0 of them with a reason",
	} {
		if got[name] != want {
			t.Errorf("%s: %q, want %q", name, got[name], want)
		}
	}
}

// The search is internal/search as soon as there is one.
func TestSearchMoves(t *testing.T) {
	tr := parsed(t, with("internal/search/s.go", "package search\n\ntype study struct{ a int }\n\nconst many = 100\n"))
	if s := largestStruct(tr.search()); s.name != "study" || s.fields != 1 {
		t.Errorf("%+v", s)
	}
	if named, bare := constants(tr.search()); named != 1 || bare != 0 {
		t.Errorf("%d constants and %d literals", named, bare)
	}
}

// The complexity of a function is one and the number of its branches.
func TestComplexity(t *testing.T) {
	for _, c := range []struct {
		body string
		want int
	}{
		{"", 1},
		{"if a && b || c { }", 4},
		{"for range a { for { } }", 3},
		{"switch a { case 1, 2: case 3: default: }", 3},
		{"switch a.(type) { case int: default: }", 2},
		{"select { case <-a: default: }", 2},
		{"func() { if a { } }()", 2},
		{"goto end; end:", 1},
	} {
		tr := parsed(t, fstest.MapFS{"x.go": {Data: []byte("package x\n\nfunc (r *recv[T]) f() {\n" + c.body + "\n}\n")}})
		f := tr.functions()[0]
		if f.complexity != c.want || f.name != "x.go recv.f" || f.lines != 3 {
			t.Errorf("%s: %+v, want a complexity of %d", c.body, f, c.want)
		}
	}
}

// A reason is a sentence of the comment, beside gocyclo's directive.
func TestReason(t *testing.T) {
	for doc, want := range map[string]bool{
		"":                                   false,
		"// f does.\n//\n//gocyclo:ignore\n": false,
		"// f does.\n// Complexity: a case for each field of the file.\n//\n//gocyclo:ignore\n": true,
		"// f does.\n// Complexity: yes.\n//\n//gocyclo:ignore\n":                               false,
		"// f does.\n// Complexity: a case for each field of the file.\n":                       false,
	} {
		tr := parsed(t, fstest.MapFS{"x.go": {Data: []byte("package x\n\n" + doc + "func f() { if a { } }\n")}})
		above, excused := tr.complex(1)
		if len(above) != 1 || (excused == 1) != want {
			t.Errorf("%q: %d functions, %d with a reason", doc, len(above), excused)
		}
	}
}

// Each function that gocyclo is to leave out says why, tests too.
func TestReasons(t *testing.T) {
	tr, err := parseAll(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	functions := tr.functions()
	if len(functions) < 1000 {
		t.Fatalf("%d functions; the walk does not reach the packages", len(functions))
	}
	for _, f := range functions {
		if ignored(f.doc) && !reason(f.doc) {
			t.Errorf("%s: gocyclo:ignore without a reason; add a sentence %q to the comment", f.name, strings.TrimSpace(reasonWord)+" ...")
		}
		if ignored(f.doc) && f.complexity <= mostComplex {
			t.Errorf("%s: gocyclo:ignore, but a complexity of %d needs no reason; remove both", f.name, f.complexity)
		}
	}
}

func TestRun(t *testing.T) {
	var out bytes.Buffer
	if err := run("../..", &out); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"files of the root package", "longest function", "files that switch over opcodes"} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("no line %q in\n%s", line, &out)
		}
	}
	if err := run(t.TempDir(), &out); err == nil {
		t.Error("an empty folder was measured")
	}
	if got := sortedKeys(map[string]bool{"b": true, "a": true}); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("%v", got)
	}
}

// The bounds that the house keeps.
func TestBounds(t *testing.T) {
	tr, err := parse(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	lines, root := 0, tr.in(".")
	for _, f := range root {
		lines += f.lines
	}
	if len(root) > 8 || lines > 900 {
		t.Errorf("the root package has %d files and %d lines; at most 8 and 900", len(root), lines)
	}
	if s := largestStruct(tr.search()); s.fields > 12 {
		t.Errorf("%s has %d fields; at most 12 in the search", s.name, s.fields)
	}
	if list := tr.operatorSwitches(); len(list) > 0 {
		t.Errorf("%v switch over operator types", list)
	}
}
