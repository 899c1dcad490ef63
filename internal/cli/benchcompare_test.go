package cli

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// saved writes a measurement with these medians, and returns its file.
func saved(t *testing.T, dir, name string, machine string, medians ...float64) string {
	t.Helper()
	var processes []fields
	for _, m := range medians {
		data, err := json.Marshal(map[string]any{"median_us": m, "machine": machine})
		if err != nil {
			t.Fatal(err)
		}
		one, err := readFields(data)
		if err != nil {
			t.Fatal(err)
		}
		processes = append(processes, one)
	}
	document, err := benchDocument(benchOrigin{File: name + ".edgec", On: "pi@board"}, processes)
	if err != nil {
		t.Fatal(err)
	}
	data, err := indented(document)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name+".json")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// around returns n medians near a value, within so many percent.
func around(seed uint64, n int, value, percent float64) (list []float64) {
	random := rand.New(rand.NewPCG(seed, 7))
	for range n {
		list = append(list, value*(1+percent/100*(2*random.Float64()-1)))
	}
	return list
}

// A difference counts if it is unlikely by chance and larger than what one file differs from
// itself.
func TestCompareBenches(t *testing.T) {
	dir := t.TempDir()
	for i, c := range []struct {
		name    string
		a, b    []float64
		verdict string
		words   string // of the table
	}{
		{"faster", around(1, 10, 100, 1), around(2, 10, 90, 1), "faster", "B is faster"},
		{"slower", around(3, 10, 100, 1), around(4, 10, 110, 1), "slower", "B is slower"},
		{"the same", around(5, 10, 100, 1), around(6, 10, 100, 1), "same", "no difference is shown"},
		{"equal", []float64{5, 5, 5, 5}, []float64{5, 5, 5, 5}, "same", "no difference is shown"},
		// p is below 0.05, but A drifts by more than B differs
		{"within the noise", []float64{100, 100.1, 100.2, 100.3, 100.4, 106, 106.1, 106.2, 106.3, 106.4}, []float64{106.5, 106.6, 106.7, 106.8, 106.9, 107, 107.1, 107.2, 107.3, 107.4}, "same", "no difference is shown"},
		{"too few", around(7, 3, 100, 1), around(8, 10, 50, 1), "unknown", "--processes 10"},
		{"single", []float64{100}, []float64{50}, "unknown", "too few"},
	} {
		name := string(rune('a' + i))
		first, second := saved(t, dir, name+"1", "Pi 4", c.a...), saved(t, dir, name+"2", "Pi 4", c.b...)
		got := parse[comparison](t, command(t, "bench", "--compare", first, second, "--json"))
		if got.Verdict != c.verdict || got.A.Processes != len(c.a) || got.B.Processes != len(c.b) {
			t.Errorf("%s: %+v, want %s", c.name, got, c.verdict)
		}
		if (got.P == nil) != (c.verdict == "unknown") || (got.A.Low == nil) != (len(c.a) < leastInterval) {
			t.Errorf("%s: p %v, interval from %v", c.name, got.P, got.A.Low)
		}
		command(t, "bench", "--compare", first, second).must(t).has(t, c.words, name+"1.edgec", "pi@board")
	}
	other := saved(t, dir, "other", "Pi 5", around(9, 10, 50, 1)...)
	command(t, "bench", "--compare", filepath.Join(dir, "a1.json"), other).must(t).has(t, "the machine is Pi 4 in A and Pi 5 in B")
}

// What is no measurement is refused with the file's name.
func TestCompareBroken(t *testing.T) {
	dir := t.TempDir()
	good := saved(t, dir, "good", "x", 1, 2, 3, 4)
	for name, text := range map[string]string{
		"empty": "", "list": "[]", "words": "hello", "half": `{"median_us":1,`, "no time": `{"file":"x"}`, "zero": `{"median_us":0}`, "text": `{"median_us":"1"}`,
		"none": `{"processes":[]}`, "wrong": `{"processes":[1]}`, "below": `{"processes":[{"median_us":-1}]}`,
	} {
		path := filepath.Join(dir, strings.ReplaceAll(name, " ", "-")+".json")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		command(t, "bench", "--compare", good, path).fails(t, exitFailed, path, "is no measurement")
	}
	command(t, "bench", "--compare", good, filepath.Join(dir, "none-there.json")).fails(t, exitFailed, "none-there.json")
	command(t, "bench", "--compare", good, good, "--layers").fails(t, exitUsage, "--layers does not belong to --compare")
}
