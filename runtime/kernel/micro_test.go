package kernel

import (
	"strings"
	"testing"

	"edgec/runtime/internal/cpu"
)

func TestChoose(t *testing.T) {
	if m, err := choose("go"); m != nil || err != nil {
		t.Errorf("go gives %v, %v", m, err)
	}
	first := (*micro)(nil)
	for i := range micros {
		m := &micros[i]
		got, err := choose(m.name)
		if !cpu.Has(m.needs) {
			if err == nil {
				t.Errorf("%s, which this processor does not have, gives %v", m.name, got)
			}
			continue
		}
		if got != m || err != nil {
			t.Errorf("%s gives %v, %v", m.name, got, err)
		}
		if first == nil {
			first = m
		}
	}
	if m, err := choose(""); m != first || err != nil {
		t.Errorf("without a name: %v, %v; want %v", m, err, first)
	}
	_, err := choose("mmx")
	if err == nil || !strings.Contains(err.Error(), "EDGEC_CPU is mmx; this processor and program have go") {
		t.Errorf("mmx: %v", err)
	}
}
