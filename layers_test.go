package edgec

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// levels is the order of the house: a package imports only packages of a lower
// level (test files may import more, as oracles).
var levels = map[string]int{
	"runtime/format": 0, "runtime/internal/cpu": 0, "runtime/internal/sys": 0, "runtime/internal/inflate": 0, "runtime/internal/text": 0,
	"runtime/kernel": 1,
	"runtime":        2, "runtime/preprocess": 2, "internal/gemm": 2, "internal/vec": 2,
	"runtime/program": 3, "internal/halfweights": 3, "internal/tensor": 3, "internal/ortcheck": 3, "internal/deep": 3, "internal/disk": 3, "internal/suggest": 3, "internal/remote": 3, "internal/sign": 3, "internal/delta": 3, "internal/nnls": 3,
	"prune": 3, "quantize": 3, "share": 3,
	"internal/graph": 4, "internal/journal": 4, "internal/ablation": 4, "internal/remote/sshtest": 4, "internal/registry": 4,
	"internal/op":   5,
	"internal/onnx": 6, "internal/tflite": 6, "internal/simplify": 6, "internal/train": 6, "internal/testnet": 6, "internal/dataset": 6, "internal/demo": 7, "internal/demo/train": 8,
	"internal/eval": 7, "internal/passes": 7, "internal/lower": 7, "targets": 7, "targets/device": 7, "targets/server": 7,
	"internal/deploy": 7, "internal/fleet/natstest": 7,
	"internal/search": 8, "internal/pack": 8, "internal/fleet": 8, "export": 8,
	".": 9, "internal/agent": 9,
	"internal/cli": 10, "internal/bench": 10, "internal/figures": 10,
	"cmd/edgec": 11,
}

// banned are packages that make device programs large (fmt pulls in reflect
// and unicode tables); nothing below runtime imports them itself.
var banned = []string{"fmt", "reflect", "encoding/json", "encoding/binary", "log", "flag", "net", "net/http", "text/template"}

// module is the module's path: what go.mod says, since scripts/rename-module
// changes it.
var module = func() string {
	text, err := os.ReadFile("go.mod")
	if err != nil {
		panic(err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimPrefix(line, "module ")
}()

func TestLayers(t *testing.T) {
	for _, name := range goFiles(t) {
		checkImports(t, name)
	}
}

// goFiles returns the Go files of the module, tests too.
func goFiles(t *testing.T) (names []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if base := path.Base(name); name != "." && (strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata") {
				return fs.SkipDir
			}
			if _, err := os.Stat(path.Join(name, "go.mod")); err == nil && name != "." {
				return fs.SkipDir // another module
			}
			return nil
		}
		if path.Ext(name) == ".go" {
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(names) < 200 {
		t.Fatalf("saw %d files; the walk does not reach the packages", len(names))
	}
	return names
}

// checkImports compares the imports of a file with the table.
//
// Complexity: a case for each rule about imports.
//
//gocyclo:ignore
func checkImports(t *testing.T, name string) {
	pkg := path.Dir(name)
	level, ok := levels[pkg]
	if !ok {
		t.Errorf("%s: package %s has no level; add it to the table in layers_test.go and to RATIONALE.md", name, pkg)
		return
	}
	f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
	if err != nil {
		t.Error(err)
		return
	}
	test := strings.HasSuffix(name, "_test.go")
	device := pkg == "runtime" || strings.HasPrefix(pkg, "runtime/") || pkg == "targets/device" || pkg == "targets/server"
	for _, spec := range f.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		if imported == module {
			imported = module + "/."
		}
		own, isOwn := strings.CutPrefix(imported, module+"/")
		switch {
		case isOwn && own == pkg: // an external test
		case isOwn:
			below, known := levels[own]
			if !known {
				t.Errorf("%s imports %s, which has no level", name, imported)
			} else if below >= level && !test {
				t.Errorf("%s (level %d) imports %s (level %d); only lower levels may be imported", name, level, own, below)
			}
			if device && !test && !strings.HasPrefix(own, "runtime") {
				t.Errorf("%s imports %s; device code imports the runtime only", name, own)
			}
		case device && !test && strings.Contains(strings.SplitN(imported, "/", 2)[0], "."):
			t.Errorf("%s imports %s; device code imports the standard library only", name, imported)
		case device && !test && pkg != "targets/server": // which needs net/http
			for _, b := range banned {
				if imported == b {
					t.Errorf("%s imports %s, which makes device programs larger", name, b)
				}
			}
		}
	}
}

// The table of RATIONALE.md has a row for every package, with its level.
func TestLayersAreDocumented(t *testing.T) {
	text, err := os.ReadFile("RATIONALE.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]int{}
	row := regexp.MustCompile("(?m)^\\| (\\d+) \\| (`[^|]*`) \\| \\S.* \\|$")
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		level, _ := strconv.Atoi(m[1])
		for _, name := range strings.Split(m[2], ", ") {
			pkg := strings.Trim(name, "`")
			if _, twice := documented[pkg]; twice {
				t.Errorf("RATIONALE.md has two rows for %s", pkg)
			}
			documented[pkg] = level
		}
	}
	for pkg, level := range levels {
		at, ok := documented[pkg]
		sources, err := filepath.Glob(path.Join(pkg, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case !ok && len(sources) > 0:
			t.Errorf("RATIONALE.md has no row for %s, level %d", pkg, level)
		case ok && at != level:
			t.Errorf("RATIONALE.md has %s at level %d, the table here at %d", pkg, at, level)
		}
	}
	for pkg := range documented {
		if _, ok := levels[pkg]; !ok {
			t.Errorf("RATIONALE.md has a row for %s, which has no level here", pkg)
		}
	}
}
