package deploy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"edgec/internal/remote"
	"edgec/internal/remote/sshtest"
)

// script is a program for this machine's shell that answers as device programs do.
func script(name, selfTest, median string) Program {
	text := "#!/bin/sh\n# " + name + "\ncase \"$1\" in\n--selftest) " + selfTest + ";;\n--bench) echo '{\"schema\":1,\"median_us\":" + median + "}';;\nesac\n"
	return Program{Data: []byte(text), Model: name + ".edgec"}
}

const passes = "echo self-test passed"

// devices calls f with an empty folder of this machine, and with one that is reached over SSH.
func devices(t *testing.T, f func(t *testing.T, d Device, folder string)) {
	t.Run("local", func(t *testing.T) {
		folder := filepath.Join(t.TempDir(), "new", "edge c's")
		d, err := NewLocal(folder)
		if err != nil {
			t.Fatal(err)
		}
		f(t, d, folder)
	})
	t.Run("ssh", func(t *testing.T) {
		folder := filepath.Join(t.TempDir(), "new", "edge c's")
		f(t, overSSH(t, sshtest.Start(t), folder), folder)
	})
}

// overSSH connects to a server.
func overSSH(t testing.TB, s *sshtest.Server, folder string) Device {
	t.Helper()
	conn, err := remote.Dial(t.Context(), s.Host, s.Options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	d, err := NewHost(conn, folder)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// running is the model of the program that runs, by the files alone.
func running(t testing.TB, folder, link string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(folder, link, programName))
	if errors.Is(err, os.ErrNotExist) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitN(string(data), "\n", 3)
	return strings.TrimPrefix(lines[1], "# ")
}

// event is a command in the story of a device.
type event struct {
	name              string
	rollback          bool
	program           Program
	o                 Options
	version           int    // after it
	current, previous string // after it
	wrong             string // in the error
}

// story is what is installed, refused, taken back, and why. The command restart runs at each
// switch that has it.
func story(restart string) []event {
	a, b, c := script("a", passes, "1000"), script("b", passes, "2000"), script("c", passes, "9000")
	return []event{
		{name: "nothing to take back", rollback: true, wrong: "no program was ever installed"},
		{name: "first", program: a, version: 1, current: "a"},
		{name: "the same again", program: a, version: 1, current: "a"},
		{name: "the same with a check", program: a, o: Options{Check: "test -x current/program"}, version: 1, current: "a"},
		{name: "the same with a failing check", program: a, o: Options{Check: "echo no answer >&2; exit 3"}, current: "a", wrong: "runs this program already, as version 1: the check failed: no answer (exit code 3)"},
		{name: "the same as another version", program: a, o: Options{Version: 7}, current: "a", wrong: "already runs this program, as version 1"},
		{name: "no program before", rollback: true, current: "a", wrong: "no program before"},
		{name: "too slow", program: c, o: Options{MaxLatency: 5 * time.Millisecond}, current: "a", wrong: "takes 9ms (median), the limit is 5ms; version 1 still runs"},
		{name: "once more", program: c, current: "a", wrong: "--retry"},
		{name: "failing", program: script("d", "echo wrong output >&2; exit 1", "1"), current: "a", wrong: "wrong output (exit code 1)"},
		{name: "hanging", program: script("e", "sleep 60", "1"), o: Options{Timeout: 300 * time.Millisecond}, current: "a", wrong: "took more than 300ms"},
		{name: "no program of edgec", program: script("f", "echo hello", "1"), current: "a", wrong: `prints "hello"`},
		{name: "not executable", program: Program{Data: []byte("#!/none\n"), Model: "g"}, current: "a", wrong: "exit code 12"},
		{name: "second", program: b, o: Options{MaxLatency: 5 * time.Millisecond, Restart: restart}, version: 6, current: "b", previous: "a"},
		{name: "a version that is too low", program: c, o: Options{Version: 6, Retry: true}, current: "b", previous: "a", wrong: "version 6 is not above 6, the highest that was accepted; give a higher --version, or leave it out ("},
		{name: "failing check", program: c, o: Options{Retry: true, Restart: restart, Check: "echo no answer >&2; exit 3"}, current: "b", previous: "a", wrong: "no answer (exit code 3); the device has returned to version 6"},
		{name: "failing in its place", program: script("h", "case $0 in *current*) exit 4;; esac; "+passes, "1"), current: "b", previous: "a", wrong: "the device has returned to version 6"},
		{name: "given up by its service", program: script("i", passes, "1"), o: Options{Restart: "grep -q '^# i' current/program && ln -sfn $(readlink previous) current || true"}, current: "b", previous: "a", wrong: "the device itself has returned"},
		{name: "taken back", rollback: true, o: Options{Restart: restart}, version: 1, current: "a", previous: "b"},
		{name: "taken back again", rollback: true, version: 6, current: "b", previous: "a"},
		{name: "at last", program: c, o: Options{Retry: true, Version: 20}, version: 20, current: "c", previous: "b"},
	}
}

// happens does what an event says and checks what follows.
func (e event) happens(t *testing.T, d Device, folder string) {
	t.Helper()
	var r Result
	var err error
	if e.rollback {
		r, err = Rollback(t.Context(), d, e.o)
	} else {
		r, err = Deploy(t.Context(), d, e.program, e.o)
	}
	if e.wrong == "" && err != nil || e.wrong != "" && (err == nil || !strings.Contains(err.Error(), e.wrong)) {
		t.Fatalf("%s: error %v, want %q", e.name, err, e.wrong)
	}
	if err == nil && r.Current.Version != e.version {
		t.Errorf("%s: version %d, want %d", e.name, r.Current.Version, e.version)
	}
	if now, before := running(t, folder, currentName), running(t, folder, previousName); now != e.current || before != e.previous {
		t.Errorf("%s: current is %q and previous %q, want %q and %q", e.name, now, before, e.current, e.previous)
	}
}

// A device and a local folder tell the same story.
func TestStory(t *testing.T) {
	devices(t, func(t *testing.T, d Device, folder string) {
		log := filepath.Join(t.TempDir(), "restarts")
		for _, e := range story("echo again >> " + remote.Quote(log)) {
			e.happens(t, d, folder)
		}
		r, failed, err := Status(t.Context(), d, Options{})
		if err != nil || r.Current.Version != 20 || r.Previous.Version != 6 || r.Current.Model != "c.edgec" || len(failed) != 5 {
			t.Errorf("status: %+v, %d failures, %v", r, len(failed), err)
		}
		if text, err := os.ReadFile(log); err != nil || strings.Count(string(text), "again") != 4 {
			t.Errorf("restarts %q, %v; want 4", text, err)
		}
		if left := strings.Join(tree(t, folder), " "); strings.Count(left, programName) != 2 || strings.Contains(left, tempPrefix) || strings.Contains(left, lockName) {
			t.Errorf("left: %s", left)
		}
	})
}

// tree lists the files below a folder.
func tree(t testing.TB, folder string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, _ os.DirEntry, err error) error {
		names = append(names, strings.TrimPrefix(path, folder))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// A program that the card has damaged is sent again, and is not what a rollback returns to.
func TestDamagedProgram(t *testing.T) {
	d, err := NewLocal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	a, b := script("a", passes, "1"), script("b", passes, "1")
	for _, p := range []Program{a, b} {
		if _, err := Deploy(t.Context(), d, p, Options{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, link := range []string{currentName, previousName} {
		path := filepath.Join(d.Folder(), link, programName)
		if err := os.WriteFile(path, []byte("#!/bin/sh\n# x\necho passed\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Rollback(t.Context(), d, Options{}); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("rollback to a damaged program: %v", err)
	}
	r, err := Deploy(t.Context(), d, b, Options{})
	if err != nil || r.Outcome != Unchanged || running(t, d.Folder(), currentName) != "b" {
		t.Errorf("%+v, %v", r, err)
	}
}

// Without state.json versions go on from those in the store.
func TestLostState(t *testing.T) {
	d := deployed(t, one, two)
	if err := d.Remove(stateName); err != nil {
		t.Fatal(err)
	}
	r, err := Deploy(t.Context(), d, three, quickly())
	if err != nil || r.Current.Version != 3 || r.Previous.SHA256 != two.Sum() {
		t.Errorf("%+v, %v", r, err)
	}
	for text, want := range map[string]string{"{": "damaged", `{"schema":2}`: "newer edgec"} {
		if err := d.Write(stateName, strings.NewReader(text), 0o644, false); err != nil {
			t.Fatal(err)
		}
		if _, err := Deploy(t.Context(), d, one, quickly()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// The device itself may return to the program before, as a service of the system does.
func TestDeviceReturned(t *testing.T) {
	d := deployed(t, one, two)
	if err := d.Rename(previousName, currentName); err != nil {
		t.Fatal(err)
	}
	r, failed, err := Status(t.Context(), d, quickly())
	if err != nil || r.Current.SHA256 != one.Sum() || len(failed) != 1 || failed[0].SHA256 != two.Sum() || !strings.Contains(r.Found, "from version 2") {
		t.Errorf("%+v, %v, %v", r, failed, err)
	}
	if _, err := Deploy(t.Context(), d, two, quickly()); err == nil || !strings.Contains(err.Error(), "--retry") {
		t.Errorf("the program that failed again: %v", err)
	}
	if r, err := Deploy(t.Context(), d, three, quickly()); err != nil || r.Current.Version != 3 || r.Previous.SHA256 != one.Sum() {
		t.Errorf("%+v, %v", r, err)
	}
}

// A link that somebody has removed is made again, and a file system without links is refused
// before a program is sent.
func TestLinks(t *testing.T) {
	d := deployed(t, one, two)
	if err := d.Remove(currentName); err != nil {
		t.Fatal(err)
	}
	if r, err := Deploy(t.Context(), d, two, quickly()); err != nil || r.Outcome != Deployed || r.Current.Version != 3 || r.Found == "" {
		t.Errorf("%+v, %v", r, err)
	}
	if sum, err := current(d); err != nil || sum != two.Sum() {
		t.Errorf("current is %.8s, %v", sum, err)
	}
	fat := newDisk()
	fat.broken = func(op string) error {
		if strings.HasPrefix(op, "symlink") {
			return errors.New("not supported")
		}
		return nil
	}
	if _, err := Deploy(t.Context(), fat, one, quickly()); err == nil || !strings.Contains(err.Error(), "FAT") || fat.syncs > 0 {
		t.Errorf("%d syncs, %v", fat.syncs, err)
	}
}

// A full disk and errors of any step leave the program that runs, and the next deployment
// works.
func TestErrors(t *testing.T) {
	d := deployed(t, one, two)
	d.space = reserve
	if _, err := Deploy(t.Context(), d, three, quickly()); err == nil || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("full disk: %v", err)
	}
	d.space = 1 << 30
	d.broken = func(string) error { return &fs.PathError{Op: "open", Path: "x", Err: fs.ErrPermission} }
	if _, err := Deploy(t.Context(), d, three, quickly()); err == nil || !strings.Contains(err.Error(), "--folder") {
		t.Errorf("no permission: %v", err)
	}
	for n := 0; ; n++ {
		if n > 100 {
			t.Fatal("the deployment has no end")
		}
		d, step := deployed(t, one, two), 0
		d.broken = func(op string) error {
			if step++; step > n {
				return errors.New("lost")
			}
			return nil
		}
		_, err := Deploy(t.Context(), d, three, quickly())
		d.broken = nil
		sum, e := current(d)
		if e != nil || sum != two.Sum() && sum != three.Sum() {
			t.Fatalf("step %d: current is %.8s, %v", n, sum, e)
		}
		r, failed, e := Status(t.Context(), d, quickly())
		if e != nil || len(failed) > 0 {
			t.Fatalf("step %d: %v, %v", n, failed, e)
		}
		if e := checkNext(d, r.Current.SHA256, r.Current.Version); e != nil {
			t.Fatalf("step %d: %v", n, e)
		}
		if err == nil {
			break
		}
	}
}

// The end of the context stops a deployment before the switch, and returns to the old program
// after it.
func TestInterrupted(t *testing.T) {
	for _, when := range []string{"run ./store", "run ./current"} {
		d := deployed(t, one, two)
		ctx, cancel := context.WithCancel(t.Context())
		d.broken = func(op string) error {
			if strings.HasPrefix(op, when) {
				cancel()
				return ctx.Err()
			}
			return nil
		}
		_, err := Deploy(ctx, d, three, quickly())
		sum, e := current(d)
		previous, _ := linked(d, previousName)
		if !errors.Is(err, context.Canceled) || e != nil || sum != two.Sum() || previous != one.Sum() {
			t.Errorf("%s: current is %.8s, previous %.8s, %v, %v", when, sum, previous, err, e)
		}
		d.broken = nil
		if r, err := Deploy(t.Context(), d, three, quickly()); err != nil || r.Found != "" || r.Current.Version != 3 {
			t.Errorf("%s: afterwards %+v, %v", when, r, err)
		}
	}
}

// Two deployments at once: one waits for the other's sign of life and gives up; a dead owner's
// lock is taken.
func TestLock(t *testing.T) {
	d, err := NewLocal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	o := Options{beat: 20 * time.Millisecond, stale: 600 * time.Millisecond}
	first, err := acquire(t.Context(), d, o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := acquire(t.Context(), d, o); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("process %d of", os.Getpid())) {
		t.Errorf("a second one: %v", err)
	}
	if err := first.held(); err != nil {
		t.Error(err)
	}
	close(first.stop) // it dies
	first.done.Wait()
	second, err := acquire(t.Context(), d, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.held(); err == nil {
		t.Error("the first one does not see that its lock was taken")
	}
	if err := second.release(); err != nil {
		t.Error(err)
	}
	if names := tree(t, d.Folder()); len(names) != 1 {
		t.Errorf("left: %v", names)
	}
	takesFromDead(t, d)
}

// takesFromDead takes the lock of a process of this machine that has ended, at once.
func takesFromDead(t *testing.T, d Device) {
	t.Helper()
	dead := `{"id":"x","host":"` + thisHost() + `","pid":999999999,"beat":1}`
	if err := d.Write(lockName, strings.NewReader(dead), 0o644, true); err != nil {
		t.Fatal(err)
	}
	third, err := acquire(t.Context(), d, Options{beat: time.Hour, stale: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if err := third.release(); err != nil {
		t.Error(err)
	}
}

// quickFolder is an empty folder in memory, where syncs take no time.
func quickFolder(t testing.TB) string {
	t.Helper()
	folder, err := os.MkdirTemp("/dev/shm", "edgec-deploy-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	return folder
}

// The program is told the duration in seconds: it reads one unit, and Go prints a minute as 1m0s.
func TestDuration(t *testing.T) {
	d, err := NewLocal(filepath.Join(t.TempDir(), "edgec"))
	if err != nil {
		t.Fatal(err)
	}
	for duration, want := range map[time.Duration]string{time.Minute: "60s", 90 * time.Second: "90s", time.Hour: "3600s", 1500 * time.Millisecond: "1.5s"} {
		p := script(want, passes, "1000")
		p.Data = []byte(strings.Replace(string(p.Data), "--bench)", "--bench) [ \"$*\" = '--bench --json --duration "+want+"' ] &&", 1))
		if _, err := Deploy(t.Context(), d, p, Options{MaxLatency: 5 * time.Millisecond, Duration: duration}); err != nil {
			t.Errorf("%v: %v", duration, err)
		}
	}
}

// What keeps a folder from being written is said with its remedy.
func TestCannotWrite(t *testing.T) {
	d, err := NewLocal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for cause, want := range map[error]string{
		syscall.EROFS:  "read-only file system; mount it for writing (sudo mount -o remount,rw) and look whether a card is locked by its switch, or give another folder after local:",
		syscall.EACCES: "permission denied; let the user write there, or give another folder after local:",
		syscall.EIO:    "input/output error",
	} {
		err := stepOf(d, "locking", &fs.PathError{Op: "open", Path: "lock", Err: cause})
		if !strings.HasSuffix(err.Error(), want) || !errors.Is(err, cause) {
			t.Errorf("%v: want %s", err, want)
		}
	}
}
