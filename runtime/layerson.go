package runtime

import (
	"slices"
	"strings"

	"edgec/runtime/format"
	"edgec/runtime/kernel"
)

// Processor names the micro-kernels of a processor, and says whether it has 64 bits.
type Processor = kernel.Processor

// Here is the processor of this machine, with the micro-kernels that its layers run on.
func Here() Processor { return kernel.Here() }

// Counts is what a layer does in an inference; see LayersOn.
type Counts = kernel.Counts

// Planned is a layer as another processor would execute it.
type Planned struct {
	Layer
	Counts      []Counts // of layers with packed weights, one for each form that its groups have
	Work        int64    // steps that Counts has not: all of an instruction without packed weights; see Config.Work
	Weights     int64    // bytes of packed weights that it reads, of which Memory may have been packed for another
	Activations int64    // bytes of inputs and output
}

// LayersOn returns the layers as a processor executes them, which need not be this one: their
// Kernel and Memory are those of that processor, and Counts and Work are what its time depends
// on. Memory is exact unless a layer's requantization cannot be computed by the micro-kernels.
// It is an error that there are no such micro-kernels. Cost: it looks at each weight.
func (m *Model) LayersOn(p Processor) ([]Planned, error) {
	if !p.Known() {
		return nil, Error("there are no micro-kernels " + p.Kernels + "; there are vnni, avx2, dotprod, neon, smlad and go")
	}
	all := make([]Planned, len(m.steps))
	seen := make([]map[kernel.Shape]bool, len(m.f.Weights)) // forms of weights that were packed before
	for i, l := range m.Layers() {
		in, s := &m.f.Instrs[i], &m.steps[i]
		all[i] = Planned{Layer: l, Work: s.work, Activations: m.activations(in)}
		if s.shape == nil {
			continue
		}
		plan := s.shape.Plan(m.f.Weights[in.Weight].Values, p)
		q := &all[i]
		q.Kernel, q.Memory, q.Counts, q.Work = strings.Join(plan.Kernels, ", "), plan.Own, plan.Counts, s.rest
		q.Weights = int64(plan.Shared)
		form := kernel.Shape{Run: s.shape.Run, Groups: s.shape.Groups, Single: s.shape.Single}
		if seen[in.Weight] == nil {
			seen[in.Weight] = map[kernel.Shape]bool{}
		}
		if !seen[in.Weight][form] {
			seen[in.Weight][form] = true
			q.Memory += plan.Shared
		}
	}
	return all, nil
}

// activations is the bytes of the inputs and the output of an instruction.
func (m *Model) activations(in *format.Instr) (n int64) {
	for _, t := range append(slices.Clone(in.In), in.Out) {
		size := 1
		if m.f.Tensors[t].DType == format.Float32 {
			size = 4
		}
		n += int64(size * m.f.Tensors[t].Elems())
	}
	return n
}
