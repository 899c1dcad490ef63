package onnx

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"edgec/internal/tensor"
)

// Limits of one official case.
const (
	caseTime   = 20 * time.Second // in which it has to end, on a busy machine
	caseMemory = 1 << 30          // bytes that it may allocate
)

// nodeInput is one input of a case.
type nodeInput struct {
	proto *tensorProto
	value *array
}

// load parses the model, its inputs and its expected outputs. Sizes that the model leaves
// open are those of the data.
func (c *nodeCase) load() (m *modelProto, inputs []nodeInput, want []*array, err error) {
	if m, err = parse(c.model, "model.onnx"); err != nil {
		return
	}
	for _, v := range slices.Concat(m.graph.inputs, m.graph.outputs) {
		if v.elemType == 0 {
			return nil, nil, nil, fmt.Errorf("%q is no tensor but a sequence, a map or optional", v.name)
		}
	}
	read := func(data []byte, name string) (nodeInput, error) {
		p, err := decodeTensor(data, 0)
		if err != nil {
			return nodeInput{}, err
		}
		p.name = name
		a, err := p.toArray(nil)
		return nodeInput{p, a}, err
	}
	for i := range len(c.inputs) {
		x, err := read(c.inputs[fmt.Sprintf("input_%d.pb", i)], m.graph.inputs[i].name)
		if err != nil {
			return nil, nil, nil, err
		}
		inputs = append(inputs, x)
		m.graph.inputs[i].hasShape, m.graph.inputs[i].dims = true, nil
		for _, d := range x.proto.dims {
			m.graph.inputs[i].dims = append(m.graph.inputs[i].dims, dimProto{value: d})
		}
	}
	for i := range len(c.outputs) {
		y, err := read(c.outputs[fmt.Sprintf("output_%d.pb", i)], m.graph.outputs[i].name)
		if err != nil {
			return nil, nil, nil, err
		}
		want = append(want, y.value)
	}
	return
}

// run executes the case as a network, with as many inputs as can be activations: all as
// one sample, else the first ones as one sample, else one as a batch.
func (c *nodeCase) run(tol float64) error {
	first := c.network(tol, len(c.inputs), true)
	for k := len(c.inputs) - 1; first != nil && k > 0; k-- {
		if c.network(tol, k, true) == nil {
			return nil
		}
	}
	for k := len(c.inputs); first != nil && k > 0; k-- {
		if c.network(tol, k, false) == nil {
			return nil
		}
	}
	return first
}

// network executes the case with the first stay inputs as activations; the others become
// initializers, as they are in networks. whole: the inputs are one sample.
func (c *nodeCase) network(tol float64, stay int, whole bool) error {
	m, inputs, want, err := c.load()
	if err != nil {
		return err
	}
	var feed []*tensor.Tensor
	for i, x := range inputs {
		if i >= stay {
			m.graph.initializers = append(m.graph.initializers, x.proto)
			continue
		}
		v, err := x.value.exact()
		if err != nil {
			return err
		}
		shape := x.value.dims
		if whole || len(shape) == 0 {
			shape = append([]int{1}, shape...)
		}
		feed = append(feed, tensor.Of(v, shape...))
	}
	r := newReader(m, "model.onnx", nil)
	r.whole = whole
	if err := r.steps(m); err != nil {
		return err
	}
	if len(r.g.Outputs) != len(want) {
		return fmt.Errorf("%d outputs, %d expected", len(r.g.Outputs), len(want))
	}
	got, err := forward(r.g, feed...)
	if err != nil {
		return err
	}
	for i, y := range got {
		dims := []int(y.Shape)
		if o := r.names[m.graph.outputs[i].name]; o.act != nil {
			dims = o.batch.fileDims(y.Shape, y.Shape[0])
		}
		if err := compare(y.Data, dims, want[i], tol); err != nil {
			return fmt.Errorf("output %d: %w", i, err)
		}
	}
	return nil
}

// steps is reader.build without its result, for a reader that was prepared.
func (r *reader) steps(m *modelProto) error {
	_, err := r.build(m)
	return err
}

// fold computes the case while reading, with all inputs constant.
func (c *nodeCase) fold(tol float64) error {
	m, inputs, want, err := c.load()
	if err != nil {
		return err
	}
	for _, x := range inputs {
		m.graph.initializers = append(m.graph.initializers, x.proto)
	}
	r := newReader(m, "model.onnx", nil)
	for _, step := range []func(*modelProto) error{r.readOpset, r.readFunctions, r.readInitializers, r.readNodes} {
		if err := step(m); err != nil {
			return err
		}
	}
	if err := r.refusal(); err != nil {
		return err
	}
	for i, v := range m.graph.outputs {
		a := r.names[v.name].constant()
		if a == nil {
			return fmt.Errorf("output %d is not constant", i)
		}
		if err := compareFolded(a, want[i], tol); err != nil {
			return fmt.Errorf("output %d: %w", i, err)
		}
	}
	return nil
}

// outcome is what became of a case: run, fold or skip, and why it is not more.
type outcome struct {
	mode      string
	run, fold error
}

// try runs a case in both ways, within the limits of memory and time.
func (c *nodeCase) try(tol float64) (o outcome, err error) {
	done := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				done <- fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			}
		}()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		o = outcome{"skip", c.run(tol), nil}
		if o.run == nil {
			o.mode = "run"
		} else if o.fold = c.fold(tol); o.fold == nil {
			o.mode = "fold"
		}
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > caseMemory {
			done <- fmt.Errorf("it allocates %d bytes, the limit is %d", n, caseMemory)
		}
		done <- nil
	}()
	select {
	case err = <-done:
		return o, err
	case <-time.After(caseTime):
		return o, fmt.Errorf("it does not end within %v", caseTime)
	}
}

// why is the reason for a case that is skipped: the first cause that the reader names.
func (o outcome) why() string {
	s := o.fold.Error()
	s = strings.TrimPrefix(strings.TrimPrefix(s, "onnx: "), "model.onnx: ")
	if _, rest, several := strings.Cut(s, "causes\n"); several {
		s = rest
	}
	s, _, _ = strings.Cut(s, "\n")
	s, _, _ = strings.Cut(s, "; ")
	return strings.TrimSpace(bounded(s, nameLimit))
}

// TestNodeConformance runs the official single-node cases, all of which testdata/node.txt
// lists, one a line:
//
//	NAME run           as a network, with as many inputs as can be activations
//	NAME fold          while reading only, with constant inputs
//	NAME skip REASON   neither
//
// A case that can do more or less than is listed is an error, so that the list cannot fall
// behind; so is a row of the table without a case. With -update-node the list is written.
func TestNodeConformance(t *testing.T) {
	dir := dataDir(t)
	list := nodeList(t)
	cases := readCases(t, filepath.Join(dir, "onnx-node.tar.gz"))
	count := map[string]int{}
	passes := map[string]bool{}
	for _, name := range sortedCases(cases) {
		o, err := cases[name].try(max(nodeRelTol, givenTo[name]))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		line := list[name]
		count[o.mode]++
		passes[name] = o.mode != "skip"
		switch {
		case *updateNode:
			if o.mode == "skip" && (line.reason == "" || *updateReasons) {
				line.reason = o.why()
			}
			list[name] = nodeLine{o.mode, line.reason}
		case line.mode == "":
			t.Errorf("%s is not listed", name)
		case line.mode == o.mode:
		case o.mode == "run" || line.mode == "skip":
			t.Errorf("%s passes; list it as %s (-update-node does)", name, o.mode)
		case line.mode == "run":
			t.Errorf("%s: %v", name, o.run)
		default:
			t.Errorf("%s with constant inputs: %v", name, o.fold)
		}
	}
	t.Logf("%d of %d cases pass: %d as networks, %d while reading; %d are skipped", count["run"]+count["fold"], len(cases), count["run"], count["fold"], count["skip"])
	for name := range list {
		if cases[name] == nil {
			t.Errorf("%s: not in the archive", name)
		}
	}
	if *updateNode {
		writeNodeList(t, list)
	}
	rowsCovered(t, func(see func(*modelProto)) {
		for name, c := range cases {
			if m, err := parse(c.model, name); err == nil && passes[name] {
				see(m)
			}
		}
	})
}

func sortedCases(cases map[string]*nodeCase) []string {
	var names []string
	for name := range cases {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// nodeLine is a line of testdata/node.txt.
type nodeLine struct{ mode, reason string }

const nodeFile = "testdata/node.txt"

// nodeHeader says what the list is.
const nodeHeader = `# Official single-node cases (onnx/onnx backend tests), one a line: NAME run (as a
# network), NAME fold (with constant inputs only), or NAME skip REASON. Modes are written
# by go test -run TestNodeConformance ./internal/onnx -update-node.
`

// nodeList reads testdata/node.txt.
func nodeList(t *testing.T) map[string]nodeLine {
	t.Helper()
	text, err := os.ReadFile(nodeFile)
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]nodeLine{}
	for _, line := range strings.Split(string(text), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		name, rest, _ := strings.Cut(line, " ")
		m, reason, _ := strings.Cut(rest, " ")
		if m != "run" && m != "fold" && (m != "skip" || reason == "") {
			t.Fatalf("node.txt: %q is not NAME followed by run, fold or skip REASON", line)
		}
		if list[name].mode != "" && !*updateNode {
			t.Errorf("node.txt: %s is listed twice", name)
		}
		list[name] = nodeLine{m, reason}
	}
	return list
}

// writeNodeList writes testdata/node.txt, sorted.
func writeNodeList(t *testing.T, list map[string]nodeLine) {
	t.Helper()
	var lines []string
	for name, line := range list {
		s := name + " " + line.mode
		if line.mode == "skip" {
			s += " " + line.reason
		}
		lines = append(lines, s)
	}
	slices.Sort(lines)
	if err := os.WriteFile(nodeFile, []byte(nodeHeader+strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}
