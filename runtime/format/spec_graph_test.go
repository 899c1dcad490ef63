package format

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
)

// specGraph reads the graph section by the text of SPEC.md alone: it shares no code
// with the package, and knows nothing of its table of opcodes. It trusts its input.
type specGraph struct {
	in      []byte
	tensors []Tensor
	instrs  []Instr
	outputs []int
	weights [][4]int
	luts    int
	scaling []Scaling
}

func (g *specGraph) u8() int {
	b := g.in[0]
	g.in = g.in[1:]
	return int(b)
}

func (g *specGraph) uvarint() (n int) {
	for shift := 0; ; shift += 7 {
		b := g.u8()
		n |= b & 127 << shift
		if b < 128 {
			return n
		}
	}
}

func (g *specGraph) varint() int {
	u := uint32(g.uvarint())
	return int(int32(u>>1 ^ -(u & 1)))
}

func (g *specGraph) uvarints(n int) (list []int) {
	for range n {
		list = append(list, g.uvarint())
	}
	return list
}

// grid reads a scale, wide or not, and a zero point.
func (g *specGraph) grid(t *Tensor, wide bool) {
	bits := g.u8() | g.u8()<<8
	if wide {
		t.Scale = math.Float32frombits(uint32(bits | g.u8()<<16 | g.u8()<<24))
	} else {
		t.Scale = float(uint16(bits))
	}
	t.Zero = int(int8(g.u8()))
}

func (g *specGraph) read() {
	inputs := g.uvarint()
	for k := range inputs {
		b := g.u8()
		t := Tensor{Shape: g.uvarints(b & 7), Whole: b>>7 == 1}
		if b>>6&1 == 1 {
			t.DType = Float32
		} else {
			g.grid(&t, b>>3&1 == 1)
		}
		g.tensors = append(g.tensors, t)
		if b>>4&1 == 1 {
			g.scaled(k, t.Shape, b>>5&1 == 1)
		}
	}
	for range g.uvarint() {
		g.instr()
	}
	if g.outputs = g.uvarints(g.uvarint()); g.outputs == nil {
		g.outputs = []int{len(g.tensors) - 1}
	}
}

// scaled reads the grids of the channels of input k.
func (g *specGraph) scaled(k int, shape []int, wide bool) {
	s := Scaling{Input: k, Axis: g.uvarint()}
	for range shape[s.Axis] {
		bits := g.u8() | g.u8()<<8
		scale := float(uint16(bits))
		if wide {
			scale = math.Float32frombits(uint32(bits | g.u8()<<16 | g.u8()<<24))
		}
		s.Scale, s.Zero = append(s.Scale, scale), append(s.Zero, g.varint())
	}
	g.scaling = append(g.scaling, s)
}

// instr reads an instruction.
// Complexity: a branch for each property of SPEC.md.
//
//gocyclo:ignore
func (g *specGraph) instr() {
	first := g.u8()
	op, out := first&31, len(g.tensors)
	in := []int{out - 1}
	if op == 24 {
		in = nil
	}
	if first>>5&1 == 1 {
		in = nil
		for range g.uvarint() {
			in = append(in, out-1-g.uvarint())
		}
	}
	flags := 0
	if first>>6&1 == 1 {
		flags = g.uvarint()
	}
	a := g.attributes(op, flags)
	i := Instr{Op: Opcode(op), In: in, Out: out, KH: a[0], PadT: a[1], StrideH: a[2], ClampMin: int8(a[3]), ClampMax: int8(a[4]), Groups: a[5], Axis: a[6],
		KW: a[7], PadL: a[8], StrideW: a[9], PadB: a[10], PadR: a[11], DilH: a[12], DilW: a[13], CountPad: a[14] == 1, PadValue: int8(a[15]),
		Weight: a[16], LUT: a[17], RoundOnce: a[18] == 1, Function: a[20], Real: math.Float32frombits(uint32(a[21])), Reverse: a[22] == 1, Start: a[23], Dims: a[24]}
	var x Tensor
	if len(in) > 0 {
		x = g.tensors[in[0]]
	}
	next := i.Weight == len(g.weights) && (op == 1 || op == 2 || op >= 23 && op <= 25)
	if next {
		w := [4]int{g.uvarint(), 1, 1, x.Elems()}
		switch op {
		case 1:
			w = [4]int{w[0], g.uvarint(), g.uvarint(), x.Shape[2] / i.Groups}
		case 23:
			w[3] = g.uvarint()
		case 25:
			w[3] = w[0] / []int{1, 3, 3, 4, 4}[i.Function]
		}
		g.weights = append(g.weights, w)
	}
	if op == 7 {
		g.luts = max(g.luts, i.LUT+1)
	}
	switch rank := len(x.Shape); op {
	case 10:
		i.Perm = g.uvarints(rank)
	case 11, 24, 26:
		i.Shape = g.uvarints(g.uvarint())
	}
	if op == 26 {
		for range g.uvarint() {
			i.Strides = append(i.Strides, g.varint())
		}
	}
	if next && op == 24 {
		w := &g.weights[i.Weight]
		w[3] = (&Tensor{Shape: i.Shape}).Elems() / w[0]
	}
	t := Tensor{Shape: g.shape(&i, x)}
	switch op {
	case 3, 4, 8, 9, 10, 11, 16, 26, 27, 28: // the grid and the type of the input
		t.DType, t.Scale, t.Zero = x.DType, x.Scale, x.Zero
	case 12, 13, 17, 18, 19, 20, 21, 22, 23, 24:
		t.DType = Float32
	default:
		if first>>7 == 1 {
			t.DType = Float32
		} else {
			g.grid(&t, flags>>19&1 == 1)
		}
	}
	g.instrs, g.tensors = append(g.instrs, i), append(g.tensors, t)
}

// attributes reads those that flags names; the others take the defaults of SPEC.md's table.
// Complexity: a branch for each attribute of SPEC.md.
//
//gocyclo:ignore
func (g *specGraph) attributes(op, flags int) (a [25]int) {
	pool, conv := op == 3 || op == 4, op == 1
	for k := range a {
		if k == 19 { // it has no value
			continue
		}
		if flags>>k&1 == 1 {
			a[k] = g.varint()
			continue
		}
		switch k {
		case 0:
			a[k] = 2 * bit01(pool)
		case 1:
			a[k] = -1 << 18 * bit01(op == 27)
		case 2:
			a[k] = map[int]int{1: 1, 3: a[0], 4: a[0], 16: 1, 27: 1 << 19, 28: 2}[op]
		case 3:
			a[k] = -128
		case 4:
			a[k] = 127
		case 5:
			a[k] = bit01(conv)
		case 12:
			a[k] = bit01(pool || conv)
		case 16:
			if a[k] = -1; conv || op == 2 || op >= 23 && op <= 25 {
				a[k] = len(g.weights)
			}
		case 24:
			a[k] = bit01(op == 20)
		case 17:
			if a[k] = -1; op == 7 {
				a[k] = g.luts
			}
		default: // the default is another attribute, or 0
			if of, ok := map[int]int{7: 0, 8: 1, 9: 2, 10: 1, 11: 8, 13: 12}[k]; ok {
				a[k] = a[of]
			}
		}
	}
	return a
}

// shape computes that of an output.
// Complexity: a case for each opcode.
//
//gocyclo:ignore
func (g *specGraph) shape(i *Instr, x Tensor) []int {
	s := x.Shape
	moved := func(kh, kw, c int) []int {
		return []int{(s[0]+i.PadT+i.PadB-(kh-1)*i.DilH-1)/i.StrideH + 1, (s[1]+i.PadL+i.PadR-(kw-1)*i.DilW-1)/i.StrideW + 1, c}
	}
	switch i.Op {
	case 1:
		w := g.weights[i.Weight]
		return moved(w[1], w[2], w[0])
	case 2:
		return []int{g.weights[i.Weight][0]}
	case 3, 4:
		return moved(i.KH, i.KW, s[2])
	case 8:
		joined := append([]int{}, s...)
		for _, t := range i.In[1:] {
			joined[i.Axis] += g.tensors[t].Shape[i.Axis]
		}
		return joined
	case 9:
		return []int{i.PadT + s[0] + i.PadB, i.PadL + s[1] + i.PadR, s[2]}
	case 10:
		var turned []int
		for _, p := range i.Perm {
			turned = append(turned, s[p])
		}
		return turned
	case 11, 24, 26:
		return i.Shape
	case 18, 19:
		return g.broadcast(i.In...)
	case 20:
		one := append([]int{}, s...)
		for d := range i.Dims {
			one[i.Axis+d] = 1
		}
		return one
	case 22:
		t := g.tensors[i.In[1]].Shape
		n := t[len(t)-1]
		if i.Reverse {
			n = t[len(t)-2]
		}
		all := g.broadcast(i.In...)
		return append(all[:len(all)-2], s[len(s)-2], n)
	case 23:
		if len(i.In) == 1 {
			return append(append([]int{}, s...), g.weights[i.Weight][3])
		}
		return append(append(append([]int{}, s[:i.Axis]...), g.tensors[i.In[1]].Shape...), s[i.Axis+1:]...)
	case 25:
		return []int{s[0] + bit01(i.Function == 4), g.weights[i.Weight][3]}
	case 16:
		return []int{(s[0]-i.PadT-i.PadB-1)/i.StrideH + 1, (s[1]-i.PadL-i.PadR-1)/i.StrideW + 1, s[2]}
	case 27:
		return []int{i.KH, i.KW, s[2]}
	case 28:
		return []int{(s[0]-1)*i.StrideH + 1, (s[1]-1)*i.StrideW + 1, s[2]}
	}
	return s
}

// broadcast is the shape that those of tensors are broadcast to.
func (g *specGraph) broadcast(tensors ...int) (out []int) {
	for _, t := range tensors {
		s := g.tensors[t].Shape
		for len(out) < len(s) {
			out = append([]int{1}, out...)
		}
		for d, n := range s {
			at := len(out) - len(s) + d
			out[at] = max(out[at], n)
		}
	}
	return out
}

// A reader of graphs made from SPEC.md gives the instructions and tensors of random
// networks with every opcode.
func TestSpecGraph(t *testing.T) {
	files := []*File{example(), dense()}
	for seed := range uint64(trials(60)) {
		files = append(files, network(rand.New(rand.NewPCG(seed, 80))), latest(rand.New(rand.NewPCG(seed, 80))))
	}
	for k, f := range files {
		g := &specGraph{in: rawSections(encoded(t, f))[1].b}
		g.read()
		for i := range f.Tensors {
			f.Tensors[i].Offset = 0 // not in the file
		}
		if len(g.in) > 0 || !reflect.DeepEqual(g.outputs, f.Outputs) || len(g.weights) != len(f.Weights) || g.luts != len(f.LUTs) {
			t.Fatalf("file %d: %d bytes are left; outputs %v, want %v; %d weights, %d tables", k, len(g.in), g.outputs, f.Outputs, len(g.weights), g.luts)
		}
		if !reflect.DeepEqual(g.scaling, f.Scaling) {
			t.Errorf("file %d: scaling %+v, want %+v", k, g.scaling, f.Scaling)
		}
		for i, w := range f.Weights {
			if g.weights[i] != [4]int{w.OutC, w.KH, w.KW, w.InC} {
				t.Errorf("file %d: weights %d have shape %v", k, i, g.weights[i])
			}
		}
		for i := range f.Instrs {
			if !reflect.DeepEqual(g.instrs[i], f.Instrs[i]) {
				t.Fatalf("file %d: instruction %d is %+v, want %+v", k, i, g.instrs[i], f.Instrs[i])
			}
		}
		if !reflect.DeepEqual(g.tensors, f.Tensors) {
			t.Fatalf("file %d: tensors %+v, want %+v", k, g.tensors, f.Tensors)
		}
	}
}
