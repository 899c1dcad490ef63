package lower_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"testing"

	"edgec/internal/deep"
	"edgec/internal/graph"
	"edgec/internal/lower"
	"edgec/internal/op"
	"edgec/internal/passes"
	"edgec/internal/tensor"
	"edgec/runtime/format"
)

// enough is work for sorting small networks and for some hundred moves.
var enough = lower.Ordering{Sort: 1 << 20, Climb: 1 << 19}

// sparse prunes the weights of g: each keeps a share, more in some rows and columns.
func sparse(b *net, g *graph.Graph) {
	for _, p := range g.Params() {
		if p.Role != graph.Weight {
			continue
		}
		row := len(p.Shadow.Data) / p.Channels()
		p.Mask = make([]float32, len(p.Shadow.Data))
		for i := range p.Mask {
			if keep := 4 * math.Mod(float64(i/row)*0.618, 1) * math.Mod(float64(i%row)*0.618, 1); b.Rand.Float64() < 0.5*keep {
				p.Mask[i] = 1
			}
		}
		p.Mask[0] = 1
		p.Refresh()
	}
}

// ordered returns the files of g before and after its units are put in order.
func ordered(t *testing.T, g *graph.Graph, x *tensor.Tensor, work lower.Ordering) (was, now []byte) {
	t.Helper()
	quantized(t, g, x)
	was, _, err := lower.Encode(g, lower.Config{Meta: format.Meta{Name: "net"}})
	if err != nil {
		t.Fatal(err)
	}
	now, sizes, err := lower.Order(context.Background(), was, work)
	if err != nil {
		t.Fatal(err)
	}
	if len(now) > len(was) || (sizes == nil) != bytes.Equal(now, was) || sizes != nil && sizes.Total() != len(now) {
		t.Errorf("%d bytes became %d, with sizes %v", len(was), len(now), sizes)
	}
	return was, now
}

// The outputs of random networks stay the same to the bit, and most files become shorter.
func TestOrderKeepsOutputs(t *testing.T) {
	shorter, networks := 0, uint64(4)
	if deep.On() {
		networks = 12
	}
	for seed := range networks {
		b, x := newNet(t, 700+seed, 3, 8, 9)
		h := b.conv(x, 8, 3, 1, 1, relu)
		for range 1 + b.Rand.IntN(5) {
			h = b.random(h)
		}
		g := b.Done(b.dense(b.dense(b.flatten(b.conv(h, 12, 3, 2, 1, relu)), 24, relu), 5, none))
		sparse(b, g)
		samples := b.Inputs(32)
		was, now := ordered(t, g, samples, enough)
		if len(now) < len(was) {
			shorter++
		}
		want, got := deviceRun(t, sessionOf(t, was), g, samples), deviceRun(t, sessionOf(t, now), g, samples)
		if !slices.Equal(want, got) {
			t.Errorf("seed %d: outputs differ", seed)
		}
	}
	if shorter < int(networks)*9/10 {
		t.Errorf("%d of %d files are shorter", shorter, networks)
	}
}

// Rows of the same pattern, far apart, are brought together: the order that they were written
// in before they were shuffled takes fewer bytes, and is found nearly.
func TestOrderFindsStructure(t *testing.T) {
	file := func(shuffled bool) (was, now []byte) {
		b, x := newNet(t, 5, 64)
		g := b.Done(b.dense(b.dense(x, 48, relu), 4, none))
		w := g.Params()[0]
		for i := range w.Shadow.Data {
			unit := i / 64
			if shuffled {
				unit = unit * 7 % 48
			}
			w.Shadow.Data[i] = float32(bits.OnesCount(uint(i%64*97+unit/8*1031)*2654435761>>7) % 2)
		}
		w.Refresh()
		return ordered(t, g, b.Inputs(32), enough)
	}
	sorted, _ := file(false)
	mixed, found := file(true)
	if len(mixed) < len(sorted)+20 {
		t.Fatalf("%d bytes in order, %d shuffled: the test shows nothing", len(sorted), len(mixed))
	}
	if len(found) > len(sorted)+(len(mixed)-len(sorted))/4 {
		t.Errorf("%d bytes in order, %d shuffled, %d found", len(sorted), len(mixed), len(found))
	}
}

// The same file and work give the same result; without work or time the file stays.
func TestOrderIsBounded(t *testing.T) {
	b, x := newNet(t, 8, 3, 8, 8)
	g := b.Done(b.dense(b.flatten(b.conv(x, 16, 3, 1, 1, relu)), 5, none))
	sparse(b, g)
	was, now := ordered(t, g, b.Inputs(32), enough)
	again, _, err := lower.Order(context.Background(), was, enough)
	if err != nil || !bytes.Equal(now, again) {
		t.Errorf("two results of one file, %v", err)
	}
	if same, sizes, err := lower.Order(context.Background(), was, lower.Ordering{}); err != nil || sizes != nil || !bytes.Equal(same, was) {
		t.Errorf("without work: %v", err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if same, sizes, err := lower.Order(ended, was, enough); err != nil || sizes != nil || !bytes.Equal(same, was) {
		t.Errorf("after the end: %v", err)
	}
	if _, _, err := lower.Order(context.Background(), was[:20], enough); err == nil {
		t.Error("a damaged file is accepted")
	}
}

// Shuffled units compute the same, take more bytes than ordered ones, and depend on the seed alone.
func TestShuffle(t *testing.T) {
	b, x := newNet(t, 8, 3, 8, 8)
	g := b.Done(b.dense(b.flatten(b.conv(x, 16, 3, 1, 1, relu)), 5, none))
	sparse(b, g)
	samples := b.Inputs(32)
	_, file := ordered(t, g, samples, enough)
	want := deviceRun(t, sessionOf(t, file), g, samples)
	seen := map[string]bool{string(file): true}
	for seed := range uint64(4) {
		mixed, err := lower.Shuffle(file, seed)
		again, _ := lower.Shuffle(file, seed)
		if err != nil || !bytes.Equal(mixed, again) {
			t.Fatalf("seed %d: two results of one file, %v", seed, err)
		}
		if seen[string(mixed)] || len(mixed) <= len(file) {
			t.Errorf("seed %d: %d bytes in order, %d shuffled", seed, len(file), len(mixed))
		}
		seen[string(mixed)] = true
		if !slices.Equal(want, deviceRun(t, sessionOf(t, mixed), g, samples)) {
			t.Errorf("seed %d: outputs differ", seed)
		}
	}
	if _, err := lower.Shuffle(file[:20], 0); err == nil {
		t.Error("a damaged file is accepted")
	}
}

// Branches that meet, groups of channels and pictures that are flattened move together.
func TestOrderOfBranches(t *testing.T) {
	for name, make := range map[string]func(b *net, h *graph.Value) *graph.Value{
		"sum": func(b *net, h *graph.Value) *graph.Value { return b.Node(op.Add{}, b.conv(h, 12, 3, 1, 1, none), h) },
		"depthwise": func(b *net, h *graph.Value) *graph.Value {
			return b.conv(b.conv(h, 12, 3, 1, 12, relu), 12, 1, 1, 1, relu)
		},
		"groups": func(b *net, h *graph.Value) *graph.Value {
			return b.conv(b.conv(h, 12, 3, 1, 3, relu), 12, 1, 1, 1, relu)
		},
		"join": func(b *net, h *graph.Value) *graph.Value {
			return b.Node(op.Concat{Axis: 1}, b.conv(h, 6, 1, 1, 1, relu), h)
		},
		"gate": func(b *net, h *graph.Value) *graph.Value {
			return b.Node(op.Mul{}, h, b.Node(op.Sigmoid{}, b.conv(h, 12, 1, 1, 1, none)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			b, x := newNet(t, 31, 3, 6, 6)
			h := make(b, b.conv(x, 12, 3, 1, 1, relu))
			g := b.Done(b.dense(b.flatten(h), 5, none))
			sparse(b, g)
			samples := b.Inputs(32)
			was, now := ordered(t, g, samples, enough)
			if len(now) >= len(was) && name != "groups" { // whose channels stay
				t.Errorf("%d bytes stay %d", len(was), len(now))
			}
			if !slices.Equal(deviceRun(t, sessionOf(t, was), g, samples), deviceRun(t, sessionOf(t, now), g, samples)) {
				t.Error("outputs differ")
			}
		})
	}
}

func BenchmarkOrder(b *testing.B) {
	for _, work := range []int64{1 << 20, 1 << 22} {
		b.Run(fmt.Sprint(work), func(b *testing.B) {
			n, x := newNet(b, 31, 3, 12, 12)
			g := n.Done(n.dense(n.dense(n.flatten(n.conv(n.conv(x, 16, 3, 1, 1, relu), 32, 3, 2, 1, relu)), 64, relu), 5, none))
			sparse(n, g)
			file := quantizedFile(b, g, n.Inputs(32))
			size := 0
			for b.Loop() {
				data, _, err := lower.Order(context.Background(), file, lower.Ordering{Sort: work})
				if err != nil {
					b.Fatal(err)
				}
				size = len(data)
			}
			b.ReportMetric(float64(size)/float64(len(file)), "size")
		})
	}
}

// quantizedFile returns the file of g.
func quantizedFile(t testing.TB, g *graph.Graph, x *tensor.Tensor) []byte {
	t.Helper()
	if err := passes.Quantize(g, passes.Samples(x, 64), passes.Config{}); err != nil {
		t.Fatal(err)
	}
	data, _, err := lower.Encode(g, lower.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return data
}
