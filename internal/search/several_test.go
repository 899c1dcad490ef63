package search_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"edgec/internal/dataset"
	"edgec/internal/deep"
	"edgec/internal/eval"
	"edgec/internal/graph"
	"edgec/internal/onnx"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// twins is a network with two inputs, a map of 2 x 4 x 4 and four numbers, and two outputs, class
// probabilities [3] and a map of 3 x 4 x 4, with samples in an .npz file.
func twins() (*problem, error) {
	b := newBuilder(91, 2, 4, 4)
	b.layer(same(rectify), 6, 2, 3, 3)
	trunk := b.v
	z := &graph.Value{Name: "z", Shape: tensor.Shape{1, 4}}
	b.g.Inputs = append(b.g.Inputs, z)
	b.v = z
	b.layer(op.Dense{}, 6, 4)
	b.layer(op.Reshape{Shape: []int{6, 1, 1}})
	hint := b.v
	both := &graph.Value{Name: "both"}
	b.g.Nodes = append(b.g.Nodes, &graph.Node{Name: "both", Op: op.Add{Clamp: rectify}, Inputs: []*graph.Value{trunk, hint}, Outputs: []*graph.Value{both}})
	b.v = both
	b.layer(same(op.Clamp{}), 3, 6, 3, 3)
	maps := b.v
	b.v = both
	b.layer(op.GlobalAvgPool{})
	b.layer(op.Reshape{Shape: []int{6}})
	b.layer(op.Dense{}, 3, 6)
	b.layer(op.Softmax{Axis: 1})
	b.g.Outputs = []*graph.Value{b.v, maps}
	if b.err != nil {
		return nil, b.err
	}
	if err := b.g.InferShapes(); err != nil {
		return nil, err
	}
	data, err := twinData()
	if err != nil {
		return nil, err
	}
	p := &problem{data: data}
	p.file, err = onnx.Encode(b.g)
	return p, err
}

// same is a convolution by 3 x 3 whose output is as large as its input.
func same(c op.Clamp) op.Conv2D {
	return op.Conv2D{StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 1, PadT: 1, PadL: 1, PadB: 1, PadR: 1, Clamp: c}
}

// twinData has 200 samples for training and 100 for the test.
func twinData() (*dataset.Splits, error) {
	folder, err := os.MkdirTemp("", "twins")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	r := newRand(17)
	var file bytes.Buffer
	w := zip.NewWriter(&file)
	for _, a := range []struct {
		name  string
		n     int
		shape []int
	}{{"x_train", 200, []int{2, 4, 4}}, {"z_train", 200, []int{4}}, {"x_test", 100, []int{2, 4, 4}}, {"z_test", 100, []int{4}}} {
		shape := append(tensor.Shape{a.n}, a.shape...)
		x := make([]float32, shape.Size())
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
		e, err := w.Create(a.name + ".npy")
		if err != nil {
			return nil, err
		}
		head := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }\n", strings.Trim(shape.String(), "[]"))
		fmt.Fprintf(e, "\x93NUMPY\x01\x00%c%c%s", len(head)&255, len(head)>>8, head)
		binary.Write(e, binary.LittleEndian, x)
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	path := filepath.Join(folder, "d.npz")
	if err := os.WriteFile(path, file.Bytes(), 0o644); err != nil {
		return nil, err
	}
	return dataset.Open(path, dataset.Options{Inputs: []dataset.Input{{Name: "x", Shape: tensor.Shape{2, 4, 4}}, {Name: "z", Shape: tensor.Shape{4}}}})
}

// TestSeveralInputsAndOutputs searches with training and without for a file of a network with
// two inputs and two outputs; both outputs decide.
func TestSeveralInputsAndOutputs(t *testing.T) {
	p := get(t, twins)
	for _, c := range []struct {
		name   string
		change func(r *recipe)
		deep   bool
	}{
		{"training", func(r *recipe) { r.MaxDrop, r.Effort = 3, effort(0.005, 0.02) }, false},
		{"training for a size", func(r *recipe) { r.MaxDrop, r.MaxSize, r.Effort = 0, 500, 0.02 }, true},
		{"criterion input", func(r *recipe) { r.MaxDrop, r.Effort, r.Criterion = 3, 0.01, "input" }, true},
		{"no training", func(r *recipe) { r.MaxDrop, r.NoTraining = 3, true }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.deep {
				deep.Only(t)
			}
			r := quick()
			c.change(&r)
			res := compress(t, p, r)
			if res.Float.Task != "vectors" || res.Float.Error != 0 || !res.Best.Meets {
				t.Fatalf("task %s, float error %v, best %+v", res.Float.Task, res.Float.Error, res.Best.Metrics)
			}
			if r.MaxDrop > 0 && res.Best.Drop > r.MaxDrop || r.MaxSize > 0 && res.Best.Size() > r.MaxSize {
				t.Errorf("%d bytes, drop %v", res.Best.Size(), res.Best.Drop)
			}
			if m := agreement(t, p, res.Best.Bytes, false); m != res.Test.File {
				t.Errorf("against the float network %+v, the result says %+v", m, res.Test.File)
			}
			bothHeads(t, p, res.Best.Bytes, 4*math.Max(res.Test.File.Error, 1))
		})
	}
}

// bothHeads compares each output of a file with the float network's: no more of its variance is
// lost than most, in percent.
func bothHeads(t *testing.T, p *problem, file []byte, most float64) {
	t.Helper()
	set := p.data.Test
	want, err := eval.Predict(context.Background(), p.model(t).Graph, set, set.Len(), 1)
	if err != nil {
		t.Fatal(err)
	}
	got, err := eval.Execute(context.Background(), file, set, set.Len(), 1)
	if err != nil {
		t.Fatal(err)
	}
	k, at := want.Shape[1], 0
	for head, size := range []int{3, 3 * 4 * 4} {
		var lost, all, mean float64
		values := 0.0
		each := func(f func(y, w float64)) {
			for i := range set.Len() {
				for j := i*k + at; j < i*k+at+size; j++ {
					f(float64(got.Data[j]), float64(want.Data[j]))
				}
			}
		}
		each(func(_, w float64) { mean += w; values++ })
		mean /= values
		each(func(y, w float64) { lost += (y - w) * (y - w); all += (w - mean) * (w - mean) })
		if e := 100 * lost / all; !(e <= most) {
			t.Errorf("output %d loses %.2f %% of its variance, at most %.2f", head, e, most)
		}
		at += size
	}
}

// TestSeveralInputsMismatch: samples with one array are refused for a network with two inputs.
func TestSeveralInputsMismatch(t *testing.T) {
	p := get(t, twins)
	other := &dataset.Splits{Train: get(t, classification).data.Train}
	_, err := compressWith(context.Background(), p.model(t), other, quick(), nil)
	if err == nil || !strings.Contains(err.Error(), "takes [[2,4,4] [4]]") && !strings.Contains(err.Error(), "array for each input") {
		t.Errorf("samples of one array: %v", err)
	}
}
