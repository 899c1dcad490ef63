package passes

import (
	"fmt"
	"math"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// weighted calls f for every node of g whose weights are a parameter, with its inputs on the
// samples x, one tensor for each input of g.
func weighted(g *graph.Graph, x []*tensor.Tensor, f func(n *graph.Node, l op.Weighted, w *graph.Param, in []*tensor.Tensor)) error {
	tape, err := graph.NewTape(g, x[0].Shape[0])
	if err != nil {
		return fmt.Errorf("passes: %w", err)
	}
	tape.Forward(x...)
	for _, n := range g.Nodes {
		l, ok := n.Op.(op.Weighted)
		if !ok {
			continue
		}
		if w := n.Inputs[op.WeightInput].Param; w != nil && n.Inputs[0].Param == nil {
			f(n, l, w, inputsOf(tape, n))
		}
	}
	return nil
}

// inputsOf returns the inputs of n in the last forward pass; absent ones are nil.
func inputsOf(tape *graph.Tape, n *graph.Node) []*tensor.Tensor {
	in := make([]*tensor.Tensor, len(n.Inputs))
	for i, v := range n.Inputs {
		switch {
		case v == nil:
		case v.Param != nil:
			in[i] = v.Param.Value
		default:
			in[i] = tape.Activation(v)
		}
	}
	return in
}

// InputMeans returns, for each weight of g, E|x| over the values x that it
// multiplies on the given samples, one tensor for each input. Zero padding counts as values of zero. A
// parameter that several nodes use has the sum over its uses.
func InputMeans(g *graph.Graph, x ...*tensor.Tensor) (map[*graph.Param][]float32, error) {
	means := map[*graph.Param][]float32{}
	var scratch graph.Scratch
	err := weighted(g, x, func(n *graph.Node, l op.Weighted, w *graph.Param, in []*tensor.Tensor) {
		m := means[w]
		if m == nil {
			m = make([]float32, len(w.Shadow.Data))
			means[w] = m
		}
		met := op.Met(&scratch, l, in, nil)
		if met.Moves {
			convMeans(m, met.Kernel, w, in[0], n.Outputs[0].Shape)
			return
		}
		rows := len(m) / len(met.X)
		for k, v := range met.X {
			denseMeans(m[k*rows:(k+1)*rows], w.Shadow.Shape[1], v)
		}
	})
	return means, err
}

// denseMeans adds the means of the k columns of in to the rows of m.
func denseMeans(m []float32, k int, in []float32) {
	sum := make([]float64, k)
	for i, v := range in {
		sum[i%k] += float64(abs(v))
	}
	rows := float64(len(in) / k)
	for i := range m {
		m[i] += float32(sum[i%k] / rows)
	}
}

// convMeans adds, for each kernel position, the mean of |x| over the places
// that the kernel visits.
func convMeans(m []float32, k op.Kernel, w *graph.Param, in *tensor.Tensor, out tensor.Shape) {
	n, c, h, wd := in.Shape[0], in.Shape[1], in.Shape[2], in.Shape[3]
	ws := w.Shadow.Shape
	kh, kw := ws[2], ws[3]
	mean := make([]float32, c*kh*kw) // for every input channel
	places := float64(n * out[2] * out[3])
	for ch := 0; ch < c; ch++ {
		for ky := 0; ky < kh; ky++ {
			for kx := 0; kx < kw; kx++ {
				sum := 0.0
				for s := 0; s < n; s++ {
					plane := in.Data[(s*c+ch)*h*wd : (s*c+ch+1)*h*wd]
					for oy := 0; oy < out[2]; oy++ {
						y := oy*k.StrideH - k.PadT + ky*k.DilH
						if y < 0 || y >= h {
							continue
						}
						for ox := 0; ox < out[3]; ox++ {
							if x := ox*k.StrideW - k.PadL + kx*k.DilW; x >= 0 && x < wd {
								sum += float64(abs(plane[y*wd+x]))
							}
						}
					}
				}
				mean[(ch*kh+ky)*kw+kx] = float32(sum / places)
			}
		}
	}
	row := ws[1] * kh * kw
	for r := 0; r < ws[0]; r++ {
		first := r / (ws[0] / k.Groups) * row // the group's first channel
		for i := 0; i < row; i++ {
			m[r*row+i] += mean[first+i]
		}
	}
}

// Responses returns E|<x, w>| for each output channel of every weight of g:
// the mean magnitude of the channel's response, before bias and activation, to
// the patches that its kernel meets on the given samples, one tensor for each input.
func Responses(g *graph.Graph, x ...*tensor.Tensor) (map[*graph.Param][]float32, error) {
	responses := map[*graph.Param][]float32{}
	var scratch graph.Scratch
	err := weighted(g, x, func(n *graph.Node, o op.Weighted, w *graph.Param, in []*tensor.Tensor) {
		l, ok := o.(op.Layer)
		if !ok {
			return
		}
		r := responses[w]
		if r == nil {
			r = make([]float32, w.Channels())
			responses[w] = r
		}
		out := tensor.New(n.Outputs[0].Shape.WithBatch(x[0].Shape[0])...)
		inner := out.Shape[l.ChannelAxis(len(out.Shape))+1:].Size() // elements of a channel that lie together
		l.WithClamp(op.Clamp{}).Forward(&scratch, []*tensor.Tensor{out}, []*tensor.Tensor{in[0], w.Value, nil})
		sum := make([]float64, len(r))
		for i, v := range out.Data {
			sum[i/inner%len(r)] += float64(abs(v))
		}
		for c := range r {
			r[c] += float32(sum[c] * float64(len(r)) / float64(len(out.Data)))
		}
	})
	return responses, err
}

func abs(x float32) float32 {
	return math.Float32frombits(math.Float32bits(x) &^ (1 << 31))
}
