package passes

import (
	"context"
	"fmt"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
	"edgec/quantize"
)

// mostPatches is the most patches that are looked at of a layer.
const mostPatches = 1 << 15

// InputMoments are the second moments of the inputs of a parameter, and the curvature of the
// loss in its outputs; see quantize.InputMoments.
type InputMoments struct{ plain *quantize.InputMoments }

// MeasureMoments returns the moments of every table of embeddings, and of every weight of a
// convolution, dense or recurrent layer of g on the samples x, one tensor [N, ...] for each input
// of g, run in batches. Where the layer has a bias, they are taken about the mean: what rounding
// does to the mean of an output the bias can make up for. A parameter that several nodes use has
// the sum over its uses.
//
// gradient returns a draw of the loss's gradient [n, K] in outputs [n, K] of g, all outputs of a
// sample one after another, of mean zero and such that its square has, on average, the curvature
// of the loss: for the divergence of classes from those of g itself softmax minus a class that is
// drawn from it (Martens 2020, section 5). An error of mean square e in output channel r of a
// layer then costs
//
//	sum_i E[(dL/dy_ri)^2] e / 2
//
// over the places i of the channel, taking errors in different places and channels for
// independent (Grosse, Martens 2016, section 3).
//
// MeasureMoments fails if g cannot be executed or has no gradient, or if the moments cannot be
// inverted; when ctx ends, with the cause.
func MeasureMoments(ctx context.Context, g *graph.Graph, x []*tensor.Tensor, batch int, gradient func(y *tensor.Tensor) *tensor.Tensor) (map[*graph.Param]*InputMoments, error) {
	sums := map[*graph.Param]*momentSums{}
	var scratch graph.Scratch
	samples := x[0].Shape[0]
	tape, err := graph.NewTape(g, min(batch, samples))
	if err != nil {
		return nil, fmt.Errorf("passes: %w", err)
	}
	for lo := 0; lo < samples; lo += batch {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		out := tape.Forward(rows(x, lo, min(lo+batch, samples))...)
		if err := tape.Backward(apart(gradient(tensor.Join(out...)), out)...); err != nil {
			return nil, fmt.Errorf("passes: %w", err)
		}
		for _, n := range g.Nodes {
			if table := tableOf(g, n); table != nil {
				if sums[table] == nil {
					sums[table] = newTableSums(table)
				}
				sums[table].addTable(n, n.Op.(op.Picker), table, tape, samples)
				continue
			}
			w, stride := layerOf(n, samples)
			if w == nil {
				continue
			}
			met := op.Met(&scratch, n.Op.(op.Weighted), inputsOf(tape, n), []*tensor.Tensor{tape.ActivationGradient(n.Outputs[0])})
			if sums[w] == nil {
				sums[w] = newMomentSums(n, w, met.Groups())
			}
			sums[w].addInputs(n, met, tape.Activation(n.Inputs[0]), stride)
			sums[w].addOutputs(n, met.Gradient, tape, samples)
		}
	}
	all := map[*graph.Param]*InputMoments{}
	for w, s := range sums {
		m, err := s.sums.Factor(ctx)
		if err != nil {
			return nil, fmt.Errorf("passes: parameter %q: %w", w.Name, err)
		}
		all[w] = &InputMoments{m}
	}
	return all, nil
}

// apart returns the columns of dy [n, K] that belong to each of the outputs.
func apart(dy *tensor.Tensor, out []*tensor.Tensor) []*tensor.Tensor {
	parts := make([]*tensor.Tensor, len(out))
	for k, y := range out {
		parts[k] = tensor.New(y.Shape...)
	}
	tensor.Split(dy, parts...)
	return parts
}

// layerOf returns the weight of a node that has one, nil for others, and the number of
// places from one patch that is taken to the next.
func layerOf(n *graph.Node, samples int) (w *graph.Param, stride int) {
	o, ok := n.Op.(op.Weighted)
	if !ok || n.Inputs[0].Param != nil {
		return nil, 0
	}
	places := o.Uses(n)
	if l, ok := o.(op.Layer); ok {
		y := n.Outputs[0].Shape
		places = y[l.ChannelAxis(len(y))+1:].Size()
	}
	stride = max(1, samples*places/mostPatches)
	for gcd(stride, places) > 1 {
		stride++ // otherwise one column of the picture would stand for all
	}
	return n.Inputs[op.WeightInput].Param, stride
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// momentSums gathers the patches of a layer and adds them up.
type momentSums struct {
	sums         *quantize.MomentSums
	groups, cols int
	patches      []float32 // of one group
}

// newMomentSums prepares for the weight w of n, in groups of rows that meet different values.
func newMomentSums(n *graph.Node, w *graph.Param, groups int) *momentSums {
	s := &momentSums{groups: groups, cols: rowLen(w)}
	bias := len(n.Inputs) > 2 && n.Inputs[2] != nil && op.IsLayer(n) // of a layer CorrectBias makes up for the mean
	s.sums = quantize.NewMomentSums(s.groups, w.Channels(), s.cols, bias)
	return s
}

// addInputs looks at what the weights of n meet, a patch at every stride-th place.
func (s *momentSums) addInputs(n *graph.Node, met op.Meeting, in *tensor.Tensor, stride int) {
	for g := range s.groups {
		if met.Moves {
			s.gather(n, met.Kernel, in, g, stride)
		} else {
			s.rows(met.X[g], stride)
		}
		s.sums.AddInputs(g, s.patches)
	}
}

// addOutputs adds the outputs of n, after its activation, and the gradients before it; or those
// in the products of n's own steps, if it has any. There the largest output of a row is not
// known: it counts for scales that are moved between layers, which these are not.
func (s *momentSums) addOutputs(n *graph.Node, products []float32, tape *graph.Tape, samples int) {
	l, ok := n.Op.(op.Layer)
	if !ok {
		s.sums.AddOutputs(make([]float32, len(products)), products, 1, samples, nil)
		return
	}
	y, dy := tape.Activation(n.Outputs[0]), tape.ActivationGradient(n.Outputs[0])
	places := y.Shape[l.ChannelAxis(len(y.Shape))+1:].Size()
	s.sums.AddOutputs(y.Data, dy.Data, places, samples, l.Fused().Passes)
}

// rows collects every stride-th row of x.
func (s *momentSums) rows(x []float32, stride int) {
	s.patches = s.patches[:0]
	for r := 0; r < len(x)/s.cols; r += stride {
		s.patches = append(s.patches, x[r*s.cols:(r+1)*s.cols]...)
	}
}

// gather collects the patches of an image that the weights of group g meet, one a row, in the
// order of the weights.
func (s *momentSums) gather(n *graph.Node, k op.Kernel, in *tensor.Tensor, g, stride int) {
	s.patches = s.patches[:0]
	c, h, w := in.Shape[1], in.Shape[2], in.Shape[3]
	shape := n.Inputs[1].Param.Shadow.Shape
	per, kh, kw := shape[1], shape[2], shape[3]
	outH, outW := n.Outputs[0].Shape[2], n.Outputs[0].Shape[3]
	for at := 0; at < in.Shape[0]*outH*outW; at += stride {
		sample, oy, ox := at/(outH*outW), at/outW%outH, at%outW
		for ch := g * per; ch < (g+1)*per; ch++ {
			plane := in.Data[(sample*c+ch)*h*w:]
			for ky := range kh {
				y := oy*k.StrideH - k.PadT + ky*k.DilH
				for kx := range kw {
					x := ox*k.StrideW - k.PadL + kx*k.DilW
					v := float32(0)
					if y >= 0 && y < h && x >= 0 && x < w {
						v = plane[y*w+x]
					}
					s.patches = append(s.patches, v)
				}
			}
		}
	}
}
