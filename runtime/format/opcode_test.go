package format

import (
	"os"
	"strings"
	"testing"
)

// A row of the table of opcodes says all that the package asks, and nothing that it ignores.
func TestOpcodeRows(t *testing.T) {
	names := map[string]bool{}
	for _, op := range Opcodes() {
		row := op.row()
		switch {
		case row.name == "" || names[row.name] || row.shape == nil:
			t.Errorf("opcode %d: name %q is missing or taken, or there is no shape rule", op, row.name)
		case op > 30:
			t.Errorf("%v: opcode %d does not fit the first byte of an instruction", op, op)
		case row.weights != noWeights && !row.attrs.has(attrWeight) || row.weights == noWeights && row.attrs.has(attrWeight):
			t.Errorf("%v: use of weights and of the attribute that numbers them differ", op)
		case row.attrs.has(attrScale32):
			t.Errorf("%v: every output may have a scale of 32 bits; it is no attribute to use", op)
		}
		names[row.name] = true
		for _, p := range row.defaults {
			if !row.attrs.has(p.attr) {
				t.Errorf("%v: a default for attribute %d, which it does not use", op, p.attr)
			}
		}
	}
	for op := range rows {
		if row := &rows[op]; (row.name == "") != (row.shape == nil) {
			t.Errorf("opcode %d: half a row", op)
		}
	}
}

// Each attribute is a field of its own, is cleared to its default, and is in SPEC.md.
func TestAttributeRows(t *testing.T) {
	spec, err := os.ReadFile("SPEC.md")
	if err != nil {
		t.Fatal(err)
	}
	for a := range attrs {
		if !strings.Contains(string(spec), "\n| "+itoa(int(a))+" | ") {
			t.Errorf("SPEC.md does not list attribute %d", a)
		}
		if !a.valued() {
			continue
		}
		in := Instr{}
		before := fieldsOf(&in)
		a.set(&in, 1)
		for b, v := range fieldsOf(&in) {
			if want := before[b]; attr(b) == a && v != 1 || attr(b) != a && v != want {
				t.Errorf("attribute %d set to 1: attribute %d is %d, was %d", a, b, v, want)
			}
		}
		for _, v := range []int{-1, 0, 1, 2, -128, 127, -129, 128} {
			if a.set(&in, v); a.holds(v) != (a.get(&in) == v) {
				t.Errorf("attribute %d of %d is %d; it holds that: %v", a, v, a.get(&in), a.holds(v))
			}
		}
	}
	for l, at := range lists {
		in := Instr{}
		*at(&in) = []int{1}
		for other, list := range lists {
			if got := len(*list(&in)); (got == 1) != (other == l) {
				t.Errorf("list %d set: list %d has %d numbers", l, other, got)
			}
		}
	}
}
