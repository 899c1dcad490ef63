package op

import (
	"testing"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// TestSampling compares operators that read an image between its pixels with values computed
// by hand.
func TestSampling(t *testing.T) {
	square := tensor.Of([]float32{0, 1, 2, 3, 4, 5, 6, 7, 8}, 1, 1, 3, 3)
	row := tensor.Of([]float32{1, 2, 4}, 1, 1, 3)
	at := func(v ...float32) *tensor.Tensor { return tensor.Of(v, 1, len(v), 1) }
	ones := tensor.Of([]float32{1, 1, 1, 1}, 1, 1, 2, 2)
	still := tensor.New(1, 8, 2, 2)
	right := tensor.New(1, 8, 2, 2)
	for i := range right.Data {
		if i/4%2 == 1 {
			right.Data[i] = 0.5
		}
	}
	halves := tensor.New(1, 4, 2, 2)
	setAll(halves.Data, 0.5)
	conv := DeformConv{Kernel: Kernel{StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 1}, Sets: 1}
	bins := RoiAlign{Height: 1, Width: 2, Samples: 1, Scale: 1}
	for name, c := range sorted(map[string]struct {
		o    graph.Op
		in   []*tensor.Tensor
		want *tensor.Tensor
	}{
		"between two":             {GridSample{Mode: Linear, Aligned: true}, []*tensor.Tensor{row, at(-1, -0.5, 0, 1)}, tensor.Of([]float32{1, 1.5, 2, 4}, 1, 1, 4)},
		"edges are outer edges":   {GridSample{Mode: Linear}, []*tensor.Tensor{row, at(-1, 0)}, tensor.Of([]float32{0.5, 2}, 1, 1, 2)},
		"beyond the edge":         {GridSample{Mode: Linear, Border: EdgeBorder}, []*tensor.Tensor{row, at(-9, 9)}, tensor.Of([]float32{1, 4}, 1, 1, 2)},
		"reflected":               {GridSample{Mode: Linear, Border: ReflectBorder, Aligned: true}, []*tensor.Tensor{row, at(2, -1.5, 3)}, tensor.Of([]float32{2, 1.5, 1}, 1, 1, 3)},
		"the nearest":             {GridSample{Aligned: true}, []*tensor.Tensor{row, at(0.4, 0.6, 3)}, tensor.Of([]float32{2, 4, 0}, 1, 1, 3)},
		"a place that is none":    {GridSample{Mode: Linear}, []*tensor.Tensor{row, at(nan)}, tensor.Of([]float32{0}, 1, 1, 1)},
		"x first":                 {GridSample{Mode: Linear, Aligned: true}, []*tensor.Tensor{square, tensor.Of([]float32{1, -1, 0, 0.5}, 1, 1, 2, 2)}, tensor.Of([]float32{2, 5.5}, 1, 1, 1, 2)},
		"cubic on a pixel":        {GridSample{Mode: Cubic, Aligned: true, Border: EdgeBorder}, []*tensor.Tensor{row, at(0)}, tensor.Of([]float32{2}, 1, 1, 1)},
		"cubic between two":       {GridSample{Mode: Cubic, Aligned: true, Border: EdgeBorder}, []*tensor.Tensor{row, at(0.5)}, tensor.Of([]float32{(2+4)*0.59375 - (1+4)*0.09375}, 1, 1, 1)},
		"taps that stay":          {conv, []*tensor.Tensor{square, ones, still}, tensor.Of([]float32{8, 12, 20, 24}, 1, 1, 2, 2)},
		"taps half a pixel right": {conv, []*tensor.Tensor{square, ones, right, tensor.Of([]float32{1}, 1)}, tensor.Of([]float32{1 + 10, 1 + 1.5 + 1 + 4.5 + 2.5, 1 + 22, 1 + 4.5 + 2.5 + 7.5 + 4}, 1, 1, 2, 2)},
		"taps by half":            {conv, []*tensor.Tensor{square, ones, still, nil, halves}, tensor.Of([]float32{4, 6, 10, 12}, 1, 1, 2, 2)},
		"two bins":                {bins, []*tensor.Tensor{tensor.Of(square.Data, 1, 1, 1, 3, 3), tensor.Of([]float32{0, 0, 2, 2}, 1, 1, 4), tensor.New(1, 1)}, tensor.Of([]float32{3.5, 4.5}, 1, 1, 1, 1, 2)},
	}) {
		t.Run(name, func(t *testing.T) { equalWithin(t, forwardOf(t, c.o, c.in...), c.want, 1e-6, "forward") })
	}
}

func TestSamplingRefuses(t *testing.T) {
	x := tensor.Shape{1, 2, 3, 3}
	checkRefusals(t, []refusal{
		{"coordinates of another rank", GridSample{}, []tensor.Shape{x, {1, 4, 4, 3}}, "grid"},
		{"another batch", GridSample{}, []tensor.Shape{{2, 1, 3}, {3, 4, 1}}, "batch"},
		{"a single image", RoiAlign{Height: 1, Width: 1}, []tensor.Shape{x, {1, 1, 4}, {1, 1}}, "regions"},
		{"no bins", RoiAlign{}, []tensor.Shape{{1, 1, 2, 3, 3}, {1, 1, 4}, {1, 1}}, "bins"},
		{"no offsets", DeformConv{Sets: 1}, []tensor.Shape{x, {4, 2, 2, 2}, {1, 2, 2, 2}}, "offsets"},
		{"uneven sets", DeformConv{Sets: 3}, []tensor.Shape{x, {4, 2, 2, 2}, {1, 24, 2, 2}}, "offsets"},
	})
}
