package targets

import (
	"context"
	"fmt"
	goversion "go/version"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// GoVersion is the oldest Go toolchain that Build takes: that of the language version of
// the sources.
const GoVersion = "go1.26"

// Toolchain returns the path and the version of the go command called name, "" for the one
// called go on PATH. The error says which version is needed, which was found, and where to
// get it. Cost: it starts the command once.
func Toolchain(ctx context.Context, name string) (path, version string, err error) {
	if name == "" {
		name = "go"
	}
	remedy := "install " + GoVersion + " or later from https://go.dev/dl, and name its command with --go if it is not the one on PATH"
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
	switch {
	case err != nil || version == "":
		return "", "", fmt.Errorf("targets: %s is no Go toolchain that can build programs: \"%s env GOVERSION\" prints no version; %s", path, name, remedy)
	case strings.HasPrefix(version, "devel"): // built from Go's own repository
	case goversion.Compare(version, GoVersion) < 0:
		return "", "", fmt.Errorf("targets: %s is %s, and %s or later is needed (packages of distributions, such as Debian's golang-go, are often older); %s", path, version, GoVersion, remedy)
	}
	return path, version, nil
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
