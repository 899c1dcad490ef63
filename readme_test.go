package edgec

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// readmeBlocks returns the lines of README.md's shell blocks, without comments;
// the first block after the marker is that of the two commands.
func readmeBlocks(t *testing.T) (two []string, all [][]string) {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	marked := false
	var block []string
	inside := false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "<!-- The two commands."):
			marked = true
		case !inside && line == "```sh":
			inside, block = true, nil
		case inside && line == "```":
			inside = false
			all = append(all, block)
			if marked {
				two, marked = block, false
			}
		case inside:
			command, _, _ := strings.Cut(line, " # ")
			if command = strings.TrimSpace(command); command != "" {
				block = append(block, command)
			}
		}
	}
	if len(two) != 2 {
		t.Fatalf("README.md marks %q as the two commands", two)
	}
	return two, all
}

// The two commands of README.md are lines of .ci/run.
func TestReadmeCommands(t *testing.T) {
	two, _ := readmeBlocks(t)
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

// Every edgec command of README.md is one that the tool has, with the flags that
// it has: the tool answers to it, with --help added, without an error.
func TestReadmeTool(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the tool")
	}
	tool := filepath.Join(t.TempDir(), "edgec")
	if text, err := exec.Command("go", "build", "-o", tool, "./cmd/edgec").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, text)
	}
	_, all := readmeBlocks(t)
	tried := map[string]bool{}
	for _, block := range all {
		for _, command := range block {
			words := strings.Fields(command)
			if words[0] != "edgec" {
				continue
			}
			tried[words[1]] = true
			text, err := exec.Command(tool, append(words[1:], "--help")...).CombinedOutput()
			if err != nil || !bytes.Contains(text, []byte("edgec "+words[1])) {
				t.Errorf("%s: %v: %s", command, err, text)
			}
		}
	}
	if len(tried) < 5 {
		t.Errorf("README.md shows only %v", tried)
	}
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

func deep(t *testing.T) {
	t.Helper()
	if os.Getenv("EDGEC_DEEP") == "" {
		t.Skip("takes minutes; set EDGEC_DEEP=1")
	}
}

// The first command works in a fresh copy of the tree and ends with programs for
// 64-bit and 32-bit ARM.
func TestReadmeMain(t *testing.T) {
	deep(t)
	two, _ := readmeBlocks(t)
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
	deep(t)
	two, _ := readmeBlocks(t)
	text := asNewcomer(t, copyTree(t), two[1]+" -run NONE")
	for _, want := range []string{module + "/runtime", module + "/export"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s: %s was not tested in\n%s", two[1], want, text)
		}
	}
}
