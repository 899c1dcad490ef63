package search

import (
	"fmt"

	"edgec/internal/lower"
	"edgec/runtime/format"
)

// Possible returns an error if no file of a network with these shapes of inputs (without
// batch), this number of outputs and this meta is as small as the objective asks for.
func (o Objective) Possible(inputs [][]int, outputs int, meta format.Meta) error {
	if o.MaxSize == 0 {
		return nil
	}
	least, err := lower.Least(inputs, outputs, meta)
	if err != nil {
		return fmt.Errorf("edgec: %w", err)
	}
	if o.MaxSize >= least {
		return nil
	}
	labels := ""
	if len(meta.Labels) > 0 {
		labels = ", and the labels"
	}
	return fmt.Errorf("edgec: max size is %s bytes, and no file of this network can have fewer than %s: that is the header, the shapes of inputs and outputs, the self-test and the checksum%s, without a single layer; allow more", thousands(o.MaxSize), thousands(least), labels)
}

// possible is Possible for a network and its samples.
func (s Subject) possible(c Config) error {
	var shapes [][]int
	for _, shape := range s.Model.inputs() {
		shapes = append(shapes, shape)
	}
	return c.Objective.Possible(shapes, len(s.Model.outputs()), format.Meta{Labels: c.Labels, Input: s.Data.Train.Pre})
}
