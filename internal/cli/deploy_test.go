package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"
	"testing"

	"edgec/internal/deep"
	"edgec/internal/deploy"
	"edgec/internal/remote/sshtest"
)

// atHome makes a server's user the one of this test, with its own .ssh, and returns its host.
func atHome(t *testing.T) string {
	t.Helper()
	s := sshtest.Start(t)
	cache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOCACHE", strings.TrimSpace(string(cache)))
	t.Setenv("HOME", filepath.Dir(s.Folder))
	t.Setenv("SSH_AUTH_SOCK", "")
	return s.Host
}

// buildHere builds programs for this machine of the files corner.edgec and named.edgec.
func buildHere(t *testing.T) {
	t.Helper()
	if testing.Short() || goruntime.GOOS != "linux" {
		t.Skip("builds programs for Linux and runs them")
	}
	withFile(t)
	addNamed(t)
	for _, name := range []string{"corner", "named"} {
		if builtOnce[name] == nil {
			command(t, "build", name+".edgec", "--target", "linux-"+goruntime.GOARCH, "-o", name).must(t)
			builtOnce[name] = read(t, name)
		}
		write(t, name, builtOnce[name])
	}
}

// builtOnce are the programs of buildHere.
var builtOnce = map[string][]byte{}

// docs/JSON.md has the fields of what deploy, rollback and status print, and a device is what
// they say.
func TestDeploy(t *testing.T) {
	page := readJSONPage(t)
	buildHere(t)
	const section = "deploy, rollback, status"
	step := func(args, current, previous string, code int) {
		t.Helper()
		r := command(t, append(strings.Fields(args), "--json", "-q")...)
		if r.code != code {
			t.Fatalf("edgec %s: exit code %d: %s", args, r.code, r.stderr)
		}
		page.checkOutput(t, map[bool]string{true: section, false: "errors"}[code == exitDone], r.stdout)
		for link, want := range map[string]string{"current": current, "previous": previous} {
			got, _ := os.ReadFile(filepath.Join("dev", link, "program"))
			if want == "" && got != nil || want != "" && !slices.Equal(got, read(t, want)) {
				t.Fatalf("edgec %s: %s is not %q", args, link, want)
			}
		}
	}
	step("deploy corner --to local:dev --version 2147483648", "", "", exitUsage)
	step("deploy corner --to local:dev", "corner", "", exitDone)
	step("deploy named --to local:dev --target "+otherBoard(), "corner", "", exitFailed)
	step("deploy corner --to local:dev --check false", "corner", "", exitFailed)
	if r := command(t, "deploy", "corner", "--to", "local:dev", "--restart", "touch restarted").must(t); !strings.Contains(r.stderr, "--restart was not run") {
		t.Errorf("a restart for a program that runs: %q", r.stderr)
	}
	if _, err := os.Stat("dev/restarted"); err == nil {
		t.Error("restarted for a program that runs")
	}
	step("deploy named.edgec --to local:dev --check false", "corner", "", exitFailed)
	step("deploy named --to local:dev", "corner", "", exitFailed)
	step("status --on local:dev", "corner", "", exitDone)
	step("deploy named --to local:dev --retry --max-latency 1h --duration 100ms", "named", "corner", exitDone)
	write(t, "dev/previous/program", nil)
	command(t, "status", "--on", "local:dev").must(t).has(t, "the program before is damaged: store/", "edgec rollback would refuse it")
	write(t, "empty", nil)
	step("status --on local:dev", "named", "empty", exitDone)
	write(t, "dev/previous/program", read(t, "corner"))
	write(t, "dev/current/program", read(t, "named")[:1000])
	oneError(t, command(t, "status", "--on", "local:dev"), "the current program, version 3, is damaged: store/", "deploy the same file again")
	command(t, "deploy", "named", "--to", "local:dev").must(t)
	step("rollback --on local:dev", "corner", "named", exitDone)
	step("deploy named --to local:dev --version 1", "corner", "named", exitFailed)
	if err := os.Rename("dev/previous", "dev/current"); err != nil { // as a service on the device does
		t.Fatal(err)
	}
	step("status --on local:dev", "named", "", exitDone)
	page.checkSeen(t, section)
	page.checkSeen(t, "installed")
	page.checkSeen(t, "failed program")
	command(t, "status", "--on", "local:dev").must(t).has(t, "current   version 3, ", " of named, ", "previous  none", "returned")
}

// otherBoard is a board whose programs are not those of this machine.
func otherBoard() string {
	if goruntime.GOARCH == "arm64" {
		return "linux-amd64"
	}
	return "rpi-4"
}

// A finished program goes with each board that can run it, and --target with another is refused.
func TestDeployContradiction(t *testing.T) {
	for _, c := range []struct {
		target string
		system deploy.System
		wrong  string
	}{
		{"", deploy.System{GOOS: "linux", GOARCH: "amd64"}, ""},
		{"rpi-4", deploy.System{GOOS: "linux", GOARCH: "arm64"}, ""},
		{"rpi-2", deploy.System{GOOS: "linux", GOARCH: "arm", GOARM: "6"}, ""},
		{"rpi-zero", deploy.System{GOOS: "linux", GOARCH: "arm", GOARM: "7"}, "a program for linux/arm v7, and --target rpi-zero is linux/arm v6"},
		{"rpi-4", deploy.System{GOOS: "linux", GOARCH: "amd64"}, "a program for linux/amd64, and --target rpi-4 is linux/arm64"},
		{"", deploy.System{GOOS: "windows", GOARCH: "amd64"}, "is a program for windows/amd64, and deploy installs on Linux; copy it"},
		{"windows-arm64", deploy.System{GOOS: "linux", GOARCH: "arm64"}, "is windows/arm64"},
	} {
		err := installable(c.target, c.system)
		if c.wrong == "" && err != nil || c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)) {
			t.Errorf("--target %s, a program for %v: %v, want %q", c.target, c.system, err, c.wrong)
		}
	}
}

// A service is made of a program that keeps running, and of no other.
func TestUnit(t *testing.T) {
	page := readJSONPage(t)
	t.Chdir(t.TempDir())
	d, err := deploy.NewLocal("dev")
	if err != nil {
		t.Fatal(err)
	}
	if r := command(t, "unit", "--on", "local:dev"); r.code != exitFailed || !strings.Contains(r.stderr, "no program was ever installed") {
		t.Errorf("exit code %d, %s", r.code, r.stderr)
	}
	for _, serves := range []bool{false, true} {
		p := deploy.Program{Data: fmt.Appendf(nil, "#!/bin/sh\necho passed # %v\n", serves), Model: "m", Serves: serves}
		if _, err := deploy.Deploy(t.Context(), d, p, deploy.Options{}); err != nil {
			t.Fatal(err)
		}
		r := command(t, "unit", "--on", "local:dev", "--name", "digits", "--listen", ":8081", "--json")
		if !serves {
			if r.code != exitFailed || !strings.Contains(r.stderr, "--serve") {
				t.Errorf("exit code %d, %s", r.code, r.stderr)
			}
			continue
		}
		page.checkOutput(t, "unit of systemd", r.must(t).stdout)
	}
	page.checkSeen(t, "unit of systemd")
	page.checkSeen(t, "unit")
	command(t, "unit", "--on", "local:dev").must(t).has(t, "set -e\n", "User=", "/dev/current/program --listen 127.0.0.1:8080\n", "enable --now edgec.service\n")
	for _, listen := range []string{"localhost:1024", "0.0.0.0:65535", "[::1]:8080", "pi-4.local:0"} {
		command(t, "unit", "--on", "local:dev", "--listen", listen).must(t).has(t, "/dev/current/program --listen "+listen+"\n")
	}
}

// What the service could not listen on is refused before a device is asked.
func TestUnitUsage(t *testing.T) {
	for _, c := range []struct{ flag, value, wrong string }{
		{"--name", "a b", `--name: "a b" is no name of a service`},
		{"--name", "", "--name: "},
		{"--listen", "", "0 to 65535"},
		{"--listen", "foo", "--listen foo: give an address and a port from 0 to 65535"},
		{"--listen", "8080", "0 to 65535"},
		{"--listen", "127.0.0.1:99999", "0 to 65535"},
		{"--listen", ":-1", "0 to 65535"},
		{"--listen", ":http", "0 to 65535"},
		{"--listen", "127.0.0.999:8080", "127.0.0.999 is no address"},
		{"--listen", "a b:8080", "is no address"},
		{"--listen", "[fe80::1%eth0]:8080", "is no address"},
		{"--listen", ":80", "ports below 1024; give a port from 1024 on"},
		{"--listen", ":1023", "ports below 1024"},
	} {
		command(t, "unit", "--on", "local:none", c.flag, c.value).fails(t, exitUsage, c.wrong)
	}
}

// Over SSH the device says what it is, and the program is built for it.
func TestDeployOverSSH(t *testing.T) {
	buildHere(t)
	host := atHome(t)
	first := parse[deployment](t, command(t, "deploy", "corner.edgec", "--to", host, "--folder", "models/quarters", "--json"))
	if first.Outcome != "deployed" || first.Current.Version != 1 || first.On != host || !strings.HasSuffix(first.Folder, "/models/quarters") {
		t.Errorf("%+v", first)
	}
	t.Cleanup(func() { os.RemoveAll(first.Folder); os.Remove(filepath.Dir(first.Folder)) })
	r := command(t, "deploy", "corner.edgec", "--to", host, "--folder", first.Folder, "--json").must(t)
	if again := parse[deployment](t, r); again.Outcome != "unchanged" || again.Current.SHA256 != first.Current.SHA256 || !strings.Contains(r.stderr, "building for linux-"+goruntime.GOARCH) {
		t.Errorf("%+v; %s", again, r.stderr)
	}
	command(t, "deploy", "named", "--to", host, "--folder", first.Folder).must(t)
	command(t, "rollback", "--on", host, "--folder", first.Folder).must(t).has(t, "outcome   rolled back", "current   version 1, ", "previous  version 2, ")
	if r := command(t, "status", "--on", host, "--folder", "none-there"); r.code != exitFailed || !strings.Contains(r.stderr, "no program was ever installed there; install one with edgec deploy, or give another --folder") {
		t.Errorf("exit code %d, %s", r.code, r.stderr)
	}
}

// A program for another processor is refused, on a host at once, and in a local folder where no
// emulator can test it.
func TestDeployWrongProcessor(t *testing.T) {
	deep.Only(t)
	buildHere(t)
	other := "linux-arm64"
	if goruntime.GOARCH == "arm64" {
		other = "linux-amd64"
	}
	command(t, "build", "corner.edgec", "--target", other, "-o", "other").must(t)
	host := atHome(t)
	if r := command(t, "deploy", "other", "--to", host, "--folder", t.TempDir()+"/x"); r.code != exitFailed || !strings.Contains(r.stderr, "and the program is for linux/") {
		t.Errorf("exit code %d, %s", r.code, r.stderr)
	}
	if r := command(t, "deploy", "other", "--to", "local:dev", "--max-latency", "1s"); r.code != exitFailed || !strings.Contains(r.stderr, "emulator") {
		t.Errorf("exit code %d, %s", r.code, r.stderr)
	}
	command(t, "deploy", "other", "--to", "local:dev").must(t)
}

// What edgec has not made in the store stays, also behind a symbolic link.
func TestDeployForeign(t *testing.T) {
	buildHere(t)
	write(t, "dev/store/mine/data", []byte("x"))
	command(t, "deploy", "corner", "--to", "local:dev").must(t)
	if got := string(read(t, "dev/store/mine/data")); got != "x" {
		t.Errorf("%q", got)
	}
	other := filepath.Join("other", strings.Repeat("ab", 32), "data")
	write(t, other, []byte("y"))
	write(t, "linked/note", nil)
	if err := os.Symlink(absolutePath(t, "other"), "linked/store"); err != nil {
		t.Fatal(err)
	}
	oneError(t, command(t, "deploy", "corner", "--to", "local:linked"), "store is a symbolic link to ", "give the folder itself")
	oneError(t, command(t, "status", "--on", "local:linked"), "store is a symbolic link to ")
	if got := string(read(t, other)); got != "y" {
		t.Errorf("%q", got)
	}
}
