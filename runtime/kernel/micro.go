package kernel

import (
	"slices"

	"edgec/runtime/internal/cpu"
)

// micro is a row of the table of micro-kernels: what computes the tiles of dense layers
// on some processors. Its assembly is called by name in call, since a call by pointer
// would move its arguments to the heap.
type micro struct {
	name        string
	needs       cpu.Feature
	least       int8 // weight that its intermediate sums bear, in tiles
	leastLane   int8 // the same in lanes
	pairBytes   int  // of the weights of two taps of a lane
	sparseBelow int  // density, in 1/256, below which a list of weights is quicker
}

// takes reports whether tiles of w have no intermediate sum that does not fit. No
// micro-kernel takes nothing.
func (m *micro) takes(w []int8) bool {
	return m != nil && (m.least == -128 || !slices.Contains(w, -128))
}

// takesLanes is takes for lanes.
func (m *micro) takesLanes(w []int8) bool {
	return m != nil && (m.leastLane == -128 || !slices.Contains(w, -128))
}

// best is the first micro-kernel of the table that this processor has, or nil.
var best = choose()

func choose() *micro {
	for i := range micros {
		if cpu.Has(micros[i].needs) {
			return &micros[i]
		}
	}
	return nil
}

// tileArgs are the arguments of a micro-kernel's assembly, which knows their offsets.
//
//	acc[i*panelWidth + c] = start[c] + sum of x[pixels[i] + runs[r] + k] * weight
type tileArgs struct {
	x      *int8
	pixels *int32 // offsets of patches, a multiple of tilePixels
	runs   *int32 // offsets of runs in a patch
	weight *int8  // of the panel
	start  *int32
	acc    *int32
	tiles  int // of tilePixels each
	nRuns  int
	quads  int // of a run
	stride int // bytes of weights between quads
}

// rescaleArgs are the arguments of the assembly that turns sums into outputs: eight
// channels of so many pixels.
type rescaleArgs struct {
	acc    *int32 // rows of panelWidth sums
	scale  *rescaling
	y      *int8
	stride int // bytes between pixels of y
	pixels int
}

// depthwiseArgs are the arguments of the assembly of depthwise convolutions.
//
//	acc[i*panelWidth + c] = start[c] + sum of taps[t][i*step + channel + c] * weight
type depthwiseArgs struct {
	taps   **int8 // of the first pixel, 2*pairs
	weight *byte  // of the panel
	start  *int32
	acc    *int32
	pairs  int
	pixels int
	step   int // bytes between pixels of x

	channel int // the panel's first
}
