package ablation

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Level is a constant's low and high value. Both are a factor of 2 away from the value
// on the scale of the constant:
//
//   - the value itself
//   - the odds p / (1 - p) of a fraction, whose unit begins with "fraction"
//   - the logarithm of a ratio above 1, whose unit begins with "ratio"
//
// Integers are rounded, and are at least 1. Two values that must stay in order move at
// most half of the way towards each other, so that every combination of levels is
// valid. A level that equals the value is none.
type Level struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Aside is a constant that is not varied.
type Aside struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// Rules say what holds between constants.
type Rules struct {
	Chains [][]string         // names, least value first, that must stay in this order
	Most   map[string]float64 // the largest value of a unit, by its first word
	Aside  []Aside            // what is not varied, and why
}

// scale maps the values of a constant to where a factor of 2 is a distance of ln 2.
func (c Constant) scale() (to, back func(float64) float64) {
	switch {
	case strings.HasPrefix(c.Unit, "fraction"):
		return func(p float64) float64 { return math.Log(p / (1 - p)) }, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	case strings.HasPrefix(c.Unit, "ratio"):
		return func(r float64) float64 { return math.Log(math.Log(r)) }, func(x float64) float64 { return math.Exp(math.Exp(x)) }
	}
	return math.Log, math.Exp
}

// Levels returns the levels of the constants that rules do not set aside, by name, and
// an error for a rule about a constant that is not there, or a value off its scale.
func (f *File) Levels(rules Rules) (map[string]Level, error) {
	of := map[string]Constant{}
	for _, c := range f.Constants {
		of[c.Name] = c
	}
	aside := map[string]bool{}
	for _, a := range rules.Aside {
		if _, ok := of[a.Name]; !ok {
			return nil, fmt.Errorf("ablation: %s is set aside, but is not there", a.Name)
		}
		aside[a.Name] = true
	}
	below, above, err := neighbours(of, rules.Chains)
	if err != nil {
		return nil, err
	}
	levels := map[string]Level{}
	for _, c := range f.Constants {
		if aside[c.Name] {
			continue
		}
		to, back := c.scale()
		x := to(c.Value)
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, fmt.Errorf("ablation: %s is %v, which a constant in %q cannot be; set it aside, or correct the unit", c.Name, c.Value, c.Unit)
		}
		low, high := x-math.Ln2, x+math.Ln2
		for _, n := range below[c.Name] {
			low = math.Max(low, (x+to(n))/2)
		}
		for _, n := range above[c.Name] {
			high = math.Min(high, (x+to(n))/2)
		}
		l := Level{back(low), back(high)}
		if most := rules.Most[strings.Fields(c.Unit)[0]]; most > 0 {
			l.High = math.Min(l.High, most)
		}
		levels[c.Name] = c.rounded(l)
	}
	return levels, nil
}

// neighbours returns, by name, the values that must stay below and above.
func neighbours(of map[string]Constant, chains [][]string) (below, above map[string][]float64, err error) {
	below, above = map[string][]float64{}, map[string][]float64{}
	for _, chain := range chains {
		for i, name := range chain {
			c, ok := of[name]
			if !ok {
				return nil, nil, fmt.Errorf("ablation: a chain has %s, which is not there", name)
			}
			if i == 0 {
				continue
			}
			before := of[chain[i-1]]
			if before.Value > c.Value {
				return nil, nil, fmt.Errorf("ablation: %s is %v, above %s with %v; correct the chain", before.Name, before.Value, name, c.Value)
			}
			below[name] = append(below[name], before.Value)
			above[before.Name] = append(above[before.Name], c.Value)
		}
	}
	return below, above, nil
}

// rounded returns levels that the constant can have. Half and double are exact.
func (c Constant) rounded(l Level) Level {
	if !c.Int {
		return Level{significant(l.Low), significant(l.High)}
	}
	// towards the value, so that neighbours stay in order
	return Level{math.Min(c.Value, math.Max(1, math.Ceil(l.Low-1e-9*l.Low))), math.Max(c.Value, math.Floor(l.High+1e-9*l.High))}
}

// significant rounds to 9 digits, which a person can read.
func significant(v float64) float64 {
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 9, 64), 64)
	if err != nil {
		return v // never: a number in this form is read back
	}
	return rounded
}
