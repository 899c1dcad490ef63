package format

import "math"

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
	if err := f.checkWeights(); err != nil {
		return err
	}
	if err := f.checkTensors(); err != nil {
		return err
	}
	if err := f.checkScaling(); err != nil {
		return err
	}
	if err := f.checkInstrs(); err != nil {
		return err
	}
	for _, t := range f.Outputs {
		if t < 0 || t >= len(f.Tensors) {
			return Error("output tensor " + itoa(t) + " does not exist")
		}
	}
	if err := f.checkState(); err != nil {
		return err
	}
	if f.Test != nil && f.Test.Seed > math.MaxInt32 {
		return Error("the self-test's seed is above " + itoa(math.MaxInt32))
	}
	if p := &f.Meta.Input; p.ChannelsLast && !isImage(f.Tensors[f.Inputs[0]].Shape) {
		return Error("the preprocessing has channels last, but input 0 of shape " + shapeString(f.Tensors[f.Inputs[0]].Shape) + " is no image")
	}
	return f.Meta.Input.check()
}

// checkWeights verifies each weight tensor and that there are not too many weights.
func (f *File) checkWeights() error {
	var total amounts
	for i := range f.Weights {
		err := f.Weights[i].check()
		if err == nil {
			err = total.add(&f.Weights[i], math.MaxInt32)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkTensors verifies shapes, types and grids, and that the inputs are the
// first tensors.
func (f *File) checkTensors() error {
	for i, t := range f.Tensors {
		if !positive(t.Shape) || len(t.Shape) < 1 || len(t.Shape) > maxRank || t.DType > Float32 {
			return Error("tensor " + itoa(i) + " has shape " + shapeString(t.Shape))
		}
		if t.DType == Int8 && (!usable(t.Scale) || t.Zero < -128 || t.Zero > 127) || t.DType == Float32 && (t.Scale != 0 || t.Zero != 0) {
			return Error("tensor " + itoa(i) + " has an impossible grid")
		}
		if t.Whole && (t.DType != Float32 || i >= len(f.Inputs)) {
			return Error("tensor " + itoa(i) + " is no float32 input, and said to hold whole numbers")
		}
	}
	for k, t := range f.Inputs {
		if t != k {
			return Error("input " + itoa(k) + " is not tensor " + itoa(k))
		}
	}
	return nil
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

// checkInstrs verifies all instructions, and that they use all weights and tables.
func (f *File) checkInstrs() error {
	weights, luts := 0, 0 // used so far
	var total amounts
	for k := range f.Instrs {
		err := f.checkInstr(k, &weights, &luts)
		if in := &f.Instrs[k]; err == nil && in.weighted() {
			err = total.use(&f.Weights[in.Weight])
		}
		if err != nil {
			return err
		}
	}
	if weights != len(f.Weights) || luts != len(f.LUTs) {
		return Error("holds weights or tables that no instruction uses; complete it with Finish")
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
	x, err := f.reads(in, where)
	if err != nil {
		return err
	}
	var w *Weight
	if in.weighted() {
		if !next(in.Weight, weights, len(f.Weights)) {
			return Error(where + "weights " + itoa(in.Weight) + " do not exist or are out of order")
		}
		w = &f.Weights[in.Weight]
	}
	if in.Op.row().attrs.has(attrLUT) && !next(in.LUT, luts, len(f.LUTs)) {
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
	if in.Op.row().inputGrid && out.DType == Int8 && (out.Scale != x[0].Scale || out.Zero != x[0].Zero) {
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

// reads returns the tensors that in reads, of which there have to be some, written before.
func (f *File) reads(in *Instr, where string) ([]*Tensor, error) {
	x := make([]*Tensor, len(in.In))
	for i, t := range in.In {
		if t < 0 || t >= in.Out {
			return nil, Error(where + "reads tensor " + itoa(t) + " before it is written")
		}
		x[i] = &f.Tensors[t]
	}
	if (len(x) == 0) != (in.Op.row().inputs == none) {
		if len(x) > 0 {
			return nil, Error(where + in.Op.String() + ": reads tensors, needs none")
		}
		return nil, Error(where + "has no input")
	}
	return x, nil
}

// next reports whether k is one of the used first, or follows them; it then
// counts it.
func next(k int, used *int, all int) bool {
	if k == *used && k < all {
		*used++
	}
	return k >= 0 && k < *used
}
