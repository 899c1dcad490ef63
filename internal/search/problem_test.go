package search_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"edgec/internal/dataset"
	"edgec/internal/graph"
	"edgec/internal/onnx"
	"edgec/internal/op"
	"edgec/internal/search"
	"edgec/internal/simplify"
	"edgec/internal/tensor"
	"edgec/internal/train"
	"edgec/prune"
)

// The synthetic problems of the tests of the search: small enough for seconds.

const side = 8 // of the pictures

// problem is a trained network as ONNX and its data.
type problem struct {
	file []byte
	data *dataset.Splits
}

func (p *problem) model(t *testing.T) *search.Network {
	t.Helper()
	m, err := openNetwork(p.file, "small.onnx")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// openNetwork reads a network as edgec.OpenBytes does.
func openNetwork(file []byte, name string) (*search.Network, error) {
	g, err := onnx.Decode(file, name)
	if err != nil {
		return nil, err
	}
	return &search.Network{Name: strings.TrimSuffix(name, ".onnx"), Graph: g}, simplify.Run(g)
}

// recipe is a configuration of a search and its teacher, flat, so that cases are short. Without
// a drop, a size or a time is asked for.
type recipe struct {
	MaxDrop    float64
	MaxSize    int
	MaxLatency time.Duration
	Budget     time.Duration
	Seed       uint64
	NoLabels   bool
	Teacher    *search.Network
	NoTraining bool
	TrainedOn  string
	Threads    int
	Journal    string
	Resume     bool
	Effort     float64
	Criterion  prune.Criterion
	NoAugment  bool
	Labels     []string
}

func (r recipe) config() search.Config {
	c := search.Config{
		Objective: search.Objective{MaxSize: r.MaxSize, MaxLatency: r.MaxLatency, AnyLoss: true}, Budget: r.Budget, Seed: r.Seed, Threads: r.Threads,
		Data:    search.DataUse{NoLabels: r.NoLabels, TrainedOn: r.TrainedOn, NoAugment: r.NoAugment},
		Journal: search.JournalUse{Folder: r.Journal, Resume: r.Resume}, NoTraining: r.NoTraining, Effort: r.Effort, Criterion: r.Criterion, Labels: r.Labels,
	}
	if r.MaxDrop != 0 {
		c.Objective.MaxDrop = &r.MaxDrop
	}
	return c
}

// compressWith searches as edgec.Compress does.
func compressWith(ctx context.Context, m *search.Network, data *dataset.Splits, r recipe, observe func(search.Progress)) (*search.Result, error) {
	return compressTimed(ctx, m, data, r, nil, observe)
}

// compressTimed searches by another clock, whose times do not vary; nil: the machine's.
func compressTimed(ctx context.Context, m *search.Network, data *dataset.Splits, r recipe, clock search.Clock, observe func(search.Progress)) (*search.Result, error) {
	s, err := search.New(context.Background(), search.Subject{Model: m, Teacher: r.Teacher, Data: data}, r.config(), observe)
	if err != nil {
		return nil, err
	}
	if clock != nil {
		s.SetClock(clock)
	}
	return s.Run(ctx)
}

// upTo returns the numbers from first to end-1.
func upTo(first, end int) (n []int) {
	for i := first; i < end; i++ {
		n = append(n, i)
	}
	return n
}

func get(t *testing.T, f func() (*problem, error)) *problem {
	t.Helper()
	p, err := f()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 71)) }

// classification is four kinds of strokes in noisy 8x8 pictures, and a
// convolution, a pool and two dense layers that tell them apart.
var classification = sync.OnceValues(func() (*problem, error) {
	data, err := pictures(1)
	if err != nil {
		return nil, err
	}
	b := newBuilder(1, 1, side, side)
	b.layer(op.Conv2D{Clamp: rectify}, 8, 1, 3, 3)
	b.layer(op.MaxPool{KH: 2, KW: 2, StrideH: 2, StrideW: 2})
	b.layer(op.Reshape{Shape: []int{72}})
	b.layer(op.Dense{Clamp: rectify}, 16, 72)
	b.layer(op.Dense{}, 4, 16)
	return b.trained(data, train.Distill{}, 200)
})

// wideClassification is the same pictures and a network with far more channels than it
// needs: so many multiplications that training is not cheap, and channels are cut.
var wideClassification = sync.OnceValues(func() (*problem, error) {
	data, err := pictures(1)
	if err != nil {
		return nil, err
	}
	b := newBuilder(3, 1, side, side)
	b.layer(op.Conv2D{Clamp: rectify}, 64, 1, 3, 3)
	b.layer(op.Conv2D{Clamp: rectify}, 64, 64, 3, 3)
	b.layer(op.Reshape{Shape: []int{16 * 64}})
	b.layer(op.Dense{Clamp: rectify}, 64, 16*64)
	b.layer(op.Dense{}, 4, 64)
	return b.trained(data, train.Distill{}, 100)
})

// perceptron is the same pictures, twice as large, and dense layers alone, each unit of which
// meets all pixels.
var perceptron = sync.OnceValues(func() (*problem, error) {
	data, err := pictures(2)
	if err != nil {
		return nil, err
	}
	b := newBuilder(4, 1, 2*side, 2*side)
	b.layer(op.Reshape{Shape: []int{4 * side * side}})
	b.layer(op.Dense{Clamp: rectify}, 32, 4*side*side)
	b.layer(op.Dense{}, 4, 32)
	return b.trained(data, train.Distill{}, 300)
})

// reconstruction is a narrow autoencoder of twelve features with four causes.
var reconstruction = sync.OnceValues(func() (*problem, error) {
	data, err := features()
	if err != nil {
		return nil, err
	}
	b := newBuilder(2, 12)
	b.layer(op.Dense{Clamp: rectify}, 10, 12)
	b.layer(op.Dense{}, 12, 10)
	return b.trained(data, train.MeanSquare{}, 400)
})

// small is a problem that is drawn once.
func small(f func() (*problem, error)) func(*testing.T) *problem {
	return func(t *testing.T) *problem { return get(t, f) }
}

// fewSamples is classification with 90 samples to train on and no test part.
func fewSamples(t *testing.T) *problem {
	p := *get(t, classification)
	p.data = &dataset.Splits{Train: p.data.Train.Subset(upTo(0, 90))}
	return &p
}

// splitReconstruction is reconstruction with a test part.
func splitReconstruction(t *testing.T) *problem {
	p := *get(t, reconstruction)
	p.data = &dataset.Splits{Train: p.data.Train.Subset(upTo(0, 600)), Test: p.data.Train.Subset(upTo(600, 800))}
	return &p
}

// pictures draws the strokes into idx files, each pixel so many times as large, and opens them.
func pictures(scale int) (*dataset.Splits, error) {
	folder, err := os.MkdirTemp("", "edgec")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	for name, n := range map[string]int{"train": 720, "t10k": 300} {
		images, labels := make([]byte, 0, n*scale*side*scale*side), make([]byte, n)
		r := newRand(uint64(n))
		for i := range labels {
			labels[i] = byte(i % 4)
			images = append(images, enlarged(stroke(r, i%4), scale)...)
		}
		if err := writeIdx(filepath.Join(folder, name+"-images-idx3-ubyte"), images, n, scale*side, scale*side); err != nil {
			return nil, err
		}
		if err := writeIdx(filepath.Join(folder, name+"-labels-idx1-ubyte"), labels, n); err != nil {
			return nil, err
		}
	}
	return dataset.Open(folder, dataset.Options{Shape: tensor.Shape{1, scale * side, scale * side}, Classes: 4})
}

// enlarged repeats each pixel of a square picture scale times in each direction.
func enlarged(img []byte, scale int) []byte {
	out := make([]byte, 0, len(img)*scale*scale)
	for y := range side * scale {
		for x := range side * scale {
			out = append(out, img[y/scale*side+x/scale])
		}
	}
	return out
}

// stroke draws a line across the picture, level, upright or along a diagonal,
// over noise.
func stroke(r *rand.Rand, kind int) []byte {
	img := make([]byte, side*side)
	for i := range img {
		img[i] = byte(r.IntN(90))
	}
	offset := 1 + r.IntN(side-2)
	bright := 140 + r.IntN(110)
	for k := 0; k < side; k++ {
		y, x := offset, k
		switch kind {
		case 1:
			y, x = k, offset
		case 2:
			y, x = k, k+offset-side/2
		case 3:
			y, x = k, side-1-k+offset-side/2
		}
		if x >= 0 && x < side && r.IntN(12) > 0 {
			img[y*side+x] = byte(bright)
		}
	}
	return img
}

func writeIdx(path string, data []byte, dims ...int) error {
	b := []byte{0, 0, 8, byte(len(dims))}
	for _, d := range dims {
		b = binary.BigEndian.AppendUint32(b, uint32(d))
	}
	return os.WriteFile(path, append(b, data...), 0o644)
}

// features writes an npy file of 800 samples and opens it.
func features() (*dataset.Splits, error) {
	folder, err := os.MkdirTemp("", "edgec")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	r := newRand(4)
	var mix [12][4]float64
	for i := range mix {
		for k := range mix[i] {
			mix[i][k] = r.NormFloat64() / 2
		}
	}
	x := make([]float32, 0, 800*12)
	for i := 0; i < 800; i++ {
		var cause [4]float64
		for k := range cause {
			cause[k] = r.NormFloat64()
		}
		for f := 0; f < 12; f++ {
			v := 0.1 * r.NormFloat64()
			for k, c := range cause {
				v += mix[f][k] * c
			}
			x = append(x, float32(v))
		}
	}
	var b bytes.Buffer
	head := "{'descr': '<f4', 'fortran_order': False, 'shape': (800, 12), }\n"
	b.WriteString("\x93NUMPY\x01\x00")
	binary.Write(&b, binary.LittleEndian, uint16(len(head)))
	b.WriteString(head)
	binary.Write(&b, binary.LittleEndian, x)
	path := filepath.Join(folder, "x.npy")
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		return nil, err
	}
	return dataset.Open(path, dataset.Options{})
}

var rectify = op.Clamp{On: true, Lo: 0, Hi: float32(math.Inf(1))}

// builder chains layers with random weights.
type builder struct {
	r   *rand.Rand
	g   *graph.Graph
	v   *graph.Value
	err error
}

func newBuilder(seed uint64, sample ...int) *builder {
	x := &graph.Value{Name: "x", Shape: append(tensor.Shape{1}, sample...)}
	return &builder{r: newRand(seed), g: &graph.Graph{Name: "small", Inputs: []*graph.Value{x}, Outputs: []*graph.Value{x}}, v: x}
}

func (b *builder) layer(o graph.Op, w ...int) {
	name := fmt.Sprint("layer", len(b.g.Nodes))
	in := []*graph.Value{b.v}
	if w != nil {
		p, bias := tensor.New(w...), tensor.New(w[0])
		scale := math.Sqrt(2 / float64(p.Shape.Sample().Size()))
		for i := range p.Data {
			p.Data[i] = float32(b.r.NormFloat64() * scale)
		}
		in = append(in, &graph.Value{Name: name + ".w", Shape: p.Shape, Param: graph.NewParam(name+".w", graph.Weight, p)},
			&graph.Value{Name: name + ".b", Shape: bias.Shape, Param: graph.NewParam(name+".b", graph.Bias, bias)})
	}
	b.v = &graph.Value{Name: name}
	b.g.Nodes = append(b.g.Nodes, &graph.Node{Name: name, Op: o, Inputs: in, Outputs: []*graph.Value{b.v}})
	b.g.Outputs[0] = b.v
	if err := b.g.InferShapes(); err != nil && b.err == nil {
		b.err = err
	}
}

// trained trains the network on data.Train, reconstructing samples without
// labels, and writes it as ONNX.
func (b *builder) trained(data *dataset.Splits, loss train.Loss, steps int) (*problem, error) {
	if b.err != nil {
		return nil, b.err
	}
	const batch = 64
	tr, err := train.New(b.g, train.Config{Batch: batch, Loss: loss, Average: 0.98})
	if err != nil {
		return nil, err
	}
	set := data.Train
	x, idx := tensor.New(b.g.Inputs[0].Shape.WithBatch(batch)...), make([]int, batch)
	for i := 0; i < steps; i++ {
		in := train.Single(x, nil, nil)
		for k := range idx {
			idx[k] = b.r.IntN(set.Len())
			if set.Labels != nil {
				in.Labels = append(in.Labels, set.Labels[idx[k]])
			}
		}
		set.Batch(idx, x)
		if set.Labels == nil {
			in.Targets = []*tensor.Tensor{x}
		}
		if _, err := tr.Step(in, 5e-3*train.Cosine(float64(i)/float64(steps), 0.3, 0.02)); err != nil {
			return nil, err
		}
	}
	p := &problem{data: data}
	tr.WithAverage(func() { p.file, err = onnx.Encode(b.g) })
	return p, err
}

// quick is a recipe for the small problems; their samples are too small to be distorted.
func quick() recipe { return recipe{MaxDrop: 3, Effort: 0.4, Threads: 2, Seed: 1} }
