package kernel

import (
	"edgec/runtime/internal/cpu"
	"edgec/runtime/internal/sys"
)

// micro is a row of the table of micro-kernels: what computes the tiles of dense layers
// on some processors. Its methods call the assembly by name, since a call by pointer would
// move the arguments to the heap.
type micro struct {
	layout
	needs       cpu.Feature
	requantizes bool  // it also turns sums into outputs
	adds        bool  // it also adds int8
	vectors     bool  // it also compares, and computes with float32
	offset      int32 // what it adds to inputs before it multiplies, which start makes up for
}

// form returns the layout of m; nil is plain Go.
func (m *micro) form() *layout {
	if m == nil {
		return nil
	}
	return &m.layout
}

func (m *micro) hasVectors() bool { return m != nil && m.vectors }

func (m *micro) canRequantize() bool { return m != nil && m.requantizes }

// place writes weight v of a panel: element k of a quad of channel ch. Unless a micro-kernel
// says otherwise, a panel is [quads][width][4].
func (m *micro) place(panel []int8, quad, quads, ch, width, k int, v int8) {
	if m.quadBytes == 4 {
		panel[(quad*width+ch)*4+k] = v
		return
	}
	m.placeWide(panel, quad, quads, ch, k, v)
}

// placeWide does so with weights as int16, in groups of four channels: [width/4][quads][4]
// of elements 0, 2, 1 and 3.
func (m *micro) placeWide(panel []int8, quad, quads, ch, k int, v int8) {
	at := ((ch/4*quads+quad)*4+ch%4)*8 + []int{0, 4, 2, 6}[k]
	panel[at], panel[at+1] = v, v>>7
}

// best is the micro-kernel that layers are packed for; nil is plain Go.
var best, levelErr = choose(sys.Getenv(Variable))

// Variable is the environment variable that names the micro-kernels to use, "go" for
// none: a slower processor can be had on a quick one, and a fault can be narrowed down.
const Variable = "EDGEC_CPU"

// Level names the micro-kernels that compute dense layers: "vnni", "avx2", "dotprod",
// "neon", "smlad", or "go" where none are. It is an error that Variable names others than
// this processor has.
func Level() (string, error) { return best.String(), levelErr }

func (m *micro) String() string {
	if m == nil {
		return "go"
	}
	return m.name
}

// unknownLevel is a value of Variable.
type unknownLevel string

func (u unknownLevel) Error() string {
	have := "go"
	for i := range micros {
		if cpu.Has(micros[i].needs) {
			have += ", " + micros[i].name
		}
	}
	return Variable + " is " + string(u) + "; this processor and program have " + have + "; name one of these, or unset it"
}

// choose returns the first micro-kernel of the table that this processor has, or that
// which is named.
func choose(name string) (*micro, error) {
	if name == "go" {
		return nil, nil
	}
	for i := range micros {
		if m := &micros[i]; cpu.Has(m.needs) && (name == "" || name == m.name) {
			return m, nil
		}
	}
	if name != "" {
		return nil, unknownLevel(name)
	}
	return nil, nil
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
	stride int // bytes of weights between quads; four for each channel, however wide a weight is
}

// requantizeArgs are the arguments of the assembly that turns sums into outputs: eight
// channels of so many pixels.
type requantizeArgs struct {
	acc    *int32 // rows of panelWidth sums
	scale  *requantization
	y      *int8
	stride int // bytes between pixels of y
	pixels int
}

// depthwiseArgs are the arguments of the assembly of depthwise convolutions.
//
//	acc[i*panelWidth + c] = start[c] + sum of x[pixels[i] + taps[t] + c] * weight
type depthwiseArgs struct {
	taps   *int32 // their offsets, 2*pairs
	weight *byte  // of the panel
	start  *int32
	acc    *int32
	pairs  int
	n      int    // pixels
	pixels *int32 // their offsets
	x      *int8  // at the panel's first channel
	width  int    // of the panel
}

// rowsArgs are the arguments of the assembly of depthwise convolutions of 3x3 taps, whose sums
// become outputs at once: those of rows times columns pixels.
//
//	sum = start[c] + sum over p and q of x[p*down + (j*stride+q)*step + c] * weight, x of row i
//	y[(i*columns+j)*step + c] = sum, requantized
type rowsArgs struct {
	x             *int8 // at the panel's first channel
	weight        *byte // of the panel
	start         *int32
	scale         *requantization // of eight channels each, all simple
	y             *int8
	rows, columns int
	step          int // bytes between pixels, of x and y
	down          int // bytes between rows of the kernel
	next          int // bytes from where a row of outputs has ended reading to where the next one begins
	stride        int // pixels between columns: 1 or 2
	width         int // of the panel
}

// sumArgs are the arguments of the assembly of additions, of n elements, a multiple of
// 16. wide is the input of the larger scale.
//
//	sums[i] = (wide[i] - wideZero) << (headroom - 1) + ((narrow[i] - narrowZero) << headroom) requantized
type sumArgs struct {
	sums       *int32
	wide       *int8
	narrow     *int8
	wideZero   int
	narrowZero int
	scale      *requantization // without its clamp
	n          int
}
