package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"edgec"
	"edgec/bench/arm/guest/marks"
	"edgec/bench/networks"
	"edgec/bench/page"
	"edgec/internal/nnls"
	"edgec/runtime"
	"edgec/targets"
)

// fitted are the networks that rates are fitted to: files below EDGEC_DATA's models, none of
// them of the architecture of one in package networks, which predictions are tested on.
var fitted = []string{
	"cifar/resnet20.onnx", "detect/mobilenet-v2-0.35-128.onnx",
	"lenet/case-study.onnx", "lenet/cntk-mnist.onnx", "lenet/keras-cnn.onnx", "lenet/mnist-strong.onnx",
	"mediapipe/face_detection_short_range.tflite", "mediapipe/hand_recrop.tflite", "mediapipe/selfie_segmentation.tflite",
	"language/char-gru.onnx", "language/stories260k-step.onnx",
	"speech/speech-gru.onnx", "multi/mnist-questions.onnx",
}

// densities are the shares of weights that previews of these networks keep: those with few
// have lists.
var densities = []float64{1, 0.1, 0.02}

// counted are the instructions of the layers of one file.
type counted struct {
	name   string
	layers []runtime.Planned
	of     []float64 // of each layer
}

// sum returns the instructions of all layers.
func (c counted) sum() (n float64) {
	for _, v := range c.of {
		n += v
	}
	return n
}

// previews writes the files that rates are fitted to into a folder.
func previews(models, dir string) (paths []string, err error) {
	for _, name := range fitted {
		m, err := edgec.Open(filepath.Join(models, name))
		if err != nil {
			return nil, err
		}
		for _, keep := range densities {
			data, err := m.Preview(keep)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			path := filepath.Join(dir, fmt.Sprintf("%s-%v", strings.ReplaceAll(name, "/", "-"), keep))
			if err := os.WriteFile(path, data, 0o644); err != nil {
				return nil, err
			}
			paths = append(paths, path)
		}
	}
	return paths, nil
}

// countLayers executes files on a processor and returns the instructions of each layer.
func (q *qemu) countLayers(p processor, paths []string) (all []counted, err error) {
	out := filepath.Join(q.dir, "layers-"+p.cpu+p.limit)
	args := append([]string{"-cpu", p.cpu, "-plugin", q.plugin() + ",out=" + out, q.guest(p), "-layers"}, paths...)
	cmd := exec.Command(p.emulator, args...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1", "GOGC=off", "GODEBUG=asyncpreemptoff=1", "EDGEC_CPU="+p.limit)
	var errText bytes.Buffer
	cmd.Stderr = &errText
	kernels, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", p.cpu, err, bytes.TrimSpace(errText.Bytes()))
	}
	if got := strings.TrimSpace(string(kernels)); got != p.kernels {
		return nil, fmt.Errorf("%s has the micro-kernels %s, not %s", p.cpu, got, p.kernels)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		return nil, err
	}
	lines := strings.Fields(string(text))
	for _, path := range paths {
		c, n, err := ofFile(path, p, lines)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", p.cpu, filepath.Base(path), err)
		}
		all, lines = append(all, c), lines[n:]
	}
	if len(lines) > 0 {
		return nil, fmt.Errorf("%s: %d counts too many", p.cpu, len(lines))
	}
	return all, nil
}

// ofFile takes the counts of one file from the lines that the plugin has written: for each
// inference one of nothing, one of each layer and one of the end. The least counts.
func ofFile(path string, p processor, lines []string) (c counted, n int, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return c, 0, err
	}
	m, err := runtime.Load(data)
	if err != nil {
		return c, 0, err
	}
	c.name = filepath.Base(path)
	if c.layers, err = m.LayersOn(p.on()); err != nil {
		return c, 0, err
	}
	each := len(c.layers) + 2
	if n = each * marks.CountedLayers; len(lines) < n {
		return c, 0, errors.New("too few counts; does this qemu take plugins?")
	}
	all := make([]float64, each)
	for i := range n {
		v, err := strconv.ParseFloat(lines[i], 64)
		if err != nil {
			return c, 0, err
		}
		if k := i % each; i < each || v < all[k] {
			all[k] = v
		}
	}
	for _, v := range all[1 : each-1] {
		c.of = append(c.of, math.Max(v-all[0], 1))
	}
	return c, n, nil
}

// row is an equation: the steps of a layer, and its instructions.
type row struct {
	steps []float64
	of    float64
}

// leastRows is the number of layers that rates of their own take.
const leastRows = 6

// fit returns the rates that make the relative errors of all layers small: first of layers that
// are one form of weights, or one operator, then of what others do beside.
func fit(all []counted) targets.ProcessorCounts {
	rows, other := map[string][]row{}, []float64(nil)
	add := func(name string, steps []float64, of float64) { rows[name] = append(rows[name], row{steps, of}) }
	for _, c := range all {
		for i, l := range c.layers {
			if terms := targets.Terms(l); len(terms) == 1 {
				add(terms[0].Row, terms[0].Steps[:], c.of[i])
				if l.Counts == nil && l.Work > 0 {
					other = append(other, math.Log(c.of[i]/float64(l.Work)))
				}
			}
		}
	}
	slices.Sort(other)
	t := targets.ProcessorCounts{Rows: map[string]targets.Rate{targets.OtherRow: {Product: math.Exp(other[len(other)/2])}}}
	solveAll(t.Rows, rows)
	clear(rows)
	for _, c := range all {
		for i, l := range c.layers {
			terms := targets.Terms(l)
			last := terms[len(terms)-1]
			if _, known := t.Rows[last.Row]; known || len(l.Counts) == 0 {
				continue
			}
			l.Work = 0
			last.Steps[len(last.Steps)-1] = 0
			if rest := c.of[i] - t.Instructions(l); rest > 0 {
				add(last.Row, last.Steps[:], rest)
			}
		}
	}
	solveAll(t.Rows, rows)
	return t
}

// solveAll adds the rates of rows that have enough layers.
func solveAll(rates map[string]targets.Rate, rows map[string][]row) {
	for name, some := range rows {
		if len(some) < leastRows {
			continue
		}
		var a [][]float64
		var b []float64
		for _, r := range some {
			var scaled []float64
			for _, v := range r.steps {
				scaled = append(scaled, v/r.of)
			}
			a, b = append(a, scaled), append(b, 1)
		}
		x := nnls.Solve(a, b, nil, nil)
		for i := range x {
			x[i] = math.Round(x[i]*1e4) / 1e4
		}
		rates[name] = targets.RateOf(x)
	}
}

// borrow gives each processor the rows that it has not, from plain Go on one of as many bits:
// forms that its micro-kernels leave to Go.
func borrow(all map[string]targets.ProcessorCounts) {
	for name, c := range all {
		plain := all["go"+name[len(name)-3:]]
		for row, rate := range plain.Rows {
			if _, known := c.Rows[row]; !known {
				c.Rows[row] = rate
			}
		}
	}
}

// grade sets the errors of a fit on networks that it has not seen.
func grade(t *targets.ProcessorCounts, all []counted) {
	var layers, sums []float64
	for _, c := range all {
		sum := 0.0
		for i, l := range c.layers {
			n := t.Instructions(l)
			sum += n
			layers = append(layers, math.Abs(math.Log(n/c.of[i])))
		}
		sums = append(sums, math.Abs(math.Log(sum/c.sum())))
	}
	t.LayerError, t.NetworkError = quantile(layers), quantile(sums)
}

// quantile returns the 80 % quantile, with three digits.
func quantile(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return math.Ceil(1000*x[min(len(x)-1, len(x)*8/10)]) / 1000
}

// layers counts, fits, writes the table that predictions are made of to a file ("": not) and
// returns the section of the page that has predictions beside counts.
func layers(pattern, table, models, dir string) (string, error) {
	tests, paths, err := layerFiles(pattern, models, dir)
	if err != nil {
		return "", err
	}
	q, err := prepare(dir, layerProcessors)
	if err != nil {
		return "", err
	}
	t := targets.InstructionTable{Command: "cd bench && EDGEC_DATA=folder go run ./arm -layers -table ../targets/instructions.json", Emulator: "qemu " + q.version}
	columns, err := q.fitAll(&t, tests, paths)
	if err != nil {
		return "", err
	}
	if table != "" {
		text, err := json.MarshalIndent(t, "", "\t")
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(table, append(text, '\n'), 0o644); err != nil {
			return "", err
		}
	}
	return layersPage(t, columns), nil
}

// layerFiles writes the files that predictions are tested on and those that rates are fitted to.
func layerFiles(pattern, models, dir string) (tests, fits []string, err error) {
	stored, err := networks.Store(pattern, models, dir)
	if err != nil {
		return nil, nil, err
	}
	for _, s := range stored {
		tests = append(tests, s.Path)
	}
	if fits, err = previews(models, dir); err != nil {
		return nil, nil, err
	}
	more, err := pools(dir)
	return tests, append(fits, more...), err
}

// fitAll fits the rates of all processors to the layers of some files, and returns the counts of
// other files, the tests.
func (q *qemu) fitAll(t *targets.InstructionTable, tests, fits []string) (columns [][]counted, err error) {
	t.Processors = map[string]targets.ProcessorCounts{}
	for _, p := range layerProcessors {
		fmt.Fprintln(os.Stderr, "counting on", p.label())
		all, err := q.countLayers(p, tests)
		if err != nil {
			return nil, err
		}
		columns = append(columns, all)
		name := targets.ProcessorName(p.on())
		if _, known := t.Processors[name]; known {
			continue
		}
		some, err := q.countLayers(p, fits)
		if err != nil {
			return nil, err
		}
		t.Processors[name] = fit(some)
	}
	borrow(t.Processors)
	for name, c := range t.Processors {
		grade(&c, columns[slices.IndexFunc(layerProcessors, func(p processor) bool { return targets.ProcessorName(p.on()) == name })])
		t.Processors[name] = c
	}
	return columns, nil
}

// layersPage has a table of networks by processors: instructions predicted and counted.
func layersPage(t targets.InstructionTable, columns [][]counted) string {
	head, errs := []string{"network"}, []string{"80 % of layers within"}
	sums := []string{"80 % of networks within"}
	for _, p := range layerProcessors {
		c := t.Processors[targets.ProcessorName(p.on())]
		head = append(head, p.label()+": "+p.kernels)
		errs, sums = append(errs, percent(c.LayerError)), append(sums, percent(c.NetworkError))
	}
	rows := [][]string{head}
	for i := range columns[0] {
		cells := []string{columns[0][i].name}
		for k, p := range layerProcessors {
			c, n := columns[k][i], 0.0
			for _, l := range c.layers {
				n += t.Processors[targets.ProcessorName(p.on())].Instructions(l)
			}
			cells = append(cells, fmt.Sprintf("%s of %s, %+.0f %%", page.Thousands(int64(n+500)/1000), page.Thousands(int64(c.sum()+500)/1000), 100*(n/c.sum()-1)))
		}
		rows = append(rows, cells)
	}
	return fmt.Sprintf("%s.\n\nThousands of instructions of an inference, predicted and counted, and the error:\n\n", t.Emulator) + page.Table(append(rows, errs, sums))
}

// percent prints the factor e^x as a deviation.
func percent(x float64) string { return fmt.Sprintf("%.0f %%", 100*(math.Exp(x)-1)) }
