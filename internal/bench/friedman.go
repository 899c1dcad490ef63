package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strconv"

	"edgec/export"
	"edgec/internal/graph"
	"edgec/internal/onnx"
	"edgec/internal/op"
	"edgec/internal/tensor"
	"edgec/internal/train"
)

// Friedman: 10 columns, uniform in 0 to 1, of which 5 matter,
//
//	y = 10 sin(pi x1 x2) + 20 (x3 - 0.5)^2 + 10 x4 + 5 x5 + e,  e normal with variance 1
//
// (Friedman 1991, "Multivariate adaptive regression splines", section 4.3), and a dense
// network with layers of 64 and 32.
const (
	friedmanColumns = 10
	friedmanTrain   = 14_000
	friedmanTest    = 2000
	friedmanSteps   = 3000
	friedmanBatch   = 64
	friedmanRate    = 3e-3
	friedmanSeed    = 1
)

func prepareFriedman(_, to string) error {
	x, y := friedman(friedmanTrain + friedmanTest)
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	line := make([]string, 0, friedmanColumns+1)
	for j := range friedmanColumns {
		line = append(line, fmt.Sprintf("column%d", j+1))
	}
	_ = w.Write(append(line, "y")) // an error stays until Error
	for i, v := range y {
		line = line[:0]
		for _, c := range x[i*friedmanColumns : (i+1)*friedmanColumns] {
			line = append(line, strconv.FormatFloat(float64(c), 'g', -1, 32))
		}
		_ = w.Write(append(line, strconv.FormatFloat(float64(v), 'g', -1, 32)))
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return err
	}
	if err := export.Write(filepath.Join(to, "friedman.csv"), b.Bytes()); err != nil {
		return err
	}
	g, err := trainFriedman(x, y)
	if err != nil {
		return err
	}
	return onnx.Write(filepath.Join(to, "friedman.onnx"), g)
}

// friedman draws n samples.
func friedman(n int) (x, y []float32) {
	rng := rand.New(rand.NewPCG(friedmanSeed, 1))
	for range n {
		v := make([]float32, friedmanColumns)
		for j := range v {
			v[j] = rng.Float32()
		}
		f := func(j int) float64 { return float64(v[j-1]) }
		x = append(x, v...)
		y = append(y, float32(10*math.Sin(math.Pi*f(1)*f(2))+20*(f(3)-0.5)*(f(3)-0.5)+10*f(4)+5*f(5)+rng.NormFloat64()))
	}
	return x, y
}

// trainFriedman trains the network from random weights on the training part.
func trainFriedman(x, y []float32) (*graph.Graph, error) {
	rng := rand.New(rand.NewPCG(friedmanSeed, 2))
	g := denseNetwork(rng, friedmanColumns, 64, 32, 1)
	if err := g.Check(); err != nil {
		return nil, err
	}
	t, err := train.New(g, train.Config{Threads: 1, Batch: friedmanBatch, Loss: train.ScaledSquare{Scale: []float64{1}}})
	if err != nil {
		return nil, err
	}
	in, out := tensor.New(friedmanBatch, friedmanColumns), tensor.New(friedmanBatch, 1)
	for step := range friedmanSteps {
		for k := range friedmanBatch {
			i := rng.IntN(friedmanTrain)
			copy(in.Data[k*friedmanColumns:], x[i*friedmanColumns:(i+1)*friedmanColumns])
			out.Data[k] = y[i]
		}
		done := float64(step) / friedmanSteps
		if _, err := t.Step(train.Single(in, nil, out), friedmanRate*train.Cosine(done, 0.3, 0.01)); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// denseNetwork is layers of the given widths with normal weights of variance 2/fanIn
// (He et al. 2015, section 2.2), with ReLU between them.
func denseNetwork(rng *rand.Rand, widths ...int) *graph.Graph {
	v := &graph.Value{Name: "columns", Shape: tensor.Shape{1, widths[0]}}
	g := &graph.Graph{Name: "friedman", Inputs: []*graph.Value{v}}
	for i, out := range widths[1:] {
		name, in := fmt.Sprintf("dense%d", i+1), widths[i]
		w := tensor.New(out, in)
		for k := range w.Data {
			w.Data[k] = float32(rng.NormFloat64() * math.Sqrt(2/float64(in)))
		}
		clamp := op.Clamp{On: i+2 < len(widths), Hi: float32(math.Inf(1))}
		next := &graph.Value{Name: name, Shape: tensor.Shape{1, out}}
		g.Nodes = append(g.Nodes, &graph.Node{Name: name, Op: op.Dense{Clamp: clamp}, Outputs: []*graph.Value{next},
			Inputs: []*graph.Value{v, parameter(name+".weight", graph.Weight, w), parameter(name+".bias", graph.Bias, tensor.New(out))}})
		v = next
	}
	g.Outputs = []*graph.Value{v}
	return g
}

func parameter(name string, role graph.Role, t *tensor.Tensor) *graph.Value {
	return &graph.Value{Name: name, Shape: t.Shape, Param: graph.NewParam(name, role, t)}
}
