// Command sizebench measures the smallest files and writes docs/BENCHMARKS.md:
//
//	EDGEC_DATA=folder go run ./internal/sizebench [-rows regexp]
//	EDGEC_DATA=folder go run ./internal/sizebench -features samples.npy
//
// EDGEC_DATA names the folder with networks and data sets. The second writes the samples
// of the row whose data is made from a recording, for the command that the page has. Results are kept in
// docs/benchmarks.json, so that rows can be measured one by one; the page shows all
// that are there, each with the command, the seed and the time that it took.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"time"

	"edgec"
	"edgec/export"
	"edgec/internal/dataset"
	"edgec/runtime/format"
)

const (
	store = "docs/benchmarks.json"
	page  = "docs/BENCHMARKS.md"
)

// result is one measured file.
type result struct {
	Row     string        `json:"row"`
	Seed    uint64        `json:"seed"`
	Bytes   int           `json:"bytes"`
	From    int           `json:"from"`            // bytes of the file that was read
	Error   float64       `json:"error,omitempty"` // of the file in the runtime, on the test set, percent; 0: not measured
	Float   float64       `json:"float,omitempty"` // of the float network
	Weights int           `json:"weights"`         // of the network that was read
	Kept    int           `json:"kept"`
	MACs    int64         `json:"macs"`
	Sizes   *format.Sizes `json:"sizes"`
	Seconds float64       `json:"seconds"`
	Arch    string        `json:"arch"`
}

func main() {
	only := flag.String("rows", "", "measure the rows whose names match")
	features := flag.String("features", "", "write the samples of the anomaly detection to this .npy file and measure nothing")
	flag.Parse()
	do := func(dir string) error { return run(dir, *only) }
	if *features != "" {
		do = func(dir string) error { return write(dir, *features) }
	}
	err := errors.New("EDGEC_DATA is not set; it names the folder with networks and data sets")
	if dir := os.Getenv("EDGEC_DATA"); dir != "" {
		err = do(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "sizebench:", err)
		os.Exit(1)
	}
}

// write writes the samples that are made from a recording.
func write(dir, path string) error {
	test, err := writeMel(filepath.Join(dir, recording), path)
	if err == nil {
		fmt.Printf("%s: the last %d samples are the test part\n", path, test)
	}
	return err
}

func run(dir, only string) error {
	match, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	results, err := load()
	if err != nil {
		return err
	}
	some := false
	for _, r := range rows {
		if !match.MatchString(r.name) {
			continue
		}
		some = true
		for seed := range uint64(max(1, r.seeds)) {
			got, err := r.measure(dir, seed)
			if err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
			fmt.Printf("%s, seed %d: %d bytes, error %s, %.0f s\n", r.name, seed, got.Bytes, cmp.Or(percent(got.Error), "not measured"), got.Seconds)
			results = replace(results, got)
			if err := save(results); err != nil { // after each: rows take minutes
				return err
			}
		}
	}
	if !some {
		return fmt.Errorf("no row matches %q; internal/sizebench/rows.go has the names", only)
	}
	return nil
}

func (r row) measure(dir string, seed uint64) (result, error) {
	started := time.Now()
	got := result{Row: r.name, Seed: seed, Arch: runtime.GOARCH}
	model := filepath.Join(dir, "models", r.model)
	if r.data == "" {
		p, err := edgec.Pack(model)
		if err != nil {
			return got, err
		}
		got.Bytes, got.From, got.Weights, got.Kept, got.MACs, got.Sizes = p.Size, p.From, p.Weights, p.Kept, p.MACs, p.Sizes
		got.Seconds = time.Since(started).Seconds()
		return got, nil
	}
	m, err := edgec.Open(model)
	if err != nil {
		return got, err
	}
	samples := filepath.Join(dir, r.data)
	if r.audio != "" {
		made, err := os.MkdirTemp("", "sizebench")
		if err != nil {
			return got, err
		}
		defer os.RemoveAll(made)
		samples = filepath.Join(made, r.data)
		test, err := writeMel(filepath.Join(dir, r.audio), samples)
		if err != nil {
			return got, err
		}
		if test != r.testLast {
			return got, fmt.Errorf("%s makes %d test samples, the row says %d; correct it", r.audio, test, r.testLast)
		}
	}
	data, err := dataset.Open(samples, dataset.Options{Shape: m.Input(), Classes: m.Outputs(), Raw: r.raw, TestLast: r.testLast})
	if err != nil {
		return got, err
	}
	recipe := edgec.Recipe{MaxDrop: r.maxDrop, MaxSize: r.maxSize, Seed: seed, TrainedOn: r.trainedOn, NoLabels: r.noLabels}
	if r.teacher != "" {
		if recipe.Teacher, err = edgec.Open(filepath.Join(dir, "models", r.teacher)); err != nil {
			return got, err
		}
	}
	report, err := edgec.Compress(context.Background(), m, data, recipe, nil)
	if err != nil {
		return got, err
	}
	b := report.Best
	got.Bytes, got.From, got.Weights, got.Kept, got.MACs, got.Sizes = b.Size, report.FloatBytes, report.FloatParams, b.Kept, b.MACs, b.Sizes
	got.Error, got.Float = report.Test.File.Error, report.Test.Float.Error
	got.Seconds = time.Since(started).Seconds()
	return got, nil
}

func replace(results []result, got result) []result {
	for i, r := range results {
		if r.Row == got.Row && r.Seed == got.Seed {
			results[i] = got
			return results
		}
	}
	return append(results, got)
}

func load() (results []result, err error) {
	data, err := os.ReadFile(store)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &results); err != nil {
		return nil, fmt.Errorf("%s: %w; restore it, or remove it to measure anew", store, err)
	}
	return results, nil
}

func save(results []result) error {
	if err := os.MkdirAll(filepath.Dir(store), 0o755); err != nil {
		return err
	}
	data, err := json.MarshalIndent(results, "", "\t")
	if err != nil {
		return err
	}
	if err := export.Write(store, append(data, '\n')); err != nil {
		return err
	}
	return export.Write(page, []byte(markdown(results)))
}
