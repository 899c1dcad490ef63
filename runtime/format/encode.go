package format

import (
	"math"
	"slices"
)

// Encode returns the bytes of f and where they went. f must be in the form
// that Finish makes. The same file always gives the same bytes.
func Encode(f *File) ([]byte, *Sizes, error) {
	if err := f.Check(); err != nil {
		return nil, nil, err
	}
	sizes := &Sizes{}
	w := &writer{b: append([]byte(magic), f.since())}
	section := func(tag byte, body []byte) {
		w.byte(tag)
		w.uvarint(len(body))
		w.b = append(w.b, body...)
	}
	graph := encodeGraph(f)
	section(secGraph, graph)
	sizes.Graph = len(graph)
	bits := int64(0) // of the range coder
	if len(f.Weights)+len(f.LUTs) > 0 {
		dense, tag := f.denseTensors(), byte(secWeights)
		if dense != nil {
			w.b[len(magic)] = max(w.b[len(magic)], sinceDense)
			tag = secDense
		}
		var weights []byte
		weights, bits = weightsSection(f, dense, sizes)
		section(tag, weights)
	}
	if len(f.State) > 0 {
		state := encodeState(f)
		section(secState, state)
		sizes.Graph += len(state)
	}
	if meta := encodeMeta(&f.Meta); meta != nil {
		section(secMeta, meta)
		sizes.Meta = len(meta)
	}
	if f.Test != nil {
		t := &writer{}
		t.uvarint(int(f.Test.Seed))
		t.u32(f.Test.CRC)
		section(secTest, t.b)
		sizes.Test = len(t.b)
	}
	if err := f.allowed(len(w.b)+4, bits); err != nil {
		return nil, nil, err
	}
	if f.Arena > MaxArena {
		return nil, nil, Error("needs more than " + itoa(MaxArena) + " bytes of working memory")
	}
	w.u32(Checksum(w.b))
	sizes.Checksum = 4
	sizes.Header = len(w.b) - sizes.Total()
	return w.b, sizes, nil
}

// allowed refuses what readers refuse of a file of n bytes, whose weights took that many
// coded bits.
func (f *File) allowed(n int, bits int64) error {
	weights, nonzeros := f.weights(), int64(0)
	for i := range f.Weights {
		for _, v := range f.Weights[i].Values {
			nonzeros += int64(nonzero(v))
		}
	}
	switch {
	case weights > maxWeights(n):
		return Error(itoa(weights) + " weights take " + itoa(n) + " bytes; readers refuse so few, remove the channels that hold only zeros")
	case nonzeros > someNonzero.of(n), bits > maxBits(n):
		return Error("the weights take " + itoa(n) + " bytes; readers refuse so few for them, remove channels that are alike")
	}
	return nil
}

// encodeGraph writes inputs, instructions and outputs.
func encodeGraph(f *File) []byte {
	w := &writer{}
	w.uvarint(len(f.Inputs))
	for k, t := range f.Inputs {
		x, own := &f.Tensors[t], f.ScalingOf(k)
		if x.DType == Float32 {
			encodeFloatInput(w, x)
			continue
		}
		_, ok := half(x.Scale)
		w.byte(byte(len(x.Shape) | bit01(!ok)*inWide | bit01(own != nil)*inScaled | bit01(own != nil && own.wide())*inWideOwn))
		for _, d := range x.Shape {
			w.uvarint(d)
		}
		w.grid(x)
		if own != nil {
			encodeScaling(w, own)
		}
	}
	w.uvarint(len(f.Instrs))
	used := operands{}
	for k := range f.Instrs {
		encodeInstr(w, f, k, &used)
	}
	// outputs: the last tensor alone is written as 0
	if len(f.Outputs) == 1 && f.Outputs[0] == len(f.Tensors)-1 {
		w.uvarint(0)
		return w.b
	}
	w.uvarint(len(f.Outputs))
	for _, t := range f.Outputs {
		w.uvarint(t)
	}
	return w.b
}

// encodeFloatInput writes an input of float32, which has no grid.
func encodeFloatInput(w *writer, x *Tensor) {
	w.byte(byte(len(x.Shape) | inFloat | bit01(x.Whole)*inWhole))
	for _, d := range x.Shape {
		w.uvarint(d)
	}
}

func encodeMeta(m *Meta) []byte {
	if m.Name == "" && len(m.Labels) == 0 && !m.Input.Bytes255 && !m.Input.ChannelsLast && len(m.Input.Mean)+len(m.Input.Std) == 0 {
		return nil
	}
	w := &writer{}
	w.string(m.Name)
	w.uvarint(len(m.Labels))
	for _, l := range m.Labels {
		w.string(l)
	}
	w.byte(byte(bit01(m.Input.Bytes255) | bit01(m.Input.ChannelsLast)<<1))
	for _, list := range [][]float32{m.Input.Mean, m.Input.Std} {
		w.uvarint(len(list))
		for _, v := range list {
			w.f32(v)
		}
	}
	return w.b
}

// weightsSection codes tables and weights and accounts for it; bits are those that the range
// coder coded. dense says which are coded as seldom zero; nil: none, as in the section that
// knows no such.
func weightsSection(f *File, dense []bool, sizes *Sizes) (out []byte, bits int64) {
	var a account
	c := newEncoder(newModel())
	c.spend = a.spend
	if dense != nil {
		c.dense = newDenseCoder(rans{listed: make([]slots, 0, f.symbols(dense))})
		c.dense.spend = a.spend
	}
	for i := range f.LUTs {
		codeLUT(c, &f.LUTs[i])
	}
	a.spent(partLUTs)
	sizes.Weights = make([]WeightSizes, len(f.Weights))
	grids := f.grids()
	c.fit(grids)
	for i, g := range grids {
		a.own = &sizes.Weights[i]
		w := f.Weights[i]
		w.Values = slices.Clone(w.Values)
		codeWeight(c, &w, g, dense != nil && dense[i], a.spent)
	}
	bits = math.MaxInt64 - c.bits
	out = c.finish()
	if c.dense != nil {
		w := &writer{}
		w.uvarint(len(out))
		out = append(append(w.b, out...), c.dense.finish()...)
	}
	n := share(len(out), a.bits[:])
	sizes.Masks, sizes.Indexes, sizes.Biases, sizes.Scales, sizes.Codebooks, sizes.LUTs =
		n[partMasks], n[partIndexes], n[partBiases], n[partScales], n[partCodebooks], n[partLUTs]
	return out, bits
}

// symbols is about the number of those that code the dense tensors.
func (f *File) symbols(dense []bool) int {
	n := 0
	for i := range f.Weights {
		if dense[i] {
			n += 2 * len(f.Weights[i].Values)
		}
		n += 4 * f.Weights[i].OutC
	}
	return n
}

// account says what the bits of coded weights went to.
type account struct {
	pending float64        // bits since the last part
	bits    [parts]float64 // of each part
	own     *WeightSizes   // of the tensor that is coded; nil for tables
}

func (a *account) spend(bits float64) { a.pending += bits }

// spent books the bits since its last call to part p.
func (a *account) spent(p part) {
	a.bits[p] += a.pending
	if a.own != nil {
		switch p {
		case partMasks:
			a.own.Masks += a.pending
		case partIndexes:
			a.own.Indexes += a.pending
		case partBiases:
			a.own.Biases += a.pending
		case partScales:
			a.own.Scales += a.pending
		case partCodebooks:
			a.own.Codebooks += a.pending
		}
	}
	a.pending = 0
}
