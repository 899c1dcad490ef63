package deploy

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"edgec/internal/remote"
)

// A command that the device does not know fails the trial: the program before runs again, and the
// device takes the next deployment.
func TestUnknownCommands(t *testing.T) {
	devices(t, func(t *testing.T, d Device, folder string) {
		event{name: "first", program: script("a", passes, "1"), version: 1, current: "a"}.happens(t, d, folder)
		for name, o := range map[string]Options{"restart": {Restart: "systemclt restart x"}, "check": {Check: "./no-such-check"}, "no right": {Check: "./state.json"}} {
			b := script("b "+name, passes, "1")
			event{name: name, program: b, o: o, current: "a", wrong: "the device has returned to version 1"}.happens(t, d, folder)
		}
		event{name: "last", program: script("c", passes, "1"), version: 5, current: "c", previous: "a"}.happens(t, d, folder)
	})
}

// A trial that an earlier command has left, and whose commands the device does not know, ends with
// the program before.
func TestUnknownCommandLeft(t *testing.T) {
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
	s, err := readState(d)
	if err != nil {
		t.Fatal(err)
	}
	in, _ := s.find(b.Sum())
	s.Current, s.Highest, s.Trial = a.Sum(), 1, &trial{Installed: in, From: a.Sum(), Restart: "systemclt restart x"}
	if err := putJSON(d, stateName, s); err != nil {
		t.Fatal(err)
	}
	r, failed, err := Status(t.Context(), d, Options{})
	if err != nil || r.Current.Version != 1 || len(failed) != 1 {
		t.Errorf("%+v, %v, %v", r, failed, err)
	}
}

// The program before gets its time to start again, and a restart that fails is said.
func TestSlowRestart(t *testing.T) {
	d, err := NewLocal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Deploy(t.Context(), d, script("a", passes, "1"), Options{}); err != nil {
		t.Fatal(err)
	}
	done := filepath.Join(t.TempDir(), "done")
	slow := "grep -q '^# a' current/program || exit 0; sleep 6; echo done > " + remote.Quote(done)
	if _, err := Deploy(t.Context(), d, script("b", passes, "1"), Options{Restart: slow, Check: "false"}); err == nil {
		t.Error("the check did not fail")
	}
	if _, err := os.Stat(done); err != nil {
		t.Errorf("the restart of the program before was cut off: %v", err)
	}
	broken := "grep -q '^# c' current/program || { echo no bus >&2; exit 3; }"
	_, err = Deploy(t.Context(), d, script("c", passes, "1"), Options{Restart: broken, Check: "false"})
	var rejected *RejectedError
	if !errors.As(err, &rejected) || !strings.Contains(err.Error(), "returned to version 1, but the restart of the program before failed: no bus (exit code 3)") {
		t.Error(err)
	}
}

// A command may leave a process behind that holds its output open, as one that starts a server does.
func TestCommandLeavesProcess(t *testing.T) {
	d, err := NewLocal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	r, err := Deploy(t.Context(), d, script("a", passes, "1"), Options{Restart: "sleep 20 & echo $! > " + remote.Quote(filepath.Join(d.Folder(), "pid"))})
	if err != nil || r.Outcome != Deployed || time.Since(began) > 10*time.Second {
		t.Errorf("%+v after %v, %v", r, time.Since(began), err)
	}
	if _, err := d.Run(t.Context(), "kill $(cat pid)"); err != nil {
		t.Error(err)
	}
}

// The highest version is one that every device can store, and a device that has it says what to do.
func TestHighestVersion(t *testing.T) {
	d, err := NewLocal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	_, err = Deploy(t.Context(), d, script("a", passes, "1"), Options{Version: MaxVersion + 1})
	if err == nil || !strings.Contains(err.Error(), "give a number from 1 to 2147483647") {
		t.Errorf("above all: %v", err)
	}
	if _, err = Deploy(t.Context(), d, script("a", passes, "1"), Options{Version: MaxVersion}); err != nil {
		t.Fatal(err)
	}
	_, err = Deploy(t.Context(), d, script("b", passes, "1"), Options{})
	if err == nil || !strings.Contains(err.Error(), "no version is above 2147483647, the highest that was accepted or tried; give another folder after local: to begin anew") {
		t.Errorf("after it: %v", err)
	}
}
