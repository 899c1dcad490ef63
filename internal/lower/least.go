package lower

import (
	"fmt"

	"edgec/runtime/format"
)

// Least returns a lower bound of the bytes of any file with these shapes of inputs, this
// number of outputs and this meta: those of a file with a self-test and without
// instructions, which puts out its last input. Shapes have no batch; the order of their
// dimensions makes no difference.
func Least(inputs [][]int, outputs int, meta format.Meta) (int, error) {
	f := &format.File{Meta: meta, Test: &format.SelfTest{}}
	for i, shape := range inputs {
		f.Tensors = append(f.Tensors, format.Tensor{Shape: shape, Scale: 1})
		f.Inputs = append(f.Inputs, i)
	}
	for range outputs {
		f.Outputs = append(f.Outputs, len(inputs)-1)
	}
	format.Finish(f)
	data, _, err := format.Encode(f)
	if err != nil {
		return 0, fmt.Errorf("lower: %w", err)
	}
	return len(data), nil
}
