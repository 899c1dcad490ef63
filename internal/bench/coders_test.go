package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"edgec/runtime/format"
)

// The page is what is stored, and the networks of the repository that it
// compares are those that are there.
func TestStored(t *testing.T) {
	t.Chdir("../..")
	results, err := load[result](store)
	if err != nil {
		t.Fatal(err)
	}
	against, err := load[coded](coders)
	if err != nil {
		t.Fatal(err)
	}
	units, err := load[moved](orders)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != markdown(results, against, units) {
		t.Errorf("%s is not what is stored; run: go run ./internal/bench -page", page)
	}
	bytes := map[string]int{}
	for _, c := range against {
		bytes[c.Row] = c.Sizes.Total()
	}
	paths, err := filepath.Glob("testdata/*.edgec")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if int(info.Size()) != bytes[filepath.ToSlash(path)] {
			t.Errorf("%s has %d bytes, on the page %d; run: EDGEC_DATA=... go run ./internal/bench -coders -rows testdata", path, info.Size(), bytes[filepath.ToSlash(path)])
		}
	}
}

// Without the programs one line says what to install.
func TestOthersMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := compressOthers(make([]byte, 10))
	if err == nil || !strings.Contains(err.Error(), "apt-get install xz-utils zstd") || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v", err)
	}
}

// The weights of a network in the repository take fewer bytes than what the
// programs that are installed make of them.
func TestCompare(t *testing.T) {
	for _, name := range []string{"xz", "zstd"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("%s is not installed", name)
		}
	}
	data, err := os.ReadFile("../../testdata/lenet-5.edgec")
	if err != nil {
		t.Fatal(err)
	}
	got, err := compare("lenet-5", data, 0)
	if err != nil {
		t.Fatal(err)
	}
	if c := got.Sizes.Coded(); c >= got.Entropy || c >= got.Least || c >= got.Zstd || got.Least > got.XZ {
		t.Errorf("%d bytes, %+v", c, got)
	}
	if got.Sizes.Total() != len(data) || got.Kept == 0 || got.Kept >= got.Weights || got.Layers != 4 || got.speed() <= 0 {
		t.Errorf("%+v of a file of %d bytes", got, len(data))
	}
}

func TestCodersMarkdown(t *testing.T) {
	if codersMarkdown(nil) != "" {
		t.Error("a section without rows")
	}
	text := codersMarkdown([]coded{
		{Row: "sparse", Layers: 4, Weights: 100_000, Kept: 10_000, Entropy: 6000, Seconds: 0.004, Sizes: format.Sizes{Header: 12, Graph: 30, Scales: 10, Test: 5, Checksum: 4, Masks: 2500, Indexes: 1480, Codebooks: 20, Biases: 40},
			others: others{XZ: 8060, Least: 8000, LeastForm: "raw", Zstd: 7000, Programs: "xz 1, zstd 2"}},
		{Row: "dense", Layers: 8, Weights: 1000, Kept: 1000, Seconds: 0.001, Sizes: format.Sizes{Indexes: 1000}},
	})
	for _, want := range []string{
		"| sparse | 100,000 | 10,000 | 6,000 (1.50) | 8,060 (2.02) | raw, 8,000 (2.00) | 7,000 (1.75) | 4,000 | 4,101 (1.03) |",
		"(xz 1, zstd 2.)",
		"| sparse | 100,000 | 10.0 % | 4.00 | 25.0 | yes | 400 |", "| dense | 1,000 | 100.0 % | 1.00 | 1.0 | no | 1000 |",
		"| sparse | 4 | 12 | 30 | 10 | 0 | 0 | 9 | 61 | 122 | 40 |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the section lacks %q:\n%s", want, text)
		}
	}
}
