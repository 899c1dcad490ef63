package runtime

import "edgec/runtime/format"

// chance says what an instruction makes of probabilities.
type chance int

const (
	noChance       chance = iota // its results may be any numbers
	sameChance                   // they are those of its input, moved or in another form
	softChance                   // rows of probabilities
	functionChance               // probabilities if the function is a sigmoid
	unitChance                   // probabilities if their grid is that of 0 to 255/256, as after a sigmoid
)

// probable reports whether the elements of output k are probabilities: a softmax over
// all of them computed it, or functions of one number whose results have the grid of
// 0 to 255/256.
func (m *Model) probable(k int) bool {
	f := m.f
	t := f.Outputs[k]
	for i := len(f.Instrs) - 1; i >= 0; i-- {
		in := &f.Instrs[i]
		if in.Out != t {
			continue
		}
		y := &f.Tensors[t]
		switch executions[in.Op].chance {
		case sameChance:
			t = in.In[0]
		case softChance:
			return y.Shape[len(y.Shape)-1] == y.Elems()
		case functionChance:
			return in.Function == format.UnarySigmoid
		case unitChance:
			return y.Scale == 1.0/256 && y.Zero == -128
		default:
			return false
		}
	}
	return false
}
