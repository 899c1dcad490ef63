package kernel

// Cell is the kind of a recurrent layer.
type Cell uint8

// The cells, with their gates in the order of ONNX.
const (
	RNN           Cell = iota // one gate
	GRU                       // z r n; n sees R (r*h)
	GRUResetAfter             // z r n; n sees r * (R h)
	LSTM                      // i o f g
)

// Gates returns the number of gates.
func (c Cell) Gates() int { return [...]int{RNN: 1, GRU: 3, GRUResetAfter: 3, LSTM: 4}[c] }

// StateScale is the step in which a state meets its weights: h is rounded to int8 in steps
// of 1/128, halves away from zero, and saturates.
const StateScale = 1.0 / 128

// Recurrent is a recurrent layer on its way through time. For step t it has the sums s [gH]
// of the layer's input, and computes, with u the real results of R on the rounded h,
//
//	RNN:           h = tanh(s+u)
//	GRU:           z, r = sigmoid(s+u), n = tanh(s+u'), h = (1-z)*n + z*h
//	GRUResetAfter: z, r = sigmoid(s+u), n = tanh(s + r*u), h = (1-z)*n + z*h
//	LSTM:          i, f, o = sigmoid(s+u), g = tanh(s+u), c = f*c + i*g, h = o*tanh(c)
//
// where u' are the results of the last gate's R on the rounded r*h. With Fine, R meets a second
// int8 number too, what the rounding left in parts of a step, and u is the sum of both results.
// Every operation is rounded to float32, in the order written: all CPUs give the same bits.
type Recurrent struct {
	Cell     Cell
	Steps, H int
	Reverse  bool // from the last step to the first
	Fine     bool // 16 bits of the state meet R
	// R has the weights of all gates, for inputs of zero point 0, with Float32 results: one
	// layer, or for a GRU three groups of [h, h, r*h] (or one list of these).
	R *Conv
	// Scale and Zero are the grid of an int8 output.
	Scale float32
	Zero  int
}

// Scratch returns the float32 and int8 that Run works in, and the work spaces of its weights.
func (r *Recurrent) Scratch() (reals, ints, image, patch, acc int) {
	image, patch, acc = r.R.Scratch()
	reals = 3 + r.Cell.Gates()
	if r.Fine {
		reals += 1 + r.Cell.Gates()
	}
	return reals * r.H, r.R.C, image, patch, acc
}

// Multiplied returns how many weights a step multiplies by.
func (r *Recurrent) Multiplied() int {
	n := 0
	for _, l := range r.R.Groups {
		n += l.Multiplied()
	}
	if r.Cell == GRU && len(r.R.Groups) == 1 {
		n *= 2
	}
	return n
}

// Passes returns how often a step multiplies by them.
func (r *Recurrent) Passes() int64 {
	if r.Fine {
		return 2
	}
	return 1
}

// Space is the memory that Run works in; see Scratch.
type Space struct {
	Reals []float32
	Ints  []int8
	Image []int8
	Patch []int8
	Acc   []int32
}

// Run goes through time over the sums s [Steps,gH], from the state h0 and the cell c0 [H];
// nil: zeros. It writes the state after each step, [Steps,H] in the order of s, to y or, if
// that is nil, to real. An output of one more row gets the last cell in it.
func (r *Recurrent) Run(y []int8, real, s, h0, c0 []float32, w *Space) {
	n, g := r.H, r.Cell.Gates()
	h, cell, u, reset := w.Reals[:n], w.Reals[n:2*n], w.Reals[2*n:(2+g)*n], w.Reals[(2+g)*n:(3+g)*n]
	start(h, h0)
	start(cell, c0)
	for k := range r.Steps {
		t := k
		if r.Reverse {
			t = r.Steps - 1 - k
		}
		r.step(h, cell, u, reset, s[t*g*n:(t+1)*g*n], w)
		if y != nil {
			Quantize(y[t*n:(t+1)*n], h, r.Scale, r.Zero)
		} else {
			copy(real[t*n:(t+1)*n], h)
		}
	}
	switch end := r.Steps * n; {
	case len(y) > end:
		Quantize(y[end:end+n], cell, r.Scale, r.Zero)
	case len(real) > end:
		copy(real[end:], cell)
	}
}

func start(x, from []float32) {
	if from == nil {
		clear(x)
		return
	}
	copy(x, from)
}

// step computes the state after a step.
func (r *Recurrent) step(h, cell, u, reset, s []float32, w *Space) {
	n := r.H
	r.times(u, h, w)
	switch r.Cell {
	case GRU:
		both := add(u[:2*n], s)
		Sigmoids(both, both)
		for j := range h {
			cell[j], reset[j] = u[j], float32(u[n+j]*h[j]) // cell: z
		}
		r.timesReset(u, reset, w)
		last := add(u[2*n:], s[2*n:])
		Tanhs(last, last)
		blend(h, cell, last)
	case GRUResetAfter:
		both := add(u[:2*n], s)
		Sigmoids(both, both)
		last := u[2*n:]
		for j := range h {
			last[j] = s[2*n+j] + float32(u[n+j]*last[j])
		}
		Tanhs(last, last)
		blend(h, u, last)
	case LSTM:
		add(u, s)
		Sigmoids(u[:3*n], u)
		Tanhs(u[3*n:], u[3*n:])
		in, out, forget, g := u[:n], u[n:2*n], u[2*n:3*n], u[3*n:]
		for j := range h {
			cell[j] = float32(forget[j]*cell[j]) + float32(in[j]*g[j])
		}
		Tanhs(h, cell)
		for j := range h {
			h[j] = float32(out[j] * h[j])
		}
	default:
		add(u, s)
		Tanhs(h, u)
	}
}

// add adds s to u, and returns u.
func add(u, s []float32) []float32 {
	s = s[:len(u)]
	for j := range u {
		u[j] = s[j] + u[j]
	}
	return u
}

// blend sets h to (1-z)*n + z*h.
func blend(h, z, n []float32) {
	z, n = z[:len(h)], n[:len(h)]
	for j := range h {
		h[j] = float32(float32(1-z[j])*n[j]) + float32(z[j]*h[j])
	}
}

// times multiplies all gates' weights by the rounded h, of a GRU those of z and r.
func (r *Recurrent) times(u, h []float32, w *Space) {
	n, gates := r.H, len(u)
	if r.Cell == GRU {
		gates = 2 * n
	}
	Quantize(w.Ints[:n], h, StateScale, 0)
	r.products(u, w)
	if r.Fine {
		rest, parts := r.fine(w)
		partsOf(w.Ints[:n], rest, h)
		r.products(parts, w)
		addParts(u[:gates], parts)
	}
}

// products multiplies w.Ints for times.
func (r *Recurrent) products(u []float32, w *Space) {
	if r.Cell != GRU {
		r.R.Run(nil, u, w.Ints, w.Image, w.Patch, w.Acc)
		return
	}
	copy(w.Ints[r.H:2*r.H], w.Ints)
	if len(r.R.Groups) == 1 {
		clear(w.Ints[2*r.H:])
		r.R.Run(nil, u, w.Ints, w.Image, w.Patch, w.Acc)
		return
	}
	for g := range 2 {
		r.R.runGroup(g, u[g*r.H:], w.Ints, w.Patch, w.Acc)
	}
}

// timesReset multiplies the weights of a GRU's n by the rounded r*h, to where their results
// are in u. z and r are read already.
func (r *Recurrent) timesReset(u, reset []float32, w *Space) {
	n := r.H
	Quantize(w.Ints[2*n:], reset, StateScale, 0)
	r.productsReset(u, w)
	if r.Fine {
		rest, parts := r.fine(w)
		partsOf(w.Ints[2*n:], rest, reset)
		r.productsReset(parts, w)
		addParts(u[2*n:], parts[2*n:])
	}
}

// productsReset multiplies w.Ints for timesReset.
func (r *Recurrent) productsReset(u []float32, w *Space) {
	if len(r.R.Groups) == 1 {
		r.R.Run(nil, u, w.Ints, w.Image, w.Patch, w.Acc)
		return
	}
	r.R.runGroup(2, u[2*r.H:], w.Ints, w.Patch, w.Acc)
}

// fine returns the float32 beside those of Run: what rounding leaves of a state, and the results
// of its parts.
func (r *Recurrent) fine(w *Space) (rest, parts []float32) {
	more := w.Reals[(3+r.Cell.Gates())*r.H:]
	return more[:r.H], more[r.H:]
}

// stateParts is how many parts of a step a state with 16 bits has.
const stateParts = 256

// partsOf turns h rounded to y into the parts of what that left, with the help of rest.
func partsOf(y []int8, rest, h []float32) {
	for i, q := range y {
		rest[i] = h[i] - float32(float32(q)*StateScale)
	}
	Quantize(y, rest, StateScale/stateParts, 0)
}

// addParts adds the results of parts to those of whole steps.
func addParts(u, parts []float32) {
	for i, p := range parts[:len(u)] {
		u[i] += float32(p * (1.0 / stateParts))
	}
}

// runGroup computes one group of channels of an image without padding.
func (c *Conv) runGroup(g int, real []float32, x, patch []int8, acc []int32) {
	l := c.Groups[g]
	out := output{real: real, stride: l.OutC}
	if l.tiles != nil {
		c.tiled(out, l, g, x, patch, acc)
	} else {
		c.pixels(out, l, g, x, patch, acc)
	}
}
