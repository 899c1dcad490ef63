// Command sizebench measures the smallest files and writes docs/BENCHMARKS.md:
//
//	EDGEC_DATA=folder go run ./internal/sizebench [-rows regexp]
//	EDGEC_DATA=folder go run ./internal/sizebench -coders [-rows regexp]
//	go run ./internal/sizebench -page
//
// EDGEC_DATA names the folder with networks and data sets. Results are kept in
// docs/benchmarks.json, so that rows can be measured one by one; the page shows all
// that are there, each with the command, the seed and the time that it took.
//
// With -coders it compares the coder of weights with the order-0 entropy, xz and
// zstd, which have to be installed, and measures how quickly weights are decoded;
// these results are in docs/coders.json. With -page nothing is measured: the page is
// written from what is stored.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"time"

	"edgec"
	"edgec/internal/dataset"
	"edgec/runtime/format"
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

func (r result) same(s result) bool { return r.Row == s.Row && r.Seed == s.Seed }

func main() {
	only := flag.String("rows", "", "measure the rows whose names match")
	against := flag.Bool("coders", false, "compare the coder of weights with others")
	stored := flag.Bool("page", false, "measure nothing, write the page from what is stored")
	flag.Parse()
	if err := run(*only, *against, *stored); err != nil {
		fmt.Fprintln(os.Stderr, "sizebench:", err)
		os.Exit(1)
	}
}

func run(only string, against, stored bool) error {
	if stored {
		return write()
	}
	dir := os.Getenv("EDGEC_DATA")
	if dir == "" {
		return errors.New("EDGEC_DATA is not set; it names the folder with networks and data sets")
	}
	match, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	if against {
		return compareCoders(dir, match)
	}
	return measureFiles(dir, match)
}

// measureFiles measures the rows whose names match.
func measureFiles(dir string, match *regexp.Regexp) error {
	results, err := load[result](store)
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
			if err := save(store, results); err != nil { // after each: rows take minutes
				return err
			}
		}
	}
	if !some {
		return fmt.Errorf("no row matches %q; internal/sizebench/rows.go has the names", match)
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
	data, err := dataset.Open(filepath.Join(dir, r.data), dataset.Options{Shape: m.Input(), Classes: m.Outputs(), Raw: r.raw, TestLast: r.testLast})
	if err != nil {
		return got, err
	}
	recipe := edgec.Recipe{MaxDrop: r.maxDrop, MaxSize: r.maxSize, Seed: seed, TrainedOn: r.trainedOn}
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
