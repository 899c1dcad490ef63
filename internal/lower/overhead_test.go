package lower_test

import (
	"testing"

	"edgec/internal/graph"
	"edgec/internal/lower"
	"edgec/internal/op"
	"edgec/internal/passes"
	"edgec/runtime"
	"edgec/runtime/format"
)

// maxOverhead bounds what a network of 8 layers pays for everything but its
// weights and biases; bytesPerScale is what a channel's scale may add, of the two
// that it has as a float16.
const maxOverhead, bytesPerScale = 200, 1.5

// eightLayers is a plain network of six convolutions, three pools and two dense
// layers for pictures of 32x32 pixels; it has 234 output channels.
func eightLayers(b *net, x *graph.Value) *graph.Graph {
	pool := op.MaxPool{KH: 2, KW: 2, StrideH: 2, StrideW: 2, DilH: 1, DilW: 1}
	for _, outC := range []int{16, 32, 32} {
		x = b.conv(b.conv(x, outC, 3, 1, 1, relu), outC, 3, 1, 1, relu)
		x = b.Node(pool, x)
	}
	return b.Done(b.dense(b.dense(b.flatten(x), 64, relu), 10, none))
}

// Header, graph, scales, self-test and checksum of 8 layers are some hundred
// bytes; a scale for each channel instead of one for each layer costs extra.
func TestOverhead(t *testing.T) {
	for _, c := range []struct {
		name   string
		scales int
		limit  float64
		config passes.Config
	}{
		{"as quantized by default", 8, maxOverhead, passes.Config{}},
		{"a scale for each channel", 234, maxOverhead + 234*bytesPerScale, passes.Config{PerTensorError: -1}},
	} {
		b, x := newNet(t, 1, 3, 32, 32)
		g := eightLayers(b, x)
		if err := passes.Quantize(g, passes.Samples(b.Inputs(16), 16), c.config); err != nil {
			t.Fatal(err)
		}
		f, err := lower.Build(g, lower.Config{SelfTest: runtime.MakeSelfTest})
		if err != nil {
			t.Fatal(err)
		}
		scales := 0
		for i := range f.Weights {
			scales += len(f.Weights[i].Scale)
		}
		if len(f.Weights) != 8 || scales != c.scales {
			t.Fatalf("%s: %d layers with %d scales, want 8 with %d", c.name, len(f.Weights), scales, c.scales)
		}
		_, s, err := format.Encode(f)
		if err != nil {
			t.Fatal(err)
		}
		got := s.Total() - s.Coded() - s.Biases
		t.Logf("%s: %d bytes: header %d, graph %d, scales %d, tables %d, meta %d, self-test %d, checksum %d; beside them biases %d, weights %d",
			c.name, got, s.Header, s.Graph, s.Scales, s.LUTs, s.Meta, s.Test, s.Checksum, s.Biases, s.Coded())
		if float64(got) >= c.limit {
			t.Errorf("%s: %d bytes beside weights and biases, the limit is %v", c.name, got, c.limit)
		}
	}
}
