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
		var out []int
		for _, t := range ts {
			out = append(out, number[t])
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

// SelfTestFloats is SelfTestInput for an input of float32: of each x as there, the top byte as a
// signed number over 32, from -4 to 3.97; or, of whole numbers, x >> 8 modulo limit, or modulo
// 256 where that is 0.
func SelfTestFloats(seed uint32, dst []float32, whole bool, limit int) {
	x, n := max(seed, 1), limit
	if n == 0 {
		n = 256
	}
	for i := range dst {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		dst[i] = float32(int8(x>>24)) / 32
		if whole {
			dst[i] = float32((x >> 8) % uint32(n))
		}
	}
}

// Limits returns for each input the number of rows of the smallest table that its elements are
// numbers of, as they are or moved: OpGather reads them. 0: none does.
func (f *File) Limits() []int {
	limit := make([]int, len(f.Tensors))
	lower := func(t, n int) {
		if n > 0 && (limit[t] == 0 || n < limit[t]) {
			limit[t] = n
		}
	}
	for k := len(f.Instrs) - 1; k >= 0; k-- {
		in := &f.Instrs[k]
		switch row := in.Op.row(); {
		case row.weights == lookup && in.weighted():
			lower(in.In[0], f.Weights[in.Weight].OutC)
		case row.weights == lookup:
			lower(in.In[1], f.Tensors[in.In[0]].Shape[in.Axis])
		case row.inputGrid:
			for _, t := range in.In {
				lower(t, limit[in.Out])
			}
		}
	}
	limits := make([]int, len(f.Inputs))
	for k, t := range f.Inputs {
		limits[k] = limit[t]
	}
	return limits
}

// Checksum is the CRC-32 (IEEE) that files and self-tests use.
func Checksum(data []byte) uint32 { return crc32.ChecksumIEEE(data) }
