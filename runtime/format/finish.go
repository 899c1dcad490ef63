package format

import "hash/crc32"

// Finish brings f into the canonical form in which it is written: inputs are
// tensors 0, 1, ..., instruction i writes the tensor after them and the earlier
// instructions', weights and tables are numbered by their first use, attributes
// that an opcode does not use are cleared, and the arena is planned (Plan).
func Finish(f *File) {
	number := make([]int, len(f.Tensors))
	var order []int
	give := func(t int) {
		number[t] = len(order)
		order = append(order, t)
	}
	for _, t := range f.Inputs {
		give(t)
	}
	for i := range f.Instrs {
		give(f.Instrs[i].Out)
	}
	tensors := make([]Tensor, len(order))
	for k, t := range order {
		tensors[k] = f.Tensors[t]
	}
	f.Tensors = tensors
	renumber := func(ts []int) []int {
		out := make([]int, len(ts))
		for i, t := range ts {
			out[i] = number[t]
		}
		return out
	}
	for i := range f.Instrs {
		in := &f.Instrs[i]
		in.In, in.Out = renumber(in.In), number[in.Out]
		in.normalize()
	}
	f.Inputs, f.Outputs = renumber(f.Inputs), renumber(f.Outputs)
	f.Weights = byFirstUse(f, f.Weights, func(in *Instr) *int { return &in.Weight })
	f.LUTs = byFirstUse(f, f.LUTs, func(in *Instr) *int { return &in.LUT })
	Plan(f)
}

// byFirstUse returns the operands in the order in which instructions name them,
// without those that none does, and renumbers the instructions' references.
func byFirstUse[T any](f *File, operands []T, ref func(*Instr) *int) []T {
	number := map[int]int{}
	var out []T
	for i := range f.Instrs {
		r := ref(&f.Instrs[i])
		if *r < 0 || *r >= len(operands) {
			continue
		}
		if _, ok := number[*r]; !ok {
			number[*r] = len(out)
			out = append(out, operands[*r])
		}
		*r = number[*r]
	}
	return out
}

// unused reports whether in has attributes that its opcode does not use.
func (in *Instr) unused() bool {
	c := *in
	c.normalize()
	return fieldsOf(&c) != fieldsOf(in) || len(c.Perm) != len(in.Perm) || len(c.Shape) != len(in.Shape)
}

// normalize clears the attributes that the opcode does not use.
func (in *Instr) normalize() {
	c := Instr{Op: in.Op, In: in.In, Out: in.Out, Weight: -1, LUT: -1, ClampMin: -128, ClampMax: 127}
	moves := in.Op == OpConv2D || in.Op == OpMaxPool || in.Op == OpAvgPool
	if moves {
		c.StrideH, c.StrideW, c.DilH, c.DilW = in.StrideH, in.StrideW, in.DilH, in.DilW
	}
	if moves || in.Op == OpPad {
		c.PadT, c.PadL, c.PadB, c.PadR = in.PadT, in.PadL, in.PadB, in.PadR
	}
	if in.Op.weighted() {
		c.Weight, c.RoundOnce = in.Weight, in.RoundOnce
	}
	if in.Op.clamped() {
		c.ClampMin, c.ClampMax = in.ClampMin, in.ClampMax
	}
	switch in.Op {
	case OpConv2D:
		c.Groups = in.Groups
	case OpMaxPool:
		c.KH, c.KW = in.KH, in.KW
	case OpAvgPool:
		c.KH, c.KW, c.CountPad = in.KH, in.KW, in.CountPad
	case OpLUT:
		c.LUT = in.LUT
	case OpConcat:
		c.Axis = in.Axis
	case OpPad:
		c.PadValue = in.PadValue
	case OpTranspose:
		c.Perm = in.Perm
	case OpReshape:
		c.Shape = in.Shape
	}
	*in = c
}

// SelfTestInput fills dst with the input that stands for seed: bytes of the
// xorshift generator x ^= x<<13, x ^= x>>17, x ^= x<<5 started at seed (0: 1),
// the top byte of each x.
func SelfTestInput(seed uint32, dst []int8) {
	x := seed
	if x == 0 {
		x = 1
	}
	for i := range dst {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		dst[i] = int8(x >> 24)
	}
}

// Checksum is the CRC-32 (IEEE) that files and self-tests use.
func Checksum(data []byte) uint32 { return crc32.ChecksumIEEE(data) }
