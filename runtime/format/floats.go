package format

// The rules of shapes of the float32 instructions.

func shapeUnary(in *Instr, x []*Tensor, _ *Weight) ([]int, error) {
	if err := hasFunction(in, UnaryFunctions); err != nil {
		return nil, err
	}
	if !finite(in.Real) || in.Real != 0 && parametric>>in.Function&1 == 0 {
		return nil, Error("a parameter that function " + itoa(in.Function) + " does not have")
	}
	return x[0].Shape, nil
}

// shapeFunction is the common shape of x, for one of n functions.
func shapeFunction(in *Instr, n int, x []*Tensor) ([]int, error) {
	if err := hasFunction(in, n); err != nil {
		return nil, err
	}
	return broadcast(x)
}

// broadcast returns the shape that the shapes of x are broadcast to.
func broadcast(x []*Tensor) ([]int, error) {
	rank := 0
	for _, t := range x {
		rank = max(rank, len(t.Shape))
	}
	out := make([]int, rank)
	for d := range out {
		out[d] = 1
		for _, t := range x {
			n := 1
			if at := d - rank + len(t.Shape); at >= 0 {
				n = t.Shape[at]
			}
			switch {
			case n == out[d] || n == 1:
			case out[d] == 1:
				out[d] = n
			default:
				return nil, Error("shapes " + shapesString(x) + " cannot be broadcast to one")
			}
		}
	}
	return out, nil
}

func shapesString(x []*Tensor) string {
	s := ""
	for k, t := range x {
		if k > 0 {
			s += ", "
		}
		s += shapeString(t.Shape)
	}
	return s
}

func shapeReduce(in *Instr, x []*Tensor, _ *Weight) ([]int, error) {
	s := x[0].Shape
	if err := hasFunction(in, ReduceFunctions); err != nil {
		return nil, err
	}
	if in.Axis < 0 || in.Dims < 1 || in.Dims > len(s) || in.Axis > len(s)-in.Dims {
		return nil, Error(itoa(in.Dims) + " dimensions of " + shapeString(s) + " from " + itoa(in.Axis))
	}
	out := append([]int(nil), s...)
	for d := range in.Dims {
		out[in.Axis+d] = 1
	}
	return out, nil
}

func shapeNormalize(in *Instr, x []*Tensor, _ *Weight) ([]int, error) {
	if err := hasFunction(in, NormalizeFunctions); err != nil {
		return nil, err
	}
	if !finite(in.Real) || in.Real < 0 {
		return nil, Error("an epsilon that is negative or no number")
	}
	return x[0].Shape, nil
}

func shapeMatMul(in *Instr, x []*Tensor, _ *Weight) ([]int, error) {
	a, b := x[0].Shape, x[1].Shape
	if len(a) < 2 || len(b) < 2 {
		return nil, Error("factors of shapes " + shapesString(x) + ", needs two dimensions at least")
	}
	k, n := b[len(b)-2], b[len(b)-1]
	if in.Reverse {
		k, n = n, k
	}
	if a[len(a)-1] != k {
		return nil, Error("factors of shapes " + shapesString(x))
	}
	out, err := broadcast([]*Tensor{{Shape: a[:len(a)-2]}, {Shape: b[:len(b)-2]}})
	if err != nil {
		return nil, Error("factors of shapes " + shapesString(x))
	}
	return append(out, a[len(a)-2], n), nil
}

// gatherRank is that of shapeGather.
func gatherRank(_ *Instr, x []int) int {
	if len(x) == 2 {
		return x[0] - 1 + x[1]
	}
	return mostRank(nil, x) + 1
}

func shapeGather(in *Instr, x []*Tensor, w *Weight) ([]int, error) {
	s := x[0].Shape
	var out []int
	switch {
	case w != nil && len(x) == 1:
		if w.KH != 1 || w.KW != 1 || in.Axis != 0 {
			return nil, Error("weights of shape " + shapeString([]int{w.OutC, w.KH, w.KW, w.InC}) + " are no rows")
		}
		out = append(append(out, s...), w.InC)
	case w == nil && len(x) == 2:
		if in.Axis < 0 || in.Axis >= len(s) {
			return nil, Error("axis " + itoa(in.Axis) + " of " + shapeString(s))
		}
		out = append(append(append(out, s[:in.Axis]...), x[1].Shape...), s[in.Axis+1:]...)
	default:
		return nil, Error(itoa(len(x)) + " inputs, needs one beside weights or two")
	}
	if len(out) > maxRank {
		return nil, Error("an output of more than " + itoa(maxRank) + " dimensions")
	}
	return out, nil
}

func shapeConstant(in *Instr, _ []*Tensor, w *Weight) ([]int, error) {
	t := Tensor{Shape: in.Shape}
	if len(in.Shape) < 1 || len(in.Shape) > maxRank || !positive(in.Shape) || t.Elems() != w.Elems() || w.KH != 1 || w.KW != 1 {
		return nil, Error("shape " + shapeString(in.Shape) + " of weights of shape " + shapeString([]int{w.OutC, w.KH, w.KW, w.InC}))
	}
	return in.Shape, nil
}

// shapeMove is the stored shape, of which no index may lead out of x.
func shapeMove(in *Instr, x []*Tensor, _ *Weight) ([]int, error) {
	if len(in.Shape) < 1 || len(in.Shape) > maxRank || !positive(in.Shape) || len(in.Strides) != len(in.Shape) {
		return nil, Error("shape " + shapeString(in.Shape) + " with " + itoa(len(in.Strides)) + " strides")
	}
	first, last := int64(in.Start), int64(in.Start) // the elements of x that it reads lie between
	for d, n := range in.Shape {
		way := int64(n-1) * int64(in.Strides[d])
		first, last = first+min(way, 0), last+max(way, 0)
	}
	if in.Start < 0 || first < 0 || last >= int64(x[0].Elems()) {
		return nil, Error("elements beyond those of " + shapeString(x[0].Shape))
	}
	return in.Shape, nil
}

func shapeRecurrent(in *Instr, x []*Tensor, w *Weight) ([]int, error) {
	if err := hasFunction(in, RecurrentFunctions); err != nil {
		return nil, err
	}
	s, g, most := x[0].Shape, RecurrentGates(in.Function), 2
	if RecurrentCell(in.Function) >= RecurrentLSTM {
		most = 3
	}
	if len(s) != 2 || w.OutC != s[1] || w.OutC != g*w.InC || w.KH != 1 || w.KW != 1 {
		return nil, Error("weights of shape " + shapeString([]int{w.OutC, w.KH, w.KW, w.InC}) + " of " + itoa(g) + " gates do not fit input " + shapeString(s))
	}
	if len(x) > most {
		return nil, Error(itoa(len(x)) + " inputs, at most " + itoa(most) + " are possible")
	}
	for _, t := range x[1:] {
		if len(t.Shape) != 1 || t.Shape[0] != w.InC {
			return nil, Error("a state of shape " + shapeString(t.Shape) + " for " + itoa(w.InC) + " units")
		}
	}
	out := []int{s[0], w.InC}
	if RecurrentCell(in.Function) == RecurrentLSTMCell {
		out[0]++
	}
	return out, nil
}
