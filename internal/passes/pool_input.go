package passes

import (
	"fmt"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// PoolInput lets the four pixels of each 2 x 2 block of an input picture share one weight, in
// every dense layer that reads the picture: the picture is averaged over blocks, and a block's
// weight is the sum of its four,
//
//	sum_i w_i x_i -> (sum_i w_i) mean_i(x_i)
//
// which is the same where the four weights, or the four pixels, are alike. A layer then has a
// quarter of the weights, and a quarter of the places for those that pruning keeps. Called
// again, it makes blocks of 4 x 4, and so on.
//
// It changes nothing and returns false unless an input [1, C, H, W] with even H and W is read
// by dense layers alone, through reshapes to one dimension, or was averaged before and the
// average is. Masks, grids and codebooks must not have been attached; the optimizer's state
// of these weights is dropped. The error names the parameter that has one; after it g may be
// changed in part.
func PoolInput(g *graph.Graph) (shared bool, err error) {
	for _, x := range g.Inputs {
		block, ok := blockOf(g, x)
		if !ok {
			continue
		}
		picture, pool := x, &graph.Node{Name: "mean of " + x.Name, Op: op.AvgPool{KH: 2, KW: 2, StrideH: 2, StrideW: 2}, Inputs: []*graph.Value{x}, Outputs: []*graph.Value{{Name: "mean of " + x.Name}}}
		if block > 1 {
			pool = g.Consumers(x)[0]
			picture = pool.Outputs[0]
		}
		c, h, w := picture.Shape[1], picture.Shape[2], picture.Shape[3]
		denses, ok := readers(g, picture)
		if !ok || h%2 != 0 || w%2 != 0 {
			continue
		}
		for _, d := range denses {
			if err := sumBlocks(d, c, h, w); err != nil {
				return shared, err
			}
		}
		if block > 1 {
			pool.Op = op.AvgPool{KH: 2 * block, KW: 2 * block, StrideH: 2 * block, StrideW: 2 * block}
		} else {
			g.ReplaceUses(x, pool.Outputs[0])
			g.Nodes = append([]*graph.Node{pool}, g.Nodes...)
		}
		for _, r := range g.Consumers(pool.Outputs[0]) {
			r.Op = op.Reshape{Shape: []int{c * h / 2 * w / 2}}
		}
		shared = true
	}
	if !shared {
		return false, nil
	}
	if err := g.InferShapes(); err != nil {
		return true, fmt.Errorf("passes: pool input: %w", err)
	}
	return true, nil
}

// blockOf returns the side of the blocks that the picture x is averaged over before anything
// else reads it, 1 if it is not; not ok: it is no picture.
func blockOf(g *graph.Graph, x *graph.Value) (block int, ok bool) {
	if len(x.Shape) != 4 || g.IsOutput(x) {
		return 0, false
	}
	all := g.Consumers(x)
	if len(all) != 1 {
		return 1, true
	}
	if o, is := all[0].Op.(op.BlockMean); is && !g.IsOutput(all[0].Outputs[0]) {
		if n, ok := o.Block(); ok {
			return n, true
		}
	}
	return 1, true
}

// readers returns the dense layers that read a picture through reshapes; not ok: something
// else reads it too, or weights have another use.
func readers(g *graph.Graph, picture *graph.Value) (denses []*graph.Node, ok bool) {
	uses := usesOf(g)
	for _, r := range g.Consumers(picture) {
		if !op.IsReshape(r.Op) || len(r.Outputs[0].Shape) != 2 || g.IsOutput(r.Outputs[0]) {
			return nil, false
		}
		for _, d := range g.Consumers(r.Outputs[0]) {
			if !op.IsLayer(d) || d.Inputs[0] != r.Outputs[0] || d.Inputs[1].Param == nil || uses[d.Inputs[1].Param] != 1 {
				return nil, false
			}
			denses = append(denses, d)
		}
	}
	return denses, len(denses) > 0
}

// sumBlocks makes of the weights [out, c h w] of a dense layer their sums over blocks.
func sumBlocks(d *graph.Node, c, h, w int) error {
	p := d.Inputs[1].Param
	if p.Mask != nil || p.Grid != nil {
		return fmt.Errorf("passes: parameter %q is pruned or quantized already; let pixels share weights first", p.Name)
	}
	rows := p.Channels()
	sums := tensor.New(rows, c*h/2*w/2)
	at := 0
	for r := range rows {
		for ch := range c {
			for y := range h {
				for x := range w {
					sums.Data[((r*c+ch)*h/2+y/2)*w/2+x/2] += p.Shadow.Data[at]
					at++
				}
			}
		}
	}
	p.Shadow, p.Value, p.State = sums, sums.Clone(), nil
	d.Inputs[1].Shape = sums.Shape
	return nil
}
