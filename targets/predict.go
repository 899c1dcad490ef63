package targets

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"edgec/runtime"
)

// Prediction is what an inference takes on a board, by the cost model: nobody has measured it.
type Prediction struct {
	Board  string        `json:"target"`
	Time   time.Duration `json:"time_ns"`                // of an inference on one core, in a row with others
	Least  time.Duration `json:"least_ns"`               // four of five measurements should lie between
	Most   time.Duration `json:"most_ns"`                // these two
	Memory int64         `json:"memory_bytes"`           // packed weights and a session
	Energy float64       `json:"energy_mj,omitempty"`    // above that of the idle board, in millijoules; 0: its power is not known
	Class  string        `json:"energy_class,omitempty"` // of Energy: A below 0.1 mJ, B below 1, C below 10, D below 100, E from there on
	Layers []LayerTime   `json:"layers,omitempty"`
	Basis  string        `json:"basis"` // of the cycles an instruction

	Instructions int64 `json:"instructions"` // of all layers
}

// LayerTime is what one layer takes.
type LayerTime struct {
	Op           string        `json:"op"`
	Shape        []int         `json:"shape"` // of the output
	Kernel       string        `json:"kernel,omitempty"`
	Instructions int64         `json:"instructions"`
	Time         time.Duration `json:"time_ns"`
	Least        time.Duration `json:"least_ns"`
	Most         time.Duration `json:"most_ns"`
	Memory       int           `json:"packed_weights_bytes"`
	Energy       float64       `json:"energy_mj,omitempty"`
	Bound        string        `json:"bound"` // compute or memory: what most of the time goes to
}

// cacheSpeed is the bytes that a core gets in a cycle from a cache, about that of the second level
// of the cores in the table (Arm's optimization guides give 8 to 16 of loads that hit it).
const cacheSpeed = 8

// Predict returns what an inference of the model takes on the board:
//
//	sum over layers of (compute^p + memory^p)^(1/p) + overhead
//	compute = instructions * cycles an instruction / clock
//	memory = bytes of weights and activations / speed
//
// The instructions are those of targets/instructions.json, fitted to counts under an emulator.
// The speed is that of a cache if all weights and activations fit into it, otherwise what memcpy
// reaches. Bounds join the error of the counts with that of Timing. It is an error that the
// board's core or clock is not known, as of linux-*. Cost: it looks at each weight.
func (b Board) Predict(m *runtime.Model) (Prediction, error) {
	if err := b.Predictable(); err != nil {
		return Prediction{}, err
	}
	t, _ := b.timing()
	counts := instructions.Processors[ProcessorName(t.processor())]
	layers, err := m.LayersOn(t.processor())
	if err != nil {
		return Prediction{}, err
	}
	i := m.Info()
	p := Prediction{Board: b.Name, Basis: t.Basis, Memory: i.Session}
	for _, l := range layers {
		p.Memory += int64(l.Memory)
	}
	clock := b.clock(workingSet(layers))
	for _, l := range layers {
		c := clock.cost(counts, l)
		at := t.time(c)
		bar := math.Hypot(t.Error, counts.LayerError)
		p.Layers = append(p.Layers, LayerTime{
			Op: l.Op, Shape: l.Shape, Kernel: l.Kernel, Instructions: int64(math.Round(c.instructions())), Memory: l.Memory,
			Time: duration(at), Least: duration(at * math.Exp(-bar)), Most: duration(at * math.Exp(bar)), Energy: b.energy(at), Bound: t.bound(c),
		})
		p.Time += duration(at)
		p.Instructions += p.Layers[len(p.Layers)-1].Instructions
	}
	bar := math.Hypot(t.Error, counts.NetworkError)
	whole := p.Time.Seconds()
	p.Least, p.Most = duration(whole*math.Exp(-bar)), duration(whole*math.Exp(bar))
	p.Energy = b.energy(whole)
	p.Class = energyClass(p.Energy)
	return p, nil
}

// Predictable returns why Predict would fail for every network on the board, nil if it would not.
func (b Board) Predictable() error {
	t, ok := b.timing()
	_, known := instructions.Processors[ProcessorName(t.processor())]
	switch {
	case ok && known:
		return nil
	case slices.ContainsFunc(Boards, func(o Board) bool { return o.Name == b.Name }):
		return fmt.Errorf("targets: times on %s cannot be predicted: its core or clock is not known; give another board, or describe yours in a file for --boards", b.Name)
	case b.MHz == 0:
		return fmt.Errorf("targets: times on %s cannot be predicted: its clock is not known; give mhz in the file of --boards", b.Name)
	}
	return fmt.Errorf("targets: times on %s cannot be predicted: its core is not known; %s", b.Name, b.howToTime())
}

// howToTime says what a board in a file of the user's lacks for predictions.
func (b Board) howToTime() string {
	var likes, cores []string
	for _, o := range Boards {
		if _, ok := o.timing(); ok && o.GOARCH == b.GOARCH && o.GOARM == b.GOARM {
			likes = append(likes, strconv.Quote(o.Name))
			cores = append(cores, strconv.Quote(o.QEMU))
		}
	}
	calibrate := "measure on it, and take the board that edgec targets calibrate writes"
	switch {
	case len(likes) == 0:
		return calibrate
	case b.QEMU != "":
		return "in the file of --boards, give qemu = " + strings.Join(slices.Compact(cores), " or ") + "; or " + calibrate
	}
	return "in the file of --boards, give like = " + strings.Join(likes, " or ") + ", or qemu = " + strings.Join(slices.Compact(cores), " or ") + "; or " + calibrate
}

func duration(seconds float64) time.Duration {
	return time.Duration(math.Round(seconds * float64(time.Second)))
}

// workingSet is the bytes that an inference touches: all packed weights, and about the
// activations that live at a time.
func workingSet(layers []runtime.Planned) (bytes int64) {
	most := int64(0)
	for _, l := range layers {
		bytes += int64(l.Memory)
		most = max(most, l.Activations)
	}
	return bytes + most
}

// clock turns work into seconds of a Timing whose parameters are 1.
type clock struct {
	cycle float64 // seconds
	byte  float64 // seconds, of memory traffic
}

// clock returns that of the board for a network of so many bytes of weights and activations.
func (b Board) clock(bytes int64) clock {
	c := clock{cycle: 1 / (float64(b.MHz) * 1e6)}
	switch {
	case bytes <= int64(b.L1)<<10: // loads that hit are among the cycles
	case bytes <= int64(b.L2)<<10, b.Bandwidth == 0:
		c.byte = c.cycle / cacheSpeed
	default:
		c.byte = 1 / (float64(b.Bandwidth) * 1e6)
	}
	return c
}

// cost is what a layer takes for parameters of 1: seconds of each class, of memory traffic, and
// of the layer itself.
type cost struct {
	part  [numParameters]float64
	count float64
}

func (c cost) instructions() float64 { return c.count }

func (k clock) cost(counts ProcessorCounts, l runtime.Planned) (c cost) {
	for _, t := range Terms(l) {
		n := counts.instructions(t)
		class, ok := classes[t.Row]
		if !ok {
			class = other
		}
		c.part[class] += n * k.cycle
		c.count += n
	}
	c.part[traffic] = float64(l.Weights+l.Activations) * k.byte
	c.part[layerNS] = 1e-9
	return c
}

// compute and memory are the two parts of a time that may overlap.
func (t Timing) compute(c cost) float64 {
	return t.Dense*c.part[dense] + t.List*c.part[list] + t.Other*c.part[other]
}

func (t Timing) memory(c cost) float64 { return t.Traffic * c.part[traffic] }

// time returns the seconds of a layer.
func (t Timing) time(c cost) float64 {
	compute, memory := t.compute(c), t.memory(c)
	most := math.Max(compute, memory)
	if most == 0 {
		return t.LayerNS * c.part[layerNS]
	}
	norm := most * math.Pow(math.Pow(compute/most, t.Overlap)+math.Pow(memory/most, t.Overlap), 1/t.Overlap)
	return norm + t.LayerNS*c.part[layerNS]
}

func (t Timing) bound(c cost) string {
	if t.memory(c) > t.compute(c) {
		return "memory"
	}
	return "compute"
}

// energy returns the millijoules of so many seconds on one core, above those of the idle board.
func (b Board) energy(seconds float64) float64 {
	if b.Idle == 0 || b.Busy <= b.Idle || b.Cores == 0 {
		return 0
	}
	return 1000 * seconds * (b.Busy - b.Idle) / float64(b.Cores)
}

// energyClass names the power of ten of an energy in millijoules.
func energyClass(mj float64) string {
	switch {
	case mj <= 0:
		return ""
	case mj < 0.1:
		return "A"
	case mj < 1:
		return "B"
	case mj < 10:
		return "C"
	case mj < 100:
		return "D"
	}
	return "E"
}
