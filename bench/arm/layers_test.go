package main

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"edgec/bench/arm/guest/marks"
	"edgec/runtime"
	"edgec/targets"
)

// synthetic returns counts of committed networks by known rates.
func synthetic(t *testing.T, rates targets.ProcessorCounts) (all []counted) {
	t.Helper()
	names, err := filepath.Glob("../../testdata/*.edgec")
	if err != nil || len(names) < 5 {
		t.Fatalf("%d networks, %v", len(names), err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		m, err := runtime.Load(data)
		if err != nil {
			t.Fatal(err)
		}
		layers, err := m.LayersOn(processors[0].on())
		if err != nil {
			t.Fatal(err)
		}
		c := counted{name: name, layers: layers}
		for _, l := range layers {
			c.of = append(c.of, rates.Instructions(l))
		}
		all = append(all, c)
	}
	return all
}

// Rates that explain all counts are found, as far as predictions need them; the lists are too few for
// rates of their own.
func TestFit(t *testing.T) {
	rates := targets.ProcessorCounts{Rows: map[string]targets.Rate{
		"tiles": {Product: 0.25, Tile: 50, Sum: 3}, "pixel": {Product: 0.3, Tile: 80, Layer: 400}, "list": {Product: 8, Sum: 100}, targets.OtherRow: {Product: 4},
	}}
	all := synthetic(t, rates)
	got := fit(all)
	grade(&got, all)
	if got.LayerError > 0.02 || got.NetworkError > 0.05 {
		t.Errorf("errors %v and %v: %+v", got.LayerError, got.NetworkError, got.Rows)
	}
	if p := got.Rows["tiles"].Product; math.Abs(p-0.25) > 0.02 {
		t.Errorf("a product of tiles takes %v", p)
	}
	all[0].of[0] *= 100
	if grade(&got, all[:1]); got.LayerError < 3 || got.NetworkError < 1 {
		t.Errorf("errors of a wrong count: %v and %v", got.LayerError, got.NetworkError)
	}
}

// Forms that a processor leaves to plain Go have the rates of plain Go of as many bits.
func TestBorrow(t *testing.T) {
	all := map[string]targets.ProcessorCounts{
		"neon-64": {Rows: map[string]targets.Rate{"tiles": {Product: 1}}},
		"neon-32": {Rows: map[string]targets.Rate{"tiles": {Product: 2}}},
		"go-64":   {Rows: map[string]targets.Rate{"taps": {Product: 3}, "tiles": {Product: 9}}},
	}
	borrow(all)
	if all["neon-64"].Rows["taps"].Product != 3 || all["neon-64"].Rows["tiles"].Product != 1 || len(all["neon-32"].Rows) != 1 {
		t.Errorf("%+v", all)
	}
}

// The least count of each layer counts, less that of nothing; the end of an inference is left out.
func TestOfFile(t *testing.T) {
	path := filepath.Join("..", "..", "testdata", "lenet-300-100-1900.edgec")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := runtime.Load(data)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	each := len(m.Layers()) + 2
	for run := range marks.CountedLayers {
		for i := range each {
			lines = append(lines, strconv.Itoa(50+1000*i-run))
		}
	}
	c, n, err := ofFile(path, processors[0], append(lines, "7"))
	if err != nil || n != len(lines) || len(c.of) != each-2 {
		t.Fatalf("%d of %d lines, %d layers, %v", n, len(lines), len(c.of), err)
	}
	for i, v := range c.of {
		if v != float64(1000*(i+1)) {
			t.Errorf("layer %d: %v", i, v)
		}
	}
	if _, _, err := ofFile(path, processors[0], lines[1:]); err == nil {
		t.Error("too few lines")
	}
}

// Files of pools load and have one layer each.
func TestPools(t *testing.T) {
	paths, err := pools(t.TempDir())
	if err != nil || len(paths) != 40 {
		t.Fatalf("%d files, %v", len(paths), err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if m, err := runtime.Load(data); err != nil || len(m.Layers()) != 1 {
			t.Errorf("%s: %v", path, err)
		}
	}
}
