package demo

import (
	_ "embed" // the network
	"fmt"
	"math"
	"math/rand/v2"

	"edgec/internal/dataset"
	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
	"edgec/internal/train"
)

// ONNX is the trained network, [1,20,20] to one logit for each of Classes.
//
//go:embed glyphs.onnx
var ONNX []byte

// Errors of ONNX in percent, on the first 8000 samples of Data(Seed+1).
const (
	FreshError = 1.30 // of the train part: known fonts, pictures that it was not trained on
	TestError  = 1.25 // of the test part: fonts that it was not trained on
)

// Name is the file name of ONNX.
const Name = "glyphs.onnx"

// Seed is what ONNX was trained with, weights and data alike. Data of another
// seed are new to the network.
const Seed = 1

// Settings of the training.
const (
	trainSamples = 40_000
	epochs       = 6
	batch        = 128
	rate         = 2e-3
)

// Train trains the network from random weights on Data(seed). Equal seeds give
// equal networks on CPUs of one kind, for any number of threads. progress is
// called after every epoch with the mean loss.
func Train(seed uint64, threads int, progress func(epoch, epochs int, loss float64)) (*graph.Graph, error) {
	g, err := network(seed)
	if err != nil {
		return nil, err
	}
	data, err := Data(seed, trainSamples, 0, threads)
	if err != nil {
		return nil, err
	}
	t, err := train.New(g, train.Config{Threads: threads, Batch: batch})
	if err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(seed, 4))
	x, labels := tensor.New(g.Inputs[0].Shape.WithBatch(batch)...), make([]int, batch)
	steps := trainSamples / batch
	for e := range epochs {
		order, sum := rng.Perm(trainSamples), 0.0
		for i := range steps {
			pick := order[i*batch : (i+1)*batch]
			fill(x, labels, data.Train, pick)
			done := float64(e*steps+i) / float64(epochs*steps)
			loss, err := t.Step(train.Single(x, labels, nil), rate*train.Cosine(done, 0.3, 0.01))
			if err != nil {
				return nil, err
			}
			sum += loss
		}
		progress(e+1, epochs, sum/float64(steps))
	}
	return g, nil
}

func fill(x *tensor.Tensor, labels []int, set *dataset.Set, pick []int) {
	set.Batch(pick, x)
	for k, i := range pick {
		labels[k] = set.Labels[i]
	}
}

// network builds the untrained network: convolutions of 5x5 and 3x3 with
// pools, a hidden layer of 128 and the output; 22,000 weights and biases.
func network(seed uint64) (*graph.Graph, error) {
	x := &graph.Value{Name: "picture", Shape: append(tensor.Shape{1}, Shape...)}
	b := &builder{g: &graph.Graph{Name: "glyphs", Inputs: []*graph.Value{x}}, rng: rand.New(rand.NewPCG(seed, 3))}
	relu := op.Clamp{On: true, Hi: float32(math.Inf(1))}
	y := b.conv("conv1", x, 8, 5, relu)
	y = b.pool("pool1", y)
	y = b.conv("conv2", y, 16, 3, relu)
	y = b.pool("pool2", y)
	y = b.node("flatten", op.Reshape{Shape: []int{y.Shape.Sample().Size()}}, y)
	y = b.dense("dense1", y, 128, relu)
	y = b.dense("dense2", y, len(Classes), op.Clamp{})
	b.g.Outputs = []*graph.Value{y}
	if b.err != nil {
		return nil, b.err
	}
	return b.g, b.g.Check()
}

// builder appends layers with random weights; the first error stays.
type builder struct {
	g   *graph.Graph
	rng *rand.Rand
	err error
}

func (b *builder) node(name string, o graph.Op, in ...*graph.Value) *graph.Value {
	shapes := make([]tensor.Shape, len(in))
	for i, v := range in {
		shapes[i] = v.Shape
	}
	out, err := o.Infer(shapes)
	if err != nil {
		if b.err == nil {
			b.err = fmt.Errorf("demo: node %q: %w", name, err)
		}
		out = shapes[:1]
	}
	v := &graph.Value{Name: name, Shape: out[0]}
	b.g.Nodes = append(b.g.Nodes, &graph.Node{Name: name, Op: o, Inputs: in, Outputs: []*graph.Value{v}})
	return v
}

// weights returns a parameter of normal values with variance 2/fanIn (He et
// al. 2015, section 2.2), and a bias of zeros.
func (b *builder) weights(name string, shape ...int) (w, bias *graph.Value) {
	t := tensor.New(shape...)
	gain := math.Sqrt(2 / float64(tensor.Shape(shape[1:]).Size()))
	for i := range t.Data {
		t.Data[i] = float32(b.rng.NormFloat64() * gain)
	}
	return param(name+".weight", graph.Weight, t), param(name+".bias", graph.Bias, tensor.New(shape[0]))
}

func param(name string, role graph.Role, t *tensor.Tensor) *graph.Value {
	return &graph.Value{Name: name, Shape: t.Shape, Param: graph.NewParam(name, role, t)}
}

func (b *builder) conv(name string, x *graph.Value, outC, k int, c op.Clamp) *graph.Value {
	w, bias := b.weights(name, outC, x.Shape[1], k, k)
	return b.node(name, op.Conv2D{Clamp: c}, x, w, bias)
}

func (b *builder) pool(name string, x *graph.Value) *graph.Value {
	return b.node(name, op.MaxPool{KH: 2, KW: 2, StrideH: 2, StrideW: 2}, x)
}

func (b *builder) dense(name string, x *graph.Value, out int, c op.Clamp) *graph.Value {
	w, bias := b.weights(name, out, x.Shape[1])
	return b.node(name, op.Dense{Clamp: c}, x, w, bias)
}
