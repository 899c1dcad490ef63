package ablation

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"math"
	"os"
	"testing"
)

const tuning = "../search/tuning.go"

// small is a file with one of everything that is read.
const small = `package x

import "time"

const (
	count  = 6      // things; counted; chosen
	share  = 0.25   // fraction of it; used; chosen
	step   = 1.5    // ratio; between steps; chosen
	work   = 3e12   // units; done; chosen
	part   = work / 3 // units; of a part; chosen
	shift  = 1 << 4 // bytes; at most; chosen
	wait   = 20 * time.Millisecond // duration; of a pause; chosen
)

var (
	list = []float64{0.5, share, 2} // points; of a list; chosen
	pair = two{
		n: 2 * count, // things; twice; chosen
		w: work,
	}
)

type two struct {
	n int
	w float64
}
`

func parsed(t *testing.T, text string) *File {
	t.Helper()
	f, err := Parse("x.go", text)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestParse(t *testing.T) {
	f := parsed(t, small)
	want := []Constant{
		{Name: "count", Value: 6, Int: true, Unit: "things", Meaning: "counted"},
		{Name: "share", Value: 0.25, Unit: "fraction of it", Meaning: "used"},
		{Name: "step", Value: 1.5, Unit: "ratio", Meaning: "between steps"},
		{Name: "work", Value: 3e12, Unit: "units", Meaning: "done"},
		{Name: "part", Value: 1e12, Derived: true, Unit: "units", Meaning: "of a part"},
		{Name: "shift", Value: 16, Int: true, Unit: "bytes", Meaning: "at most"},
		{Name: "wait", Value: 2e7, Int: true, Derived: true, Unit: "duration", Meaning: "of a pause"},
		{Name: "list[0]", Value: 0.5, Unit: "points", Meaning: "of a list"},
		{Name: "list[2]", Value: 2, Int: true, Unit: "points", Meaning: "of a list"},
		{Name: "pair.n", Value: 12, Int: true, Derived: true, Unit: "things", Meaning: "twice"},
	}
	if len(f.Constants) != len(want) {
		t.Fatalf("%d constants, want %d", len(f.Constants), len(want))
	}
	for i, c := range f.Constants {
		c.text, c.from, c.Source = "", 0, ""
		if c != want[i] {
			t.Errorf("%+v, want %+v", c, want[i])
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"const a = 1",
		"const a = 1 // things; without a source",
		"const a = b // things; of nothing; chosen",
		"const a = f(1) // things; called; chosen",
		"const a = 1 % 2 // things; modulo; chosen",
		"var a int // things; no value; chosen",
		"const",
	} {
		if _, err := Parse("x.go", "package x\n\n"+text+"\n"); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}

// clock stands in for package time, whose sources take long to check.
type clock struct{}

func (clock) Import(string) (*types.Package, error) {
	p := types.NewPackage("time", "time")
	d := types.NewNamed(types.NewTypeName(0, p, "Duration", nil), types.Typ[types.Int64], nil)
	p.Scope().Insert(d.Obj())
	for name, v := range durations {
		p.Scope().Insert(types.NewConst(0, p, name, d, constant.MakeInt64(v)))
	}
	p.MarkComplete()
	return p, nil
}

// typed checks the types of the constants' file, with the one type that it takes from
// elsewhere.
func typed(t *testing.T, text string) (*ast.File, *types.Info) {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, tuning, text, 0)
	if err != nil {
		t.Fatal(err)
	}
	other, err := parser.ParseFile(fset, "stage.go", "package search\n\ntype training struct {\n\tsamples int\n\twork float64\n\tshare float64\n}\n", 0)
	if err != nil {
		t.Fatal(err)
	}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{}}
	if _, err := (&types.Config{Importer: clock{}}).Check("search", fset, []*ast.File{f, other}, info); err != nil {
		t.Fatal(err)
	}
	return f, info
}

func tuningText(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(tuning)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The enumeration finds the values that the type checker finds: each named constant and
// each constant element of a variable, unless it is another's name.
func TestEveryConstantIsFound(t *testing.T) {
	text := tuningText(t)
	f, info := typed(t, text)
	want := map[float64]int{}
	values := 0
	count := func(e ast.Expr) {
		v := info.Types[e].Value
		id, named := e.(*ast.Ident)
		if v == nil || named && info.Uses[id] != nil && info.Uses[id].Pkg() != nil {
			return
		}
		x, _ := constant.Float64Val(constant.ToFloat(v))
		want[x]++
		values++
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ValueSpec:
			for _, e := range n.Values {
				count(e)
			}
		case *ast.CompositeLit:
			for _, e := range n.Elts {
				if kv, ok := e.(*ast.KeyValueExpr); ok {
					e = kv.Value
				}
				count(e)
			}
		}
		return true
	})
	got := parsed(t, text)
	if len(got.Constants) != values || values < 100 {
		t.Errorf("%d constants, the type checker finds %d", len(got.Constants), values)
	}
	for _, c := range got.Constants {
		if want[c.Value]--; want[c.Value] < 0 {
			t.Errorf("%s = %v is none by the type checker", c.Name, c.Value)
		}
	}
}

func TestLevels(t *testing.T) {
	f := parsed(t, small)
	levels, err := f.Levels(Rules{Chains: [][]string{{"list[0]", "step"}}, Most: map[string]float64{"units": 4e12}, Aside: []Aside{{"wait", "a pause"}}})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]Level{
		"count":   {3, 12},
		"share":   {1.0 / 7, 0.4}, // odds of 1/6 and 2/3
		"step":    {math.Sqrt(1.5), 2.25},
		"work":    {1.5e12, 4e12},
		"part":    {5e11, 2e12},
		"list[2]": {1, 4},
		"pair.n":  {6, 24},
	} {
		if got := levels[name]; math.Abs(got.Low/want.Low-1) > 1e-8 || math.Abs(got.High/want.High-1) > 1e-8 {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	if _, ok := levels["wait"]; ok {
		t.Error("wait is set aside, but has levels")
	}
	for _, r := range []Rules{{Aside: []Aside{{"none", ""}}}, {Chains: [][]string{{"count", "none"}}}, {Chains: [][]string{{"count", "share"}}}} {
		if _, err := f.Levels(r); err == nil {
			t.Errorf("%+v: no error", r)
		}
	}
}

// Values in a chain stay in order in every combination of levels.
func TestChainsStayInOrder(t *testing.T) {
	const text = "package x\n\nconst (\n\ta = 0.9 // fraction; one; chosen\n\tb = 0.92 // fraction; two; chosen\n\tc = 3 // things; three; chosen\n\td = 4 // things; four; chosen\n)\n"
	f := parsed(t, text)
	levels, err := f.Levels(Rules{Chains: [][]string{{"a", "b"}, {"c", "d"}}})
	if err != nil {
		t.Fatal(err)
	}
	if levels["a"].High > levels["b"].Low || levels["c"].High > levels["d"].Low {
		t.Errorf("%v", levels)
	}
	if levels["a"].High <= 0.9 || levels["b"].Low >= 0.92 {
		t.Errorf("levels do not move: %v", levels)
	}
}

// Variants are Go, and have the values that they were asked for.
func TestVariant(t *testing.T) {
	f := parsed(t, small)
	values := map[string]float64{"count": 3, "part": 5e11, "share": 0.4, "list[2]": 4, "pair.n": 24, "wait": 1e7}
	text, err := f.Variant(values)
	if err != nil {
		t.Fatal(err)
	}
	g := parsed(t, text)
	for i, c := range f.Constants {
		want := c.Value
		if v, ok := values[c.Name]; ok {
			want = v
		}
		if c.Name == "pair.n" {
			want = 12 // twice the factor, of half of count
		}
		if g.Constants[i].Value != want {
			t.Errorf("%s = %v, want %v", c.Name, g.Constants[i].Value, want)
		}
	}
	if same, err := f.Variant(map[string]float64{"count": 6}); err != nil || same != small {
		t.Errorf("a variant without a change differs, or %v", err)
	}
	if _, err := f.Variant(map[string]float64{"none": 1}); err == nil {
		t.Error("a constant that is not there was varied")
	}
	if f.ID(map[string]float64{"count": 6}) != f.ID(nil) || f.ID(values) == f.ID(nil) {
		t.Error("IDs do not follow the values")
	}
}

// Every row of the real design passes the type checker.
func TestRowsCompile(t *testing.T) {
	text := tuningText(t)
	levels, err := parsed(t, text).Levels(Rules{Aside: []Aside{{Name: "noDeadline"}, {Name: "fallbackTime"}}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPlan(text, levels)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range p.Rows[:8] {
		variant, err := p.File.Variant(row.Values)
		if err != nil {
			t.Fatal(err)
		}
		typed(t, variant)
	}
}
