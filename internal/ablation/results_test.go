package ablation

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// simulated measures a plan: constant a moves sizes everywhere, b moves the error on
// one network, and no other moves anything.
func simulated(t *testing.T, path string, stopAfter int) string {
	t.Helper()
	p, r := thirty(t, path)
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
	page, err := Page(r, r.Source, []Aside{{Name: "old", Reason: "another one"}})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(page, "\n| old | another one |\n") {
		t.Error("the page does not say what took the place of a constant")
	}
	if stopAfter < 0 {
		checkVerdicts(t, p, r)
	}
	return page
}

// thirty is a plan of as many constants, with the results in a file.
func thirty(t *testing.T, path string) (*Plan, *Results) {
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
		r.Source, r.Levels, r.Subjects = text, levels, []Subject{{Name: "one"}, {Name: "two"}, {Name: "three"}}
	}
	return p, r
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
