package format

import "math"

// attr is the number of an attribute: its bit in an instruction's flags. A varint
// of flags says which attributes differ from their defaults; their values follow in
// the order of their numbers, as signed varints.
type attr uint8

const (
	attrKH attr = iota
	attrPadT
	attrStrideH
	attrClampMin
	attrClampMax
	attrGroups
	attrAxis
	attrKW
	attrPadL
	attrStrideW
	attrPadB
	attrPadR
	attrDilH
	attrDilW
	attrCountPad
	attrPadValue
	attrWeight
	attrLUT
	attrRoundOnce
	attrScale32 // the output's scale is a float32; it has no value
	attrFunction
	attrReal // the bits of a float32
	attrReverse
	attrStart
	attrDims
	attrs
)

// attribute is a row of the table of attributes. One of number, small, flag and real says
// where the attribute is in an instruction; none: it has no value.
type attribute struct {
	number   func(*Instr) *int
	small    func(*Instr) *int8
	flag     func(*Instr) *bool
	real     func(*Instr) *float32
	standard standard // its default, and its value in opcodes that do not use it
	since    byte     // version of the format that has it first; 0: the first
}

// attributes is the table. It is data without a computed value, which needs no code to
// start with on a device.
var attributes = [attrs]attribute{
	attrKH:        {number: func(in *Instr) *int { return &in.KH }},
	attrKW:        {number: func(in *Instr) *int { return &in.KW }, standard: like(attrKH)},
	attrStrideH:   {number: func(in *Instr) *int { return &in.StrideH }},
	attrStrideW:   {number: func(in *Instr) *int { return &in.StrideW }, standard: like(attrStrideH)},
	attrDilH:      {number: func(in *Instr) *int { return &in.DilH }},
	attrDilW:      {number: func(in *Instr) *int { return &in.DilW }, standard: like(attrDilH)},
	attrPadT:      {number: func(in *Instr) *int { return &in.PadT }},
	attrPadL:      {number: func(in *Instr) *int { return &in.PadL }, standard: like(attrPadT)},
	attrPadB:      {number: func(in *Instr) *int { return &in.PadB }, standard: like(attrPadT)},
	attrPadR:      {number: func(in *Instr) *int { return &in.PadR }, standard: like(attrPadL)},
	attrGroups:    {number: func(in *Instr) *int { return &in.Groups }},
	attrAxis:      {number: func(in *Instr) *int { return &in.Axis }},
	attrWeight:    {number: func(in *Instr) *int { return &in.Weight }, standard: is(-1)},
	attrLUT:       {number: func(in *Instr) *int { return &in.LUT }, standard: is(-1)},
	attrClampMin:  {small: func(in *Instr) *int8 { return &in.ClampMin }, standard: is(-128)},
	attrClampMax:  {small: func(in *Instr) *int8 { return &in.ClampMax }, standard: is(127)},
	attrPadValue:  {small: func(in *Instr) *int8 { return &in.PadValue }},
	attrCountPad:  {flag: func(in *Instr) *bool { return &in.CountPad }},
	attrRoundOnce: {flag: func(in *Instr) *bool { return &in.RoundOnce }},
	attrFunction:  {number: func(in *Instr) *int { return &in.Function }, since: sinceFloats},
	attrReal:      {real: func(in *Instr) *float32 { return &in.Real }, since: sinceFloats},
	attrReverse:   {flag: func(in *Instr) *bool { return &in.Reverse }, since: sinceFloats},
	attrStart:     {number: func(in *Instr) *int { return &in.Start }, since: sinceFloats},
	attrDims:      {number: func(in *Instr) *int { return &in.Dims }, since: sinceFloats},
}

// valued reports whether a has a value.
func (a attr) valued() bool { return a != attrScale32 }

// get returns the value of a in in.
func (a attr) get(in *Instr) int {
	switch row := &attributes[a]; {
	case row.number != nil:
		return *row.number(in)
	case row.small != nil:
		return int(*row.small(in))
	case row.flag != nil:
		return bit01(*row.flag(in))
	case row.real != nil:
		return int(int32(math.Float32bits(*row.real(in))))
	}
	return 0
}

// set sets a in in to v, of which holds has said that it is in range.
func (a attr) set(in *Instr, v int) {
	switch row := &attributes[a]; {
	case row.number != nil:
		*row.number(in) = v
	case row.small != nil:
		*row.small(in) = int8(v)
	case row.flag != nil:
		*row.flag(in) = v == 1
	case row.real != nil:
		*row.real(in) = math.Float32frombits(uint32(v))
	}
}

// holds reports whether a can have the value v, of 32 bits.
func (a attr) holds(v int) bool {
	switch row := &attributes[a]; {
	case row.small != nil:
		return v >= -128 && v <= 127
	case row.flag != nil:
		return v == 0 || v == 1
	}
	return true
}

// operands counts the weights and tables that earlier instructions use.
type operands struct{ weights, luts int }

// standard is a default: a number, the value of an attribute with a lower number, or the
// next operand.
type standard struct {
	from source
	n    int // the number, or that attribute
}

type source uint8

const (
	constant source = iota
	attributeValue
	nextWeight
	nextLUT
)

func is(n int) standard { return standard{n: n} }

func like(a attr) standard { return standard{attributeValue, int(a)} }

// of returns the default, given the attributes with lower numbers.
func (s standard) of(v *fields, used operands) int {
	switch s.from {
	case attributeValue:
		return v[s.n]
	case nextWeight:
		return used.weights
	case nextLUT:
		return used.luts
	}
	return s.n
}

// preset is the default of an attribute in one opcode.
type preset struct {
	attr     attr
	standard standard
}

// attrSet is a set of attributes, a bit for each.
type attrSet uint32

func (s attrSet) has(a attr) bool { return s>>a&1 != 0 }

// fields are the values of the attributes; that of attrScale32 is always 0.
type fields [attrs]int

func fieldsOf(in *Instr) (v fields) {
	for a := range v {
		v[a] = attr(a).get(in)
	}
	return v
}

// store sets the attributes of in if all are in range, and reports whether they are.
func (v *fields) store(in *Instr) bool {
	for a, n := range v {
		if !attr(a).holds(n) {
			return false
		}
	}
	for a, n := range v {
		attr(a).set(in, n)
	}
	return true
}

// standard returns the default of attribute a in op, given the attributes with
// lower numbers.
func (v *fields) standard(op Opcode, a attr, used operands) int {
	for _, p := range op.row().defaults {
		if p.attr == a {
			return p.standard.of(v, used)
		}
	}
	return attributes[a].standard.of(v, used)
}

// listNumber names a list of numbers among an instruction's attributes.
type listNumber uint8

const (
	listPerm listNumber = iota
	listShape
	listStrides
)

// lists is the table of lists.
var lists = [...]func(*Instr) *[]int{
	listPerm:    func(in *Instr) *[]int { return &in.Perm },
	listShape:   func(in *Instr) *[]int { return &in.Shape },
	listStrides: func(in *Instr) *[]int { return &in.Strides },
}

// listUse is a list that an opcode uses. counted: its length precedes it in the
// file; otherwise it has a number for each dimension of the first input. signed: its
// numbers may be negative.
type listUse struct {
	list            listNumber
	counted, signed bool
}

// uses reports whether op uses list l.
func (op Opcode) uses(l listNumber) bool {
	for _, u := range op.row().lists {
		if u.list == l {
			return true
		}
	}
	return false
}

// unused reports whether in has attributes that its opcode does not use.
func (in *Instr) unused() bool {
	c := *in
	c.normalize()
	for l, at := range lists {
		if !in.Op.uses(listNumber(l)) && len(*at(in)) > 0 {
			return true
		}
	}
	return fieldsOf(&c) != fieldsOf(in)
}

// normalize clears the attributes that the opcode does not use.
func (in *Instr) normalize() {
	var v fields
	for k := range v {
		a := attr(k)
		if in.Op.row().attrs.has(a) {
			v[k] = a.get(in)
		} else {
			v[k] = attributes[a].standard.of(&v, operands{})
			a.set(in, v[k])
		}
	}
	for l, at := range lists {
		if !in.Op.uses(listNumber(l)) {
			*at(in) = nil
		}
	}
}
