package runtime

// Layer is what the runtime makes of an instruction.
type Layer struct {
	Op       string // of the file: Conv2D, Dense, AvgPool, ...
	Shape    []int  // of the output, without batch, images as [H, W, C]
	Kernel   string // of layers with weights: the micro-kernels, "list" of nonzero weights or "go"; several if groups differ
	MACs     int64  // multiplications, as if no weight were zero
	KeptMACs int64  // of those, with nonzero weights
	Memory   int    // bytes of the packed weights
}

// Layers returns the instructions, in the order in which a run executes them. Shapes are
// the model's own and must not be changed. Cost: it counts the weights at each call.
func (m *Model) Layers() []Layer {
	kept := m.kept()
	all := make([]Layer, len(m.steps))
	for i := range all {
		in := &m.f.Instrs[i]
		l := Layer{Op: in.Op.String(), Shape: m.f.Tensors[in.Out].Shape, Kernel: m.steps[i].kernel, Memory: m.steps[i].bytes}
		if macs := executions[in.Op].macs; macs != nil && in.Weight >= 0 {
			n := macs(m.f, in)
			l.MACs, l.KeptMACs = n*int64(m.f.Weights[in.Weight].Elems()), n*int64(kept[in.Weight])
		}
		all[i] = l
	}
	return all
}

// kept counts the nonzero weights of each tensor.
func (m *Model) kept() []int {
	kept := make([]int, len(m.f.Weights))
	for k := range m.f.Weights {
		for _, v := range m.f.Weights[k].Values {
			if v != 0 {
				kept[k]++
			}
		}
	}
	return kept
}

// RunEach is Run, and calls done after each instruction with its number: to measure each
// by itself. Like Run it allocates nothing.
func (s *Session) RunEach(done func(layer int)) {
	for i, step := range s.steps {
		step()
		done(i)
	}
}
