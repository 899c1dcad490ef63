package format

import "math"

// Limits that every file keeps, so that a hostile one cannot make its reader
// allocate without bound.
const (
	MaxInputs  = 256
	MaxTensors = 1 << 14
	MaxElems   = 1 << 26 // of one tensor, and of a padded image
	MaxWeights = 1 << 26 // of all weight tensors together
	MaxArena   = 1 << 28 // bytes
	MaxDim     = 1 << 24
	MaxWindow  = 1 << 22 // positions of a pool's window, so that its sum fits 32 bits
	maxRank    = 4
	maxPerByte = 1 << 16 // weights for each byte of the file
)

// Bounds of every scale: products of three, times 2^31, are normal float32.
const (
	minScale = 1.0 / (1 << 40)
	maxScale = 1 << 30
)

// sharesGrid reports whether the output of op has the grid of its first input.
func (op Opcode) sharesGrid() bool {
	switch op {
	case OpMaxPool, OpAvgPool, OpConcat, OpPad, OpTranspose, OpReshape:
		return true
	}
	return false
}

// weighted reports whether op has a weight operand.
func (op Opcode) weighted() bool { return op == OpConv2D || op == OpDense }

// clamped reports whether op obeys ClampMin and ClampMax.
func (op Opcode) clamped() bool {
	return op.weighted() || op == OpAdd || op == OpSub || op == OpMul
}

var names = [...]string{OpConv2D: "Conv2D", OpDense: "Dense", OpMaxPool: "MaxPool", OpAvgPool: "AvgPool", OpAdd: "Add", OpMul: "Mul", OpLUT: "LUT",
	OpConcat: "Concat", OpPad: "Pad", OpTranspose: "Transpose", OpReshape: "Reshape", OpSoftmax: "Softmax", OpDequantize: "Dequantize", OpQuantize: "Quantize", OpSub: "Sub"}

// known reports whether this version has op.
func (op Opcode) known() bool { return int(op) < len(names) && names[op] != "" }

// String returns the opcode's name.
func (op Opcode) String() string {
	if op.known() {
		return names[op]
	}
	return "opcode " + itoa(int(op))
}

// outDim returns the rows or columns of a pool's or convolution's output, -1
// when the kernel does not fit.
func outDim(n, kernel, stride, dil, before, after int) int {
	if kernel < 1 || stride < 1 || dil < 1 || before < 0 || after < 0 || max(kernel, stride, dil, before, after) > MaxDim {
		return -1
	}
	room := int64(n+before+after) - int64(kernel-1)*int64(dil) - 1
	if room < 0 {
		return -1
	}
	return int(room)/stride + 1
}

// OutShape returns the shape and element type of the output of in, for input
// tensors x and its weights w (nil without). It validates everything that the
// runtime relies on.
func OutShape(in *Instr, x []*Tensor, w *Weight, floatOut bool) ([]int, DType, error) {
	bad := func(what string) ([]int, DType, error) { return nil, 0, Error(in.Op.String() + ": " + what) }
	want := 1
	switch in.Op {
	case OpAdd, OpSub, OpMul:
		want = 2
	case OpConcat:
		want = max(1, len(x))
	}
	if len(x) != want {
		return bad(itoa(len(x)) + " inputs, needs " + itoa(want))
	}
	for _, t := range x {
		if (t.DType == Float32) != (in.Op == OpSoftmax || in.Op == OpQuantize) && in.Op != OpReshape && in.Op != OpTranspose {
			return bad("an input has the wrong element type")
		}
	}
	s := x[0].Shape
	image := len(s) == 3
	switch in.Op {
	case OpConv2D:
		if !image {
			return bad("input " + shapeString(s) + " is no image")
		}
		g := in.Groups
		if g < 1 || s[2]%g != 0 || w.InC != s[2]/g || w.OutC%g != 0 {
			return bad("weights for " + itoa(w.InC) + " channels in " + itoa(g) + " groups do not fit input " + shapeString(s))
		}
		oh := outDim(s[0], w.KH, in.StrideH, in.DilH, in.PadT, in.PadB)
		ow := outDim(s[1], w.KW, in.StrideW, in.DilW, in.PadL, in.PadR)
		if oh < 1 || ow < 1 || !positive([]int{s[0] + in.PadT + in.PadB, s[1] + in.PadL + in.PadR, s[2]}) {
			return bad("the kernel does not fit input " + shapeString(s))
		}
		return []int{oh, ow, w.OutC}, dtype(floatOut), nil
	case OpDense:
		if x[0].Elems() != w.InC || w.KH != 1 || w.KW != 1 {
			return bad("weights for " + itoa(w.InC) + " inputs do not fit input " + shapeString(s))
		}
		return []int{w.OutC}, dtype(floatOut), nil
	case OpMaxPool, OpAvgPool:
		if !image {
			return bad("input " + shapeString(s) + " is no image")
		}
		oh := outDim(s[0], in.KH, in.StrideH, in.DilH, in.PadT, in.PadB)
		ow := outDim(s[1], in.KW, in.StrideW, in.DilW, in.PadL, in.PadR)
		if oh < 1 || ow < 1 || in.KH > MaxWindow/in.KW ||
			int64(in.PadT) >= int64(in.KH)*int64(in.DilH) || int64(in.PadL) >= int64(in.KW)*int64(in.DilW) {
			return bad("the window does not fit input " + shapeString(s))
		}
		return []int{oh, ow, s[2]}, Int8, nil
	case OpAdd, OpSub, OpMul:
		t := x[1].Shape
		if !equal(s, t) && !(len(t) == 1 && t[0] == 1) && !(image && len(t) == 3 && t[0] == 1 && t[1] == 1 && t[2] == s[2]) {
			return bad("shapes " + shapeString(s) + " and " + shapeString(t))
		}
		return s, Int8, nil
	case OpLUT:
		return s, Int8, nil
	case OpConcat:
		if in.Axis < 0 || in.Axis >= len(s) {
			return bad("axis " + itoa(in.Axis) + " of " + shapeString(s))
		}
		out := append([]int(nil), s...)
		for _, t := range x[1:] {
			for d := range s {
				if len(t.Shape) != len(s) || d != in.Axis && t.Shape[d] != s[d] {
					return bad("shapes " + shapeString(s) + " and " + shapeString(t.Shape))
				}
			}
			if t.Scale != x[0].Scale || t.Zero != x[0].Zero {
				return bad("its inputs are on different grids")
			}
			if out[in.Axis] += t.Shape[in.Axis]; out[in.Axis] > MaxDim {
				return bad("more than " + itoa(MaxDim) + " elements along axis " + itoa(in.Axis))
			}
		}
		return out, Int8, nil
	case OpPad:
		if !image || in.PadT < 0 || in.PadB < 0 || in.PadL < 0 || in.PadR < 0 || max(in.PadT, in.PadB, in.PadL, in.PadR) > MaxDim {
			return bad("padding of " + shapeString(s))
		}
		return []int{s[0] + in.PadT + in.PadB, s[1] + in.PadL + in.PadR, s[2]}, Int8, nil
	case OpTranspose:
		out := make([]int, len(s))
		seen := 0
		for i, p := range in.Perm {
			if len(in.Perm) != len(s) || p < 0 || p >= len(s) {
				return bad("permutation " + shapeString(in.Perm) + " of " + shapeString(s))
			}
			out[i] = s[p]
			seen |= 1 << p
		}
		if seen != 1<<len(s)-1 {
			return bad("permutation " + shapeString(in.Perm) + " of " + shapeString(s))
		}
		return out, x[0].DType, nil
	case OpReshape:
		t := Tensor{Shape: in.Shape}
		if len(in.Shape) < 1 || len(in.Shape) > maxRank || !positive(in.Shape) || t.Elems() != x[0].Elems() {
			return bad("shape " + shapeString(in.Shape) + " of " + shapeString(s))
		}
		return in.Shape, x[0].DType, nil
	case OpSoftmax, OpDequantize:
		return s, Float32, nil
	case OpQuantize:
		return s, Int8, nil
	}
	return bad("unknown; this file was written by a newer version, update the reader")
}

func dtype(float bool) DType {
	if float {
		return Float32
	}
	return Int8
}

func positive(s []int) bool {
	n := 1
	for _, d := range s {
		if d < 1 || d > MaxDim || n > MaxElems/d {
			return false
		}
		n *= d
	}
	return true
}

func equal(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// Check verifies that f is consistent: the order of tensors, weights and tables
// that Finish makes, shapes as they follow, references and grids in range.
func (f *File) Check() error {
	if err := f.check(); err != nil {
		return err
	}
	for i := range f.Weights {
		if err := f.Weights[i].listed(); err != nil {
			return err
		}
	}
	return nil
}

// check is Check but for the values of weights.
func (f *File) check() error {
	if len(f.Inputs) == 0 || len(f.Outputs) == 0 || len(f.Inputs) > MaxInputs || len(f.Tensors) > MaxTensors {
		return Error("a network needs outputs, 1 to " + itoa(MaxInputs) + " inputs, and at most " + itoa(MaxTensors) + " tensors")
	}
	if len(f.Tensors) != len(f.Inputs)+len(f.Instrs) {
		return Error("not every tensor is written exactly once")
	}
	total := 0
	for i := range f.Weights {
		if err := f.Weights[i].check(); err != nil {
			return err
		}
		if total += f.Weights[i].Elems(); total > MaxWeights {
			return Error("more than " + itoa(MaxWeights) + " weights")
		}
	}
	for i, t := range f.Tensors {
		if !positive(t.Shape) || len(t.Shape) < 1 || len(t.Shape) > maxRank || t.DType > Float32 {
			return Error("tensor " + itoa(i) + " has shape " + shapeString(t.Shape))
		}
		if t.DType == Int8 && (!usable(t.Scale) || t.Zero < -128 || t.Zero > 127) {
			return Error("tensor " + itoa(i) + " has an impossible grid")
		}
	}
	for k, t := range f.Inputs {
		if t != k || f.Tensors[t].DType != Int8 {
			return Error("input " + itoa(k) + " is not tensor " + itoa(k) + " of int8")
		}
	}
	weights, luts := 0, 0 // used so far
	for k := range f.Instrs {
		if err := f.checkInstr(k, &weights, &luts); err != nil {
			return err
		}
	}
	if weights != len(f.Weights) || luts != len(f.LUTs) {
		return Error("holds weights or tables that no instruction uses; complete it with Finish")
	}
	for _, t := range f.Outputs {
		if t < 0 || t >= len(f.Tensors) {
			return Error("output tensor " + itoa(t) + " does not exist")
		}
	}
	if f.Test != nil && f.Test.Seed > math.MaxInt32 {
		return Error("the self-test's seed is above " + itoa(math.MaxInt32))
	}
	return f.Meta.Input.check()
}

// usable reports whether s may be a scale.
func usable(s float32) bool { return s >= minScale && s <= maxScale }

// check verifies shape, lengths, scales and codebook.
func (w *Weight) check() error {
	shape := []int{w.OutC, w.KH, w.KW, w.InC}
	if !positive(shape) {
		return Error("weights of shape " + shapeString(shape))
	}
	if len(w.Values) != w.Elems() || len(w.Scale) != 1 && len(w.Scale) != w.OutC || w.Bias != nil && len(w.Bias) != w.OutC {
		return Error("weights of shape " + shapeString(shape) + ": values, scales or biases are missing")
	}
	for _, s := range w.Scale {
		if !usable(s) {
			return Error("a weight scale is not a number between 2^-40 and 2^30")
		}
	}
	for i, v := range w.Book {
		if i > 0 && v <= w.Book[i-1] {
			return Error("a codebook is not in ascending order")
		}
	}
	return nil
}

// listed verifies that the codebook, if there is one, has every value.
func (w *Weight) listed() error {
	if w.Book == nil {
		return nil
	}
	var listed [256]bool
	for _, v := range w.Book {
		listed[uint8(v)] = true
	}
	for _, v := range w.Values {
		if !listed[uint8(v)] {
			return Error("weight " + itoa(int(v)) + " is not in its codebook")
		}
	}
	return nil
}

// check refuses what no picture survives.
func (p *Preprocess) check() error {
	for _, v := range p.Mean {
		if v-v != 0 {
			return Error("a mean of the preprocessing is no number")
		}
	}
	for _, v := range p.Std {
		if v-v != 0 || v == 0 {
			return Error("a standard deviation of the preprocessing is zero or no number")
		}
	}
	return nil
}

// checkInstr verifies instruction k; weights and luts count those that earlier
// instructions have brought into use.
func (f *File) checkInstr(k int, weights, luts *int) error {
	in := &f.Instrs[k]
	n := len(f.Inputs) + k
	where := "instruction " + itoa(k) + ": "
	if in.Out != n {
		return Error(where + "writes tensor " + itoa(in.Out) + ", not " + itoa(n))
	}
	x := make([]*Tensor, len(in.In))
	for i, t := range in.In {
		if t < 0 || t >= n {
			return Error(where + "reads tensor " + itoa(t) + " before it is written")
		}
		x[i] = &f.Tensors[t]
	}
	if len(x) == 0 {
		return Error(where + "has no input")
	}
	var w *Weight
	if in.Op.weighted() {
		if !next(in.Weight, weights, len(f.Weights)) {
			return Error(where + "weights " + itoa(in.Weight) + " do not exist or are out of order")
		}
		w = &f.Weights[in.Weight]
	}
	if in.Op == OpLUT && !next(in.LUT, luts, len(f.LUTs)) {
		return Error(where + "table " + itoa(in.LUT) + " does not exist or is out of order")
	}
	out := &f.Tensors[n]
	shape, dt, err := OutShape(in, x, w, out.DType == Float32)
	if err != nil {
		return Error(where + string(err.(Error)))
	}
	if !equal(shape, out.Shape) || dt != out.DType {
		return Error(where + "its output has shape " + shapeString(out.Shape) + ", it follows as " + shapeString(shape))
	}
	if in.Op.sharesGrid() && out.DType == Int8 && (out.Scale != x[0].Scale || out.Zero != x[0].Zero) {
		return Error(where + "its output is on another grid than its input")
	}
	if in.ClampMin > in.ClampMax || out.DType == Float32 && (in.ClampMin != -128 || in.ClampMax != 127) {
		return Error(where + "clamps to an empty range, or a real result")
	}
	if in.unused() {
		return Error(where + in.Op.String() + " has attributes that it does not use")
	}
	return nil
}

// next reports whether k is one of the used first, or follows them; it then
// counts it.
func next(k int, used *int, all int) bool {
	if k == *used && k < all {
		*used++
	}
	return k >= 0 && k < *used
}
