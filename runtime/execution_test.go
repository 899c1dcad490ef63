package runtime

import (
	"strings"
	"testing"

	"edgec/runtime/format"
)

// Every opcode of the format has an execution, and every execution an opcode.
func TestExecutions(t *testing.T) {
	known := map[format.Opcode]bool{}
	for _, op := range format.Opcodes() {
		known[op] = true
		if _, err := executionOf(op); err != nil {
			t.Error(err)
		}
	}
	for op := range executions {
		if executions[op].prepare != nil && !known[format.Opcode(op)] {
			t.Errorf("opcode %d is executed, and not in the format", op)
		}
	}
	for _, op := range []format.Opcode{0, 31, 255} {
		if _, err := executionOf(op); err == nil || !strings.Contains(err.Error(), "no execution") {
			t.Errorf("opcode %d: error %v", op, err)
		}
	}
}
