package cli

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"edgec/internal/deep"
	"edgec/internal/remote/sshtest"
	"edgec/targets"
)

// sshHost starts a server that ~/.ssh of the test leads to.
func sshHost(t *testing.T, lines ...string) *sshtest.Server {
	t.Helper()
	cache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Skip("there is no go command: ", err)
	}
	s := sshtest.Start(t, lines...)
	t.Setenv("GOCACHE", strings.TrimSpace(string(cache)))
	t.Setenv("HOME", filepath.Dir(s.Folder))
	t.Setenv("SSH_AUTH_SOCK", "")
	return s
}

// empty waits until a folder has nothing in it.
func empty(t *testing.T, folder string) {
	t.Helper()
	var left []string
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if left, _ = filepath.Glob(filepath.Join(folder, "*")); len(left) == 0 {
			return
		}
	}
	t.Errorf("left on the host: %v", left)
}

// idle waits until no process executes a program in a folder.
func idle(t *testing.T, folder string) {
	t.Helper()
	var busy []string
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		busy = nil
		programs, _ := filepath.Glob("/proc/[0-9]*/exe")
		for _, p := range programs {
			if file, err := os.Readlink(p); err == nil && strings.HasPrefix(file, folder) {
				busy = append(busy, p+" "+file)
			}
		}
		if busy == nil {
			return
		}
	}
	t.Errorf("still running on the host: %v", busy)
}

// fails fails the test unless the command ended with a code and one error with all words.
func (r result) fails(t *testing.T, code int, words ...string) {
	t.Helper()
	for _, w := range words {
		if r.code != code || !strings.Contains(r.stderr, w) || strings.Count(r.stderr, "edgec: error:") != 1 {
			t.Errorf("code %d, want %d, and %q in %q", r.code, code, w, r.stderr)
		}
	}
}

// A host is asked what it is, gets a program, and keeps nothing of it. What its firmware tells
// of its clock is part of the result.
func TestBenchOn(t *testing.T) {
	tools := t.TempDir()
	write(t, filepath.Join(tools, "vcgencmd"), []byte("#!/bin/sh\nn=$(cat "+tools+"/asked 2>/dev/null)\necho x >>"+tools+"/asked\n[ -z \"$n\" ] && echo throttled=0x50000 || echo throttled=0x70000\n"))
	if err := os.Chmod(filepath.Join(tools, "vcgencmd"), 0o755); err != nil {
		t.Fatal(err)
	}
	s := sshHost(t, "PATH="+tools+":/usr/local/bin:/usr/bin:/bin")
	page := readJSONPage(t)
	withFile(t)
	r := command(t, "bench", "corner.edgec", "--on", s.Host, "--runs", "1000", "--layers", "--json", "--save", "one.json").must(t)
	page.checkOutput(t, "bench", r.stdout)
	var got struct {
		On, Target string
		Program    string `json:"program_sha256"`
		Processes  []struct {
			Runs      int
			Machine   string
			Throttled int `json:"throttled_after"`
			Warnings  []string
			Layers    []timedLayer
		}
	}
	if err := json.Unmarshal([]byte(r.stdout), &got); err != nil {
		t.Fatal(err)
	}
	if got.On != s.Host || !strings.HasPrefix(got.Target, "linux-") || len(got.Program) != 64 || len(got.Processes) != 1 {
		t.Fatalf("%s", r.stdout)
	}
	if p := got.Processes[0]; p.Runs != 1000 || len(p.Layers) == 0 || p.Throttled != 0x70000 || !strings.Contains(strings.Join(p.Warnings, "\n"), "capped") {
		t.Errorf("%+v", p)
	}
	if !strings.Contains(r.stderr, "building for "+got.Target) || string(read(t, "one.json")) != r.stdout {
		t.Errorf("stderr %q", r.stderr)
	}
	empty(t, s.Temp)
	if deep.On() { // what is measured is what edgec build makes
		command(t, "build", "corner.edgec", "--target", got.Target, "-o", "built").must(t)
		if got.Program != hash(read(t, "built")) {
			t.Error("another program was measured than edgec build makes")
		}
	}
	board, err := targets.Find(got.Target)
	if err != nil {
		t.Fatal(err)
	}
	if _, native := board.Command(); !native {
		t.Errorf("target %s", got.Target)
	}
}

// The end of edgec and a lost connection end the program on the host, and remove its folder.
func TestBenchOnInterrupted(t *testing.T) {
	s := sshHost(t)
	withFile(t)
	for i, c := range []struct {
		name, want string
		code       int
		end        func(cancel func())
	}{
		{"lost connection", "the connection was lost", exitFailed, func(func()) { s.Cut() }},
		{"interrupt", "interrupted", exitInterrupted, func(cancel func()) { cancel() }},
	} {
		if i > 0 && !deep.On() {
			continue // building a program takes seconds
		}
		ctx, cancel := context.WithCancel(t.Context())
		var began time.Time
		r := commandUntil(t, ctx, func(text string) {
			if strings.Contains(text, "measuring on") {
				began = time.Now()
				time.AfterFunc(400*time.Millisecond, func() { c.end(cancel) })
			}
		}, "bench", "corner.edgec", "--on", s.Host, "--duration", "5m")
		cancel()
		if took := time.Since(began); r.code != c.code || !strings.Contains(r.stderr, c.want) || took > 30*time.Second {
			t.Errorf("%s: code %d after %v: %s", c.name, r.code, took, r.stderr)
		}
		empty(t, s.Temp)
		idle(t, s.Temp)
	}
}

// What can go wrong with a host is said with host, cause and remedy.
func TestBenchOnRefused(t *testing.T) {
	s := sshHost(t)
	withFile(t)
	s.Know()
	command(t, "bench", "corner.edgec", "--on", s.Host).fails(t, exitFailed, s.Host, "not known", "--accept-new")
	command(t, "bench", "corner.edgec", "--on", s.Host, "--accept-new", "--target", "linux-riscv64", "--runs", "1", "--go", "no-such-go").fails(t, exitFailed, "no-such-go")
	if deep.On() { // a program of another architecture is refused, or executed by an emulator that the system knows
		s.Know(s.Keys[0])
		r := command(t, "bench", "corner.edgec", "--on", s.Host, "--target", "linux-arm64", "--runs", "1")
		if r.code == exitDone {
			r.has(t, "mean nothing")
		} else {
			r.fails(t, exitFailed, "cannot execute a program for linux-arm64", "--target")
		}
		empty(t, s.Temp)
	}
	command(t, "bench", "corner.edgec", "--on", "a b").fails(t, exitUsage, "is no host")
	command(t, "bench", "corner.edgec", "--on", "qemu:z80").fails(t, exitUsage, "cortex-a53")
	for target, on := range map[string]string{"rpi-zero": "cortex-a53", "linux-amd64": "cortex-a53", "rpi-4": "arm1176", "rpi-2": "arm1176"} {
		command(t, "bench", "corner.edgec", "--on", "qemu:"+on, "--target", target).fails(t, exitUsage, "--target "+target+": qemu:"+on+" cannot run a program for it; leave --target out")
	}
	if r := command(t, "bench", "corner.edgec", "--on", "qemu:cortex-a72", "--target", "rpi-3", "--go", "no-such-go"); r.code != exitFailed {
		t.Errorf("a board of the same architecture: code %d, %s", r.code, r.stderr)
	}
	command(t, "bench", "corner.edgec", "--target", "rpi-4").fails(t, exitUsage, "belongs to --on")
	command(t, "bench", "corner.edgec", "--on", s.Host, "--target", "wasm").fails(t, exitUsage, "Linux")
	command(t, "bench", "corner.edgec", "--processes", "0").fails(t, exitUsage, "--processes 0")
}

// Another architecture is emulated, and the result says that it means nothing.
func TestBenchEmulated(t *testing.T) {
	deep.Only(t)
	withFile(t)
	board, err := targets.Emulated("cortex-a53")
	if err != nil {
		t.Fatal(err)
	}
	if words, ok := board.Emulator(); !ok {
		t.Skip(words[0] + " is not installed")
	}
	r := command(t, "bench", "corner.edgec", "--on", "qemu:cortex-a53", "--runs", "60").must(t)
	r.has(t, "qemu-user", "mean nothing", "linux-arm64", "neon")
	wrong := command(t, "bench", "corner.edgec", "--on", "qemu:cortex-a53", "--max-work", "10")
	wrong.fails(t, exitFailed, "--max-work")
}
