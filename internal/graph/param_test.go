package graph_test

import (
	"fmt"
	"math"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// effective is the formula in the comment of Param, for one element.
func effective(p *graph.Param, i int) (value float32, quantum int) {
	w := float64(p.Shadow.Data[i])
	if p.Mask != nil {
		w *= float64(p.Mask[i])
	}
	if p.Grid == nil {
		return float32(w), 0
	}
	scale := p.Grid.Scale[0]
	if len(p.Grid.Scale) > 1 {
		scale = p.Grid.Scale[i/(len(p.Shadow.Data)/p.Shadow.Shape[0])]
	}
	// the nearest multiple of 1<<Shift in -Max..Max, the farther from zero of two
	step := 1 << p.Grid.Shift
	best := math.Inf(1)
	for q := -(p.Grid.Max / step) * step; q <= p.Grid.Max; q += step {
		d := math.Abs(float64(q)*float64(scale) - w)
		if d < best || d == best && q > 0 {
			best, quantum = d, q
		}
	}
	if p.Book != nil {
		quantum = int(math.Round(float64(p.Book.Centroids[p.Book.Index[i]])))
		if p.Mask != nil && p.Mask[i] == 0 {
			quantum = 0
		}
	}
	return float32(quantum) * scale, quantum
}

// constrained returns a random parameter with copies of the constraints that are asked for.
func constrained(shape tensor.Shape, grid *graph.Grid, masked, shared bool) *graph.Param {
	r := newRand(3)
	p := graph.NewParam("w", graph.Weight, normal(r, shape...))
	n := len(p.Shadow.Data)
	for i := range p.Shadow.Data {
		p.Shadow.Data[i] = float32(math.Round(float64(p.Shadow.Data[i]*16)) / 8) // ties, and values beyond the limits
	}
	if grid != nil {
		c := *grid
		p.Grid = &c
	}
	if masked {
		p.Mask = make([]float32, n)
		for i := range p.Mask {
			p.Mask[i] = float32(r.IntN(2))
		}
	}
	if shared {
		p.Book = &graph.Codebook{Centroids: []float32{0, -2.5, 1.49, 4}, Index: make([]uint8, n)}
		for i := range p.Book.Index {
			if p.Mask == nil || p.Mask[i] != 0 {
				p.Book.Index[i] = uint8(r.IntN(4))
			}
		}
	}
	return p
}

// checkEffective compares the effective values and integers of p with the slow definition.
func checkEffective(t *testing.T, p *graph.Param) {
	t.Helper()
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	for c := p.Channels() - 1; c >= 0; c-- { // in parts, in any order
		p.RefreshRows(c, c+1)
	}
	parts := p.Value.Clone()
	p.Refresh()
	for i, got := range p.Value.Data {
		if parts.Data[i] != got {
			t.Fatalf("weight %d: %v channel by channel, %v at once", i, parts.Data[i], got)
		}
		want, q := effective(p, i)
		if got != want {
			t.Fatalf("weight %d: shadow %v gives %v, want %v", i, p.Shadow.Data[i], got, want)
		}
		if p.Grid != nil && int(p.Quanta()[i]) != q {
			t.Fatalf("weight %d: shadow %v gives quantum %d, want %d", i, p.Shadow.Data[i], p.Quanta()[i], q)
		}
	}
}

func TestEffectiveValue(t *testing.T) {
	grids := map[string]*graph.Grid{
		"float":       nil,
		"per tensor":  {Scale: []float32{0.25}, Max: 5},
		"per channel": {Scale: []float32{0.5, 0.03125, 2}, Max: 127},
		"shifted":     {Scale: []float32{0.125}, Max: 21, Shift: 2}, // 21 is no multiple of 4
	}
	shapes := []tensor.Shape{{3}, {3, 4}, {3, 2, 2, 2}}
	for name, grid := range grids {
		for _, shape := range shapes {
			for _, masked := range []bool{false, true} {
				for _, shared := range []bool{false, true} {
					if shared && grid == nil {
						continue
					}
					t.Run(fmt.Sprint(name, shape, masked, shared), func(t *testing.T) {
						checkEffective(t, constrained(shape, grid, masked, shared))
					})
				}
			}
		}
	}
}

func TestRoundingIsAwayFromZero(t *testing.T) {
	p := graph.NewParam("w", graph.Weight, tensor.Of([]float32{0.5, -0.5, 1.5, -1.5, 0.49, 300, -300}, 7))
	p.Grid = &graph.Grid{Scale: []float32{1}, Max: 127}
	p.Refresh()
	for i, want := range []float32{1, -1, 2, -2, 0, 127, -127} {
		if p.Value.Data[i] != want {
			t.Errorf("%v rounds to %v, want %v", p.Shadow.Data[i], p.Value.Data[i], want)
		}
	}
}

func TestKeptAndDensity(t *testing.T) {
	p := graph.NewParam("w", graph.Weight, tensor.New(4, 2))
	if p.Kept() != 8 || p.Density() != 1 || p.Channels() != 4 {
		t.Errorf("without a mask: %d kept, density %v, %d channels", p.Kept(), p.Density(), p.Channels())
	}
	p.Mask = []float32{1, 0, 0, 1, 0, 0, 0, 0}
	if p.Kept() != 2 || p.Density() != 0.25 {
		t.Errorf("two of eight: %d kept, density %v", p.Kept(), p.Density())
	}
	scalar := graph.NewParam("s", graph.Constant, tensor.New())
	if scalar.Channels() != 1 {
		t.Errorf("a scalar has %d channels", scalar.Channels())
	}
	scalar.Grid = &graph.Grid{Scale: []float32{0.5}, Max: 127}
	scalar.Shadow.Data[0] = 1.2
	scalar.Refresh()
	if scalar.Value.Data[0] != 1 {
		t.Errorf("a scalar on a grid is %v", scalar.Value.Data[0])
	}
	empty := graph.NewParam("e", graph.Weight, tensor.New(0, 3))
	if empty.Density() != 1 || empty.Kept() != 0 {
		t.Errorf("an empty one: %d kept, density %v", empty.Kept(), empty.Density())
	}
}

// TestNewParam: the shadow is the caller's tensor, the effective value is not.
func TestNewParam(t *testing.T) {
	w := tensor.Of([]float32{1, 2}, 2)
	p := graph.NewParam("w", graph.Bias, w)
	w.Data[0] = 5
	if p.Shadow.Data[0] != 5 || p.Value.Data[0] != 1 {
		t.Errorf("shadow %v, value %v", p.Shadow.Data, p.Value.Data)
	}
	if p.Refresh(); p.Value.Data[0] != 5 {
		t.Errorf("value %v after Refresh", p.Value.Data)
	}
}
