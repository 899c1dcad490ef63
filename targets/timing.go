package targets

import (
	"math"

	"edgec/runtime"
)

// Timing is what predictions assume of a core, or what Calibrate has found.
type Timing struct {
	Kernels string  `json:"kernels" toml:"kernels"`            // micro-kernels of the runtime: neon, dotprod, smlad, avx2 or go
	Bits    int     `json:"word_bits" toml:"word_bits"`        // 32 or 64, of the program
	Dense   float64 `json:"dense_cpi" toml:"dense_cpi"`        // cycles an instruction of dense layers
	List    float64 `json:"list_cpi" toml:"list_cpi"`          // of layers that are lists of weights
	Other   float64 `json:"other_cpi" toml:"other_cpi"`        // of other layers
	Traffic float64 `json:"traffic" toml:"traffic"`            // time of memory traffic, in those that Hardware.Bandwidth gives
	LayerNS float64 `json:"layer_ns" toml:"layer_ns,omitzero"` // nanoseconds of each layer beside
	Overlap float64 `json:"overlap" toml:"overlap"`            // p of the norm that joins computing and memory: 1 one after the other, more where they overlap
	Error   float64 `json:"error" toml:"error"`                // 80 % of predictions lie within a factor of e^Error
	Basis   string  `json:"basis" toml:"basis"`                // of these figures
}

// assumed says that cycles an instruction were not measured by us.
const assumed = "assumed: docs/BOARDS.md says from which published times"

// timings are what is assumed of the cores of boards, by Board.QEMU. docs/BOARDS.md compares
// them with published times of programs whose instructions we counted.
var timings = map[string]Timing{
	"arm1176":    {"smlad", 32, 1.5, 1.5, 1.5, 1, 0, 1, 0.45, assumed},
	"cortex-a7":  {"neon", 32, 1.35, 1.35, 1.35, 1, 0, 1, 0.45, assumed},
	"cortex-a8":  {"neon", 32, 1.3, 1.3, 1.3, 1, 0, 1, 0.5, assumed},
	"cortex-a53": {"neon", 64, 1.15, 1.15, 1.15, 1, 0, 1, 0.4, assumed},
	"cortex-a72": {"neon", 64, 0.75, 0.75, 0.75, 1, 0, 4, 0.45, assumed},
	"cortex-a76": {"dotprod", 64, 0.55, 0.55, 0.55, 1, 0, 4, 0.45, assumed},
}

// processor is what the runtime plans layers for.
func (t Timing) processor() runtime.Processor {
	return runtime.Processor{Kernels: t.Kernels, Wide: t.Bits == 64}
}

// Factor is that of which 80 % of predictions lie within.
func (t Timing) Factor() float64 { return math.Exp(t.Error) }

// Assumed returns what predictions assume of the board; ok is false if there are none.
func (b Board) Assumed() (t Timing, ok bool) { return b.timing() }

// timing returns that of the board, or what is assumed of its core; ok is false if its core or
// clock is not known.
func (b Board) timing() (t Timing, ok bool) {
	if b.Timing != nil {
		return *b.Timing, b.MHz > 0
	}
	t, ok = timings[b.QEMU]
	return t, ok && b.MHz > 0
}

// classes are the rows of an instruction table that share cycles an instruction; other rows
// have Timing.Other.
var classes = map[string]int{"tiles": dense, "pixel": dense, "lanes": dense, "rows": dense, "list": list}

// The parameters of a Timing that a fit changes.
const (
	dense = iota
	list
	other
	traffic
	layerNS
	numParameters
)

// parameters returns those that a fit changes.
func (t Timing) parameters() []float64 {
	return []float64{t.Dense, t.List, t.Other, t.Traffic, t.LayerNS}
}

// with returns t with other parameters.
func (t Timing) with(x []float64) Timing {
	t.Dense, t.List, t.Other, t.Traffic, t.LayerNS = x[dense], x[list], x[other], x[traffic], x[layerNS]
	return t
}
