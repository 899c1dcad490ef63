package edgec_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"edgec"
	"edgec/internal/demo"
	"edgec/internal/tensor"
)

// csvOf is a table of rows of zeros, all of one label.
func csvOf(features, rows, label int) string {
	var b strings.Builder
	for i := range features {
		fmt.Fprintf(&b, "x%d,", i)
	}
	b.WriteString("label\n")
	for range rows {
		fmt.Fprintf(&b, "%s%d\n", strings.Repeat("0,", features), label)
	}
	return b.String()
}

func openCSV(t *testing.T, name, text string, n edgec.Network) *edgec.Data {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return openData(t, path, n, edgec.DataOptions{})
}

func TestOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), demo.Name)
	if err := os.WriteFile(path, demo.ONNX, 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := edgec.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	params, macs := 0, int64(0)
	for _, l := range m.Layers() {
		params, macs = params+l.Params, macs+l.MACs
	}
	if !slices.Equal(m.Inputs()[0].Shape, []int{1, demo.Side, demo.Side}) || m.Outputs()[0].Shape[0] != len(demo.Classes) || m.Params() != params || m.MACs() != macs || m.Bytes != len(demo.ONNX) || m.Name != "glyphs" {
		t.Errorf("inputs %v, outputs %v, %d parameters, %d MACs, %d bytes, name %q", m.Inputs(), m.Outputs(), m.Params(), m.MACs(), m.Bytes, m.Name)
	}
	if s := m.String(); strings.Count(s, "\n") < len(m.Layers()) {
		t.Errorf("String:\n%s", s)
	}
	small, _ := triples(t)
	if small.Params() != 2*4*12 || small.MACs() != 2*4*12 || len(small.Layers()) != 2 || !slices.Equal(small.Layers()[0].Weight, []int{4, 12}) {
		t.Errorf("%d parameters, %d MACs, layers %+v", small.Params(), small.MACs(), small.Layers())
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, data := range map[string][]byte{"nothing": nil, "text": []byte("hello"), "half a file": demo.ONNX[:len(demo.ONNX)/2]} {
		if _, err := edgec.OpenBytes(data, "x.onnx"); err == nil || !strings.Contains(err.Error(), "x.onnx") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := edgec.Open(t.TempDir() + "/none.onnx"); err == nil || !strings.Contains(err.Error(), "none.onnx") {
		t.Errorf("no file: %v", err)
	}
	w := tensor.New(2, 3)
	w.Data[4] = float32(math.NaN())
	if _, err := edgec.OpenBytes(network(t, w), "x.onnx"); err == nil || !strings.Contains(err.Error(), "x.onnx") || !strings.Contains(err.Error(), "4 is NaN") || !strings.Contains(err.Error(), `"layer0.w"`) {
		t.Errorf("NaN: %v", err)
	}
}

// TestOpenData: labels that the network has no output for are refused, unless they are left aside.
func TestOpenData(t *testing.T) {
	_, d := glyphs(t)
	if d.Len(edgec.Train) != 600 || d.Len(edgec.Test) != 160 || d.Classes() != 16 || !d.Labeled() || d.Last() != edgec.Test || !strings.Contains(d.String(), "600 training and 160 test samples") {
		t.Errorf("%v, %d classes", d, d.Classes())
	}
	two := open(t, network(t, tensor.New(2, 3)), "two.onnx")
	path := filepath.Join(t.TempDir(), "d.csv")
	if err := os.WriteFile(path, []byte(csvOf(3, 4, 7)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := edgec.OpenData(path, two, edgec.DataOptions{}); err == nil || !strings.Contains(err.Error(), "7") {
		t.Errorf("a label out of range: %v", err)
	}
	if d := openData(t, path, two, edgec.DataOptions{NoLabels: true}); d.Labeled() || d.Last() != edgec.Train {
		t.Errorf("%v", d)
	}
}

// What OpenData concluded is said in one line and in the fields of Source; labels of text are
// in the order of DataOptions.Labels, or sorted.
func TestSource(t *testing.T) {
	small, _ := triples(t)
	var b strings.Builder
	for i := range 3 {
		fmt.Fprintf(&b, "%s%s\n", strings.Repeat("0.5,", 12), []string{"b", "a", "c"}[i])
	}
	path := filepath.Join(t.TempDir(), "d.csv")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	s := openData(t, path, small, edgec.DataOptions{}).Source()
	if s.Kind != "csv" || s.LabelColumn != 13 || !slices.Equal(s.Classes, []string{"a", "b", "c"}) || !strings.Contains(s.String(), `labels from column 13; classes 0 "a", 1 "b", 2 "c", sorted as text`) {
		t.Errorf("%+v, %s", s, s)
	}
	d := openData(t, path, small, edgec.DataOptions{Labels: []string{"c", "b", "a"}, LabelColumn: "13"})
	if s = d.Source(); !slices.Equal(d.ClassNames(), []string{"c", "b", "a"}) || s.Order != "in the order of --labels" {
		t.Errorf("%+v", s)
	}
}
