package cli

import (
	"regexp"
	"testing"

	"edgec/internal/dataset"
)

// A budget that is used up while samples are read, and a limit of memory, are told with
// what to do, and that works.
func TestDataLimits(t *testing.T) {
	withFile(t)
	oneError(t, command(t, "compress", "corner.onnx", "--data", "data", "--budget", "1ns", "--quiet"), "data: the budget of 1ns is used up before the samples were read; give more time")
	eval := []string{"eval", "corner.edgec", "--data", "data", "--quiet"}
	t.Setenv(dataset.MemoryVariable, "1000")
	refused := command(t, eval...)
	oneError(t, refused, "data/train-images-idx3-ubyte: the samples take 96KB of memory, and may take 1KB; give fewer samples, or allow more with "+dataset.MemoryVariable+"=96KB")
	for tries := 0; refused.code != exitDone; tries++ { // one for each file
		if tries == 8 {
			t.Fatal(refused.stderr)
		}
		t.Setenv(dataset.MemoryVariable, regexp.MustCompile(dataset.MemoryVariable + `=(\S+)`).FindStringSubmatch(refused.stderr)[1])
		refused = command(t, eval...)
	}
	t.Setenv(dataset.MemoryVariable, "lots")
	oneError(t, command(t, eval...), `"lots"; give a size such as 512MB or 8GB`)
}
