package format

// The rules by which the shape of an output follows: a function for each kind of
// opcode, named in the table of opcodes. s is the shape of the first input.

// shapeSame is x's shape.
func shapeSame(_ *Instr, x []*Tensor, _ *Weight) ([]int, error) { return x[0].Shape, nil }

func isImage(s []int) bool { return len(s) == 3 }

func noImage(s []int) ([]int, error) { return nil, Error("input " + shapeString(s) + " is no image") }

func shapeConv(in *Instr, x []*Tensor, w *Weight) ([]int, error) {
	s, g := x[0].Shape, in.Groups
	if !isImage(s) {
		return noImage(s)
	}
	if g < 1 || s[2]%g != 0 || w.InC != s[2]/g || w.OutC%g != 0 {
		return nil, Error("weights for " + itoa(w.InC) + " channels in " + itoa(g) + " groups do not fit input " + shapeString(s))
	}
	oh := outDim(s[0], w.KH, in.StrideH, in.DilH, in.PadT, in.PadB)
	ow := outDim(s[1], w.KW, in.StrideW, in.DilW, in.PadL, in.PadR)
	if oh < 1 || ow < 1 || !positive([]int{s[0] + in.PadT + in.PadB, s[1] + in.PadL + in.PadR, s[2]}) {
		return nil, Error("the kernel does not fit input " + shapeString(s))
	}
	return []int{oh, ow, w.OutC}, nil
}

func shapeDense(_ *Instr, x []*Tensor, w *Weight) ([]int, error) {
	if x[0].Elems() != w.InC || w.KH != 1 || w.KW != 1 {
		return nil, Error("weights for " + itoa(w.InC) + " inputs do not fit input " + shapeString(x[0].Shape))
	}
	return []int{w.OutC}, nil
}

func shapePool(in *Instr, x []*Tensor, _ *Weight) ([]int, error) {
	s := x[0].Shape
	if !isImage(s) {
		return noImage(s)
	}
	oh := outDim(s[0], in.KH, in.StrideH, in.DilH, in.PadT, in.PadB)
	ow := outDim(s[1], in.KW, in.StrideW, in.DilW, in.PadL, in.PadR)
	if oh < 1 || ow < 1 || in.KH > MaxWindow/in.KW ||
		int64(in.PadT) >= int64(in.KH)*int64(in.DilH) || int64(in.PadL) >= int64(in.KW)*int64(in.DilW) {
		return nil, Error("the window does not fit input " + shapeString(s))
	}
	return []int{oh, ow, s[2]}, nil
}

// shapeBinary is x's shape; the second input has it too, or is repeated over x.
func shapeBinary(_ *Instr, x []*Tensor, _ *Weight) ([]int, error) {
	s, t := x[0].Shape, x[1].Shape
	if !equal(s, t) && !(len(t) == 1 && t[0] == 1) && !(isImage(s) && len(t) == 3 && t[0] == 1 && t[1] == 1 && t[2] == s[2]) {
		return nil, Error("shapes " + shapeString(s) + " and " + shapeString(t))
	}
	return s, nil
}

func shapeConcat(in *Instr, x []*Tensor, _ *Weight) ([]int, error) {
	s := x[0].Shape
	if in.Axis < 0 || in.Axis >= len(s) {
		return nil, Error("axis " + itoa(in.Axis) + " of " + shapeString(s))
	}
	out := append([]int(nil), s...)
	for _, t := range x[1:] {
		for d := range s {
			if len(t.Shape) != len(s) || d != in.Axis && t.Shape[d] != s[d] {
				return nil, Error("shapes " + shapeString(s) + " and " + shapeString(t.Shape))
			}
		}
		if t.Scale != x[0].Scale || t.Zero != x[0].Zero {
			return nil, Error("its inputs are on different grids")
		}
		if out[in.Axis] += t.Shape[in.Axis]; out[in.Axis] > MaxDim {
			return nil, Error("more than " + itoa(MaxDim) + " elements along axis " + itoa(in.Axis))
		}
	}
	return out, nil
}

func shapePad(in *Instr, x []*Tensor, _ *Weight) ([]int, error) {
	s := x[0].Shape
	if float := x[0].DType == Float32; float && in.PadValue != 0 || !float && in.Real != 0 || in.Real != in.Real {
		return nil, Error("the padding is of another type than the input, or no number")
	}
	if !isImage(s) || in.PadT < 0 || in.PadB < 0 || in.PadL < 0 || in.PadR < 0 || max(in.PadT, in.PadB, in.PadL, in.PadR) > MaxDim {
		return nil, Error("padding of " + shapeString(s))
	}
	return []int{s[0] + in.PadT + in.PadB, s[1] + in.PadL + in.PadR, s[2]}, nil
}

func shapeTranspose(in *Instr, x []*Tensor, _ *Weight) ([]int, error) {
	s := x[0].Shape
	wrong := Error("permutation " + shapeString(in.Perm) + " of " + shapeString(s))
	out := make([]int, len(s))
	seen := 0
	for i, p := range in.Perm {
		if len(in.Perm) != len(s) || p < 0 || p >= len(s) {
			return nil, wrong
		}
		out[i] = s[p]
		seen |= 1 << p
	}
	if seen != 1<<len(s)-1 {
		return nil, wrong
	}
	return out, nil
}

func shapeReshape(in *Instr, x []*Tensor, _ *Weight) ([]int, error) {
	t := Tensor{Shape: in.Shape}
	if len(in.Shape) < 1 || len(in.Shape) > maxRank || !positive(in.Shape) || t.Elems() != x[0].Elems() {
		return nil, Error("shape " + shapeString(in.Shape) + " of " + shapeString(x[0].Shape))
	}
	return in.Shape, nil
}

func shapeResize(in *Instr, x []*Tensor, _ *Weight) ([]int, error) {
	s := x[0].Shape
	const most = 1 << 30 // positions stay within 64 bits
	if !isImage(s) || in.Function < ResizeNearest || in.Function > ResizeLinear || min(in.KH, in.KW, in.StrideH, in.StrideW) < 1 || max(in.KH, in.KW) > MaxDim ||
		max(in.StrideH, in.StrideW, in.PadT, in.PadL) > most || min(in.PadT, in.PadL) < -most {
		return nil, Error("resize of " + shapeString(s))
	}
	return []int{in.KH, in.KW, s[2]}, nil
}

func shapeStretch(in *Instr, x []*Tensor, _ *Weight) ([]int, error) {
	s := x[0].Shape
	if !isImage(s) || min(in.StrideH, in.StrideW) < 1 || max(in.StrideH, in.StrideW) > 1<<16 ||
		max(int64(s[0])*int64(in.StrideH), int64(s[1])*int64(in.StrideW)) > MaxDim {
		return nil, Error("stretch of " + shapeString(s))
	}
	return []int{(s[0]-1)*in.StrideH + 1, (s[1]-1)*in.StrideW + 1, s[2]}, nil
}
