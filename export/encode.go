package export

import (
	"fmt"
	"slices"

	"edgec/runtime"
	"edgec/runtime/format"
)

// Encode returns the file of a network that the caller describes by instructions and integer
// weights, and where its bytes went. It plans the working memory, executes the network once
// for the self-test, and codes the weights: runtime.Load and targets.Build take the result.
//
// f needs Tensors, Instrs in execution order, Weights, LUTs, Inputs, Outputs and, if wanted,
// Meta. Arena, Tensor.Offset and Test are computed, the numbering is made canonical
// (format.Finish), operands that no instruction names are dropped. f is not changed. Equal
// networks give equal bytes.
//
// The error names the instruction that reads a tensor before it is written, or writes one
// again. It wraps a format.Error where shapes, grids or attributes contradict each other or
// a limit of the format is exceeded, and a runtime.Error where a sum could overflow int32.
//
// Cost: one inference, and coding the weights, which takes as long as decoding them in
// runtime.Load.
func Encode(f *format.File) ([]byte, *format.Sizes, error) {
	if err := checkOrder(f); err != nil {
		return nil, nil, fmt.Errorf("export: %w", err)
	}
	own := *f
	own.Instrs, own.Test = slices.Clone(f.Instrs), nil
	format.Finish(&own)
	test, err := runtime.MakeSelfTest(&own)
	if err != nil {
		return nil, nil, fmt.Errorf("export: %w", err)
	}
	own.Test = test
	data, sizes, err := format.Encode(&own)
	if err != nil {
		return nil, nil, fmt.Errorf("export: %w", err)
	}
	return data, sizes, nil
}

// checkOrder verifies what format.Finish relies on: every reference is in range, a tensor is
// written once, and only tensors that are written already are read.
func checkOrder(f *format.File) error {
	written := make([]bool, len(f.Tensors))
	write := func(t int) error {
		if t < 0 || t >= len(written) || written[t] {
			return fmt.Errorf("tensor %d does not exist or is written twice", t)
		}
		written[t] = true
		return nil
	}
	read := func(ts []int) error {
		for _, t := range ts {
			if t < 0 || t >= len(written) || !written[t] {
				return fmt.Errorf("tensor %d is read and not written before", t)
			}
		}
		return nil
	}
	for k, t := range f.Inputs {
		if err := write(t); err != nil {
			return fmt.Errorf("input %d: %w", k, err)
		}
	}
	for i := range f.Instrs {
		in := &f.Instrs[i]
		if len(in.In) == 0 {
			return fmt.Errorf("instruction %d (%s) has no input", i, in.Op)
		}
		if err := read(in.In); err != nil {
			return fmt.Errorf("instruction %d (%s): %w", i, in.Op, err)
		}
		if err := write(in.Out); err != nil {
			return fmt.Errorf("instruction %d (%s): %w", i, in.Op, err)
		}
	}
	if err := read(f.Outputs); err != nil {
		return fmt.Errorf("outputs: %w", err)
	}
	return nil
}
