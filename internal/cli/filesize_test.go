//go:build unix

package cli

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Where there is no room for a file, one line says so and what to do, nothing is left of
// the file, and a search goes on when there is room.
func TestNoRoom(t *testing.T) {
	withFile(t)
	run := func(blocks string, args ...string) (text string, code int) {
		cmd := exec.Command("sh", append([]string{"-c", "ulimit -f " + blocks + "; exec \"$0\" \"$@\"", os.Args[0]}, args...)...)
		cmd.Env = append(os.Environ(), asProgram+"=1")
		out, _ := cmd.CombinedOutput()
		return string(out), cmd.ProcessState.ExitCode()
	}
	before := names(t)
	const remedy = "file too large; raise the limit of file sizes (ulimit -f)"
	text, code := run("0", "export", "corner.edgec", "-o", "big.onnx", "--quiet")
	if code != exitFailed || strings.Count(text, "\n") != 1 || !strings.Contains(text, "big.onnx: "+remedy) || names(t) != before {
		t.Errorf("exit code %d, %s; files %s", code, text, names(t))
	}
	search := quick("compress", "corner.onnx", "--data", "data", "--max-drop", "1", "--quiet", "-o", "out.edgec")
	text, code = run("4", search...) // 2 or 4 KB: enough for the header
	if code != exitFailed || !strings.Contains(text, remedy+"; with room for it, give the same command with --resume") {
		t.Fatalf("exit code %d, %s", code, text)
	}
	command(t, append(search, "--resume")...).must(t)
	if names(t) != strings.Replace(before, "light.png", "light.png out.edgec", 1) {
		t.Errorf("files %s", names(t))
	}
}
