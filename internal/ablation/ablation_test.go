package ablation

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
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
	other, err := parser.ParseFile(fset, "stage.go", "package search\n\ntype training struct {\n\tsamples int\n\twork float64\n}\n", 0)
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
	levels, err := parsed(t, text).Levels(Rules{Aside: []Aside{{Name: "noDeadline"}, {Name: "correctionPoints[8]"}}})
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

// Columns are balanced and orthogonal; those of the half are balanced and nearly so.
func TestDesign(t *testing.T) {
	const nearly = 0.5 // largest correlation of two columns of the half
	for _, k := range []int{1, 3, 10, 30, 111} {
		d, err := Screen(k, 1)
		if err != nil {
			t.Fatal(err)
		}
		n := len(d.Rows)
		for a := range k {
			for b := a; b < k; b++ {
				all, half, sum, halfSum := 0, 0, 0, 0
				for i, row := range d.Rows {
					all += row[a] * row[b]
					sum += row[a]
					if d.Half[i] {
						half += row[a] * row[b]
						halfSum += row[a]
					}
				}
				if sum != 0 || halfSum != 0 {
					t.Fatalf("%d factors: column %d is not balanced", k, a)
				}
				if a == b && (all != n || half != n/2) || a != b && all != 0 {
					t.Fatalf("%d factors: columns %d and %d have a product of %d and, in half of the rows, %d", k, a, b, all, half)
				}
				if n > 12 && a != b && math.Abs(float64(half)) > nearly*float64(n)/2 {
					t.Errorf("%d factors: columns %d and %d of the half have a product of %d in %d rows", k, a, b, half, n/2)
				}
			}
		}
	}
	if _, err := Screen(0, 1); err == nil {
		t.Error("a design without factors")
	}
}

// Effects of a linear function are twice its coefficients, whatever the number of
// factors, and the few that are none of noise stand out of it.
func TestEffectsOfALinearFunction(t *testing.T) {
	const k, sd = 100, 0.01
	d, err := Screen(k, 1)
	if err != nil {
		t.Fatal(err)
	}
	coefficients := map[int]float64{3: 0.1, 40: -0.05, 99: 0.2}
	rng := rand.New(rand.NewPCG(1, 1))
	y, there := make([]float64, len(d.Rows)), make([]bool, len(d.Rows))
	exact := slices.Clone(y)
	for i, row := range d.Rows {
		there[i] = true
		for j, c := range coefficients {
			exact[i] += c * float64(row[j])
		}
		y[i] = 5 + exact[i] + sd*rng.NormFloat64()
	}
	for j, e := range Effects(d.Rows, exact, there) {
		if math.Abs(e-2*coefficients[j]) > 1e-12 {
			t.Errorf("factor %d: effect %v, want %v", j, e, 2*coefficients[j])
		}
	}
	effects := Effects(d.Rows, y, there)
	noise, want := PSE(slices.Clone(effects)), 2*sd/math.Sqrt(float64(len(d.Rows)))
	if noise < want/1.5 || noise > want*1.5 {
		t.Errorf("noise %v, want about %v", noise, want)
	}
	for j, e := range effects {
		if beyond := math.Abs(e) > 4*noise; beyond != (coefficients[j] != 0) {
			t.Errorf("factor %d: effect %v, noise %v", j, e, noise)
		}
	}
	there[0] = false
	if e := Effects(d.Rows[:1], y[:1], there[:1]); !math.IsNaN(e[0]) {
		t.Errorf("an effect of no rows: %v", e[0])
	}
}

func TestStudent(t *testing.T) {
	for dof, want := range map[int]float64{1: 12.706, 2: 4.303, 3: 3.182, 6: 2.447, 13: 2.160, 30: 2.042} {
		if got := fivePercent.student(dof); math.Abs(got/want-1) > 0.01 {
			t.Errorf("%d degrees of freedom: %v, want %v", dof, got, want)
		}
	}
	for dof, want := range map[int]float64{1: 63.657, 2: 9.925, 3: 5.841, 6: 3.707, 13: 3.012, 30: 2.750} {
		if got := onePercent.student(dof); math.Abs(got/want-1) > 0.02 {
			t.Errorf("%d degrees of freedom at 1 %%: %v, want %v", dof, got, want)
		}
	}
	if e := estimate([]float64{1, 2, 3}); e.Mean != 2 || math.Abs(e.Err-1/math.Sqrt(3)) > 1e-12 || e.beyond(fivePercent) {
		t.Errorf("%+v", e)
	}
}

// simulated measures a plan: constant a moves sizes everywhere, b moves the error on
// one network, and no other moves anything.
func simulated(t *testing.T, path string, stopAfter int) string {
	t.Helper()
	text := "package x\n\nconst (\n"
	for i := range 30 {
		text += fmt.Sprintf("\tc%d = %d // things; number %d; chosen\n", i, 100+i, i)
	}
	text += ")\n"
	levels, err := parsed(t, text).Levels(Rules{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPlan(text, levels)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if r.Source == "" {
		r.Source, r.Levels = text, levels
	}
	measured := 0
	measure := func(v Values, seeds int) {
		for _, network := range []string{"one", "two", "three"} {
			for seed := range seeds {
				for _, recipe := range []Recipe{Drop, Size} {
					k := Key{v.ID, network, recipe, uint64(seed), 1}
					if r.Find(k) != nil || measured == stopAfter {
						continue
					}
					measured++
					r.Runs = append(r.Runs, fake(k, v.Values))
				}
			}
		}
	}
	measure(p.Base(), 2)
	for _, row := range p.Rows {
		measure(row, 1)
	}
	for _, name := range p.Followed(r) {
		for _, v := range p.Alone(name) {
			measure(v, 2)
		}
	}
	if err := r.Save(path); err != nil {
		t.Fatal(err)
	}
	page, err := Page(r, []Subject{{Name: "one"}, {Name: "two"}, {Name: "three"}}, text)
	if err != nil {
		t.Fatal(err)
	}
	if stopAfter < 0 {
		checkVerdicts(t, p, r)
	}
	return page
}

// fake is a run whose outcome is known, with noise that depends on its key.
func fake(k Key, values map[string]float64) Run {
	at := func(name string, base float64) float64 {
		if v, ok := values[name]; ok {
			return math.Log2(v / base)
		}
		return 0
	}
	seed := uint64(len(k.Network))
	for _, c := range k.ID {
		seed = seed*31 + uint64(c)
	}
	rng := rand.New(rand.NewPCG(seed, k.Seed))
	noise := func() float64 { return 0.003 * rng.NormFloat64() }
	error := 5.0 * math.Exp(noise())
	if k.Network == "two" {
		error *= math.Exp(0.1 * at("c7", 107))
	}
	return Run{Key: k, Bytes: int(10_000 * math.Exp(0.05*at("c3", 103)+noise())), Error: error, Samples: 1000, Steps: 100, Seconds: 1, File: k.ID}
}

func checkVerdicts(t *testing.T, p *Plan, r *Results) {
	t.Helper()
	screened, noise := p.Screening(r), p.SeedNoise(r)
	if !screened["c3"].Follows || !screened["c7"].Follows || !slices.Equal(screened["c7"].Alone, []string{"two"}) {
		t.Errorf("c3 %+v, c7 %+v", screened["c3"], screened["c7"])
	}
	if e := screened["c3"].Effects[SizeAtDrop]; math.Abs(e.Mean-0.1) > 0.005 {
		t.Errorf("effect of c3 %+v, want 0.1", e)
	}
	if first := p.Followed(r)[:2]; !slices.Contains(first, "c3") || !slices.Contains(first, "c7") {
		t.Errorf("strongest are %v", first)
	}
	if got := p.Verdict(r, "c3", screened["c3"], noise); got != "moves size" {
		t.Errorf("c3 %s", got)
	}
	if got := p.Verdict(r, "c7", screened["c7"], noise); got != "moves error on two" {
		t.Errorf("c7 %s", got)
	}
	if got := p.Verdict(r, "c20", screened["c20"], noise); got != "within noise in the design" && got != "within noise: moves nothing" {
		t.Errorf("c20 %s", got)
	}
}

// Noise between seeds does not count what values or seeds do as a whole.
func TestInteraction(t *testing.T) {
	if sd := interaction([][]float64{{1, 3}, {11, 13}, {5, 7}}); math.Abs(sd) > 1e-12 {
		t.Errorf("rows and columns alone: %v", sd)
	}
	const sd, within = 0.1, 0.05
	rng := rand.New(rand.NewPCG(1, 2))
	var table [][]float64
	for v := range 500 {
		table = append(table, []float64{float64(v) + sd*rng.NormFloat64(), float64(v) + 7 + sd*rng.NormFloat64(), float64(v) - 2 + sd*rng.NormFloat64()})
	}
	if got := interaction(table); math.Abs(got/sd-1) > within {
		t.Errorf("%v, want %v", got, sd)
	}
}

// A measurement that was interrupted, and resumed from what is stored, gives the same
// page.
func TestResume(t *testing.T) {
	dir := t.TempDir()
	whole := simulated(t, filepath.Join(dir, "whole.json"), -1)
	parts := filepath.Join(dir, "parts.json")
	if part := simulated(t, parts, 100); part == whole {
		t.Error("the page of a part is that of the whole")
	}
	if resumed := simulated(t, parts, -1); resumed != whole {
		t.Errorf("the page is another after an interruption:\n%s\n%s", resumed, whole)
	}
}

func TestResponse(t *testing.T) {
	base := Run{Bytes: 1000, Error: 10, Samples: 1000, Steps: 100}
	for _, c := range []struct {
		what Response
		run  Run
		want float64
	}{
		{SizeAtDrop, Run{Bytes: 1100}, math.Log(1.1)},
		{SizeAtDrop, Run{Bytes: 9000}, 1},
		{SizeAtDrop, Run{Failed: "no file"}, 1},
		{ErrorAtSize, Run{Error: 0}, -1},
		{ErrorAtSize, Run{Error: 20.05}, math.Log(2)},
		{Work, Run{Steps: 200}, math.Ln2},
		{Work, Run{Failed: "no file"}, 0},
	} {
		if got := compare(c.what, c.run, base); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%s of %+v: %v, want %v", c.what, c.run, got, c.want)
		}
	}
}
