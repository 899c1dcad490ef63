package deploy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"edgec/internal/remote"
	"edgec/internal/remote/sshtest"
	"edgec/runtime/format"
)

// patchVariable makes the test binary do what a program's --patch does.
const patchVariable = "EDGEC_TEST_PATCH"

func TestMain(m *testing.M) {
	if os.Getenv(patchVariable) == "" {
		os.Exit(m.Run())
	}
	delta, err := os.ReadFile(os.Args[1])
	if err == nil {
		var base []byte
		if base, err = os.ReadFile(os.Args[2]); err == nil {
			var file []byte
			if file, err = format.PatchBytes(base, delta, 1<<20); err == nil {
				_, err = os.Stdout.Write(file)
			}
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// patching is a script that also applies deltas, by a command, and is large enough for them.
func patching(name, command string) Program {
	p := script(name, passes, "1")
	p.Data = []byte(strings.Replace(string(p.Data), "case \"$1\" in\n", "case \"$1\" in\n--patch) "+command+";;\n", 1))
	for i := range 200 {
		p.Data = fmt.Appendf(p.Data, "# %x\n", i*i*i*7919)
	}
	return p
}

// works is a command that applies a delta.
func works() string {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return patchVariable + "=1 " + remote.Quote(self) + ` "$2" "$3"`
}

// A device gets what differs from the program that it runs. If it cannot apply that, it gets the
// whole program, and the reason is told.
func TestDelta(t *testing.T) {
	devices(t, func(t *testing.T, d Device, folder string) {
		old := Program{}
		o := Options{Base: func(sum string) []byte {
			if sum != old.Sum() {
				return nil
			}
			return old.Data
		}}
		for _, c := range []struct {
			program Program
			delta   bool
			why     string // the whole program was sent
		}{
			{program: patching("a", works())},
			{program: patching("b", works()), delta: true},
			{program: patching("c", "echo no memory >&2; exit 137"), delta: true},
			{program: patching("d", "echo something else"), why: "no memory (exit code 137)"},
			{program: patching("e", "cat $2; echo $2 > "+remote.Quote(filepath.Join(folder, "seen"))), why: "another checksum"},
			{program: patching("f", works()), why: "another checksum"},
			{program: script("small", passes, "1"), delta: false},
		} {
			r, err := Deploy(t.Context(), d, c.program, o)
			if err != nil {
				t.Fatalf("%s: %v", c.program.Model, err)
			}
			name := strings.TrimSuffix(c.program.Model, ".edgec")
			if now := running(t, folder, currentName); now != name {
				t.Errorf("%s: %s runs", name, now)
			}
			small := r.Sent.Bytes < int64(len(c.program.Data))/5
			if small != c.delta || (r.Sent.Base != "") != c.delta || !strings.Contains(r.Sent.Whole, c.why) || (r.Sent.Whole == "") != (c.why == "") {
				t.Errorf("%s: sent %+v of %d bytes", name, r.Sent, len(c.program.Data))
			}
			for _, left := range tree(t, folder) {
				if strings.Contains(left, tempPrefix) {
					t.Errorf("%s: left %s", name, left)
				}
			}
			old = c.program
		}
		r, err := Deploy(t.Context(), d, old, o)
		if err != nil || r.Sent != (Sent{}) {
			t.Errorf("the same again: sent %+v, %v", r.Sent, err)
		}
	})
}

// The end of the context while a delta is applied leaves the program that runs, and no file.
func TestDeltaInterrupted(t *testing.T) {
	folder := t.TempDir()
	d := overSSH(t, sshtest.Start(t), folder)
	slow := patching("slow", "sleep 30")
	if _, err := Deploy(t.Context(), d, slow, Options{}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	o := Options{Base: func(string) []byte { return slow.Data }, Say: func(doing string) {
		if strings.HasPrefix(doing, "applying") {
			cancel()
		}
	}}
	if _, err := Deploy(ctx, d, patching("new", works()), o); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if now := running(t, folder, currentName); now != "slow" {
		t.Errorf("%s runs", now)
	}
	if _, _, err := Status(t.Context(), d, Options{}); err != nil {
		t.Error(err)
	}
	if left := strings.Join(tree(t, folder), " "); strings.Contains(left, tempPrefix) {
		t.Errorf("left %s", left)
	}
}
