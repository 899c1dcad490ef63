package runtime

import (
	"slices"
	"testing"
)

// RunEach executes each instruction once, in order, and gives what Run gives.
func TestRunEach(t *testing.T) {
	for seed := range uint64(trials(20)) {
		m, err := FromFile(randomNet(seed))
		if err != nil {
			t.Fatal(err)
		}
		run, each := session(t, m), session(t, m)
		for i := range run.m.f.Inputs {
			for k := range run.Input(i) {
				run.Input(i)[k] = int8(k * 37)
			}
			copy(each.Input(i), run.Input(i))
		}
		run.Run()
		var order []int
		each.RunEach(func(layer int) { order = append(order, layer) })
		for i := range m.f.Outputs {
			if !slices.Equal(run.OutputBytes(i), each.OutputBytes(i)) {
				t.Errorf("network %d: output %d differs", seed, i)
			}
		}
		layers, info := m.Layers(), m.Info()
		if !slices.IsSorted(order) || len(order) != len(layers) {
			t.Errorf("network %d: order %v of %d layers", seed, order, len(layers))
		}
		memory, macs := 0, int64(0)
		for _, l := range layers {
			memory += l.Memory
			macs += l.MACs
			if multiplies := l.MACs > 0; multiplies != (l.Kernel != "") {
				t.Errorf("network %d: %s has %d multiplications and kernel %q", seed, l.Op, l.MACs, l.Kernel)
			}
		}
		if memory != info.Memory || macs != info.MACs {
			t.Errorf("network %d: layers have %d bytes and %d multiplications, the model %d and %d", seed, memory, macs, info.Memory, info.MACs)
		}
	}
}
