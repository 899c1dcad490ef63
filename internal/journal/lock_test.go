package journal

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// holder names the folder that a process made by TestLock holds until it is killed.
const holder = "EDGEC_TEST_HOLDS"

// Two processes do not use one folder, and the lock of a killed one is no obstacle. What
// that was writing is swept.
func TestLock(t *testing.T) {
	if dir := os.Getenv(holder); dir != "" {
		hold(t, dir)
		return
	}
	dir := filepath.Join(t.TempDir(), "journal")
	cmd := exec.Command(os.Args[0], "-test.run=^TestLock$")
	cmd.Env = append(os.Environ(), holder+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for s := bufio.NewScanner(out); s.Scan() && s.Text() != "held"; {
	}
	for _, open := range []func(string, ID) (*Journal, error){Create, Resume} {
		if _, err := open(dir, this); err == nil || !strings.Contains(err.Error(), "another edgec is working on this search; wait") {
			t.Errorf("beside another process: %v", err)
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	j := resume(t, dir)
	if sum, worked, err := compute(j, -1); sum != whole || err != nil || len(worked) != 1 {
		t.Errorf("%d, %v worked, %v", sum, worked, err)
	}
	if _, err := os.Stat(filepath.Join(dir, ".edgec-1.tmp")); !os.IsNotExist(err) {
		t.Errorf("a temporary file of the killed process is still there: %v", err)
	}
	if err := j.Remove(); err != nil {
		t.Error(err)
	}
}

// hold makes two of three entries, and waits to be killed.
func hold(t *testing.T, dir string) {
	j, err := Create(dir, this)
	if err != nil {
		t.Fatal(err)
	}
	compute(j, 2)
	write(t, filepath.Join(dir, ".edgec-1.tmp"), []byte("half"))
	os.Stdout.WriteString("held\n")
	select {}
}
