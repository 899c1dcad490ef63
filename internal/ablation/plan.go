package ablation

import (
	"fmt"
	"slices"
)

// designSeed draws the signs of the design's columns.
const designSeed = 1

// Values are those of the constants that differ from the file, with their ID.
type Values struct {
	Name   string // base, row 17, topRate half
	ID     string
	Values map[string]float64
}

// Plan is what is measured: the base, the rows of the design, and each constant by
// itself.
type Plan struct {
	File   *File
	Names  []string // of the constants that are varied, in the file's order
	Levels map[string]Level
	Design Design
	Rows   []Values // of the design

	base  Values
	alone map[string][]Values
}

// NewPlan plans what results are to hold.
func NewPlan(source string, levels map[string]Level) (*Plan, error) {
	f, err := Parse("tuning.go", source)
	if err != nil {
		return nil, err
	}
	p := &Plan{File: f, Levels: levels, base: Values{Name: "base", ID: f.ID(nil)}, alone: map[string][]Values{}}
	for _, c := range f.Constants {
		if _, ok := levels[c.Name]; ok {
			p.Names = append(p.Names, c.Name)
			p.alone[c.Name] = p.single(c.Name)
		}
	}
	if len(p.Names) != len(levels) {
		return nil, fmt.Errorf("ablation: %d of %d levels are of constants that are not there", len(levels)-len(p.Names), len(levels))
	}
	if p.Design, err = Screen(len(p.Names), designSeed); err != nil {
		return nil, err
	}
	for i, row := range p.Design.Rows {
		values := map[string]float64{}
		for j, name := range p.Names {
			values[name] = levels[name].Low
			if row[j] > 0 {
				values[name] = levels[name].High
			}
		}
		p.Rows = append(p.Rows, Values{fmt.Sprintf("row %d of %d", i+1, len(p.Design.Rows)), f.ID(values), values})
	}
	return p, nil
}

// Base are the values of the file as it is.
func (p *Plan) Base() Values { return p.base }

// Alone returns the low and the high value of one constant, as far as they differ from
// the file's.
func (p *Plan) Alone(name string) []Values { return p.alone[name] }

func (p *Plan) single(name string) []Values {
	var all []Values
	for i, v := range []float64{p.Levels[name].Low, p.Levels[name].High} {
		values := map[string]float64{name: v}
		if id := p.File.ID(values); id != p.base.ID {
			all = append(all, Values{name + " " + []string{"low", "high"}[i], id, values})
		}
	}
	return all
}

// Followed returns the constants that are varied by themselves, those with the
// strongest effect first.
func (p *Plan) Followed(r *Results) []string {
	screened := p.Screening(r)
	var names []string
	for _, name := range p.Names {
		if screened[name].Follows {
			names = append(names, name)
		}
	}
	slices.SortStableFunc(names, func(a, b string) int {
		switch d := screened[b].Rank - screened[a].Rank; {
		case d > 0:
			return 1
		case d < 0:
			return -1
		}
		return 0
	})
	return names
}
