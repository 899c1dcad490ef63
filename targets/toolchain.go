package targets

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	goversion "go/version"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strings"
)

// GoVersion is the oldest Go toolchain that Build takes: that of the language version of
// the sources.
const GoVersion = "go1.26"

// remedy says where a toolchain is to be had.
const remedy = "install " + GoVersion + " or later from https://go.dev/dl, and name its command with --go if it is not the one on PATH"

// Toolchain returns the path and the version of the go command called name, "" for the one
// called go on PATH. The error says which version is needed, which was found, and where to
// get it. Cost: it starts the command once.
func Toolchain(ctx context.Context, name string) (path, version string, err error) {
	path, version, err = findToolchain(ctx, name)
	if err == nil && tooOld(version) {
		help := remedy
		if fetches(version) {
			help += ", or fetch one with --fetch-go"
		}
		err = fmt.Errorf("targets: %s is %s, and %s or later is needed (packages of distributions, such as Debian's golang-go, are often older); %s", path, version, GoVersion, help)
	}
	if err != nil {
		return "", "", err
	}
	return path, version, nil
}

// findToolchain returns the path and the version of a go command, which may be too old.
func findToolchain(ctx context.Context, name string) (path, version string, err error) {
	name = cmp.Or(name, "go")
	if path, err = exec.LookPath(name); err != nil {
		return "", "", fmt.Errorf("targets: there is no %q command on PATH, and the Go toolchain builds the programs; %s", name, remedy)
	}
	if path, err = filepath.Abs(path); err != nil {
		return "", "", fmt.Errorf("targets: %w", err)
	}
	cmd := exec.CommandContext(ctx, path, "env", "GOVERSION")
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN=local", "GOFLAGS=", "GOWORK=off")
	text, err := cmd.Output()
	if ctx.Err() != nil {
		return "", "", fmt.Errorf("targets: %w", ctx.Err())
	}
	version, _, _ = strings.Cut(strings.TrimSpace(string(text)), " ") // experiments follow
	if err != nil || version == "" {
		return "", "", fmt.Errorf("targets: %s is no Go toolchain that can build programs: \"%s env GOVERSION\" prints no version; %s", path, name, remedy)
	}
	return path, version, nil
}

// tooOld reports whether a version is older than GoVersion. One that begins with "devel" was
// built from Go's own repository.
func tooOld(version string) bool {
	return !strings.HasPrefix(version, "devel") && goversion.Compare(version, GoVersion) < 0
}

// fetches reports whether a go command of a version can fetch other toolchains.
func fetches(version string) bool { return goversion.Compare(version, "go1.21") >= 0 }

// FetchToolchain is Toolchain, but lets a go command that is too old, from Go 1.21 on, fetch a newer
// toolchain as it does itself: the module golang.org/toolchain, through the user's module proxy
// (GOPROXY) and checksum database, into the user's module cache. It is the one that edgec was
// built with. fetched says that the path is that of such a toolchain. Cost: at the first time, about
// 70 MB of download.
func FetchToolchain(ctx context.Context, name string) (path, version string, fetched bool, err error) {
	path, version, err = findToolchain(ctx, name)
	switch {
	case err != nil || !tooOld(version):
		return path, version, false, err
	case !fetches(version):
		return "", "", false, fmt.Errorf("targets: %s is %s, which fetches no other toolchain (Go 1.21 is the first that does); %s", path, version, remedy)
	}
	want := goruntime.Version()
	if !goversion.IsValid(want) || tooOld(want) {
		want = GoVersion + ".0"
	}
	cmd := exec.CommandContext(ctx, path, "env", "GOROOT")
	cmd.Dir = os.TempDir() // no go.mod says which toolchain
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN="+want, "GOFLAGS=", "GOWORK=off", "PWD="+cmd.Dir)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	root, err := cmd.Output()
	switch {
	case ctx.Err() != nil:
		return "", "", false, fmt.Errorf("targets: %w", ctx.Err())
	case err != nil:
		return "", "", false, fmt.Errorf("targets: %s cannot fetch %s: %s; check the network and GOPROXY (go env), or %s", path, want, lastLine(complaint.Bytes(), err), remedy)
	}
	path, version, err = Toolchain(ctx, filepath.Join(strings.TrimSpace(string(root)), "bin", "go"))
	return path, version, true, err
}

// lastLine returns the last line that a command wrote to standard error, behind its progress.
func lastLine(text []byte, err error) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.TrimPrefix(cmp.Or(lines[len(lines)-1], err.Error()), "go: ")
}

// environment replaces every setting that could change the program or reach
// for the network.
func environment(dir string, board Board) []string {
	env := append(os.Environ(), "CGO_ENABLED=0", "GO111MODULE=on", "GOENV=off", "GOEXPERIMENT=", "GOFLAGS=-mod=mod", "GOPROXY=off",
		"GOSUMDB=off", "GOTOOLCHAIN=local", "GOWORK=off", "PWD="+dir)
	if os.Getenv("GOCACHE") == "" {
		if _, err := os.UserCacheDir(); err != nil { // no home: services, containers
			env = append(env, "GOCACHE="+filepath.Join(dir, "cache"))
		}
	}
	return append(env, board.Env()...)
}
