package onnx

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// The official cases compare with a relative tolerance of 1e-3 and an absolute
// one of 1e-7; we hold ourselves to a tighter relative one, float32 sums of up
// to a few hundred terms.
const (
	nodeRelTol = 1e-5
	nodeAbsTol = 2e-6
)

// givenTo is the relative precision to which some cases print their results.
var givenTo = map[string]float64{"test_averagepool_2d_ceil_last_window_starts_on_pad": 1e-3}

// dataDir is the folder of test data, or skips.
func dataDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("EDGEC_DATA")
	if dir == "" {
		t.Skip("EDGEC_DATA is not set; it names the folder with the official cases and networks")
	}
	return dir
}

// nodeCase holds the files of one official case.
type nodeCase struct {
	model           []byte
	inputs, outputs map[string][]byte // by file name, of test_data_set_0
}

// readCases reads the wanted cases of the archive.
func readCases(t *testing.T, path string, wanted map[string]bool) map[string]*nodeCase {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(bufio.NewReaderSize(f, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]*nodeCase{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return cases
		}
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.Split(h.Name, "/")
		if len(parts) < 3 || !wanted[parts[1]] || h.Typeflag != tar.TypeReg {
			continue
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		c := cases[parts[1]]
		if c == nil {
			c = &nodeCase{inputs: map[string][]byte{}, outputs: map[string][]byte{}}
			cases[parts[1]] = c
		}
		base := parts[len(parts)-1]
		switch {
		case base == "model.onnx":
			c.model = data
		case parts[2] == "test_data_set_0" && strings.HasPrefix(base, "input_"):
			c.inputs[base] = data
		case parts[2] == "test_data_set_0" && strings.HasPrefix(base, "output_"):
			c.outputs[base] = data
		}
	}
}

// activations says which inputs of a single-node case stay inputs; all others
// become initializers, as they are in networks. Default: the first one.
func activations(opType string, dims [][]int64) []int {
	switch opType {
	case "Concat", "Sum":
		all := make([]int, len(dims))
		for i := range all {
			all[i] = i
		}
		return all
	case "Add", "Sub", "Mul", "Div":
		if len(dims) == 2 && slices.Equal(dims[0], dims[1]) {
			return []int{0, 1}
		}
	case "Constant", "ConstantOfShape":
		return nil
	}
	return []int{0}
}

// load parses the model, its inputs and its expected outputs.
func (c *nodeCase) load() (m *modelProto, inputs []*tensorProto, want []*array, err error) {
	if m, err = parse(c.model, "model.onnx"); err != nil {
		return
	}
	for i := range len(c.inputs) {
		p, err := decodeTensor(c.inputs[fmt.Sprintf("input_%d.pb", i)], 0)
		if err != nil {
			return nil, nil, nil, err
		}
		p.name = m.graph.inputs[i].name
		inputs = append(inputs, p)
	}
	for i := range len(c.outputs) {
		p, err := decodeTensor(c.outputs[fmt.Sprintf("output_%d.pb", i)], 0)
		if err != nil {
			return nil, nil, nil, err
		}
		a, err := p.toArray(nil)
		if err != nil {
			return nil, nil, nil, err
		}
		want = append(want, a)
	}
	return
}

// run builds the case's graph, feeds it and compares the outputs.
func (c *nodeCase) run(tol float64) error {
	m, inputs, want, err := c.load()
	if err != nil {
		return err
	}
	var dims [][]int64
	for _, p := range inputs {
		dims = append(dims, p.dims)
	}
	stay := activations(m.graph.nodes[len(m.graph.nodes)-1].opType, dims)
	var feed []*tensor.Tensor
	for i, p := range inputs {
		if !slices.Contains(stay, i) {
			m.graph.initializers = append(m.graph.initializers, p)
			continue
		}
		a, err := p.toArray(nil)
		if err != nil {
			return err
		}
		if a.isFloat() {
			feed = append(feed, tensor.Of(a.f, a.dims...))
		}
	}
	if len(stay) == 0 || m.graph.nodes[0].opType == "Shape" {
		return folded(m, want)
	}
	g, err := build(m, "model.onnx", nil)
	if err != nil {
		return err
	}
	got, err := forward(g, feed...)
	if err != nil {
		return err
	}
	if len(got) != len(want) {
		return fmt.Errorf("%d outputs, %d expected", len(got), len(want))
	}
	for i := range got {
		if err := compare(got[i], want[i], tol, nodeAbsTol); err != nil {
			return fmt.Errorf("output %d: %w", i, err)
		}
	}
	return nil
}

// fold computes the case while reading, with all inputs constant.
func (c *nodeCase) fold() error {
	m, inputs, want, err := c.load()
	if err != nil {
		return err
	}
	m.graph.initializers = append(m.graph.initializers, inputs...)
	return folded(m, want)
}

// folded checks outputs that are known without running a network.
func folded(m *modelProto, want []*array) error {
	r := newReader(m, "model.onnx", nil)
	for _, step := range []func(*modelProto) error{r.readOpset, r.readInitializers} {
		if err := step(m); err != nil {
			return err
		}
	}
	if len(m.graph.inputs) > len(m.graph.initializers) {
		if err := r.readInputs(m); err != nil {
			return err
		}
	}
	if err := r.readNodes(m); err != nil {
		return err
	}
	if err := r.refusal(); err != nil {
		return err
	}
	for i, v := range m.graph.outputs {
		a := r.names[v.name].constant()
		if a == nil {
			return fmt.Errorf("output %d is not constant", i)
		}
		if a.typ != want[i].typ || !slices.Equal(a.dims, want[i].dims) || !slices.Equal(a.i, want[i].i) || !slices.Equal(a.f, want[i].f) {
			return fmt.Errorf("output %d is %v, want %v", i, a, want[i])
		}
	}
	return nil
}

func forward(g *graph.Graph, in ...*tensor.Tensor) ([]*tensor.Tensor, error) {
	if len(in) != len(g.Inputs) {
		return nil, fmt.Errorf("%d inputs for a graph of %d", len(in), len(g.Inputs))
	}
	tape, err := graph.NewTape(g, in[0].Shape[0])
	if err != nil {
		return nil, err
	}
	return tape.Forward(in...), nil
}

func compare(got *tensor.Tensor, want *array, rel, abs float64) error {
	if !slices.Equal([]int(got.Shape), want.dims) {
		return fmt.Errorf("shape %v, want %v", got.Shape, want.dims)
	}
	for i, g := range got.Data {
		w := want.f[i]
		if math.IsInf(float64(w), 0) && g == w || w != w && g != g {
			continue
		}
		if d := math.Abs(float64(g) - float64(w)); !(d <= abs+rel*math.Abs(float64(w))) {
			return fmt.Errorf("element %d is %v, want %v (difference %g)", i, g, w, d)
		}
	}
	return nil
}

// TestNodeConformance runs the official single-node cases that testdata/node.txt
// lists, one a line:
//
//	NAME run           as a network (and while reading, where both are possible)
//	NAME fold          while reading only, with constant inputs
//	NAME skip REASON   neither
//
// A case that can do more than is listed is an error, so that the list cannot
// fall behind; so is a row of the table without a case.
func TestNodeConformance(t *testing.T) {
	dir := dataDir(t)
	names, mode := nodeList(t)
	wanted := map[string]bool{}
	for _, name := range names {
		wanted[name] = true
	}
	cases := readCases(t, filepath.Join(dir, "onnx-node.tar.gz"), wanted)
	count := map[string]int{}
	for _, name := range names {
		c := cases[name]
		if c == nil {
			t.Errorf("%s: not in the archive", name)
			continue
		}
		run, fold := c.run(max(nodeRelTol, givenTo[name])), c.fold()
		switch {
		case mode[name] == "run" && run != nil:
			t.Errorf("%s: %v", name, run)
		case mode[name] != "run" && run == nil:
			t.Errorf("%s passes; list it as run", name)
		case mode[name] == "fold" && fold != nil:
			t.Errorf("%s with constant inputs: %v", name, fold)
		case mode[name] == "skip" && fold == nil:
			t.Errorf("%s passes with constant inputs; list it as fold", name)
		}
		count[mode[name]]++
	}
	t.Logf("%v", count)
	rowsCovered(t, func(see func(*modelProto)) {
		for name, c := range cases {
			if m, err := parse(c.model, name); err == nil && mode[name] != "skip" {
				see(m)
			}
		}
	})
}

// nodeList reads testdata/node.txt: the names in order and run, fold or skip.
func nodeList(t *testing.T) (names []string, mode map[string]string) {
	t.Helper()
	list, err := os.ReadFile("testdata/node.txt")
	if err != nil {
		t.Fatal(err)
	}
	mode = map[string]string{}
	for _, line := range strings.Split(string(list), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		name, rest, _ := strings.Cut(line, " ")
		m, reason, _ := strings.Cut(rest, " ")
		if m != "run" && m != "fold" && (m != "skip" || reason == "") {
			t.Fatalf("node.txt: %q is not NAME followed by run, fold or skip REASON", line)
		}
		if mode[name] != "" {
			t.Errorf("node.txt: %s is listed twice", name)
		}
		mode[name] = m
		names = append(names, name)
	}
	return names, mode
}

// rowsCovered checks that each row of the table has an official case that
// passes or an own one.
func rowsCovered(t *testing.T, official func(see func(*modelProto))) {
	t.Helper()
	covered := map[string]bool{}
	see := func(m *modelProto) {
		for _, n := range m.graph.nodes {
			covered[n.opType] = true
		}
	}
	official(see)
	for _, c := range append(ownCases(), decisionCases()...) {
		m, err := parse(c.bytes(0), c.name)
		if err != nil {
			t.Fatal(err)
		}
		see(m)
	}
	for _, row := range table {
		if !covered[row.name] {
			t.Errorf("operator %s has neither an official case that passes nor an own one in cases_test.go", row.name)
		}
	}
}
