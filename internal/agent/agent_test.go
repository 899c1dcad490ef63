package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"edgec/internal/deploy"
	"edgec/internal/fleet"
	"edgec/internal/sign"
)

// script is a program for this machine's shell that answers as device programs do.
func script(name, selfTest string) []byte {
	return []byte("#!/bin/sh\n# " + name + "\ncase \"$1\" in\n--selftest) " + selfTest + ";;\n--bench) echo '{\"schema\":1,\"median_us\":1000}';;\nesac\n")
}

const passes = "echo self-test passed"

// onFailing fails on devices whose folder has the file bad.
const onFailing = "if [ -e bad ]; then echo wrong output >&2; exit 1; fi; " + passes

// anywhere is a system that TestMain's machine has, whatever it is.
func anywhere(t testing.TB) deploy.System {
	t.Helper()
	for _, goarch := range []string{"amd64", "arm64", "riscv64", "386"} {
		s := deploy.System{GOOS: "linux", GOARCH: goarch}
		if s.RunsOn(uname(t)) == nil {
			return s
		}
	}
	t.Skip("agents are tested on Linux only")
	return deploy.System{}
}

func uname(t testing.TB) string {
	t.Helper()
	d, err := deploy.NewLocal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	out, err := d.Run(t.Context(), "uname -s -m")
	if err != nil {
		t.Skip(err)
	}
	return string(out)
}

func newKey(t testing.TB) sign.SecretKey {
	t.Helper()
	key, err := sign.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// quickFolder is an empty folder in memory, where syncs take no time.
func quickFolder(t testing.TB) string {
	t.Helper()
	folder, err := os.MkdirTemp("/dev/shm", "edgec-agent-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	return folder
}

// artifact is a program for all machines of the test.
func artifact(t testing.TB, name, selfTest string) fleet.Artifact {
	return fleet.Artifact{Program: deploy.Program{Data: script(name, selfTest), Model: name + ".edgec"}, File: name, System: anywhere(t)}
}

// site is a fleet with an operator.
type site struct {
	operator fleet.Operator
	channel  fleet.Channel
}

func newSite(t testing.TB, channel fleet.Channel) *site {
	key := newKey(t)
	return &site{fleet.Operator{Fleet: "test", Channel: channel, Key: key, Public: key.Public(), Poll: 20 * time.Millisecond}, channel}
}

// device is a device with its agent.
type device struct {
	*Agent
	name, folder string
}

func (s *site) device(t testing.TB, name string) device {
	t.Helper()
	folder := filepath.Join(quickFolder(t), "edgec")
	local, err := deploy.NewLocal(folder)
	if err != nil {
		t.Fatal(err)
	}
	a, err := New(local, s.channel, Options{Device: name, Fleet: "test", Key: s.operator.Public, Every: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return device{a, name, folder}
}

// round does a round and compares the state and a part of its cause.
func (d device) round(t testing.TB, state, cause string) fleet.Report {
	t.Helper()
	r, err := d.Round(t.Context())
	if err != nil || r.State != state || !strings.Contains(r.Cause, cause) {
		t.Fatalf("%s: state %q, cause %q, error %v; want %q, %q", d.name, r.State, r.Cause, err, state, cause)
	}
	return r
}

// runs is the name of the program that runs, by the files alone.
func (d device) runs(t testing.TB) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(d.folder, "current", "program"))
	if errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(strings.Split(string(data), "\n")[1], "# ")
}

// document is what the operator would publish for all devices; change changes it before it is
// signed.
func (s *site) document(t testing.TB, serial int64, version int, a fleet.Artifact, change func(*fleet.Desired)) []byte {
	t.Helper()
	d := &fleet.Desired{Schema: 1, Fleet: "test", Serial: serial, Rollout: "r", Version: version, Time: time.Unix(1, 0),
		Programs: []fleet.Program{{File: a.File, System: a.System, SHA256: a.Sum(), Bytes: int64(len(a.Data)), Model: a.Model}}, Stage: fleet.Stage{Number: 1, Of: 1, Percent: 100}}
	if change != nil {
		change(d)
	}
	sealed, err := fleet.Seal(d, s.operator.Key)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

// publish puts a document and programs into the channel.
func (s *site) publish(t testing.TB, document []byte, artifacts ...fleet.Artifact) {
	t.Helper()
	for _, a := range artifacts {
		if err := s.channel.Put(t.Context(), a.Sum(), a.Data); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.channel.Publish(t.Context(), document); err != nil {
		t.Fatal(err)
	}
}

// Without a document, in no stage, installed, stopped, too old, failing, tried again.
func TestRounds(t *testing.T) {
	s := newSite(t, fleet.NewFolder(t.TempDir()))
	d := s.device(t, "pi")
	a, b, c := artifact(t, "a", passes), artifact(t, "b", passes), artifact(t, "c", onFailing)
	d.round(t, fleet.Waiting, "nothing is published")
	s.publish(t, s.document(t, 10, 3, a, func(d *fleet.Desired) { d.Stage.Percent = 0 }), a, b, c)
	d.round(t, fleet.Waiting, "not in stage 1 of 1")
	s.publish(t, s.document(t, 11, 3, a, func(d *fleet.Desired) { d.Stage = fleet.Stage{Devices: []string{"pi"}} }))
	if r := d.round(t, fleet.Running, ""); r.Version != 3 || r.Serial != 11 || d.runs(t) != "a" {
		t.Errorf("%+v", r)
	}
	d.round(t, fleet.Running, "")
	s.publish(t, s.document(t, 12, 4, b, func(d *fleet.Desired) { d.Stopped = true }))
	d.round(t, fleet.Waiting, "stopped")
	s.publish(t, s.document(t, 13, 2, b, nil))
	d.round(t, fleet.Refused, "version 2 is not above 3")
	s.publish(t, s.document(t, 14, 4, b, func(d *fleet.Desired) { d.Programs[0].System.GOARCH = "wasm" }))
	d.round(t, fleet.Failed, "has no program for Linux")
	if err := os.WriteFile(filepath.Join(d.folder, "bad"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s.publish(t, s.document(t, 15, 5, c, nil))
	if r := d.round(t, fleet.Failed, "wrong output"); r.Version != 3 || r.Failed != 5 || d.runs(t) != "a" {
		t.Errorf("%+v", r)
	}
	if err := os.Remove(filepath.Join(d.folder, "bad")); err != nil {
		t.Fatal(err)
	}
	d.round(t, fleet.Failed, "wrong output") // not tried again by itself
	s.publish(t, s.document(t, 16, 5, c, func(d *fleet.Desired) { d.Retry = true }))
	if r := d.round(t, fleet.Running, ""); r.Version != 5 || d.runs(t) != "c" {
		t.Errorf("%+v", r)
	}
}

// The operator's wish to try again counts once for each document.
func TestRetryOnce(t *testing.T) {
	s := newSite(t, fleet.NewFolder(t.TempDir()))
	d := s.device(t, "pi")
	tries := filepath.Join(t.TempDir(), "tries")
	c := artifact(t, "c", "echo x >>'"+tries+"'; exit 1")
	retry := func(d *fleet.Desired) { d.Retry = true }
	for i, document := range [][]byte{s.document(t, 1, 1, c, nil), s.document(t, 2, 1, c, retry), s.document(t, 3, 1, c, retry)} {
		s.publish(t, document, c)
		for range 3 {
			d.round(t, fleet.Failed, "")
		}
		if text, err := os.ReadFile(tries); err != nil || len(text) != 2*(i+1) {
			t.Errorf("after document %d: %d tries, %v", i+1, len(text)/2, err)
		}
	}
}

// A program that the card has changed is fetched again.
func TestDamaged(t *testing.T) {
	s := newSite(t, fleet.NewFolder(t.TempDir()))
	d := s.device(t, "pi")
	a := artifact(t, "a", passes)
	s.publish(t, s.document(t, 1, 1, a, nil), a)
	d.round(t, fleet.Running, "")
	path := filepath.Join(d.folder, "current", "program")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n# x\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	d.checked = false // as after a start
	if r := d.round(t, fleet.Running, ""); d.runs(t) != "a" || r.Version != 1 {
		t.Errorf("%q runs, %+v", d.runs(t), r)
	}
}

// files has the content of all files below a folder.
func files(t testing.TB, folder string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		if e.Type()&fs.ModeSymlink != 0 {
			all[path], err = os.Readlink(path)
			return err
		}
		data, err := os.ReadFile(path)
		all[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// hostile is a document, or files, that an attacker has put into a channel.
type hostile struct {
	name  string
	put   func(t *testing.T, s *site, folder string)
	state string
	cause string
}

// attacks are what the channel has after the device runs version 5 of a with the document 100.
func attacks(a, b fleet.Artifact) []hostile {
	raw := func(f func(t *testing.T, s *site) []byte) func(*testing.T, *site, string) {
		return func(t *testing.T, s *site, _ string) { s.publish(t, f(t, s), b) }
	}
	of := func(change func(*fleet.Desired)) func(*testing.T, *site, string) {
		return raw(func(t *testing.T, s *site) []byte { return s.document(t, 101, 6, b, change) })
	}
	content := func(data []byte) func(*testing.T, *site, string) {
		return func(t *testing.T, s *site, folder string) {
			s.publish(t, s.document(t, 101, 6, b, nil), b)
			if err := os.WriteFile(filepath.Join(folder, "files", b.Sum()), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return []hostile{
		{"empty", raw(func(*testing.T, *site) []byte { return nil }), fleet.Refused, "not signed"},
		{"unsigned", raw(func(t *testing.T, s *site) []byte {
			return []byte(strings.SplitN(string(s.document(t, 101, 6, b, nil)), "\n", 5)[4])
		}), fleet.Refused, "not signed"},
		{"signed by another", raw(func(t *testing.T, _ *site) []byte { return newSite(t, nil).document(t, 101, 6, b, nil) }), fleet.Refused, "another key"},
		{"changed", raw(func(t *testing.T, s *site) []byte {
			return []byte(strings.Replace(string(s.document(t, 101, 6, b, nil)), `"serial":101`, `"serial":102`, 1))
		}), fleet.Refused, "not accepted"},
		{"a signature of another file", raw(func(t *testing.T, s *site) []byte {
			text := strings.SplitN(string(s.document(t, 101, 6, b, nil)), "\n", 5)[4]
			return signed(t, s, "net.edgec", 6, text)
		}), fleet.Refused, "the signature is for"},
		{"another version in the signature", raw(func(t *testing.T, s *site) []byte {
			return signed(t, s, "test.fleet", 7, strings.SplitN(string(s.document(t, 101, 6, b, nil)), "\n", 5)[4])
		}), fleet.Refused, "its version is 6"},
		{"a file outside", raw(func(t *testing.T, s *site) []byte {
			text := strings.SplitN(string(s.document(t, 101, 6, b, nil)), "\n", 5)[4]
			return signed(t, s, "test.fleet", 6, strings.Replace(text, `"file":"b"`, `"file":"../../b"`, 1))
		}), fleet.Refused, "no name of a file"},
		{"a newer schema", raw(func(t *testing.T, s *site) []byte { return signed(t, s, "test.fleet", 6, `{"schema":9}`) }), fleet.Refused, "newer edgec"},
		{"no document", raw(func(t *testing.T, s *site) []byte { return signed(t, s, "test.fleet", 6, `["x"]`) }), fleet.Refused, "no document"},
		{"another fleet", of(func(d *fleet.Desired) { d.Fleet = "other" }), fleet.Refused, `the fleet "test"`},
		{"replayed", raw(func(t *testing.T, s *site) []byte { return s.document(t, 99, 6, b, nil) }), fleet.Refused, "older"},
		{"a lower version", raw(func(t *testing.T, s *site) []byte { return s.document(t, 101, 4, b, nil) }), fleet.Refused, "version 4 is not above 5"},
		{"too long", raw(func(*testing.T, *site) []byte { return make([]byte, fleet.MostDocument+1) }), fleet.Refused, "at most"},
		{"a program that is cut off", content(b.Data[:len(b.Data)-3]), fleet.Refused, "bytes"},
		{"a program that is longer", content(append([]byte{}, append(b.Data, '\n')...)), fleet.Refused, "bytes"},
		{"another program", content([]byte(strings.Replace(string(b.Data), "# b", "# x", 1))), fleet.Refused, "another one"},
		{"no program", func(t *testing.T, s *site, folder string) {
			s.publish(t, s.document(t, 101, 6, b, nil), a)
			if err := os.Remove(filepath.Join(folder, "files", b.Sum())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
		}, fleet.Trouble, "no such file"},
		{"a folder", func(t *testing.T, _ *site, folder string) {
			if err := errors.Join(os.Remove(filepath.Join(folder, "desired")), os.Mkdir(filepath.Join(folder, "desired"), 0o755)); err != nil {
				t.Fatal(err)
			}
		}, fleet.Refused, "no regular file"},
	}
}

// signed signs any text as the operator.
func signed(t testing.TB, s *site, file string, version int, text string) []byte {
	t.Helper()
	signature, _, err := s.operator.Key.Sign(strings.NewReader(text), sign.Statement{File: file, Version: version})
	if err != nil {
		t.Fatal(err)
	}
	return append(signature, text...)
}

// What the operator has not signed, or what is older, changes nothing on the device, and an honest
// document works afterwards.
func TestHostile(t *testing.T) {
	a, b := artifact(t, "a", passes), artifact(t, "b", passes)
	folder := t.TempDir()
	s := newSite(t, fleet.NewFolder(folder))
	d := s.device(t, "pi")
	s.publish(t, s.document(t, 100, 5, a, nil), a)
	d.round(t, fleet.Running, "")
	before := files(t, d.folder)
	same := func(t *testing.T) {
		t.Helper()
		if now := files(t, d.folder); fmt.Sprint(now) != fmt.Sprint(before) {
			t.Fatalf("the device was changed: %q, before %q", now, before)
		}
	}
	for _, attack := range attacks(a, b) {
		t.Run(attack.name, func(t *testing.T) {
			attack.put(t, s, folder)
			d.round(t, attack.state, attack.cause)
			same(t)
		})
	}
	if err := os.Remove(filepath.Join(folder, "desired")); err != nil {
		t.Fatal(err)
	}
	whole := s.document(t, 101, 6, b, nil)
	for n := 1; n < len(whole); n += 83 {
		s.publish(t, whole[:n])
		d.round(t, fleet.Refused, "")
		same(t)
	}
	if err := os.Remove(filepath.Join(folder, "files", b.Sum())); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	s.publish(t, whole, b)
	if d.round(t, fleet.Running, ""); d.runs(t) != "b" {
		t.Errorf("%q runs", d.runs(t))
	}
}

// full is a device without space.
type full struct{ deploy.Device }

func (full) Free() (int64, error) { return 100, nil }

// A full disk is trouble that passes; the device has what it had.
func TestFullDisk(t *testing.T) {
	s := newSite(t, fleet.NewFolder(t.TempDir()))
	d := s.device(t, "pi")
	a, b := artifact(t, "a", passes), artifact(t, "b", passes)
	s.publish(t, s.document(t, 1, 1, a, nil), a)
	d.round(t, fleet.Running, "")
	before := files(t, d.folder)
	s.publish(t, s.document(t, 2, 2, b, nil), b)
	local := d.device
	d.device = full{local}
	d.round(t, fleet.Trouble, "the disk is full")
	delete(before, filepath.Join(d.folder, memoryName)) // the document was good
	after := files(t, d.folder)
	delete(after, filepath.Join(d.folder, memoryName))
	if fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("the device was changed: %q", after)
	}
	d.device = local
	if d.round(t, fleet.Running, ""); d.runs(t) != "b" {
		t.Errorf("%q runs", d.runs(t))
	}
}

// deadly is a device that a program resets when it runs in a place.
type deadly struct {
	deploy.Device
	place string
	runs  *int
}

func (d deadly) Run(ctx context.Context, command string) ([]byte, error) {
	if strings.HasPrefix(command, d.place) {
		*d.runs++
		panic("reset")
	}
	return d.Device.Run(ctx, command)
}

// starts lets a new agent do a round, as after the start of a device, and reports whether the
// device was reset.
func (s *site) starts(t *testing.T, local deploy.Device, d deploy.Device) (r fleet.Report, reset bool) {
	t.Helper()
	_ = local.Remove("lock") // of the process that was reset
	a, err := New(d, s.channel, Options{Device: "pi", Fleet: "test", Key: s.operator.Public})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { reset = recover() != nil }()
	r, err = a.Round(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r, false
}

// A program that resets the device is given up after three attempts, before and after the switch.
func TestDeadlyProgram(t *testing.T) {
	a, b := artifact(t, "a", passes), artifact(t, "b", passes)
	for _, place := range []string{"./store", "./current"} {
		s := newSite(t, fleet.NewFolder(t.TempDir()))
		d := s.device(t, "pi")
		s.publish(t, s.document(t, 1, 1, a, nil), a)
		d.round(t, fleet.Running, "")
		s.publish(t, s.document(t, 2, 2, b, nil), b)
		resets := 0
		cut := deadly{d.device, place, &resets}
		var r fleet.Report
		for range 6 {
			if now, reset := s.starts(t, d.device, cut); !reset {
				r = now
			}
		}
		if resets != mostBegun || r.State != fleet.Failed || r.Cause != stops || d.runs(t) != "a" {
			t.Errorf("%s: %d resets, %+v, %q runs", place, resets, r, d.runs(t))
		}
		s.publish(t, s.document(t, 3, 2, b, func(d *fleet.Desired) { d.Retry = true }))
		if r, _ := s.starts(t, d.device, d.device); r.State != fleet.Running || d.runs(t) != "b" {
			t.Errorf("%s: tried again: %+v", place, r)
		}
	}
}

// A damaged memory is told, and nothing is installed.
func TestDamagedMemory(t *testing.T) {
	s := newSite(t, fleet.NewFolder(t.TempDir()))
	d := s.device(t, "pi")
	a, b := artifact(t, "a", passes), artifact(t, "b", passes)
	s.publish(t, s.document(t, 1, 1, a, nil), a)
	d.round(t, fleet.Running, "")
	s.publish(t, s.document(t, 2, 2, b, nil), b)
	for _, text := range []string{"{", `{"schema":2}`, strings.Repeat(" ", memoryLimit+1)} {
		if err := os.WriteFile(filepath.Join(d.folder, memoryName), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if d.round(t, fleet.Trouble, memoryName); d.runs(t) != "a" {
			t.Errorf("%q runs", d.runs(t))
		}
	}
}

// A device whose state cannot be read says so: the operator would only see that it is silent.
func TestDamagedState(t *testing.T) {
	s := newSite(t, fleet.NewFolder(t.TempDir()))
	d := s.device(t, "pi")
	a := artifact(t, "a", passes)
	s.publish(t, s.document(t, 1, 1, a, nil), a)
	d.round(t, fleet.Running, "")
	if err := os.WriteFile(filepath.Join(d.folder, "state.json"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	d.round(t, fleet.Trouble, "state.json is damaged")
	status, err := s.operator.Status(t.Context())
	if err != nil || len(status.Devices) != 1 || status.Devices[0].State != fleet.Trouble || !strings.Contains(status.Devices[0].Cause, "remove it") {
		t.Errorf("%+v, %v", status, err)
	}
	if err := os.Remove(filepath.Join(d.folder, "state.json")); err != nil {
		t.Fatal(err)
	}
	d.round(t, fleet.Running, "")
}

// The reports are in the channel, once for each change.
func TestReports(t *testing.T) {
	folder := t.TempDir()
	s := newSite(t, fleet.NewFolder(folder))
	d := s.device(t, "pi")
	a := artifact(t, "a", passes)
	s.publish(t, s.document(t, 7, 1, a, nil), a)
	d.round(t, fleet.Running, "")
	path := filepath.Join(folder, "reports", "pi.json")
	data, err := os.ReadFile(path)
	var r fleet.Report
	if err != nil || json.Unmarshal(data, &r) != nil || r.State != fleet.Running || r.Version != 1 || r.SHA256 != a.Sum() || r.Serial != 7 || r.Device != "pi" {
		t.Fatalf("%s, %v", data, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	d.round(t, fleet.Running, "")
	if _, err := os.Stat(path); err == nil {
		t.Error("the same report was sent again at once")
	}
	d.sent = time.Now().Add(-time.Hour)
	d.round(t, fleet.Running, "")
	if _, err := os.Stat(path); err != nil {
		t.Error("no sign of life:", err)
	}
}

// Times between attempts stay in their bounds.
func TestBackoff(t *testing.T) {
	for attempts := 1; attempts < 100; attempts++ {
		if d := backoff(attempts); d < time.Second || d > longestBackoff+time.Second {
			t.Fatalf("attempt %d: %v", attempts, d)
		}
	}
	for range 100 {
		if d := jitter(time.Minute); d < 48*time.Second || d > 72*time.Second {
			t.Fatal(d)
		}
	}
}

// An agent ends at once when it is told to.
func TestRunEnds(t *testing.T) {
	s := newSite(t, fleet.NewFolder(t.TempDir()))
	d := s.device(t, "pi")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	time.Sleep(20 * time.Millisecond)
	cancel()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Error("the agent goes on")
	}
}
