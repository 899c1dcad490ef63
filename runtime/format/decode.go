package format

import "slices"

// Decode reads a file and validates all of it: what it returns satisfies
// Check, and its arena is planned. An error says what is wrong and the remedy: a
// FormatError, an UnsupportedError, or an Error for what Check or the limits refuse.
//
// Cost: memory and time in proportion to the weights and their code, which the length of data
// bounds: see the limits of SPEC.md.
func Decode(data []byte) (*File, error) {
	body, err := unseal(data)
	if err != nil {
		return nil, err
	}
	f := &File{}
	tag, weights, err := decodeSections(f, body)
	if err != nil {
		return nil, err
	}
	if err := f.shapes(len(data)); err != nil {
		return nil, err
	}
	if err := decodeWeights(f, tag, weights, len(data)); err != nil {
		return nil, err
	}
	if err := f.check(); err != nil { // values come from their codebooks, see fromBook
		return nil, err
	}
	Plan(f)
	if f.Arena > MaxArena {
		return nil, Error("needs more than " + itoa(MaxArena) + " bytes of working memory")
	}
	return f, nil
}

// unseal verifies magic, version and checksum; it returns the sections.
func unseal(data []byte) ([]byte, error) {
	const least = len(magic) + 1 + 4
	switch {
	case len(data) < len(magic) || string(data[:len(magic)]) != magic:
		return nil, Error("not an edgec file: it does not start with the magic number; give one that edgec compress or edgec pack made")
	case len(data) < least:
		return nil, FormatError{len(data), "truncated: " + itoa(len(data)) + " bytes; copy the file again"}
	case data[len(magic)]>>4 != oldest>>4:
		return nil, UnsupportedError("written for format " + itoa(int(data[len(magic)]>>4)) + ".x, this reader knows " + itoa(oldest>>4) + ".x: update it")
	}
	body := data[:len(data)-4]
	if sum := (&reader{b: data[len(data)-4:]}).u32(); sum != Checksum(body) {
		return nil, FormatError{len(body), "the checksum of its " + itoa(len(data)) + " bytes differs: the file is truncated or damaged, copy it again"}
	}
	return body[len(magic)+1:], nil
}

// decodeSections reads all sections but the weights, which it returns with their tag; nil:
// there are none.
func decodeSections(f *File, body []byte) (tag byte, weights *reader, err error) {
	r := &reader{b: body, end: len(magic) + 1 + len(body)}
	var seen [256]bool
	for len(r.b) > 0 {
		is := r.byte()
		n := r.uvarint()
		if r.fail || n > len(r.b) {
			return 0, nil, r.broken("a section ends beyond the file")
		}
		if seen[is] {
			return 0, nil, r.broken("section " + itoa(int(is)) + " occurs twice")
		}
		seen[is] = true
		sec := r.section(n)
		if is == secWeights || is == secDense {
			if weights != nil {
				return 0, nil, r.broken("weights occur twice")
			}
			tag, weights = is, sec
			continue
		}
		if err := decodeSection(f, is, sec); err != nil {
			return 0, nil, err
		}
	}
	if !seen[secGraph] {
		return 0, nil, r.broken("holds no graph")
	}
	return tag, weights, nil
}

// decodeSection reads a section other than the weights.
func decodeSection(f *File, tag byte, sec *reader) error {
	switch tag {
	case secGraph:
		if err := decodeGraph(f, sec); err != nil {
			return err
		}
	case secState:
		if err := decodeState(f, sec); err != nil {
			return err
		}
	case secMeta:
		decodeMeta(&f.Meta, sec)
	case secTest:
		f.Test = &SelfTest{Seed: uint32(sec.uvarint()), CRC: sec.u32()}
	default:
		if tag&optional == 0 {
			return UnsupportedError("section " + itoa(int(tag)) + " is unknown and needed: update the reader")
		}
		return nil
	}
	if sec.fail || len(sec.b) > 0 && tag&optional == 0 { // later versions may add to optional ones
		return sec.broken("section " + itoa(int(tag)) + " does not have the length of its content")
	}
	return nil
}

// decodeWeights reads the tables and weights, whose shapes are known, from the section of that
// tag in a file of length bytes.
func decodeWeights(f *File, tag byte, sec *reader, length int) error {
	if need := len(f.Weights)+len(f.LUTs) > 0; need != (sec != nil) {
		return Error("the graph does not agree with the file on whether there are weights")
	} else if !need {
		return nil
	}
	dense := &reader{}
	if tag == secDense {
		n := sec.uvarint()
		if sec.fail || n > len(sec.b) {
			return sec.broken("the weights end too early")
		}
		dense.b, sec.b = sec.b[n:], sec.b[:n]
		sec.end -= len(dense.b)
	}
	data := sec.b
	c := newDecoder(newModel(), data, newBudget(length))
	if tag == secDense {
		c.dense = newDenseCoder(ransDecoder(dense.b))
	}
	c.codeAll(f)
	sec.b = data[min(c.at, len(data)):]
	d := c.dense
	switch {
	case c.short, d != nil && d.short:
		return sec.broken("the weights end too early")
	case c.broken, d != nil && d.broken:
		return sec.broken("the weights hold a value that no writer makes")
	case c.spent():
		return c.exceeded()
	case c.at < len(data), d != nil && !d.ended():
		return sec.broken("the weights end before their section")
	}
	return nil
}

// codeAll reads all tables and weights of f, until the stream or the budget ends.
func (c *coder) codeAll(f *File) {
	for i := range f.LUTs {
		if codeLUT(c, &f.LUTs[i]); c.stopped() {
			return
		}
	}
	grids := f.grids()
	c.fit(grids)
	for i, g := range grids {
		if codeWeight(c, &f.Weights[i], g, false, nil); c.stopped() || c.spent() {
			return
		}
	}
}

// decodeGraph reads what encodeGraph wrote. Shapes of outputs and weights
// follow later.
func decodeGraph(f *File, r *reader) error {
	n := r.uvarint()
	if n > MaxInputs {
		return r.broken(itoa(n) + " inputs, at most " + itoa(MaxInputs) + " are read")
	}
	for k := 0; k < n; k++ {
		if err := decodeInput(f, k, r); err != nil {
			return err
		}
	}
	m := r.uvarint()
	if r.fail || m > MaxTensors || m > len(r.b) {
		return r.broken("the graph ends too early")
	}
	f.Instrs = make([]Instr, 0, m)
	f.Tensors = slices.Grow(f.Tensors, m)
	g := &graphReader{reader: r, f: f}
	for _, t := range f.Inputs {
		g.ranks = append(g.ranks, uint8(len(f.Tensors[t].Shape)))
	}
	for k := 0; k < m; k++ {
		if err := decodeInstr(g); err != nil {
			return err
		}
	}
	outs := r.uvarint()
	if outs > len(r.b) {
		return r.broken("the graph ends too early")
	}
	for k := 0; k < outs; k++ {
		f.Outputs = append(f.Outputs, r.uvarint())
	}
	if outs == 0 {
		f.Outputs = []int{len(f.Tensors) - 1}
	}
	return nil
}

// decodeInput reads input k.
func decodeInput(f *File, k int, r *reader) error {
	b := r.byte()
	if b&inWideOwn != 0 && b&inScaled == 0 || b&inWhole != 0 && b&inFloat == 0 || b&inFloat != 0 && b&(inWide|inScaled) != 0 {
		return UnsupportedError("input " + itoa(k) + " has properties that this reader does not know: update it")
	}
	t := Tensor{Whole: b&inWhole != 0}
	for d := 0; d < int(b&7); d++ {
		t.Shape = append(t.Shape, r.uvarint())
	}
	if b&inFloat != 0 {
		t.DType = Float32
	} else {
		r.grid(&t, b&inWide != 0)
	}
	if b&inScaled != 0 {
		decodeScaling(f, k, t.Shape, b&inWideOwn != 0, r)
	}
	f.Tensors = append(f.Tensors, t)
	f.Inputs = append(f.Inputs, k)
	return nil
}

// shapes computes the shapes of weights and outputs, and refuses files whose
// weights are out of proportion to their length.
func (f *File) shapes(length int) error {
	for _, t := range f.Inputs {
		if s := f.Tensors[t].Shape; !positive(s) || len(s) < 1 || len(s) > maxRank {
			return Error("input " + itoa(t) + " has shape " + shapeString(f.Tensors[t].Shape))
		}
	}
	var total amounts
	used := 0 // weights whose shapes are complete
	for k := range f.Instrs {
		in := &f.Instrs[k]
		x, err := f.reads(in, "instruction "+itoa(k)+" ")
		if err != nil {
			return err
		}
		w, err := f.weightShape(k, x, &used, &total, length)
		if err != nil {
			return err
		}
		out := &f.Tensors[in.Out]
		shape, dt, err := OutShape(in, x, w, out.DType == Float32)
		if err != nil {
			return Error("instruction " + itoa(k) + ": " + string(err.(Error)))
		}
		if !positive(shape) {
			return Error("instruction " + itoa(k) + ": output of shape " + shapeString(shape))
		}
		out.Shape, out.DType = shape, dt
		if in.Op.row().inputGrid {
			out.Scale, out.Zero = x[0].Scale, x[0].Zero
		}
	}
	return nil
}

// weightShape returns the weights of instruction k, nil if it has none, and completes
// the shape of those that it is the first to use, which used counts. total has their amounts.
func (f *File) weightShape(k int, x []*Tensor, used *int, total *amounts, length int) (*Weight, error) {
	in := &f.Instrs[k]
	if !in.weighted() {
		return nil, nil
	}
	where := "instruction " + itoa(k) + ": "
	first := *used
	if !next(in.Weight, used, len(f.Weights)) {
		return nil, Error(where + "weights " + itoa(in.Weight) + " do not exist or are out of order")
	}
	w := &f.Weights[in.Weight]
	if in.Weight < first {
		return w, total.use(w)
	}
	switch row := in.Op.row(); {
	case row.weights == matrix:
		w.InC = x[0].Elems()
	case row.weights == states && RecurrentGates(in.Function) > 0:
		w.InC = w.OutC / RecurrentGates(in.Function)
	case row.weights == filled && positive(in.Shape) && w.OutC > 0:
		w.InC = (&Tensor{Shape: in.Shape}).Elems() / w.OutC
	case row.weights == kernel && isImage(x[0].Shape) && in.Groups > 0:
		w.InC = x[0].Shape[2] / in.Groups
	}
	if shape := []int{w.OutC, w.KH, w.KW, w.InC}; !positive(shape) {
		return nil, Error(where + "weights of shape " + shapeString(shape))
	}
	if err := total.add(w, length); err != nil {
		return nil, err
	}
	return w, total.use(w)
}

func decodeMeta(m *Meta, r *reader) {
	m.Name = r.string()
	n := r.uvarint()
	if n > len(r.b) {
		r.fail = true
		return
	}
	if n > 0 {
		m.Labels = make([]string, n)
	}
	for k := range m.Labels {
		m.Labels[k] = r.string()
	}
	flags := r.byte()
	if flags > 3 {
		r.fail = true
	}
	m.Input.Bytes255, m.Input.ChannelsLast = flags&1 != 0, flags&2 != 0
	for _, list := range []*[]float32{&m.Input.Mean, &m.Input.Std} {
		n := r.uvarint()
		if n > len(r.b)/4 {
			r.fail = true
			return
		}
		for k := 0; k < n; k++ {
			*list = append(*list, r.f32())
		}
	}
}
