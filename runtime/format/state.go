package format

// State says that an output of a run is an input of the next one. Before the first run it
// holds zeros: 0 of Float32, the zero point of Int8.
type State struct {
	Output int // index into File.Outputs
	Input  int // index into File.Inputs
}

// encodeState writes the links.
func encodeState(f *File) []byte {
	w := &writer{}
	w.uvarint(len(f.State))
	for _, s := range f.State {
		w.uvarint(s.Output)
		w.uvarint(s.Input)
	}
	return w.b
}

// decodeState reads what encodeState wrote.
func decodeState(f *File, r *reader) error {
	n := r.uvarint()
	if n == 0 || n > MaxInputs || n > len(r.b) {
		return r.broken("section " + itoa(secState) + " holds no links, or more than it has bytes")
	}
	f.State = make([]State, n)
	for k := range f.State {
		f.State[k] = State{r.uvarint(), r.uvarint()}
	}
	return nil
}

// checkState verifies that links are in the order of their inputs, of which each has one, and
// that what they link is alike: shape, type and grid.
func (f *File) checkState() error {
	last := -1
	for _, s := range f.State {
		if s.Output < 0 || s.Output >= len(f.Outputs) || s.Input <= last || s.Input >= len(f.Inputs) {
			return Error("a state links output " + itoa(s.Output) + " with input " + itoa(s.Input) + ", which are not there or not in order")
		}
		last = s.Input
		x, y := &f.Tensors[f.Inputs[s.Input]], &f.Tensors[f.Outputs[s.Output]]
		if !equal(x.Shape, y.Shape) || x.DType != y.DType || x.Scale != y.Scale || x.Zero != y.Zero || x.Whole || f.ScalingOf(s.Input) != nil {
			return Error("the state of input " + itoa(s.Input) + " has another shape, type or grid than output " + itoa(s.Output))
		}
	}
	return nil
}
