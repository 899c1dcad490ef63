package onnx

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
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

// halfTol is one unit in the last place of the short floats, in which cases round their
// intermediate results too.
var halfTol = map[int64]float64{typeFloat16: 1.0 / 1024, typeBfloat16: 1.0 / 128}

// givenTo is the relative precision to which some cases print their results.
var givenTo = map[string]float64{
	"test_averagepool_2d_ceil_last_window_starts_on_pad": 1e-3, "test_gridsample_bicubic": 1e-3, "test_roialign_aligned_false": 5e-3, "test_roialign_aligned_true": 5e-3,
}

var updateNode = flag.Bool("update-node", false, "write the modes of testdata/node.txt anew; reasons stay, new ones are what the reader says")

var updateReasons = flag.Bool("update-reasons", false, "with -update-node: all reasons are what the reader says")

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

// readCases reads the cases of the archive.
func readCases(t *testing.T, path string) map[string]*nodeCase {
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
		if len(parts) < 3 || h.Typeflag != tar.TypeReg {
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

// compare checks values [dims] of the graph against the array that the case wants: whole
// numbers exactly, others with the given relative tolerance.
func compare(got []float32, dims []int, want *array, rel float64) error {
	if !slices.Equal(dims, want.dims) {
		return fmt.Errorf("shape %v, want %v", dims, want.dims)
	}
	rel = max(rel, halfTol[want.typ])
	for i, g := range got {
		if !want.isFloat() {
			if int64(g) != want.i[i] || g != float32(math.Trunc(float64(g))) {
				return fmt.Errorf("element %d is %v, want %d", i, g, want.i[i])
			}
			continue
		}
		w := want.f[i]
		if math.IsInf(float64(w), 0) && g == w || w != w && g != g {
			continue
		}
		if d := math.Abs(float64(g) - float64(w)); !(d <= nodeAbsTol+rel*math.Abs(float64(w))) {
			return fmt.Errorf("element %d is %v, want %v (difference %g)", i, g, w, d)
		}
	}
	return nil
}

// compareFolded checks an array that the reader has computed.
func compareFolded(a, want *array, rel float64) error {
	switch {
	case a.typ != want.typ:
		return fmt.Errorf("type %s, want %s", typeName(a.typ), typeName(want.typ))
	case a.isFloat():
		return compare(a.f, a.dims, want, rel)
	case !slices.Equal(a.dims, want.dims) || !slices.Equal(a.i, want.i):
		return fmt.Errorf("%v %v, want %v %v", a.dims, a.i, want.dims, want.i)
	}
	return nil
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
