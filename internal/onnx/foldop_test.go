package onnx

import (
	"strings"
	"testing"
)

// TestFoldLimits: constants that take too much to compute, or whole numbers that float32
// does not hold, are refused before anything is computed.
func TestFoldLimits(t *testing.T) {
	big := func(name string) *nodeProto {
		return &nodeProto{name: name, opType: "ConstantOfShape", inputs: []string{"shape"}, outputs: []string{name}}
	}
	for name, c := range map[string]struct {
		nodes []*nodeProto
		want  string
	}{
		"multiplications": {[]*nodeProto{constantNode("shape", int64Proto([]int64{3}, 2, 96, 128)), big("a"), nodeOf("Transpose", "a", "b", intsAttr("perm", 0, 2, 1)), nodeOf("MatMul", "a,b", "c")}, "multiplications"},
		"integers":        {[]*nodeProto{constantNode("a", int64Proto([]int64{2}, 1<<24+1, 3)), nodeOf("Sign", "a", "c")}, "beyond 2^24"},
	} {
		m := rowModel(append(c.nodes, nodeOf("Cast", "c", "d", &attrProto{name: "to", i: typeFloat}), nodeOf("Add", "x,d", "y"))...)
		r := newReader(m, "fold.onnx", nil)
		r.work = 1 << 20
		if err := r.steps(m); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}
