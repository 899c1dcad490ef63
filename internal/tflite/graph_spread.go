package tflite

import (
	"fmt"
	"slices"

	"edgec/internal/op"
)

// spread is a tensor whose pixels SPACE_TO_BATCH_ND has divided among several images, as
// TensorFlow makes dilated convolutions: x before the division, [1, sizes..., C], and for each
// of the sizes the number of pixels from one to the next of an image. What a convolution makes
// of the images is what a dilated one makes of x.
type spread struct {
	x     operand
	block []int
}

func (n *node) spaceToBatch() error {
	x, err := n.x(0)
	if err != nil {
		return err
	}
	block, pads, err := n.blocks(len(x.shape()))
	if err != nil {
		return err
	}
	o := op.Pad{Before: make([]int, len(x.v.Shape)), After: make([]int, len(x.v.Shape))}
	for i, b := range block {
		if size := x.shape()[1+i] + pads[2*i] + pads[2*i+1]; size%b != 0 {
			return fmt.Errorf("%d pixels in blocks of %d: the file is damaged", size, b)
		}
		at, err := x.axis(1 + i)
		if err != nil {
			return err
		}
		o.Before[at], o.After[at] = pads[2*i], pads[2*i+1]
	}
	if slices.Max(pads) > 0 {
		x.v = n.emit(n.name, o, x.v)
	}
	n.spread[n.out[0]] = &spread{x, block}
	return nil
}

// blocks returns inputs 1 and 2: blocks of pixels, and what is added or cut before and behind,
// for each dimension between the batch and the channels.
func (n *node) blocks(rank int) (block, edges []int, err error) {
	if block, err = n.ints(1); err != nil {
		return nil, nil, err
	}
	if edges, err = n.ints(2); err != nil {
		return nil, nil, err
	}
	if len(block) == 0 || len(block) != rank-2 || len(edges) != 2*len(block) || slices.Min(block) < 1 || slices.Min(edges) < 0 {
		return nil, nil, fmt.Errorf("blocks of %v and edges of %v on %d dimensions; one for each but batch and channels is supported", block, edges, rank)
	}
	return block, edges, nil
}

// image returns x as an image [1,C,H,W].
func (s *spread) image(n *node) (operand, error) {
	shape := s.x.shape()
	if len(shape) != 4 || shape[0] != 1 {
		return operand{}, fmt.Errorf("its input has shape %v; an image [1,H,W,C] is supported", shape)
	}
	return n.reshaped(s.x, shape), nil
}

// dilated returns the convolution of x that o is of the images.
func (s *spread) dilated(n *node, o op.Conv2D) (op.Conv2D, error) {
	if o.StrideH != 1 || o.StrideW != 1 || o.DilH != 1 || o.DilW != 1 || n.small(0) == 0 {
		return o, fmt.Errorf("a convolution with strides, dilations or padding between SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND is not supported")
	}
	o.DilH, o.DilW = s.block[0], s.block[1]
	return o, nil
}

// reshapeSpread reads a RESHAPE, SQUEEZE or EXPAND_DIMS that adds or takes a dimension of 1.
func (n *node) reshapeSpread(s *spread) error {
	shape, block := s.x.shape(), slices.Clone(s.block)
	out := n.outShape(0)
	for i := range len(shape) - 1 {
		if len(out) == len(shape)+1 && out[1+i] == 1 { // a new one
			shape, block = slices.Insert(shape, 1+i, 1), slices.Insert(block, i, 1)
			break
		}
		if len(out) == len(shape)-1 && i < len(block) && shape[1+i] == 1 && block[i] == 1 {
			shape, block = slices.Delete(shape, 1+i, 2+i), slices.Delete(block, i, i+1)
			break
		}
	}
	for i, b := range block {
		if len(out) != len(shape) || out[1+i] != shape[1+i]/b {
			return fmt.Errorf("shape %v of an input of SPACE_TO_BATCH_ND; one more or one less dimension of 1 is supported", out)
		}
	}
	n.spread[n.out[0]] = &spread{n.reshaped(s.x, shape), block}
	return nil
}

func (n *node) batchToSpace() error {
	s := n.spread[n.in[0]]
	if s == nil {
		return fmt.Errorf("its input does not come from SPACE_TO_BATCH_ND and a convolution, which alone is supported")
	}
	block, crops, err := n.blocks(len(s.x.shape()))
	if err != nil {
		return err
	}
	if !slices.Equal(block, s.block) {
		return fmt.Errorf("blocks of %v behind blocks of %v; equal ones are supported", block, s.block)
	}
	o := whole(len(s.x.v.Shape))
	for i := range block {
		at, err := s.x.axis(1 + i)
		if err != nil {
			return err
		}
		o.Before[at], o.After[at] = crops[2*i], crops[2*i+1]
	}
	return n.move(0, s.x.whole, s.x.v, o)
}
