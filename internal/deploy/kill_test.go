//go:build unix

package deploy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"edgec/internal/deep"
	"edgec/internal/remote"
	"edgec/internal/remote/sshtest"
)

// stepping is a device that calls step before everything that is done on it, and again in the
// middle of a file that is written.
type stepping struct {
	Device
	step func()
}

func (d stepping) Mkdir(name string) error {
	d.step()
	return d.Device.Mkdir(name)
}

func (d stepping) Write(name string, r io.Reader, mode fs.FileMode, exclusive bool) error {
	d.step()
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	half := &halfway{r: bytes.NewReader(data[:len(data)/2]), then: bytes.NewReader(data[len(data)/2:]), step: d.step}
	return d.Device.Write(name, half, mode, exclusive)
}

// halfway calls step between two readers.
type halfway struct {
	r, then io.Reader
	step    func()
}

func (h *halfway) Read(b []byte) (int, error) {
	n, err := h.r.Read(b)
	if err == io.EOF && h.then != nil {
		h.step()
		h.r, h.then = h.then, nil
		return h.r.Read(b)
	}
	return n, err
}

func (d stepping) Rename(from, to string) error {
	d.step()
	return d.Device.Rename(from, to)
}

func (d stepping) Symlink(target, name string) error {
	d.step()
	return d.Device.Symlink(target, name)
}

func (d stepping) Remove(name string) error {
	d.step()
	return d.Device.Remove(name)
}

func (d stepping) Sync(name string) error {
	d.step()
	return d.Device.Sync(name)
}

func (d stepping) Run(ctx context.Context, command string) ([]byte, error) {
	d.step()
	return d.Device.Run(ctx, command)
}

// job is what a child of TestKills does.
type job struct {
	Folder  string
	Host    string // "": local
	Keys    string // takes the place of ~/.ssh
	Command string // of commands
	Kill    int    // step before which it is killed
}

// jobVariable has the job, as JSON.
const jobVariable = "EDGEC_TEST_JOB"

// device connects to the device of the job.
func (j job) device() (Device, error) {
	if j.Host == "" {
		return NewLocal(j.Folder)
	}
	conn, err := remote.Dial(context.Background(), j.Host, remote.Options{Folder: j.Keys, Agent: filepath.Join(j.Keys, "none")})
	if err != nil {
		return nil, err
	}
	return NewHost(conn, j.Folder)
}

var (
	oldest = script("oldest", passes, "1")
	older  = patching("older", works())
	newer  = patching("newer", works())
	newest = script("newest", passes, "1")
	unfit  = script("unfit", "case $0 in *current*) exit 4;; esac; "+passes, "1")
)

// command is a command that is killed, and the programs that may run after that.
type command struct {
	do  func(Device) error
	may string
}

// onDevice are the commands that run on the device itself, and have no connection to lose.
var onDevice = map[string]bool{}

// commands are what is killed; may are the programs that may run after that.
var commands = map[string]command{
	"install": {func(d Device) error {
		_, err := Deploy(context.Background(), d, newer, Options{})
		return err
	}, "older newer"},
	"fail": {func(d Device) error {
		_, err := Deploy(context.Background(), d, unfit, Options{})
		var rejected *RejectedError
		if errors.As(err, &rejected) {
			return nil
		}
		return err
	}, "older unfit"},
	"delta": {func(d Device) error {
		base := func(sum string) []byte {
			if sum != older.Sum() {
				return nil
			}
			return older.Data
		}
		r, err := Deploy(context.Background(), d, newer, Options{Base: base})
		if err == nil && r.Sent.Base == "" {
			err = errors.New("the whole program was sent")
		}
		return err
	}, "older newer"},
	"rollback": {func(d Device) error {
		_, err := Rollback(context.Background(), d, Options{})
		return err
	}, "older oldest"},
}

// child does a job and is killed.
func child(text string) error {
	var j job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		return err
	}
	d, err := j.device()
	if err != nil {
		return err
	}
	steps := 0
	return commands[j.Command].do(stepping{d, func() {
		if steps++; steps == j.Kill {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}})
}

// prepared is a device with two programs.
func (j job) prepared(t testing.TB) Device {
	t.Helper()
	d, err := NewLocal(j.Folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []Program{oldest, older} {
		if _, err := Deploy(t.Context(), d, p, Options{}); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// afterwards checks what a command left that ended at any point.
func (j job) afterwards(t testing.TB, what string) {
	t.Helper()
	d, err := NewLocal(j.Folder)
	if err != nil {
		t.Fatal(err)
	}
	now := running(t, j.Folder, currentName)
	if !strings.Contains(commands[j.Command].may, now) || now == "" {
		t.Errorf("%s: %q runs", what, now)
	}
	r, failed, err := Status(t.Context(), d, Options{})
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if now := running(t, j.Folder, currentName); now == "unfit" || now == "" || r.Current.Version == 0 {
		t.Errorf("%s: %q runs after status, %+v", what, now, r)
	}
	for _, f := range failed {
		if f.SHA256 != unfit.Sum() {
			t.Errorf("%s: a good program counts as failed: %s", what, f.Reason)
		}
	}
	before := r.Current
	r, err = Deploy(t.Context(), d, newest, Options{})
	if err != nil || running(t, j.Folder, currentName) != "newest" || r.Previous.SHA256 != before.SHA256 || r.Current.Version <= before.Version {
		t.Errorf("%s: the next deployment: %+v, %v", what, r, err)
	}
	if left := strings.Join(tree(t, j.Folder), " "); strings.Count(left, programName) != 2 || strings.Contains(left, tempPrefix) || strings.Contains(left, lockName) {
		t.Errorf("%s: left: %s", what, left)
	}
}

// steps counts the steps of a command.
func (j job) steps(t testing.TB) (n int) {
	t.Helper()
	j.Folder = quickFolder(t)
	if err := commands[j.Command].do(stepping{j.prepared(t), func() { n++ }}); err != nil {
		t.Fatal(err)
	}
	return n
}

// A deployment that is killed at any step leaves a program that runs, and the next one works.
func TestKills(t *testing.T) {
	if text := os.Getenv(jobVariable); text != "" {
		if err := child(text); err != nil {
			t.Fatal(err)
		}
		return
	}
	kills := 0
	for name := range commands {
		j := job{Command: name}
		every := 1
		if !deep.On() {
			every = 23
		}
		for k := every; k <= j.steps(t); k += every {
			j.Folder, j.Kill = quickFolder(t), k
			j.prepared(t)
			kills += j.killed(t)
		}
	}
	t.Logf("%d kills", kills)
	if kills < 3 || deep.On() && kills < 100 {
		t.Errorf("only %d kills", kills)
	}
}

// The same over SSH, where the server outlives the process.
func TestKillsOverSSH(t *testing.T) {
	deep.Only(t)
	s := sshtest.Start(t)
	kills := 0
	for name := range commands {
		if onDevice[name] {
			continue
		}
		j := job{Command: name, Host: s.Host, Keys: s.Folder}
		for k := 1; k <= j.steps(t); k++ {
			j.Folder, j.Kill = quickFolder(t), k
			j.prepared(t)
			kills += j.killed(t)
		}
	}
	if kills < 100 {
		t.Errorf("only %d kills", kills)
	}
}

// killed does a job in a process that is killed, and checks what is left.
func (j job) killed(t *testing.T) int {
	t.Helper()
	text, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestKills$")
	cmd.Env = append(os.Environ(), jobVariable+"="+string(text))
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("%s, step %d: was not killed: %v: %s", j.Command, j.Kill, err, out)
	}
	j.afterwards(t, fmt.Sprintf("%s, killed at step %d", j.Command, j.Kill))
	return 1
}

// A connection that is lost at any step leaves a program that runs, and an error that says so.
func TestLostConnections(t *testing.T) {
	s := sshtest.Start(t)
	every := 1
	if !deep.On() {
		every = 31
	}
	for name, c := range commands {
		if onDevice[name] {
			continue
		}
		j := job{Command: name, Host: s.Host, Keys: s.Folder}
		for k := every; k <= j.steps(t); k += every {
			j.Folder = quickFolder(t)
			j.prepared(t)
			d, err := j.device()
			if err != nil {
				t.Fatal(err)
			}
			step := 0
			started := time.Now()
			err = c.do(stepping{d, func() {
				if step++; step == k {
					s.Cut()
				}
			}})
			rejected := name == "fail" && err == nil // said before the lock was lost with the connection
			if !rejected && !errors.Is(err, remote.ErrLost) {
				t.Errorf("%s, cut at step %d: %v", name, k, err)
			}
			if took := time.Since(started); took > 30*time.Second {
				t.Errorf("%s, cut at step %d: it took %v", name, k, took)
			}
			waitForEnd(t, j.Folder)
			j.afterwards(t, fmt.Sprintf("%s, cut at step %d", name, k))
		}
	}
}

// waitForEnd waits until the server has done what it was told before the cut, and makes the
// lock one that nobody holds: this process lives.
func waitForEnd(t testing.TB, folder string) {
	t.Helper()
	time.Sleep(50 * time.Millisecond)
	path := filepath.Join(folder, lockName)
	data, err := os.ReadFile(path)
	if err != nil {
		return
	}
	data = bytes.ReplaceAll(data, fmt.Appendf(nil, `"pid":%d`, os.Getpid()), []byte(`"pid":999999999`))
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}
