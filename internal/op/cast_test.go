package op

import (
	"slices"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// TestCast: fractions are dropped, integers wrap, what is not zero is true.
func TestCast(t *testing.T) {
	x := tensor.Of([]float32{-2.7, -0.3, 0, 0.9, 2.5, 300, 200}, 1, 7)
	for _, c := range []struct {
		o    Cast
		want []float32
	}{
		{Cast{To: graph.Float}, x.Data},
		{Cast{To: graph.Integer}, []float32{-2, 0, 0, 0, 2, 300, 200}},
		{Cast{To: graph.Integer, Bits: 8}, []float32{254, 0, 0, 0, 2, 44, 200}},
		{Cast{To: graph.Integer, Bits: 8, Signed: true}, []float32{-2, 0, 0, 0, 2, 44, -56}},
		{Cast{To: graph.Boolean}, []float32{1, 1, 0, 1, 1, 1, 1}},
	} {
		y := tensor.New(1, 7)
		c.o.Forward(nil, []*tensor.Tensor{y}, []*tensor.Tensor{x})
		if !slices.Equal(y.Data, c.want) {
			t.Errorf("%+v: %v, want %v", c.o, y.Data, c.want)
		}
		if e := c.o.Elems(nil)[0]; e != c.o.To {
			t.Errorf("%+v: kind %v", c.o, e)
		}
	}
}
