package format

import "slices"

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
	if len(f.Weights)+len(f.LUTs) > 0 {
		dense := f.denseTensors()
		if dense == nil {
			section(secWeights, encodeWeights(f, nil, sizes))
		} else {
			w.b[len(magic)] = max(w.b[len(magic)], sinceDense)
			section(secDense, encodeWeights(f, dense, sizes))
		}
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
	if n := f.weights() / maxPerByte; n > len(w.b) {
		return nil, nil, Error(itoa(f.weights()) + " weights take " + itoa(len(w.b)) + " bytes; readers refuse so few, remove the channels that hold only zeros")
	}
	if f.Arena > MaxArena {
		return nil, nil, Error("needs more than " + itoa(MaxArena) + " bytes of working memory")
	}
	w.u32(Checksum(w.b))
	sizes.Checksum = 4
	sizes.Header = len(w.b) - sizes.Total()
	return w.b, sizes, nil
}

// encodeGraph writes inputs, instructions and outputs.
func encodeGraph(f *File) []byte {
	w := &writer{}
	w.uvarint(len(f.Inputs))
	for k, t := range f.Inputs {
		x, own := &f.Tensors[t], f.ScalingOf(k)
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

// encodeWeights codes tables and weights and accounts for it. dense says which are coded as
// seldom zero; nil: none, as in the section that knows no such.
func encodeWeights(f *File, dense []bool, sizes *Sizes) []byte {
	var a account
	c := newEncoder(newModel())
	c.spend = a.spend
	if dense != nil {
		c.dense = newDenseCoder(rans{})
		c.dense.spend = a.spend
	}
	for i := range f.LUTs {
		codeLUT(c, &f.LUTs[i])
	}
	a.spent(partLUTs)
	sizes.Weights = make([]WeightSizes, len(f.Weights))
	for i := range f.Weights {
		a.own = &sizes.Weights[i]
		w := f.Weights[i]
		w.Values = slices.Clone(w.Values)
		g, kind := gridOf(f, i)
		codeWeight(c, &w, g, kind, dense != nil && dense[i], a.spent)
	}
	out := c.finish()
	if c.dense != nil {
		w := &writer{}
		w.uvarint(len(out))
		out = append(append(w.b, out...), c.dense.finish()...)
	}
	n := share(len(out), a.bits[:])
	sizes.Masks, sizes.Indexes, sizes.Biases, sizes.Scales, sizes.Codebooks, sizes.LUTs =
		n[partMasks], n[partIndexes], n[partBiases], n[partScales], n[partCodebooks], n[partLUTs]
	return out
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

// gridOf returns the shape under which the weights are coded: that of the
// first instruction that uses them.
func gridOf(f *File, weight int) (grid, int32) {
	w := &f.Weights[weight]
	for i := range f.Instrs {
		in := &f.Instrs[i]
		if !in.Op.weighted() || in.Weight != weight {
			continue
		}
		if in.Op.row().weights == kernel {
			return grid{w.OutC, w.KH, w.KW, w.InC}, int32(2 * bit01(w.KH*w.KW == 1))
		}
		if s := f.Tensors[in.In[0]].Shape; len(s) == 3 && s[0]*s[1] > 1 {
			return grid{w.OutC, s[0], s[1], s[2]}, 1
		}
		break
	}
	return grid{w.OutC, w.KH, w.KW, w.InC}, 2
}
