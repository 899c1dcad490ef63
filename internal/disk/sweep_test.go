package disk

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// child names the folder in which a process made by TestSweep works until it is killed.
const child = "EDGEC_TEST_CHILD"

// What a killed process leaves is swept by the next, and nothing that a running one is
// about to finish, nor anything of another name.
func TestSweep(t *testing.T) {
	if dir := os.Getenv(child); dir != "" {
		work(t, dir)
		return
	}
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	for _, name := range []string{".edgec-notes", "edgec-1.tmp", "x.tmp", "edgec-build-file"} {
		put(t, filepath.Join(dir, name))
	}
	if err := os.Mkdir(filepath.Join(dir, ".edgec-folder.tmp"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "x.tmp"), filepath.Join(dir, ".edgec-link.tmp")); err != nil {
		t.Fatal(err)
	}
	others := count(t, dir)
	kill := start(t, dir)
	sweepAll(t, dir)
	if n := count(t, dir); n != others+2 {
		t.Errorf("%d entries beside a running process, want %d", n, others+2)
	}
	kill()
	sweepAll(t, dir)
	if n := count(t, dir); n != others {
		t.Errorf("%d entries after it was killed, want %d", n, others)
	}
}

// A folder of before there were locks goes when it is old.
func TestSweepOld(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	for name, age := range map[string]time.Duration{"edgec-build-old": 2 * abandoned, "edgec-build-new": 0, "other-old": 2 * abandoned} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		then := time.Now().Add(-age)
		if err := os.Chtimes(filepath.Join(dir, name), then, then); err != nil {
			t.Fatal(err)
		}
	}
	sweepAll(t, dir)
	if _, err := os.Stat(filepath.Join(dir, "edgec-build-old")); !os.IsNotExist(err) || count(t, dir) != 2 {
		t.Errorf("%d entries are left, %v", count(t, dir), err)
	}
}

// sweepAll does what a start does.
func sweepAll(t *testing.T, dir string) {
	Sweep(dir)
	path, done, err := Folder("edgec-build-")
	if err != nil || !strings.HasPrefix(filepath.Base(path), "edgec-build-") {
		t.Fatal(path, err)
	}
	done()
}

// start starts a process that writes a file and uses a folder, and returns what kills it.
func start(t *testing.T, dir string) (kill func()) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestSweep$")
	cmd.Env = append(os.Environ(), child+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for s := bufio.NewScanner(out); s.Scan() && s.Text() != "working"; {
	}
	return func() {
		cmd.Process.Kill()
		cmd.Wait()
	}
}

func work(t *testing.T, dir string) {
	f, done, err := temporary(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	defer f.Close()
	if _, _, err := Folder("edgec-build-"); err != nil {
		t.Fatal(err)
	}
	os.Stdout.WriteString("working\n")
	select {}
}

func put(t *testing.T, path string) {
	if err := os.WriteFile(path, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
}

func count(t *testing.T, dir string) int {
	names, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}
