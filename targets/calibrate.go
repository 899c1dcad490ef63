package targets

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"edgec/internal/nnls"
	"edgec/runtime"
)

// Measurement is what edgec bench --layers --json printed on a board.
type Measurement struct {
	Name   string            // of the file with the JSON, or of several of one network: "a, b"
	System string            // that it ran on, such as linux/arm64; "": not known, and not compared with the board
	Model  string            // SHA-256 of the network's file; "": not known, as from a program's --bench
	On     runtime.Processor // the micro-kernels that it ran on
	MHz    float64           // clock after it; 0: the system did not tell
	Layers []runtime.Planned // of the network
	Times  []float64         // seconds of each layer
}

// Sum returns the seconds of all layers.
func (m Measurement) Sum() (sum float64) {
	for _, t := range m.Times {
		sum += t
	}
	return sum
}

// benched is the part of that JSON that a fit needs.
type benched struct {
	Processes []benched `json:"processes"` // of edgec bench; a program prints one alone

	Model    string  `json:"model_sha256"`
	System   string  `json:"system"`
	Kernels  string  `json:"kernels"`
	Emulator string  `json:"emulator"`
	Clock    float64 `json:"clock_after_mhz"`
	Layers   []struct {
		Op          string           `json:"op"`
		Shape       []int            `json:"shape"`
		Kernel      string           `json:"kernel"`
		Memory      int              `json:"packed_weights_bytes"`
		Weights     int64            `json:"weight_bytes"`
		Activations int64            `json:"activation_bytes"`
		Work        int64            `json:"work"`
		Counts      []runtime.Counts `json:"counts"`
		US          float64          `json:"us"`
	} `json:"layers"`
}

// mostMeasurementBytes bounds a file with a measurement.
const mostMeasurementBytes = 64 << 20

// ReadMeasurement reads a file with the JSON of edgec bench --layers --json, or of a program's
// --bench --layers --json. Of several processes the shortest time of each layer counts.
func ReadMeasurement(path string) (m Measurement, err error) {
	text, err := readMeasurement(path)
	if err != nil {
		var p *os.PathError
		if errors.As(err, &p) {
			err = p.Err
		}
		return m, fmt.Errorf("%s: %w; give a file with what edgec bench --layers --json printed", path, err)
	}
	var b benched
	if err := json.Unmarshal(text, &b); err != nil {
		return m, fmt.Errorf("%s: is not JSON: %w; give what edgec bench --layers --json printed", path, err)
	}
	model, others := b.Model, b.Processes
	if len(others) > 0 {
		b, others = others[0], others[1:]
	}
	m = Measurement{Name: strings.TrimSuffix(filepath.Base(path), ".json"), Model: model, System: b.System, MHz: b.Clock}
	m.On = runtime.Processor{Kernels: b.Kernels, Wide: strings.HasSuffix(b.System, "64")}
	if err = m.add(b, others); err != nil {
		return m, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// readMeasurement reads a file that is not too large.
func readMeasurement(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > mostMeasurementBytes {
		return nil, fmt.Errorf("has %d bytes", info.Size())
	}
	return os.ReadFile(path)
}

// add adds the layers of a process, and what others measured of them.
func (m *Measurement) add(b benched, others []benched) error {
	if b.Emulator != "" {
		return errors.New("was measured under an emulator, whose times mean nothing; measure on the board")
	}
	for _, l := range b.Layers {
		if slices.ContainsFunc(l.Counts, negative) || !(l.US >= 0 && l.US < 1e12) || min(l.Work, l.Weights, l.Activations, int64(l.Memory)) < 0 {
			return fmt.Errorf("layer %s has impossible numbers; measure it again", l.Op)
		}
		m.Layers = append(m.Layers, runtime.Planned{
			Layer:  runtime.Layer{Op: l.Op, Shape: l.Shape, Kernel: l.Kernel, Memory: l.Memory},
			Counts: l.Counts, Work: l.Work, Weights: l.Weights, Activations: l.Activations,
		})
		m.Times = append(m.Times, l.US*1e-6)
	}
	for _, o := range others {
		if len(o.Layers) != len(m.Times) {
			return errors.New("its processes have different layers; measure it again")
		}
		for i, l := range o.Layers {
			m.Times[i] = math.Min(m.Times[i], math.Max(0, l.US*1e-6))
		}
	}
	switch {
	case len(m.Layers) == 0 || m.Sum() == 0:
		return errors.New("has no times of layers; measure with edgec bench --layers --json")
	case m.Layers[0].Activations == 0:
		return errors.New("its layers have no counts: an older edgec printed it; measure again with this version")
	}
	return nil
}

// negative reports whether a count cannot be one.
func negative(c runtime.Counts) bool {
	return min(c.Products, c.Runs, c.Tiles, c.Blocks, c.Sums, c.Parts, c.Copied) < 0
}

// Calibration says how well a fit explains measurements.
type Calibration struct {
	Board    Board               `json:"board"`    // with the Timing that was found
	Before   float64             `json:"before"`   // error of the prediction before, of networks: 80 % are within this factor
	After    float64             `json:"after"`    // the same after it, of networks that the fit had not seen, if there are several
	HeldOut  bool                `json:"held_out"` // After is of networks that the fit had not seen
	Networks []CalibratedNetwork `json:"networks"`
}

// CalibratedNetwork is a network that was measured.
type CalibratedNetwork struct {
	Name     string  `json:"name"`
	Layers   int     `json:"measured_layers"`
	Measured float64 `json:"measured_us"` // of all layers
	Before   float64 `json:"before_us"`   // prediction before the fit
	After    float64 `json:"after_us"`    // after it, by a fit to the other networks if there are any
}

// What a fit is worth.
const (
	rounds    = 12   // of linearizing times, which converge in a few
	fewLayers = 0.01 // share of a network's time below which a layer counts less
	noise     = 0.1  // relative error of a layer that remains after a fit
	doubt     = 0.5  // relative error of what is assumed of a parameter
	priorNS   = 200  // nanoseconds of a layer that are likely
	oneError  = 0.2  // error of a fit to one network, on others; chosen: about that of counts and caches
	leastBar  = 0.05 // of a calibrated board: clocks and temperatures differ from run to run
)

// Calibrate fits what a board's Timing assumes to measurements of one or more networks on it: by
// non-negative least squares on relative errors of layers, shrunk to what was assumed before. Its
// error bar is that of networks left out of the fit, one after the other; of a single network it is
// that of its layers, and more. All measurements must be of the same micro-kernels, which replace
// those of the board, and of the board's architecture. A board without a clock takes that of the
// measurements. Several measurements of one network count as one, with the shortest time of each layer.
func (b Board) Calibrate(ms []Measurement) (Calibration, error) {
	if len(ms) == 0 {
		return Calibration{}, errors.New("targets: there is no measurement to calibrate by; give a file")
	}
	on := ms[0].On
	for _, m := range ms {
		if err := b.measuredBy(m); err != nil {
			return Calibration{}, err
		}
		if m.On != on {
			return Calibration{}, fmt.Errorf("targets: %s ran on %s, %s on %s; calibrate by measurements of one processor", ms[0].Name, ProcessorName(on), m.Name, ProcessorName(m.On))
		}
		if b.MHz == 0 {
			b.MHz = int(math.Round(m.MHz))
		}
	}
	counts, ok := instructions.Processors[ProcessorName(on)]
	if !ok {
		return Calibration{}, fmt.Errorf("targets: no instructions were counted of %s; there are %s; EDGEC_CPU names others for edgec bench", ProcessorName(on), strings.Join(countedProcessors(), ", "))
	}
	if b.MHz == 0 {
		return Calibration{}, fmt.Errorf("targets: the clock of %s is not known; describe it in a file of boards, with mhz", b.Name)
	}
	ms, err := networks(ms)
	if err != nil {
		return Calibration{}, err
	}
	prior := b.prior(on)
	c := Calibration{HeldOut: len(ms) > 1}
	var before, after []float64
	for i, m := range ms {
		others := slices.Delete(slices.Clone(ms), i, i+1)
		if len(others) == 0 {
			others = ms
		}
		n := CalibratedNetwork{Name: m.Name, Layers: len(m.Layers), Measured: 1e6 * m.Sum()}
		n.Before, n.After = 1e6*b.sum(prior, counts, m), 1e6*b.sum(b.fit(prior, counts, others), counts, m)
		before, after = append(before, logRatio(n.Before, n.Measured)), append(after, logRatio(n.After, n.Measured))
		c.Networks = append(c.Networks, n)
	}
	t := b.fit(prior, counts, ms)
	c.Before, c.After = upper(before), upper(after)
	if !c.HeldOut {
		c.After = math.Hypot(b.layerError(t, counts, ms[0]), oneError)
	}
	t.Error = rounded(math.Max(leastBar, math.Sqrt(math.Max(0, c.After*c.After-counts.NetworkError*counts.NetworkError))))
	t.Basis = "calibrated by 1 network"
	if c.HeldOut {
		t.Basis = fmt.Sprintf("calibrated by %d networks", len(ms))
	}
	b.Timing = &t
	c.Board = b
	c.Before, c.After = math.Exp(c.Before), math.Exp(c.After)
	return c, nil
}

// measuredBy returns an error for a measurement on another architecture than the board's.
func (b Board) measuredBy(m Measurement) error {
	_, arch, known := strings.Cut(m.System, "/")
	if !known || arch == b.GOARCH {
		return nil
	}
	other := "another board"
	if i := slices.IndexFunc(Boards, func(o Board) bool { return o.GOARCH == arch && strings.HasPrefix(o.Name, "linux-") }); i >= 0 {
		other = "a board of " + arch + " such as " + Boards[i].Name
	}
	return fmt.Errorf("targets: %s was measured on %s with kernels %s, but %s is %s; measure on the board (edgec bench MODEL --on HOST --layers --save FILE), or name %s", m.Name, m.System, m.On.Kernels, b.Name, b.GOARCH, other)
}

// networks joins the measurements of each network. Two are of one network if their files are the
// same, or their layers, which no prediction tells apart.
func networks(ms []Measurement) (joined []Measurement, err error) {
	for _, m := range ms {
		i := slices.IndexFunc(joined, func(o Measurement) bool {
			return m.Model != "" && m.Model == o.Model || reflect.DeepEqual(m.Layers, o.Layers)
		})
		if i < 0 {
			m.Times = slices.Clone(m.Times)
			joined = append(joined, m)
			continue
		}
		o := &joined[i]
		if !reflect.DeepEqual(m.Layers, o.Layers) {
			return nil, fmt.Errorf("targets: %s and %s are of one network, but of different versions of edgec; measure again with this version", o.Name, m.Name)
		}
		for j, t := range m.Times {
			o.Times[j] = math.Min(o.Times[j], t)
		}
		if !slices.Contains(strings.Split(o.Name, ", "), m.Name) {
			o.Name += ", " + m.Name
		}
	}
	return joined, nil
}

// prior is what is assumed of the board before a fit.
func (b Board) prior(on runtime.Processor) Timing {
	t, ok := b.timing()
	if ok && t.processor() == on {
		return t
	}
	t = Timing{Kernels: on.Kernels, Bits: 32, Dense: 1, List: 1, Other: 1, Traffic: 1, Overlap: 2, Error: 0.7, Basis: assumed}
	if on.Wide {
		t.Bits = 64
	}
	return t
}

// sum predicts the seconds of all layers of a measurement.
func (b Board) sum(t Timing, counts ProcessorCounts, m Measurement) (sum float64) {
	k := b.clock(workingSet(m.Layers))
	for _, l := range m.Layers {
		sum += t.time(k.cost(counts, l))
	}
	return sum
}

// layerError is the 80 % quantile of |log(predicted/measured)| of layers that take a share of the
// time.
func (b Board) layerError(t Timing, counts ProcessorCounts, m Measurement) float64 {
	var errs []float64
	k := b.clock(workingSet(m.Layers))
	for i, l := range m.Layers {
		if m.Times[i] >= fewLayers*m.Sum() {
			errs = append(errs, logRatio(t.time(k.cost(counts, l)), m.Times[i]))
		}
	}
	return upper(errs)
}

// fit returns the timing that makes relative errors small. A time is homogeneous in the
// parameters, so it equals the sum of its derivatives times these: least squares by them, again at
// the parameters that they give, converge to a minimum.
func (b Board) fit(prior Timing, counts ProcessorCounts, ms []Measurement) Timing {
	assumed := prior.parameters()
	var shrink []float64 // as for errors of normal distribution
	for j, v := range assumed {
		far := doubt * v
		if j == layerNS {
			far = priorNS
		}
		shrink = append(shrink, noise*noise/math.Max(far*far, 1e-12))
	}
	t := prior
	for range rounds {
		var rows [][]float64
		var ones []float64
		for _, m := range ms {
			k := b.clock(workingSet(m.Layers))
			for i, l := range m.Layers {
				if m.Times[i] <= 0 {
					continue
				}
				weight := math.Min(1, math.Sqrt(m.Times[i]/(fewLayers*m.Sum())))
				row := t.derivatives(k.cost(counts, l))
				for j := range row {
					row[j] *= weight / m.Times[i]
				}
				rows, ones = append(rows, row), append(ones, weight)
			}
		}
		t = t.with(nnls.Solve(rows, ones, assumed, shrink))
	}
	x := t.parameters()
	for j := range x {
		x[j] = rounded(x[j])
	}
	return t.with(x)
}

// derivatives returns those of a layer's time by the parameters.
func (t Timing) derivatives(c cost) []float64 {
	row := slices.Clone(c.part[:])
	compute, memory := t.compute(c), t.memory(c)
	most := math.Max(compute, memory)
	if most == 0 {
		return row
	}
	norm := most * math.Pow(math.Pow(compute/most, t.Overlap)+math.Pow(memory/most, t.Overlap), 1/t.Overlap)
	for j := range row {
		switch j {
		case layerNS:
		case traffic:
			row[j] *= math.Pow(memory/norm, t.Overlap-1)
		default:
			row[j] *= math.Pow(compute/norm, t.Overlap-1)
		}
	}
	return row
}

func logRatio(a, b float64) float64 { return math.Abs(math.Log(a / b)) }

// upper is the 80 % quantile, of fewer than five the largest.
func upper(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	if len(x) == 0 {
		return 0
	}
	return x[min(len(x)-1, len(x)*8/10)]
}

// rounded has four significant digits.
func rounded(x float64) float64 {
	if x < 1e-6 {
		return 0
	}
	y, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 4, 64), 64)
	if err != nil {
		return x
	}
	return y
}
