package lower_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/lower"
	"edgec/internal/onnx"
	"edgec/internal/op"
	"edgec/internal/passes"
	"edgec/internal/simplify"
	"edgec/internal/testnet"
)

// FuzzPipeline: whatever network the reader accepts is quantized, lowered, run
// and lifted again, or refused with an error of the stage; nothing panics and
// the lifted network lowers to the same integers.
func FuzzPipeline(f *testing.F) {
	for i, c := range cases {
		b := &net{&testnet.Net{T: f, G: &graph.Graph{Name: "test"}, Rand: rand.New(rand.NewPCG(uint64(i), 3))}}
		x := &graph.Value{Name: "x", Shape: append([]int{1}, c.sample...)}
		b.G.Inputs = []*graph.Value{x}
		b.G.Outputs = []*graph.Value{c.build(b, x)}
		data, err := onnx.Encode(b.G)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := onnx.Decode(data, "fuzz")
		if err != nil || !smallEnough(g) {
			return
		}
		pipeline(t, g)
	})
}

func smallEnough(g *graph.Graph) bool {
	work := int64(0)
	for _, n := range g.Nodes {
		work += op.MACs(n) + int64(n.Outputs[0].Shape.Size())
	}
	return len(g.Inputs) == 1 && work+int64(g.Inputs[0].Shape.Size()) < 1<<18
}

func pipeline(t *testing.T, g *graph.Graph) {
	if err := simplify.Run(g); err != nil {
		t.Fatal(err)
	}
	b := &net{&testnet.Net{G: g, Rand: rand.New(rand.NewPCG(1, 1))}}
	x := b.Inputs(4)
	if err := passes.Quantize(g, passes.Samples(x, 4), passes.Config{}); err != nil {
		oneLine(t, err, "passes: ")
		return
	}
	data, _, err := lower.Encode(g, lower.Config{})
	if err != nil {
		oneLine(t, err, "lower: ")
		return
	}
	l, s := liftFile(t, data)
	want := deviceRun(t, s, g, x)
	if worst, _ := distance(deviceRun(t, session(t, l), l, x), want); worst != 0 {
		t.Errorf("the lifted network lowers to another one\n%s\n%s", g, l)
	}
}

func oneLine(t *testing.T, err error, prefix string) {
	if s := err.Error(); strings.ContainsAny(s, "\r\n") || !strings.HasPrefix(s, prefix) {
		t.Errorf("error %q", s)
	}
}
