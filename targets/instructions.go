package targets

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"edgec/runtime"
)

// instructionsJSON is written by a command of bench/arm, which it names.
//
//go:embed instructions.json
var instructionsJSON []byte

// instructions are the counts that predictions are made of.
var instructions = func() (t InstructionTable) {
	if err := json.Unmarshal(instructionsJSON, &t); err != nil {
		panic(fmt.Errorf("targets: instructions.json: %w", err))
	}
	return t
}()

// InstructionTable is how many instructions the runtime's layers take, fitted to counts under an
// emulator.
type InstructionTable struct {
	Command    string                     `json:"command"` // that measured and fitted it
	Emulator   string                     `json:"emulator"`
	Processors map[string]ProcessorCounts `json:"processors"` // by ProcessorName
}

// ProcessorCounts are the counts of one set of micro-kernels.
type ProcessorCounts struct {
	Rows map[string]Rate `json:"rows"` // by Term.Row
	// LayerError and NetworkError are the 80 % quantiles of |log(predicted/counted)| of the
	// layers and of the sums of networks that the fit had not seen.
	LayerError   float64 `json:"layer_error"`
	NetworkError float64 `json:"network_error"`
}

// Rate is the instructions for each step of a layer; see runtime.Counts.
type Rate struct {
	Product float64 `json:"product"`
	Run     float64 `json:"run"`
	Tile    float64 `json:"tile"`
	Block   float64 `json:"block"`
	Sum     float64 `json:"sum"`
	Part    float64 `json:"part"`
	Copied  float64 `json:"copied"`
	Layer   float64 `json:"layer"` // of a layer
}

// OtherRow is the row of operators that have none of their own, NarrowRow the end of the names of
// rows for images of few channels.
const (
	OtherRow  = "other"
	NarrowRow = " of few channels"
)

// ProcessorName is the key of a processor in an InstructionTable: neon-64, smlad-32.
func ProcessorName(p runtime.Processor) string {
	if p.Wide {
		return p.Kernels + "-64"
	}
	return p.Kernels + "-32"
}

// Term is a part of a layer: what one row of a table counts.
type Term struct {
	Row   string         // a form of weights, or an operator
	Steps [steps]float64 // in the order of Rate
}

// steps is the number of kinds of steps.
const steps = 8

// narrow is the number of channels below which operators without weights have rows of their own:
// no micro-kernel computes them.
const narrow = 8

// Terms returns the parts of a layer, mostly one. Those of operators without weights have the
// steps of runtime.Config.Work in place of products, and of the output the rows of its last
// dimension as tiles, its elements as sums, and those steps that are more than one an element as
// runs. If such a row has few channels, its operator has a row by itself.
func Terms(l runtime.Planned) (terms []Term) {
	for _, c := range l.Counts {
		terms = append(terms, Term{c.Form, [steps]float64{float64(c.Products), float64(c.Runs), float64(c.Tiles), float64(c.Blocks), float64(c.Sums), float64(c.Parts), float64(c.Copied), 1}})
	}
	if l.Work == 0 && terms != nil {
		return terms
	}
	n, row, work := 1.0, l.Op, float64(l.Work)
	channels := 1
	for _, d := range l.Shape {
		n *= float64(d)
		channels = d
	}
	if len(l.Shape) == 3 && channels < narrow {
		row += NarrowRow
	}
	return append(terms, Term{row, [steps]float64{work, math.Max(0, work-n), n / math.Max(float64(channels), 1), 0, n, 0, 0, 1}})
}

// rates returns the rates in the order of Term.Steps.
func (r Rate) rates() [steps]float64 {
	return [steps]float64{r.Product, r.Run, r.Tile, r.Block, r.Sum, r.Part, r.Copied, r.Layer}
}

// RateOf returns the rate of numbers in the order of Term.Steps.
func RateOf(x []float64) Rate { return Rate{x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7]} }

// Instructions returns how many instructions a layer takes.
func (c ProcessorCounts) Instructions(l runtime.Planned) (n float64) {
	for _, t := range Terms(l) {
		n += c.instructions(t)
	}
	return n
}

// instructions returns those of a part of a layer.
func (c ProcessorCounts) instructions(t Term) (n float64) {
	r, ok := c.Rows[t.Row]
	if wide, is := strings.CutSuffix(t.Row, NarrowRow); !ok && is {
		r, ok = c.Rows[wide]
	}
	if !ok {
		r = c.Rows[OtherRow]
	}
	for i, rate := range r.rates() {
		n += rate * t.Steps[i]
	}
	return n
}
