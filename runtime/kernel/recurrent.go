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
// where u' are the results of the last gate's R on the rounded r*h. Every operation is
// rounded to float32, in the order written: all CPUs give the same bits.
type Recurrent struct {
	Cell     Cell
	Steps, H int
	Reverse  bool // from the last step to the first
	// R are the weights of all gates, for inputs of zero point 0, with Float32 results; of a
	// GRU those of z and r, then those of n.
	R []*Conv
	// Scale and Zero are the grid of an int8 output.
	Scale float32
	Zero  int
}

// Scratch returns the float32, int8 and int32 that Run works in, and the work spaces that
// its convolutions need.
func (r *Recurrent) Scratch() (reals, ints, image, patch, acc int) {
	for _, c := range r.R {
		i, p, a := c.Scratch()
		image, patch, acc = max(image, i), max(patch, p), max(acc, a)
	}
	return (3 + r.Cell.Gates()) * r.H, r.H, image, patch, acc
}

// Space is the memory that Run works in; see Scratch.
type Space struct {
	Reals            []float32
	Ints             []int8
	ImageOf, PatchOf []int8
	Acc              []int32
}

// Run goes through time over the sums s [Steps,gH], from the state h0 and the cell c0 [H];
// nil: zeros. It writes the state after each step, [Steps,H] in the order of s, to y or, if
// that is nil, to real. A real of one more row gets the last cell in it.
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
	if len(real) > r.Steps*n {
		copy(real[r.Steps*n:], cell)
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
	r.times(0, u, h, w)
	switch r.Cell {
	case GRU:
		for j := range h {
			z, rj := Sigmoid(s[j]+u[j]), Sigmoid(s[n+j]+u[n+j])
			u[j], reset[j] = z, float32(rj*h[j])
		}
		r.times(1, u[2*n:], reset, w)
		for j := range h {
			h[j] = blend(u[j], Tanh(s[2*n+j]+u[2*n+j]), h[j])
		}
	case GRUResetAfter:
		for j := range h {
			z, rj := Sigmoid(s[j]+u[j]), Sigmoid(s[n+j]+u[n+j])
			h[j] = blend(z, Tanh(s[2*n+j]+float32(rj*u[2*n+j])), h[j])
		}
	case LSTM:
		for j := range h {
			in, forget, g := Sigmoid(s[j]+u[j]), Sigmoid(s[2*n+j]+u[2*n+j]), Tanh(s[3*n+j]+u[3*n+j])
			cell[j] = float32(forget*cell[j]) + float32(in*g)
			h[j] = float32(Sigmoid(s[n+j]+u[n+j]) * Tanh(cell[j]))
		}
	default:
		for j := range h {
			h[j] = Tanh(s[j] + u[j])
		}
	}
}

// blend is (1-z)*n + z*h.
func blend(z, n, h float32) float32 { return float32(float32(1-z)*n) + float32(z*h) }

// times multiplies the rounded x by part k of R.
func (r *Recurrent) times(k int, u, x []float32, w *Space) {
	Quantize(w.Ints, x, StateScale, 0)
	c := r.R[k]
	c.Run(nil, u[:c.outputs()], w.Ints, w.ImageOf, w.PatchOf, w.Acc)
}

// outputs returns the number of output channels.
func (c *Conv) outputs() int {
	n := 0
	for _, l := range c.Groups {
		n += l.OutC
	}
	return n
}
