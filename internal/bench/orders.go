package main

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"edgec/internal/dataset"
	"edgec/internal/eval"
	"edgec/internal/lower"
	"edgec/runtime"
)

// moved is what the order of units is worth in one file.
type moved struct {
	Row      string  `json:"row"`
	Weights  int     `json:"weights"`       // in the file's shapes, zeros included
	Random   float64 `json:"random"`        // bytes with the units in random order, the mean of shuffles
	Sorted   int     `json:"sorted"`        // bytes with the units sorted
	Moved    int     `json:"moved"`         // bytes with the units sorted and moved
	SortTime float64 `json:"sort_seconds"`  // the least of the shuffles
	MoveTime float64 `json:"moved_seconds"` // sorting included
	Samples  int     `json:"samples"`       // test samples on which all outputs are equal to the bit
}

//lint:ignore U1000 replace calls it through its constraint
func (m moved) same(n moved) bool { return m.Row == n.Row }

// shuffles is the number of random orders that the mean is taken of.
const shuffles = 5

// Work of sorting and of moving, as a search (internal/search/tuning.go) and "edgec pack" have them.
const (
	sortWork = 1 << 22
	moveWork = 1 << 27
)

// random is the mean size of a file whose units stand in random order.
func random(file []byte) (float64, error) {
	sum := 0
	for seed := range uint64(shuffles) {
		shuffled, err := lower.Shuffle(file, seed)
		if err != nil {
			return 0, err
		}
		sum += len(shuffled)
	}
	return float64(sum) / shuffles, nil
}

// measureOrders measures the sources whose names match, or, where files are given, these: files of
// the row whose name matches.
func measureOrders(dir string, match *regexp.Regexp, files []string) error {
	all, err := sources(dir)
	if len(files) > 0 {
		all, err = filesOf(match, files)
	}
	if err != nil {
		return err
	}
	results, err := load[moved](orders)
	if err != nil {
		return err
	}
	for _, s := range all {
		if s.row == nil && !match.MatchString(s.name) {
			continue
		}
		got, err := s.order(dir)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		fmt.Printf("%s: %.0f bytes in random order, %d sorted (%.2f s), %d moved (%.2f s); equal on %d samples\n", got.Row, got.Random, got.Sorted, got.SortTime, got.Moved, got.MoveTime, got.Samples)
		results = replace(results, got)
		if err := save(orders, results); err != nil { // after each, as for rows
			return err
		}
	}
	return nil
}

// filesOf returns sources of files of the one row that matches.
func filesOf(match *regexp.Regexp, files []string) (of []source, err error) {
	var some []row
	for _, r := range rows {
		if match.MatchString(r.name) && r.data != "" {
			some = append(some, r)
		}
	}
	if len(some) != 1 {
		return nil, fmt.Errorf("%d rows with data match %q; -rows has to name the one that the files are of", len(some), match)
	}
	for _, path := range files {
		of = append(of, source{name: some[0].name + ", " + strings.TrimSuffix(filepath.Base(path), ".edgec"), path: path, packed: true, row: &some[0]})
	}
	return of, nil
}

// order measures one source.
func (s source) order(dir string) (moved, error) {
	got := moved{Row: s.name}
	file, err := s.file()
	if err != nil {
		return got, err
	}
	if got.Random, err = random(file); err != nil {
		return got, err
	}
	shuffled, err := lower.Shuffle(file, 0)
	if err != nil {
		return got, err
	}
	var sorted, last []byte
	if sorted, got.SortTime, err = timedOrder(shuffled, lower.Ordering{Sort: sortWork}); err != nil {
		return got, err
	}
	if last, got.MoveTime, err = timedOrder(shuffled, lower.Ordering{Sort: sortWork, Climb: moveWork, Patience: 2000}); err != nil {
		return got, err
	}
	got.Sorted, got.Moved = len(sorted), len(last)
	m, err := runtime.Load(file)
	if err != nil {
		return got, err
	}
	got.Weights = m.Info().Weights
	got.Samples, err = s.equal(dir, m, file, shuffled, sorted, last)
	return got, err
}

func timedOrder(file []byte, work lower.Ordering) ([]byte, float64, error) {
	since := ownSeconds()
	data, _, err := lower.Order(context.Background(), file, work)
	return data, ownSeconds() - since, err
}

// equal executes files of one network on the test part of the data of its row, and returns the
// number of samples. The error says that outputs differ.
func (s source) equal(dir string, m *runtime.Model, files ...[]byte) (int, error) {
	r := s.samples()
	path, clean, err := r.samples(dir)
	if err != nil {
		return 0, err
	}
	defer clean()
	shape := slices.Clone(m.Info().Inputs[0])
	if n := len(shape); n == 3 {
		shape = []int{shape[2], shape[0], shape[1]}
	}
	data, err := dataset.Open(path, dataset.Options{Shape: shape, Raw: r.raw, NoLabels: true, TestLast: r.testLast})
	if err != nil {
		return 0, err
	}
	set := data.Test
	var first []float32
	for i, file := range files {
		out, err := eval.Execute(context.Background(), file, set, set.Len(), 1)
		if err != nil {
			return 0, err
		}
		if i == 0 {
			first = out.Data
		} else if !slices.Equal(first, out.Data) {
			return 0, fmt.Errorf("outputs differ in another order of units")
		}
	}
	return set.Len(), nil
}

// samples is the row whose data the source is executed on.
func (s source) samples() row {
	if s.row != nil {
		return *s.row
	}
	of := map[string]string{"testdata": "LeNet-5, 2,100 B", "visual": "visual wake words, from float, 40,000 B", "keyword": "DS-CNN, 14,000 B",
		"image": "ResNet-8", "anomaly": "anomaly detection, from float"}
	first, _, _ := strings.Cut(filepath.ToSlash(s.name), "/")
	first, _, _ = strings.Cut(first, " ")
	at := slices.IndexFunc(rows, func(r row) bool { return r.name == of[first] })
	return rows[at]
}

// ordersMarkdown is the section of the page about the order of units.
func ordersMarkdown(list []moved) string {
	var b strings.Builder
	b.WriteString(`
## The order of units

Units of hidden layers may stand in any order, which no output shows. Bytes of the whole file with the units in random
order, as training leaves them (the mean of ` + fmt.Sprint(shuffles) + `), sorted, and sorted and moved. All four files give equal outputs to the bit on all
samples of the test part. Seconds are CPU time. Written by ` + "`EDGEC_DATA=... go run ./internal/bench -orders`" + `;
` + "`-orders -rows NAME FILE`" + ` measures a file of a row whose search takes long, here of shorter searches.

| network | weights | random | sorted | s | moved | s | saved | equal on |
|---|---|---|---|---|---|---|---|---|
`)
	for _, m := range list {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %.2f | %s | %.2f | %.1f %% | %s |\n", m.Row, thousands(m.Weights), thousands(int(m.Random+0.5)), thousands(m.Sorted), m.SortTime,
			thousands(m.Moved), m.MoveTime, 100*(1-float64(m.Moved)/m.Random), thousands(m.Samples))
	}
	b.WriteString(freedoms)
	return b.String()
}

// freedoms is what other freedoms of units could save, measured by programs that are not kept.
const freedoms = `
Units have two more freedoms, which edgec leaves alone.

- *Signs.* A unit without an activation, or with an odd one, may be negated together with all that reads it. Of 892
  layers in 42 networks, 178 in 13 networks have such units: linear bottlenecks and recurrent cells. No LeNet has any,
  nor has a network of MLPerf Tiny: a ReLU, a max pooling or the output follows each layer. Outputs stay equal to the
  bit on grids with zero point 0 only, where nothing is -128 and no rounding is a tie. An estimate that favours them:
  every row was negated whose signs mostly differ from those of the rows before, whether its unit is free or not. That
  changed 16 files by -0.31 to +0.09 %: four packed ones, and 12 networks with a tenth of their weights.
- *Scales of ReLU units.* All units of a layer share the int8 grid of its output, so another scale rounds otherwise. What
  is free to the bit are float32 scales and biases with which all sums within reach give equal outputs. Their logarithms
  sum up to at most 0.11 % of a LeNet, which stores 7 to 10 bytes of scales and 27 to 116 of biases, to 0.74 % of visual
  wake words (scales 3,258 of 33,412 bytes), 0.64 % of keyword spotting, 0.07 % of image classification and nothing in
  anomaly detection.
`
