package edgec

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"edgec/internal/deep"
)

// renamed is the path that the tests give the module.
const renamed = "example.org/edgec"

// renamedTree returns a copy of the tree whose module has the path renamed.
func renamedTree(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("perl"); err != nil {
		t.Skip("scripts/rename-module needs Perl: ", err)
	}
	dir := copyTree(t)
	inTree(t, dir, "scripts/rename-module", renamed)
	return dir
}

// inTree executes a command in dir and returns what it prints.
func inTree(t *testing.T, dir string, words ...string) string {
	t.Helper()
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Dir = dir
	text, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(words, " "), err, text)
	}
	return string(text)
}

// After scripts/rename-module no package imports the old path, every import is
// found, and the files are formatted.
func TestRenameModule(t *testing.T) {
	dir := renamedTree(t)
	text := inTree(t, dir, "go", "list", "-deps", "-test", "./...")
	packages := 0
	for line := range strings.Lines(text) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ") // "p [p.test]"
		if name == module || strings.HasPrefix(name, module+"/") {
			t.Errorf("package %s has kept its name", name)
		}
		if strings.HasPrefix(name, renamed+"/") {
			packages++
		}
	}
	if packages < 20 {
		t.Errorf("%d packages are called %s/...", packages, renamed)
	}
	if bad := inTree(t, dir, "gofmt", "-l", "."); bad != "" {
		t.Errorf("not formatted:\n%s", bad)
	}
	for _, name := range []string{"README.md", "testdata/module/go.mod", "testdata/module/main.go", "bench/go.mod", "bench/peers/main.go"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), renamed) {
			t.Errorf("%s does not name %s", name, renamed)
		}
	}
}

// The renamed module builds, passes vet, and its tool builds a program for a
// board: the sources that the tool embeds were renamed with the rest.
func TestRenamedModuleBuilds(t *testing.T) {
	deep.Only(t)
	dir := renamedTree(t)
	inTree(t, dir, "go", "build", "./...")
	inTree(t, dir, "go", "vet", "./...")
	program := filepath.Join(t.TempDir(), "classify")
	inTree(t, dir, "go", "run", "./cmd/edgec", "build", "testdata/lenet-5.edgec", "--target", "linux-amd64", "-o", program)
	if info, err := os.Stat(program); err != nil || info.Size() < 1<<20 {
		t.Errorf("the program: %v %v", info, err)
	}
	inTree(t, dir, "go", "build", "-C", "testdata/module", "-o", os.DevNull, ".")
	inTree(t, dir, "go", "vet", "-C", "bench", "./arm/...", "./networks", "./page")
}
