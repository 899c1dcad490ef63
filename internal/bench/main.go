// Command bench measures the smallest files and writes docs/BENCHMARKS.md:
//
//	EDGEC_DATA=folder go run ./internal/bench [-rows regexp [-seed n]]
//	EDGEC_DATA=folder go run ./internal/bench -coders [-rows regexp]
//	EDGEC_DATA=folder go run ./internal/bench -orders [-rows regexp [FILE.edgec ...]]
//	EDGEC_DATA=folder go run ./internal/bench -features samples.npy
//	go run ./internal/bench -pictures pictures.npy
//	EDGEC_DATA=folder go run ./internal/bench -ablate [-networks list] [-budget 4h] [-resume docs/tuning.json]
//	go run ./internal/bench -page
//
// EDGEC_DATA names the folder with networks and data sets. Results are kept in
// docs/benchmarks.json, so that rows can be measured one by one; the page shows all
// that are there, each with the command, the seed and the time that it took. Of
// networks of our own the last seed's file is kept in testdata, for tests.
//
// With -coders it compares the coder of weights with the order-0 entropy, xz and
// zstd, which have to be installed, and measures how quickly weights are decoded;
// these results are in docs/coders.json. With -orders it compares orders of units, and keeps that in
// docs/orders.json. With -page nothing is measured: the page is
// written from what is stored. With -features it writes the samples of the row whose data is
// made from a recording, with -pictures those whose pictures are drawn, for the command that
// the page has.
//
// With -ablate it measures what the constants of internal/search/tuning.go are worth and
// writes docs/TUNING.md; runs are kept in docs/tuning.json.
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
	"edgec/export"
	"edgec/runtime/format"
)

// result is one measured file.
type result struct {
	Row     string        `json:"row"`
	Seed    uint64        `json:"seed"`
	Bytes   int           `json:"bytes"`
	Random  float64       `json:"random,omitempty"` // bytes with the units in random order
	From    int           `json:"from"`             // bytes of the file that was read
	Error   float64       `json:"error,omitempty"`  // of the file in the runtime, on the test set, percent; 0: not measured
	Float   float64       `json:"float,omitempty"`  // of the float network
	Own     float64       `json:"own,omitempty"`    // of a row whose samples are made from a recording: the reconstruction error of the file on the test set, in percent of the float network's
	Weights int           `json:"weights"`          // of the network that was read
	Kept    int           `json:"kept"`
	MACs    int64         `json:"macs"`
	Sizes   *format.Sizes `json:"sizes"`
	Seconds float64       `json:"seconds"`
	Arch    string        `json:"arch"`
}

//lint:ignore U1000 replace calls it through its constraint
func (r result) same(s result) bool { return r.Row == s.Row && r.Seed == s.Seed }

// request is what the flags ask for.
type request struct {
	rows     string
	seed     int
	coders   bool
	orders   bool
	page     bool
	features string
	pictures string
	ablate   bool
	ablation ablationOptions
	measure  string
}

func main() {
	var r request
	flag.StringVar(&r.rows, "rows", "", "measure the rows whose names match")
	flag.IntVar(&r.seed, "seed", -1, "measure this seed of each row alone")
	flag.BoolVar(&r.coders, "coders", false, "compare the coder of weights with others")
	flag.BoolVar(&r.orders, "orders", false, "measure what the order of units is worth")
	flag.BoolVar(&r.page, "page", false, "measure nothing, write the pages from what is stored")
	flag.StringVar(&r.features, "features", "", "measure nothing, write the samples of the anomaly detection to this .npy file")
	flag.StringVar(&r.pictures, "pictures", "", "measure nothing, write the pictures of visual wake words to this .npy file")
	flag.BoolVar(&r.ablate, "ablate", false, "measure what the constants of the search are worth")
	r.ablation.flags()
	flag.StringVar(&r.measure, "measure", "", "run the search of an ablation that this JSON describes; -ablate does")
	flag.Parse()
	if err := r.run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run does what the flags ask for.
func (r request) run() error {
	dir := os.Getenv("EDGEC_DATA")
	switch {
	case r.measure != "":
		return measureOne(r.measure, os.Stdout)
	case r.page:
		return errors.Join(write(), writeTuning(tuningStore))
	case r.ablate:
		return ablate(dir, r.ablation)
	case r.pictures != "":
		return writePictures(r.pictures, pictureCount)
	case dir == "":
		return errors.New("EDGEC_DATA is not set; it names the folder with networks and data sets")
	case r.features != "":
		return writeFeatures(dir, r.features)
	}
	match, err := regexp.Compile(r.rows)
	if err != nil {
		return err
	}
	if r.coders {
		return compareCoders(dir, match)
	}
	if r.orders {
		return measureOrders(dir, match, flag.Args())
	}
	return measureFiles(dir, match, r.seed)
}

// writeFeatures writes the samples that are made from a recording.
func writeFeatures(dir, path string) error {
	test, err := writeMel(filepath.Join(dir, recording), path, 1)
	if err == nil {
		fmt.Printf("%s: the last %d samples are the test part\n", path, test)
	}
	return err
}

// measureFiles measures the rows whose names match, all of their seeds or, from 0 on, one.
func measureFiles(dir string, match *regexp.Regexp, only int) error {
	results, err := load[result](store)
	if err != nil {
		return err
	}
	some := false
	for _, r := range rows {
		if !match.MatchString(r.name) {
			continue
		}
		for seed := range uint64(max(1, r.seeds)) {
			if only >= 0 && seed != uint64(only) {
				continue
			}
			some = true
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
		return fmt.Errorf("no row matches %q, with that seed if one was asked for; internal/bench/rows.go has the names and how many seeds they have", match)
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
		got.Random, err = random(p.Bytes)
		return got, err
	}
	m, err := edgec.Open(model)
	if err != nil {
		return got, err
	}
	samples, clean, err := r.samples(dir)
	if err != nil {
		return got, err
	}
	defer clean()
	data, err := edgec.OpenData(samples, m, edgec.DataOptions{Raw: r.raw, TestLast: r.testLast})
	if err != nil {
		return got, err
	}
	options := edgec.Options{MaxSize: r.maxSize, Seed: seed, TrainedOn: r.trainedOn, NoLabels: r.noLabels, Effort: r.effort}
	if r.maxSize == 0 || r.maxDrop > 0 {
		options.MaxDrop = &r.maxDrop
	}
	if r.teacher != "" {
		if options.Teacher, err = edgec.Open(filepath.Join(dir, "models", r.teacher)); err != nil {
			return got, err
		}
	}
	report, err := edgec.Compress(context.Background(), m, data, options)
	if err != nil {
		return got, err
	}
	b := report.Best
	got.Bytes, got.From, got.Weights, got.Kept, got.MACs, got.Sizes = b.Size, report.FloatBytes, report.FloatParams, b.Kept, b.MACs, b.Sizes
	if got.Random, err = random(b.Bytes); err != nil {
		return got, err
	}
	got.Error, got.Float = report.Test.File.Error, report.Test.Float.Error
	got.Seconds = time.Since(started).Seconds()
	if r.audio != "" {
		own, err := edgec.Evaluate(b.Bytes, data, edgec.EvaluateOptions{Against: m})
		if err != nil {
			return got, err
		}
		got.Own = own.Against.Error
	}
	if r.golden != "" {
		return got, export.Write(filepath.Join(goldens, r.golden), b.Bytes)
	}
	return got, nil
}

// samples returns where the data of a row is. Data that is made is in a folder of its own,
// which clean removes.
func (r row) samples(dir string) (path string, clean func(), err error) {
	if r.audio == "" && !r.drawn {
		return filepath.Join(dir, r.data), func() {}, nil
	}
	made, err := os.MkdirTemp("", "edgec-bench")
	if err != nil {
		return "", nil, err
	}
	path, clean = filepath.Join(made, r.data), func() { os.RemoveAll(made) }
	test := pictureTest
	if r.drawn {
		err = writePictures(path, pictureCount)
	} else {
		test, err = writeMel(filepath.Join(dir, r.audio), path, 1)
	}
	if err == nil && test != r.testLast {
		err = fmt.Errorf("%s has %d test samples, the row says %d; correct it", r.data, test, r.testLast)
	}
	if err != nil {
		clean()
	}
	return path, clean, err
}
