package runtime

import (
	"strings"
	"testing"
)

// The plan for this processor is what loading made of random networks, and of the committed
// ones: kernels, bytes, and multiplications of each layer.
func TestLayersOnThisProcessor(t *testing.T) {
	layers := 0
	for seed := range uint64(60) {
		m, err := FromFile(randomNet(seed))
		if err != nil {
			t.Fatal(err)
		}
		all, err := m.LayersOn(Here())
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range m.Layers() {
			got := all[i]
			if m.steps[i].shape == nil {
				if got.Counts != nil || got.Work != m.steps[i].work {
					t.Errorf("network %d: %s has %+v", seed, want.Op, got)
				}
				continue
			}
			layers++
			if got.Kernel != want.Kernel || got.Memory != want.Memory {
				t.Errorf("network %d: layer %d, %s %v: %q and %d bytes, want %q and %d; %+v", seed, i, want.Op, want.Shape, got.Kernel, got.Memory, want.Kernel, want.Memory, *m.steps[i].shape)
			}
			products := int64(0)
			for _, c := range got.Counts {
				products += c.Products
			}
			if products < want.KeptMACs {
				t.Errorf("network %d: layer %d does %d products of %d", seed, i, products, want.KeptMACs)
			}
		}
	}
	if layers < 20 {
		t.Errorf("%d layers with weights", layers)
	}
}

// A processor decides by its own micro-kernels; unknown ones are an error.
func TestLayersOnOthers(t *testing.T) {
	m, err := FromFile(lenet(11, 0.06))
	if err != nil {
		t.Fatal(err)
	}
	for kernels, want := range map[string]string{"smlad": "list", "dotprod": "dotprod"} {
		all, err := m.LayersOn(Processor{Kernels: kernels})
		if err != nil || all[0].Kernel != want {
			t.Errorf("%s: %v, %q, want %q", kernels, err, all[0].Kernel, want)
		}
	}
	if _, err := m.LayersOn(Processor{Kernels: "sve"}); err == nil || !strings.Contains(err.Error(), "no micro-kernels sve") {
		t.Errorf("error %v", err)
	}
}
