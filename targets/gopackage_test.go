package targets

import (
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"
	"testing"

	"edgec/internal/deep"
)

// A program in a module imports the package, which asks for no other module, and predicts.
func TestPackage(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module example.org/cameras // comment\n\ngo 1.26\n")
	if err := os.Mkdir(filepath.Join(dir, "nets"), 0o755); err != nil {
		t.Fatal(err)
	}
	p, err := WritePackage(sources, corner(t), filepath.Join(dir, "nets", "Corner-4"), Options{Version: "v1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	if p.Name != "corner4" || p.Import != "example.org/cameras/nets/Corner-4" || p.Module || !p.Pictures || p.Size < int64(p.Model) {
		t.Errorf("%+v", p)
	}
	lightCorner(t, filepath.Join(dir, "light.png"))
	write("main.go", `package main

import (
	"fmt"
	"os"

	corner4 "example.org/cameras/nets/Corner-4"
)

func main() {
	m, err := corner4.New()
	if err != nil {
		panic(err)
	}
	x := make([]float32, 16)
	x[15] = 0.75
	y, err := m.Predict(x)
	fmt.Println(y, err)
	_, err = m.Predict(x[1:])
	fmt.Println(err)
	data, _ := os.ReadFile("light.png")
	if y, err = m.PredictFile(data); err != nil {
		panic(err)
	}
	for i, v := range y {
		if v > 0.5 {
			fmt.Println(corner4.Labels[i])
		}
	}
	_, err = m.PredictFile([]byte("text"))
	fmt.Println(err != nil, m.SelfTest(), corner4.Edgec)
}
`)
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOPROXY=off", "GOFLAGS=-mod=mod -trimpath", "GOWORK=off")
		text, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("go %v: %v\n%s", args, err, text)
		}
		return string(text)
	}
	want := "[0 0 0 0.75] <nil>\nruntime: input 0 has 16 elements, 15 were given\ntop right\ntrue <nil> v1.2.3\n"
	if got := run("run", "."); got != want {
		t.Errorf("the program prints %q, want %q", got, want)
	}
	if deep.On() {
		run("test", "./nets/Corner-4")
	}
	if got := run("list", "-m", "all"); got != "example.org/cameras\n" {
		t.Errorf("modules: %s", got)
	}
}

// Outside of modules the package is one, of the name of its folder. Folders that hold anything are
// left as they are.
func TestPackageFolders(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "lenet-5")
	p, err := WritePackage(sources, corner(t), path, Options{Pictures: No})
	if err != nil {
		t.Fatal(err)
	}
	if p.Name != "lenet5" || p.Import != "edgec.local/lenet5" || !p.Module || p.Pictures {
		t.Errorf("%+v", p)
	}
	mod, err := os.ReadFile(filepath.Join(path, "go.mod"))
	if err != nil || strings.Contains(string(mod), "require") || !strings.HasPrefix(string(mod), "module edgec.local/lenet5\n") {
		t.Errorf("go.mod: %q, %v", mod, err)
	}
	source, err := os.ReadFile(filepath.Join(path, "lenet5.go"))
	if err != nil || strings.Contains(string(source), "preprocess") {
		t.Errorf("%v\n%s", err, source)
	}
	for at, want := range map[string]string{path: "is not empty", filepath.Join(dir, "1"): "no name that a Go package can have", filepath.Join(dir, "none", "net"): "none: no such folder; make the folder above it first"} {
		if _, err := WritePackage(sources, corner(t), at, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", at, err, want)
		}
	}
	if _, err := WritePackage(sources, []byte("text"), filepath.Join(dir, "bad"), Options{}); err == nil {
		t.Error("text is no model")
	}
	list, err := os.ReadDir(dir)
	names := []string{}
	for _, e := range list {
		names = append(names, e.Name())
	}
	if err != nil || !slices.Equal(names, []string{"lenet-5"}) {
		t.Errorf("the folder holds %v, %v", names, err)
	}
}

// A folder that cannot be written and a module of an older Go are refused, each with its remedy.
func TestPackageRefused(t *testing.T) {
	if _, err := WritePackage(sources, corner(t), "/sys/edgec", Options{}); goruntime.GOOS == "linux" && (err == nil || !strings.Contains(err.Error(), "/sys: cannot write into the folder: ")) {
		t.Errorf("/sys: %v", err)
	}
	old := t.TempDir()
	for text, version := range map[string]string{"module x\n\ngo 1.20\n": "1.20", "module x // no version\n": "1.16"} {
		if err := os.WriteFile(filepath.Join(old, "go.mod"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		want := "the module x is written in Go " + version + ", and the package needs Go 1.26; raise it there with go mod edit -go=1.26"
		if _, err := WritePackage(sources, corner(t), filepath.Join(old, "net"), Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
