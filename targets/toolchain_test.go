package targets

import (
	"cmp"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"testing"
)

// The oldest toolchain is that of the module's language version.
func TestGoVersion(t *testing.T) {
	text, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if want := "\ngo " + strings.TrimPrefix(GoVersion, "go"); !strings.Contains(string(text), want+"\n") && !strings.Contains(string(text), want+".0\n") {
		t.Errorf("GoVersion is %s, go.mod has another", GoVersion)
	}
}

// What is wrong with a toolchain is said with what is needed, what was found and where to
// get it.
func TestToolchain(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no shell for a go command that says what the test wants")
	}
	remedy := "install go1.26 or later from https://go.dev/dl, and name its command with --go if it is not the one on PATH"
	older := " or later is needed (packages of distributions, such as Debian's golang-go, are often older); " + remedy
	fetch := ", or fetch one with --fetch-go"
	for _, c := range []struct{ name, script, version, want string }{
		{"this release", "echo go1.26.8", "go1.26.8", ""},
		{"a later one", "echo go1.27rc1", "go1.27rc1", ""},
		{"an experiment", "echo go1.26.3 X:nodwarf5", "go1.26.3", ""},
		{"a development version", "echo devel go1.27-abcdef", "devel", ""},
		{"Debian 12", "echo go1.19.8", "", "targets: GO is go1.19.8, and go1.26" + older},
		{"Debian 13", "echo go1.24.4", "", "targets: GO is go1.24.4, and go1.26" + older + fetch},
		{"a release candidate", "echo go1.26rc1", "go1.26rc1", ""},
		{"Go 1.4", "echo 'go: unknown command' >&2; exit 2", "", `targets: GO is no Go toolchain that can build programs: "go env GOVERSION" prints no version; ` + remedy},
		{"before Go 1.15", "echo", "", `targets: GO is no Go toolchain that can build programs: "go env GOVERSION" prints no version; ` + remedy},
	} {
		tool := filepath.Join(t.TempDir(), "go")
		if err := os.WriteFile(tool, []byte("#!/bin/sh\n"+c.script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		path, version, err := Toolchain(context.Background(), tool)
		if c.want == "" {
			if err != nil || path != tool || version != c.version {
				t.Errorf("%s: %q, %q, %v", c.name, path, version, err)
			}
			continue
		}
		want := strings.NewReplacer("GO is", tool+" is", `"go env`, `"`+tool+" env").Replace(c.want)
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v\nwant %s", c.name, err, want)
		}
	}
	_, _, err := Toolchain(context.Background(), "no-such-go")
	if want := `targets: there is no "no-such-go" command on PATH, and the Go toolchain builds the programs; ` + remedy; err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
}

// A toolchain that is too old fetches the one of this process, by its own means; one before Go 1.21
// cannot.
func TestFetchToolchain(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no shell for a go command that says what the test wants")
	}
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	newer := filepath.Join(root, "bin", "go")
	write := func(name, script string) string {
		t.Helper()
		if err := os.WriteFile(name, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		return name
	}
	write(newer, "echo "+goruntime.Version())
	dir := t.TempDir()
	for _, c := range []struct {
		name, script, path string
		fetched            bool
		want               string
	}{
		{"new", "echo go1.26.1", "", false, ""},
		{"old", "case $GOTOOLCHAIN in local) echo go1.24.4 ;; " + goruntime.Version() + ") echo " + root + " ;; esac", newer, true, ""},
		{"offline", "[ $GOTOOLCHAIN = local ] && echo go1.24.4 || { echo 'go: downloading' >&2; echo 'go: module lookup disabled by GOPROXY=off' >&2; exit 1; }", "", false,
			"cannot fetch " + goruntime.Version() + ": module lookup disabled by GOPROXY=off; check the network"},
		{"older", "echo go1.19.8", "", false, "is go1.19.8, which fetches no other toolchain (Go 1.21 is the first that does); install go1.26"},
	} {
		tool := write(filepath.Join(dir, c.name), c.script)
		path, version, fetched, err := FetchToolchain(context.Background(), tool)
		if c.want != "" {
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: %v, want %s", c.name, err, c.want)
			}
			continue
		}
		if err != nil || path != cmp.Or(c.path, tool) || version == "" || fetched != c.fetched {
			t.Errorf("%s: %s %s %v, %v", c.name, path, version, fetched, err)
		}
	}
}
