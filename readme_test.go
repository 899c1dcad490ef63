package edgec

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"edgec/internal/deep"
)

// shellBlocks returns the commands of a document's shell blocks, without comments.
func shellBlocks(t *testing.T, name string) [][]string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var blocks [][]string
	inside := false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "```sh":
			inside = true
			blocks = append(blocks, nil)
		case line == "```":
			inside = false
		case inside:
			command, _, _ := strings.Cut(line, " # ")
			if command = strings.TrimSpace(command); command != "" {
				last := len(blocks) - 1
				blocks[last] = append(blocks[last], command)
			}
		}
	}
	return blocks
}

// twoCommands returns those of README.md that .ci/run runs: the block that begins
// with the demo.
func twoCommands(t *testing.T) []string {
	t.Helper()
	for _, block := range shellBlocks(t, "README.md") {
		if len(block) == 2 && strings.HasPrefix(block[0], "go run ") {
			return block
		}
	}
	t.Fatal("README.md has no block of two commands")
	return nil
}

// buildTool builds edgec into a temporary folder.
func buildTool(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds the tool")
	}
	program, err := builtTool()
	if err != nil {
		t.Fatal(err)
	}
	tool := filepath.Join(t.TempDir(), "edgec")
	if err := os.WriteFile(tool, program, 0o755); err != nil {
		t.Fatal(err)
	}
	return tool
}

// builtTool is the tool, which is built once.
var builtTool = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "edgec-tool")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	tool := filepath.Join(dir, "edgec")
	if text, err := exec.Command("go", "build", "-o", tool, "./cmd/edgec").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build: %w\n%s", err, text)
	}
	return os.ReadFile(tool)
})

// The two commands of README.md are lines of .ci/run.
func TestReadmeCommands(t *testing.T) {
	two := twoCommands(t)
	script, err := os.ReadFile(".ci/run")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(script)) {
		lines = append(lines, strings.TrimSpace(line))
	}
	for _, command := range two {
		if !slices.Contains(lines, command) {
			t.Errorf(".ci/run does not call %q, as README.md says", command)
		}
	}
	if !strings.HasPrefix(two[0], "go run ") || !strings.HasPrefix(two[1], "go test ") {
		t.Errorf("the two commands are %q; the first runs the tool, the second the tests", two)
	}
}

// Every edgec command of README.md and of the guide is one that the tool has, with
// the flags that it has: the tool answers to it, with --help added, without an error.
func TestReadmeTool(t *testing.T) {
	tool := buildTool(t)
	for _, name := range []string{"README.md", "docs/GUIDE.md"} {
		tried := map[string]bool{}
		for _, block := range shellBlocks(t, name) {
			for _, command := range block {
				words := strings.Fields(command)
				if words[0] != "edgec" {
					continue
				}
				tried[words[1]] = true
				text, err := exec.Command(tool, append(words[1:], "--help")...).CombinedOutput()
				if err != nil || !bytes.Contains(text, []byte("edgec "+words[1])) {
					t.Errorf("%s: %s: %v: %s", name, command, err, text)
				}
			}
		}
		if len(tried) < 5 {
			t.Errorf("%s shows only %v", name, tried)
		}
	}
}

// The commands after README.md's compress run as they stand on a file that it
// made; eval needs MNIST, and compress takes longer than a test may.
func TestReadmeFile(t *testing.T) {
	tool := buildTool(t)
	dir := t.TempDir()
	file, err := os.ReadFile("testdata/lenet-5.edgec")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "lenet-5.edgec"), file, 0o644); err != nil {
		t.Fatal(err)
	}
	here, err := filepath.Abs("examples")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(here, filepath.Join(dir, "examples")); err != nil {
		t.Skip("no symbolic links here: ", err)
	}
	data := os.Getenv("EDGEC_DATA")
	if data != "" {
		if err := os.Symlink(filepath.Join(data, "mnist"), filepath.Join(dir, "mnist")); err != nil {
			t.Fatal(err)
		}
	}
	prints := map[string]string{"run": "seven.png: 7", "inspect": "5,640 bytes", "eval": "0.59 %", "build": "of the model", "export": "lenet-5-int8.onnx"}
	for _, command := range fileCommands(t) {
		words := strings.Fields(command)
		if words[1] == "eval" && data == "" || words[1] == "build" && !deep.On() { // another platform's library is built first
			continue
		}
		cmd := exec.Command(tool, words[1:]...)
		cmd.Dir = dir
		text, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(text), prints[words[1]]) {
			t.Errorf("%s: %v: %s\nwant %q", command, err, text, prints[words[1]])
		}
	}
}

// fileCommands returns README.md's block of commands on lenet-5.edgec.
func fileCommands(t *testing.T) []string {
	t.Helper()
	for _, block := range shellBlocks(t, "README.md") {
		if strings.HasPrefix(block[0], "edgec run lenet-5.edgec ") && len(block) >= 5 {
			return block
		}
	}
	t.Fatal("README.md has no block of commands on lenet-5.edgec")
	return nil
}

// copyTree copies the files that git tracks to a new folder, as a clone has them.
func copyTree(t *testing.T) string {
	t.Helper()
	names, err := exec.Command("git", "ls-files", "-z").Output()
	if err != nil {
		t.Skip("no git repository to copy: ", err)
	}
	dir := t.TempDir()
	for name := range strings.SplitSeq(strings.TrimRight(string(names), "\x00"), "\x00") {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatalf("tracked, but missing: %v", err)
		}
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, data, info.Mode().Perm()); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// asNewcomer runs a command of README.md in dir as somebody does who has a home
// with nothing in it, except that modules and builds come from this machine's
// caches.
func asNewcomer(t *testing.T, dir, command string) string {
	t.Helper()
	env := append(os.Environ(), "HOME="+t.TempDir(), "EDGEC_DEEP=", "EDGEC_DATA=")
	for _, name := range []string{"GOMODCACHE", "GOCACHE"} {
		value, err := exec.Command("go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		env = append(env, name+"="+strings.TrimSpace(string(value)))
	}
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir, cmd.Env = dir, env
	text, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, text)
	}
	return string(text)
}

// The first command works in a fresh copy of the tree and ends with programs for
// 64-bit and 32-bit ARM.
func TestReadmeMain(t *testing.T) {
	deep.Only(t)
	two := twoCommands(t)
	text := asNewcomer(t, copyTree(t), two[0])
	for _, want := range []string{"linux-arm64", "rpi-zero"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s: no word of %s in\n%s", two[0], want, text)
		}
	}
}

// The second command finds everything that it needs in a fresh copy: every test
// is built, and none is run, since this is one of them.
func TestReadmeTests(t *testing.T) {
	deep.Only(t)
	two := twoCommands(t)
	text := asNewcomer(t, copyTree(t), two[1]+" -run NONE")
	for _, want := range []string{module + "/runtime", module + "/export"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s: %s was not tested in\n%s", two[1], want, text)
		}
	}
}
