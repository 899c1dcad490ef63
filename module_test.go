package edgec

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// A program in another module builds and uses the library: testdata/module
// names no package of internal/, and Go would refuse one.
func TestOtherModule(t *testing.T) {
	program := filepath.Join(t.TempDir(), "module")
	inTree(t, filepath.Join("testdata", "module"), "go", "build", "-o", program, ".")
	cmd := exec.Command(program, "corner.onnx", "data", "corner-int8.onnx")
	cmd.Dir = filepath.Join("testdata", "corner")
	text, err := cmd.CombinedOutput()
	const want = `compressed a network of 300 parameters; less than 200 bytes: true, less than 10 % errors: true
compressed: class 1
packed 1571 bytes to 79
packed: class 1
`
	if err != nil || string(text) != want {
		t.Errorf("%v: got\n%s\nwant\n%s", err, text, want)
	}
}
