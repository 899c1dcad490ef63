package cli

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"edgec/internal/deep"
	"edgec/internal/remote"
	"edgec/internal/remote/sshtest"
)

// The way of a network from an ONNX file to a device and back, as testdata/transcript tells it:
// with a real SSH server, real programs and minisign. docs/GUIDE.md has a copy of what it prints.
func TestTranscript(t *testing.T) {
	deep.Only(t)
	if goruntime.GOOS != "linux" {
		t.Skip("the device is this machine, with Linux")
	}
	if _, err := exec.LookPath("minisign"); err != nil {
		t.Skip("minisign is not installed (apt install minisign)")
	}
	cache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	scripts, err := filepath.Abs(filepath.Join("testdata", "transcript"))
	if err != nil {
		t.Fatal(err)
	}
	workplace(t)
	server := sshtest.Start(t)
	testscript.Run(t, testscript.Params{
		Dir: scripts,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", filepath.Dir(server.Folder))
			env.Setenv("HOST", server.Host)
			env.Setenv("DEVICE", filepath.Join(env.WorkDir, "device"))
			env.Setenv("SSH_AUTH_SOCK", "")
			env.Setenv("BOARD", "linux-"+goruntime.GOARCH)
			env.Setenv("GOCACHE", strings.TrimSpace(string(cache)))
			env.Setenv(programsVariable, filepath.Join(env.WorkDir, ".programs"))
			bin := filepath.Join(env.WorkDir, ".bin")
			env.Setenv("PATH", bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
			return errors.Join(asCommand(bin), os.CopyFS(env.WorkDir, os.DirFS(".")))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"size": printSizes, "damage": damage},
	})
}

// asCommand makes this test binary the command edgec of a folder.
func asCommand(bin string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return err
	}
	text := "#!/bin/sh\n" + asProgram + "=1 exec " + remote.Quote(self) + " \"$@\"\n"
	return os.WriteFile(filepath.Join(bin, "edgec"), []byte(text), 0o755)
}

// printSizes is the script's command size FILE...
func printSizes(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		info, err := os.Stat(ts.MkAbs(name))
		ts.Check(err)
		ts.Logf("%s: %s bytes", name, thousands(int(info.Size())))
	}
}

// damage is the script's command damage PROGRAM MODEL: a bit of the model in the program changes.
func damage(ts *testscript.TestScript, _ bool, args []string) {
	program, model := []byte(ts.ReadFile(args[0])), []byte(ts.ReadFile(args[1]))
	at := bytes.Index(program, model)
	if at < 0 {
		ts.Fatalf("%s does not hold %s", args[0], args[1])
	}
	program[at+len(model)/2] ^= 1
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), program, 0o755))
}
