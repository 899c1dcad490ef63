package format

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
	attrs
)

// attribute is a row of the table of attributes.
type attribute struct {
	standard standard // its default, and its value in opcodes that do not use it
	since    byte     // version of the format that has it first; 0: all
	get      func(*Instr) int
	set      func(*Instr, int) // of a value between least and most
	least    int
	most     int
}

var attributes = [attrs]attribute{
	attrKH:        number(func(in *Instr) *int { return &in.KH }, is(0)),
	attrKW:        number(func(in *Instr) *int { return &in.KW }, like(attrKH)),
	attrStrideH:   number(func(in *Instr) *int { return &in.StrideH }, is(0)),
	attrStrideW:   number(func(in *Instr) *int { return &in.StrideW }, like(attrStrideH)),
	attrDilH:      number(func(in *Instr) *int { return &in.DilH }, is(0)),
	attrDilW:      number(func(in *Instr) *int { return &in.DilW }, like(attrDilH)),
	attrPadT:      number(func(in *Instr) *int { return &in.PadT }, is(0)),
	attrPadL:      number(func(in *Instr) *int { return &in.PadL }, like(attrPadT)),
	attrPadB:      number(func(in *Instr) *int { return &in.PadB }, like(attrPadT)),
	attrPadR:      number(func(in *Instr) *int { return &in.PadR }, like(attrPadL)),
	attrGroups:    number(func(in *Instr) *int { return &in.Groups }, is(0)),
	attrAxis:      number(func(in *Instr) *int { return &in.Axis }, is(0)),
	attrWeight:    number(func(in *Instr) *int { return &in.Weight }, is(-1)),
	attrLUT:       number(func(in *Instr) *int { return &in.LUT }, is(-1)),
	attrClampMin:  integer8(func(in *Instr) *int8 { return &in.ClampMin }, -128),
	attrClampMax:  integer8(func(in *Instr) *int8 { return &in.ClampMax }, 127),
	attrPadValue:  integer8(func(in *Instr) *int8 { return &in.PadValue }, 0),
	attrCountPad:  boolean(func(in *Instr) *bool { return &in.CountPad }),
	attrRoundOnce: boolean(func(in *Instr) *bool { return &in.RoundOnce }),
}

// number is an attribute of 32 bits.
func number(at func(*Instr) *int, s standard) attribute {
	return attribute{standard: s, least: -1 << 31, most: 1<<31 - 1,
		get: func(in *Instr) int { return *at(in) }, set: func(in *Instr, v int) { *at(in) = v }}
}

// integer8 is an attribute of 8 bits.
func integer8(at func(*Instr) *int8, standard int) attribute {
	return attribute{standard: is(standard), least: -128, most: 127,
		get: func(in *Instr) int { return int(*at(in)) }, set: func(in *Instr, v int) { *at(in) = int8(v) }}
}

// boolean is an attribute of 0 or 1, by default 0.
func boolean(at func(*Instr) *bool) attribute {
	return attribute{standard: is(0), most: 1,
		get: func(in *Instr) int { return bit01(*at(in)) }, set: func(in *Instr, v int) { *at(in) = v == 1 }}
}

// operands counts the weights and tables that earlier instructions use.
type operands struct{ weights, luts int }

// standard computes a default from attributes with lower numbers and from the
// operands in use.
type standard func(v *fields, used operands) int

func is(n int) standard { return func(*fields, operands) int { return n } }

func like(a attr) standard { return func(v *fields, _ operands) int { return v[a] } }

func nextWeight(_ *fields, used operands) int { return used.weights }

func nextLUT(_ *fields, used operands) int { return used.luts }

// preset is the default of an attribute in one opcode.
type preset struct {
	attr     attr
	standard standard
}

// attrSet is a set of attributes, a bit for each.
type attrSet uint32

func set(list ...attr) (s attrSet) {
	for _, a := range list {
		s |= 1 << a
	}
	return s
}

func (s attrSet) has(a attr) bool { return s>>a&1 != 0 }

// fields are the values of the attributes; that of attrScale32 is always 0.
type fields [attrs]int

func fieldsOf(in *Instr) (v fields) {
	for a := range v {
		if get := attributes[a].get; get != nil {
			v[a] = get(in)
		}
	}
	return v
}

// store sets the attributes of in if all are in range, and reports whether they are.
func (v *fields) store(in *Instr) bool {
	for a, n := range v {
		if row := &attributes[a]; row.set != nil && (n < row.least || n > row.most) {
			return false
		}
	}
	for a, n := range v {
		if set := attributes[a].set; set != nil {
			set(in, n)
		}
	}
	return true
}

// standard returns the default of attribute a in op, given the attributes with
// lower numbers.
func (v *fields) standard(op Opcode, a attr, used operands) int {
	for _, p := range op.row().defaults {
		if p.attr == a {
			return p.standard(v, used)
		}
	}
	if s := attributes[a].standard; s != nil {
		return s(v, used)
	}
	return 0
}

// listNumber names a list of numbers among an instruction's attributes.
type listNumber uint8

const (
	listPerm listNumber = iota
	listShape
)

// lists is the table of lists.
var lists = [...]func(*Instr) *[]int{
	listPerm:  func(in *Instr) *[]int { return &in.Perm },
	listShape: func(in *Instr) *[]int { return &in.Shape },
}

// listUse is a list that an opcode uses. counted: its length precedes it in the
// file; otherwise it has a number for each dimension of the first input.
type listUse struct {
	list    listNumber
	counted bool
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
	for a := range v {
		row := &attributes[a]
		switch {
		case row.set == nil:
		case in.Op.row().attrs.has(attr(a)):
			v[a] = row.get(in)
		default:
			v[a] = row.standard(&v, operands{})
			row.set(in, v[a])
		}
	}
	for l, at := range lists {
		if !in.Op.uses(listNumber(l)) {
			*at(in) = nil
		}
	}
}
