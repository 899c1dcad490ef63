package cli

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// What check says of a network is what its file has; what it refuses has each cause.
func TestCheck(t *testing.T) {
	jsonWorkplace(t)
	command(t, "check", "corner.onnx").must(t).has(t, "all of it", "edgec compress", "tenth of the weights", "rpi-zero", "predicted", "ENERGY CLASS")
	c := parse[checked](t, command(t, "check", "corner.onnx", "--json"))
	full := parse[inspected](t, command(t, "inspect", "corner.edgec", "--json"))
	if c.MACs < full.MACs || c.Int8 <= c.Tenth || c.Tenth < 50 || c.Session < int64(c.Arena) || c.Packed <= 0 {
		t.Errorf("%+v", c)
	}
	if i := slices.IndexFunc(c.Boards, func(b boardTime) bool { return b.Target == "rpi-4" }); i < 0 || !(c.Boards[i].Least > 0 && c.Boards[i].Least < c.Boards[i].Seconds && c.Boards[i].Seconds < c.Boards[i].Most) {
		t.Errorf("times %+v", c.Boards)
	}
	write(t, "bad.onnx", bytes.Replace(read(t, "corner.onnx"), []byte("Gemm"), []byte("Hemm"), 1))
	write(t, "worse.onnx", bytes.Replace(read(t, "bad.onnx"), []byte("Conv"), []byte("Konv"), 1))
	r := command(t, "check", "worse.onnx")
	if r.code != exitFailed || !strings.Contains(r.stderr, "Hemm") || !strings.Contains(r.stderr, "Konv") {
		t.Errorf("exit code %d: %s", r.code, r.stderr)
	}
}
