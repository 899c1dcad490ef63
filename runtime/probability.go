package runtime

import "edgec/runtime/format"

// probable reports whether the elements of output k are probabilities: a softmax over
// all of them computed it, or functions of one number whose results have the grid of
// 0 to 255/256, as those of a sigmoid have.
func (m *Model) probable(k int) bool {
	f := m.f
	t := f.Outputs[k]
	for i := len(f.Instrs) - 1; i >= 0; i-- {
		in := &f.Instrs[i]
		if in.Out != t {
			continue
		}
		switch in.Op {
		case format.OpReshape, format.OpTranspose, format.OpQuantize, format.OpDequantize:
			t = in.In[0]
		case format.OpSoftmax:
			shape := f.Tensors[t].Shape
			return shape[len(shape)-1] == f.Tensors[t].Elems()
		case format.OpLUT:
			y := &f.Tensors[t]
			return y.Scale == 1.0/256 && y.Zero == -128
		default:
			return false
		}
	}
	return false
}
