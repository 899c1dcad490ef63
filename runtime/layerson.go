package runtime

import (
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
	var seen []packedForm // that were packed before
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
		form := packedForm{in.Weight, s.shape.Run, s.shape.Groups, s.shape.Single}
		if !form.in(seen) {
			seen = append(seen, form)
			q.Memory += plan.Shared
		}
	}
	return all, nil
}

// packedForm is what packed weights are shared by.
type packedForm struct {
	weight, run, groups int
	single              bool
}

func (f packedForm) in(all []packedForm) bool {
	for _, g := range all {
		if g == f {
			return true
		}
	}
	return false
}

// activations is the bytes of the inputs and the output of an instruction.
func (m *Model) activations(in *format.Instr) int64 {
	n := m.tensorBytes(in.Out)
	for _, t := range in.In {
		n += m.tensorBytes(t)
	}
	return n
}

// tensorBytes is the bytes of a tensor.
func (m *Model) tensorBytes(t int) int64 {
	n := int64(m.f.Tensors[t].Elems())
	if m.f.Tensors[t].DType == format.Float32 {
		n *= 4
	}
	return n
}
