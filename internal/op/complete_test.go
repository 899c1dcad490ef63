package op

import (
	"slices"
	"testing"

	"edgec/internal/graph"
	"edgec/runtime/format"
)

// notLowered lists the operators without instructions of the device, and why.
var notLowered = map[string]string{
	"BatchNorm":       "simplification folds it into its neighbours, or writes it as a convolution, a product or a sum",
	"DeformConv":      "the format has no instruction for it",
	"GatherElements":  "the format has no instruction for it",
	"GatherND":        "the format has no instruction for it",
	"GridSample":      "the format has no instruction for it",
	"ReverseSequence": "the format has no instruction for it",
	"RoiAlign":        "the format has no instruction for it",
	"ScatterElements": "the format has no instruction for it",
	"ScatterND":       "the format has no instruction for it",
	"TensorScatter":   "the format has no instruction for it",
	"TopK":            "the format has no instruction for it",
}

// TestEveryOperatorIsComplete asks each operator for what the rest of the house will ask
// it: its ONNX form, and its form on the device.
func TestEveryOperatorIsComplete(t *testing.T) {
	all := []graph.Op{Table{}, Hardmax{Axis: 1}, ArgMax{Axis: 1}, DeformConv{}, RoiAlign{}}
	for _, c := range gradientCases() {
		all = append(all, c.op)
	}
	for _, o := range all {
		if _, ok := o.(ONNXWriter); !ok {
			t.Errorf("%s cannot be written as ONNX", o.Name())
		}
		_, function := o.(interface{ F(x float64) float64 })
		_, lowers := o.(Lowerer)
		if _, float := o.(FloatLowerer); float {
			lowers = true
		}
		if excused := notLowered[o.Name()] != ""; (function || lowers) == excused {
			t.Errorf("%s: lowered %v, a function %v, listed as not lowered %v", o.Name(), lowers, function, excused)
		}
	}
}

// TestEveryOpcodeIsLifted: each instruction of the device has its way back.
func TestEveryOpcodeIsLifted(t *testing.T) {
	for _, code := range format.Opcodes() {
		if LiftOf(code) == nil {
			t.Errorf("%v is not lifted: call RegisterLift from init", code)
		}
	}
	for code := range lifts {
		if !slices.Contains(format.Opcodes(), code) {
			t.Errorf("%v is lifted, and not in the format", code)
		}
	}
}

// TestEveryFunctionIsLifted: what a function of the device is read back as becomes it again.
func TestEveryFunctionIsLifted(t *testing.T) {
	for k, lift := range unaries {
		if lift == nil {
			t.Errorf("function %d of one number is not lifted", k)
			continue
		}
		o := lift(0.5)
		steps := functionSteps(o)
		if _, is := o.(Cast); is { // lowered by its kinds
			continue
		}
		if len(steps) != 1 || steps[0].function != k || steps[0].binary {
			t.Errorf("function %d of one number is lifted as %s, which becomes %+v", k, o.Name(), steps)
		}
	}
	for k, o := range binaries {
		c, ok := o.(combiner)
		if !ok {
			t.Errorf("function %d of two numbers is not lifted", k)
			continue
		}
		if function, swap := c.combination(); function != k || swap {
			t.Errorf("function %d of two numbers is lifted as %s, which becomes %d, swapped %v", k, o.Name(), function, swap)
		}
	}
	for k := range format.ReduceFunctions {
		found := k == format.ReduceArgMax || k == format.ReduceArgMin
		for _, r := range deviceReductions {
			found = found || r.function == k && r.before == nil && r.after == nil
		}
		if !found {
			t.Errorf("reduction %d is not lifted", k)
		}
	}
}
