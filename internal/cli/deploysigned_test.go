package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"edgec/internal/deploy"
	"edgec/internal/sign"
	"edgec/targets"
)

// Only what the key has signed is installed, under the version that was signed.
func TestDeploySigned(t *testing.T) {
	buildHere(t)
	command(t, "keygen", "--no-password").must(t)
	command(t, "keygen", "--no-password", "--key", "other.key").must(t)
	command(t, "sign", "corner", "--version", "5").must(t)
	command(t, "sign", "named", "--version", "4").must(t)
	command(t, "sign", "corner.edgec", "--target", otherBoard()).must(t)
	write(t, "changed", append(read(t, "corner"), 0))
	write(t, "changed.minisig", read(t, "corner.minisig"))
	refused := func(args, want string) {
		t.Helper()
		r := command(t, append([]string{"deploy"}, strings.Fields(args)...)...)
		if r.code == exitDone || !strings.Contains(r.stderr, want) {
			t.Errorf("edgec deploy %s: %+v\nwant %q", args, r, want)
		}
		if _, err := os.Stat("dev"); err == nil && !strings.Contains(args, "named") {
			t.Errorf("edgec deploy %s touched the device", args)
		}
	}
	write(t, "unsigned", read(t, "corner"))
	refused("unsigned --to local:dev --pub edgec.pub", "unsigned.minisig: no such file or directory; --pub takes signed files only")
	refused("changed --to local:dev", "changed: the signature is for other content")
	refused("corner --to local:dev --pub other.pub", "corner: the signature is by another key")
	refused("changed --to local:dev --pub edgec.pub", "changed: the signature is for other content")
	refused("corner --to local:dev --pub edgec.pub --version 6", "corner: is signed as version 5, and --version is 6")
	refused("corner.edgec --to local:dev --pub edgec.pub --target linux-riscv64", "is signed for "+otherBoard()+", and --target is linux-riscv64")
	refused("corner --to local:dev --base none", "--base none: no such file")
	write(t, "other", read(t, "corner"))
	write(t, "other.minisig", read(t, "corner.minisig"))
	refused("other --to local:dev --pub edgec.pub", "other: is signed under the name corner, and may be another model's")
	r := parse[deployment](t, command(t, "deploy", "corner", "--to", "local:dev", "--pub", "edgec.pub", "--json"))
	if r.Current.Version != 5 || r.Sent != r.Current.Bytes {
		t.Errorf("%+v", r)
	}
	refused("named --to local:dev --pub edgec.pub", "version 4 is not above 5, the highest that was accepted; sign it again with a higher --version (")
	command(t, "sign", "named", "--version", "6").must(t)
	command(t, "deploy", "named", "--to", "local:dev", "--pub", "edgec.pub").must(t).has(t, "version 6, ", " bytes, a delta: ", "% of the program")
}

// A delta is made against the program that runs, from --base or from those that were deployed
// before; one that fails gives way to the whole program.
func TestDeployDelta(t *testing.T) {
	buildHere(t)
	t.Setenv(programsVariable, filepath.Join(t.TempDir(), "programs"))
	sent := func(args string) (r deployment, notes string) {
		t.Helper()
		got := command(t, append([]string{"deploy", "--json"}, strings.Fields(args)...)...)
		return parse[deployment](t, got), got.stderr
	}
	first, _ := sent("corner --to local:dev")
	if r, _ := sent("named --to local:dev"); r.Base != first.Current.SHA256 || r.Sent > r.Current.Bytes/10 {
		t.Errorf("%+v", r)
	}
	if err := os.RemoveAll(os.Getenv(programsVariable)); err != nil {
		t.Fatal(err)
	}
	if r, notes := sent("corner --to local:dev2 --base named"); r.Base != "" || !strings.Contains(notes, "--base named gives no small delta") {
		t.Errorf("%+v, %s", r, notes)
	}
	if err := os.RemoveAll(os.Getenv(programsVariable)); err != nil {
		t.Fatal(err)
	}
	if r, _ := sent("named --to local:dev2 --base corner"); r.Base != first.Current.SHA256 || r.Sent > r.Current.Bytes/10 {
		t.Errorf("%+v", r)
	}
	sent("corner --to local:dev3")
	running := filepath.Join("dev3", "current", "program")
	write(t, running, append(read(t, running), 0))
	if r, notes := sent("named --to local:dev3"); r.Base != "" || r.Sent != r.Current.Bytes || !strings.Contains(notes, "could not apply a delta: the delta failed: ") || !strings.Contains(notes, "so the whole program was sent") {
		t.Errorf("%+v, %s", r, notes)
	}
}

// Some programs are kept, the last that were used, and whole ones only.
func TestKeepPrograms(t *testing.T) {
	t.Setenv(programsVariable, filepath.Join(t.TempDir(), "a", "b"))
	program := func(i int) []byte { return []byte{byte(i), 'p'} }
	for i := range mostKept {
		if err := keepProgram(program(i)); err != nil {
			t.Fatal(err)
		}
		then := time.Now().Add(time.Duration(i-mostKept) * time.Hour)
		if err := os.Chtimes(filepath.Join(programsFolder(), sumOf(program(i))), then, then); err != nil {
			t.Fatal(err)
		}
	}
	if string(keptProgram(sumOf(program(0)))) != string(program(0)) { // which makes it the latest
		t.Error("the first program is gone")
	}
	if err := keepProgram(program(100)); err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{0, 100} {
		if keptProgram(sumOf(program(i))) == nil {
			t.Errorf("program %d is gone", i)
		}
	}
	if entries, err := os.ReadDir(programsFolder()); err != nil || len(entries) != mostKept {
		t.Errorf("%d files, %v", len(entries), err)
	}
	damaged := filepath.Join(programsFolder(), sumOf(program(100)))
	if err := os.WriteFile(damaged, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, sum := range []string{sumOf(program(100)), "", "../x", sumOf([]byte("never"))} {
		if keptProgram(sum) != nil {
			t.Errorf("%q is a program", sum)
		}
	}
}

// What was signed decides, where the command line does not.
func TestTakeSigned(t *testing.T) {
	cmd := deployCommand(&app{})
	for _, c := range []struct {
		d       deployFlags
		s       sign.Statement
		target  string
		version int
		wrong   string
	}{
		{s: sign.Statement{}},
		{s: sign.Statement{Target: "rpi-4", Version: 3}, target: "rpi-4", version: 3},
		{d: deployFlags{target: "rpi-5"}, s: sign.Statement{Target: "linux-arm64"}, target: "rpi-5"},
		{d: deployFlags{target: "rpi-2"}, s: sign.Statement{Target: "linux-armv6"}, target: "rpi-2"},
		{d: deployFlags{target: "rpi-zero"}, s: sign.Statement{Target: "linux-armv7"}, wrong: "is signed for linux-armv7, and --target is rpi-zero"},
		{s: sign.Statement{Target: "toaster"}, wrong: "no board here"},
		{s: sign.Statement{Base: "ab"}, wrong: "signed as a delta"},
	} {
		err := c.d.takeSigned(cmd, c.s)
		if c.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%+v: %v, want %q", c.s, err, c.wrong)
			}
			continue
		}
		if err != nil || c.d.target != c.target || c.d.options.Version != c.version {
			t.Errorf("%+v: %+v, %v", c.s, c.d, err)
		}
	}
	for _, b := range targets.Boards { // a program is signed for a board that can be found again
		if b.SoC == "" && targetOf(deploy.System{GOOS: b.System(), GOARCH: b.GOARCH, GOARM: b.GOARM}) != b.Name {
			t.Errorf("programs for %s are not signed for it", b.Name)
		}
	}
}
