package format

// Bits of an instruction's first byte, above the opcode.
const (
	opInputs = 1 << 5 // inputs are listed; otherwise it reads the tensor before its own
	opAttrs  = 1 << 6 // attributes differ from their defaults
	opFloat  = 1 << 7 // the output is Float32, of opcodes that may choose
)

// encodeInstr writes instruction k. used counts the operands of those before it.
func encodeInstr(w *writer, f *File, k int, used *operands) {
	in := &f.Instrs[k]
	out := &f.Tensors[in.Out]
	listed := (len(in.In) != 1 || in.In[0] != in.Out-1) && in.Op.row().inputs != none
	flags, gridded := in.flags(*used), in.Op.gridded(out)
	if _, ok := half(out.Scale); gridded && !ok {
		flags |= 1 << attrScale32
	}
	float := in.Op.row().writes == chosen && out.DType == Float32
	w.byte(byte(in.Op) | byte(bit01(listed)*opInputs|bit01(flags != 0)*opAttrs|bit01(float)*opFloat))
	if listed {
		w.uvarint(len(in.In))
		for _, t := range in.In {
			w.uvarint(in.Out - 1 - t)
		}
	}
	encodeAttrs(w, in, flags)
	encodeOperands(w, f, in, used)
	encodeLists(w, in)
	if gridded {
		w.grid(out)
	}
}

// encodeAttrs writes the attributes of flags, unless there are none.
func encodeAttrs(w *writer, in *Instr, flags attrSet) {
	if flags == 0 {
		return
	}
	w.uvarint(int(flags))
	for a := range attrs {
		if flags.has(a) && a.valued() {
			w.varint(a.get(in))
		}
	}
}

func encodeLists(w *writer, in *Instr) {
	for _, u := range in.Op.row().lists {
		list := *lists[u.list](in)
		if u.counted {
			w.uvarint(len(list))
		}
		for _, n := range list {
			if u.signed {
				w.varint(n)
			} else {
				w.uvarint(n)
			}
		}
	}
}

// flags returns the attributes that differ from their defaults.
func (in *Instr) flags(used operands) (s attrSet) {
	v := fieldsOf(in)
	for a := range v {
		if v[a] != v.standard(in.Op, attr(a), used) {
			s |= 1 << a
		}
	}
	return s
}

// encodeOperands counts the operands of in, and writes the shape of weights that it is
// the first to use.
func encodeOperands(w *writer, f *File, in *Instr, used *operands) {
	row := in.Op.row()
	if row.weights != noWeights && in.Weight == used.weights {
		used.weights++
		x := &f.Weights[in.Weight]
		w.uvarint(x.OutC)
		switch row.weights {
		case kernel:
			w.uvarint(x.KH)
			w.uvarint(x.KW)
		case lookup:
			w.uvarint(x.InC)
		}
	}
	if row.attrs.has(attrLUT) && in.LUT == used.luts {
		used.luts++
	}
}

// graphReader reads instructions.
type graphReader struct {
	*reader
	f     *File
	used  operands // of the instructions so far
	ranks []uint8  // numbers of dimensions of the tensors so far, before shapes are known
}

// decodeInstr reads what encodeInstr wrote.
func decodeInstr(g *graphReader) error {
	f, r, used := g.f, g.reader, &g.used
	first := r.byte()
	in := Instr{Op: Opcode(first & 31), Out: len(f.Tensors)}
	row := in.Op.row()
	if !in.Op.known() {
		return UnsupportedError(in.Op.String() + ": unknown; this file was written by a newer version, update the reader")
	}
	if !decodeInputs(&in, r, first&opInputs != 0) {
		return r.broken("the graph ends too early")
	}
	flags, err := decodeAttrs(&in, r, first&opAttrs != 0, *used)
	if err != nil {
		return err
	}
	if first&opFloat != 0 && row.writes != chosen {
		return UnsupportedError(in.Op.String() + ": has a property that this reader does not know: update it")
	}
	decodeOperands(f, &in, r, used)
	g.ranks = append(g.ranks, uint8(g.decodeLists(&in)))
	t := Tensor{DType: row.writes.dtype(nil, first&opFloat != 0)} // shapes knows more
	if in.Op.gridded(&t) {
		r.grid(&t, flags.has(attrScale32))
	} else if flags.has(attrScale32) {
		return r.broken(in.Op.String() + ": has an attribute that it does not use")
	}
	f.Instrs = append(f.Instrs, in)
	f.Tensors = append(f.Tensors, t)
	if r.fail {
		return r.broken("the graph ends too early")
	}
	return nil
}

// decodeInputs reads which tensors in reads; it is false when the graph is too short for them.
func decodeInputs(in *Instr, r *reader, listed bool) bool {
	if in.Op.row().inputs == none {
		return !listed
	}
	if !listed {
		in.In = []int{in.Out - 1}
		return true
	}
	n := r.uvarint()
	if n > len(r.b) {
		return false
	}
	for range n {
		in.In = append(in.In, in.Out-1-r.uvarint())
	}
	return true
}

// decodeAttrs reads the attributes of in, if there are any, and sets the others to their
// defaults. It returns which there were.
func decodeAttrs(in *Instr, r *reader, any bool, used operands) (attrSet, error) {
	flags := 0
	if any {
		flags = r.uvarint()
	}
	if flags>>attrs != 0 {
		return 0, UnsupportedError("an instruction has attributes that this reader does not know: update it")
	}
	s := attrSet(flags)
	var v fields
	for a := range v {
		if s.has(attr(a)) && attr(a).valued() {
			v[a] = r.varint()
		} else {
			v[a] = v.standard(in.Op, attr(a), used)
		}
	}
	if !v.store(in) {
		return 0, r.broken("an instruction has an attribute out of range")
	}
	return s, nil
}

// decodeOperands counts the operands of in, and adds to f those that it is the first to use.
func decodeOperands(f *File, in *Instr, r *reader, used *operands) {
	row := in.Op.row()
	if row.weights != noWeights && in.Weight == used.weights {
		used.weights++
		w := Weight{OutC: r.uvarint(), KH: 1, KW: 1}
		switch row.weights {
		case kernel:
			w.KH, w.KW = r.uvarint(), r.uvarint()
		case lookup:
			w.InC = r.uvarint()
		}
		f.Weights = append(f.Weights, w)
	}
	if row.attrs.has(attrLUT) && in.LUT == used.luts {
		used.luts++
		f.LUTs = append(f.LUTs, [256]int8{})
	}
}

// decodeLists reads the lists of in, and returns the number of dimensions of its output. A
// list that is longer than any shape is cut, and then refused by the opcode's shape rule.
func (g *graphReader) decodeLists(in *Instr) (rank int) {
	row := in.Op.row()
	var of []int
	for _, t := range in.In {
		n := 0
		if t >= 0 && t < len(g.ranks) {
			n = int(g.ranks[t])
		}
		of = append(of, n)
	}
	if len(of) > 0 {
		rank = of[0]
	}
	for _, u := range row.lists {
		n := rank
		if u.counted {
			n = min(g.uvarint(), maxRank+1)
		}
		list := lists[u.list](in)
		for range n {
			if u.signed {
				*list = append(*list, g.varint())
			} else {
				*list = append(*list, g.uvarint())
			}
		}
	}
	if row.rank != nil {
		return min(row.rank(in, of), maxRank+1)
	}
	return rank
}
