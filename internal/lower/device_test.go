package lower_test

import (
	"encoding/binary"
	"math"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/lower"
	"edgec/internal/tensor"
	"edgec/runtime/format"
)

// device executes a file in real numbers: it reads each instruction's operands
// from the planned arena, computes the result in float64 and rounds it to the
// grid of the output, halves away from zero. It is the slow obvious version of
// the runtime, without its integer tricks.
type device struct {
	t     testing.TB
	f     *format.File
	arena []byte
}

func newDevice(t testing.TB, g *graph.Graph) *device {
	t.Helper()
	f, err := lower.Build(g, lower.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return &device{t, f, make([]byte, f.Arena)}
}

// load returns the real values of a tensor.
func (d *device) load(k int) []float64 {
	x := &d.f.Tensors[k]
	out := make([]float64, x.Elems())
	for i := range out {
		if x.DType == format.Float32 {
			out[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(d.arena[x.Offset+4*i:])))
		} else {
			out[i] = float64(x.Scale) * float64(int(int8(d.arena[x.Offset+i]))-x.Zero)
		}
	}
	return out
}

// store rounds values to a tensor, within the clamp lo..hi of its integers.
func (d *device) store(k int, v []float64, lo, hi int8) {
	x := &d.f.Tensors[k]
	if len(v) != x.Elems() {
		d.t.Fatalf("%d values for tensor %d of shape %v", len(v), k, x.Shape)
	}
	for i, r := range v {
		if x.DType == format.Float32 {
			binary.LittleEndian.PutUint32(d.arena[x.Offset+4*i:], math.Float32bits(float32(r)))
		} else {
			q := math.Round(r/float64(x.Scale)) + float64(x.Zero)
			d.arena[x.Offset+i] = byte(int8(min(max(q, float64(lo)), float64(hi))))
		}
	}
}

// run returns output k for one sample in the host's order.
func (d *device) run(x *tensor.Tensor, k int) []float64 {
	in := d.f.Inputs[0]
	d.store(in, toHWC(x), -128, 127)
	for i := range d.f.Instrs {
		d.exec(&d.f.Instrs[i])
	}
	return d.load(d.f.Outputs[k])
}

func toHWC(x *tensor.Tensor) []float64 {
	out := make([]float64, len(x.Data))
	c, hw := 1, len(x.Data)
	if len(x.Shape) == 4 {
		c, hw = x.Shape[1], x.Shape[2]*x.Shape[3]
	}
	for i, v := range x.Data {
		out[i%hw*c+i/hw] = float64(v)
	}
	return out
}

func (d *device) exec(in *format.Instr) {
	x := d.load(in.In[0])
	shape, out := d.f.Tensors[in.In[0]].Shape, d.f.Tensors[in.Out].Shape
	lo, hi := in.ClampMin, in.ClampMax
	var y []float64
	switch in.Op {
	case format.OpConv2D:
		y = d.conv(in, x, shape, out)
	case format.OpDense:
		y = d.conv(&format.Instr{Weight: in.Weight, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 1, In: in.In}, x, []int{1, 1, len(x)}, []int{1, 1, out[0]})
	case format.OpMaxPool, format.OpAvgPool:
		y = pool(in, x, shape, out)
	case format.OpAdd, format.OpSub, format.OpMul:
		b := d.load(in.In[1])
		for i, v := range x {
			switch w := b[i%len(b)]; in.Op {
			case format.OpAdd:
				y = append(y, v+w)
			case format.OpSub:
				y = append(y, v-w)
			default:
				y = append(y, v*w)
			}
		}
	case format.OpLUT:
		src, dst := &d.f.Tensors[in.In[0]], &d.f.Tensors[in.Out]
		for i := range x {
			q := d.f.LUTs[in.LUT][int(int8(d.arena[src.Offset+i]))+128]
			y = append(y, float64(dst.Scale)*float64(int(q)-dst.Zero))
		}
		lo, hi = -128, 127
	case format.OpConcat:
		outer := 1
		for _, n := range shape[:in.Axis] {
			outer *= n
		}
		for r := 0; r < outer; r++ {
			for _, k := range in.In {
				if a, b := d.f.Tensors[k], d.f.Tensors[in.Out]; a.Scale != b.Scale || a.Zero != b.Zero {
					d.t.Fatalf("concat of grids %v %d and %v %d", a.Scale, a.Zero, b.Scale, b.Zero)
				}
				v := d.load(k)
				n := len(v) / outer
				y = append(y, v[r*n:(r+1)*n]...)
			}
		}
		lo, hi = -128, 127
	case format.OpPad:
		g := &d.f.Tensors[in.Out]
		fill := float64(g.Scale) * float64(int(in.PadValue)-g.Zero)
		for h := range out[0] {
			for w := range out[1] {
				for c := range out[2] {
					if i, j := h-in.PadT, w-in.PadL; i < 0 || j < 0 || i >= shape[0] || j >= shape[1] {
						y = append(y, fill)
					} else {
						y = append(y, x[(i*shape[1]+j)*shape[2]+c])
					}
				}
			}
		}
		lo, hi = -128, 127
	case format.OpSlice:
		for h := range out[0] {
			for w := range out[1] {
				from := ((in.PadT+h*in.StrideH)*shape[1] + in.PadL + w*in.StrideW) * shape[2]
				y = append(y, x[from:from+shape[2]]...)
			}
		}
		lo, hi = -128, 127
	case format.OpTranspose:
		y = transpose(x, shape, in.Perm)
		lo, hi = -128, 127
	case format.OpReshape, format.OpDequantize, format.OpQuantize:
		y, lo, hi = x, -128, 127
	case format.OpSoftmax:
		n := shape[len(shape)-1]
		for i := 0; i < len(x); i += n {
			top, sum := math.Inf(-1), 0.0
			for _, v := range x[i : i+n] {
				top = max(top, v)
			}
			for _, v := range x[i : i+n] {
				sum += math.Exp(v - top)
			}
			for _, v := range x[i : i+n] {
				y = append(y, math.Exp(v-top)/sum)
			}
		}
	default:
		d.t.Fatalf("opcode %d", in.Op)
	}
	d.store(in.Out, y, lo, hi)
}

func (d *device) conv(in *format.Instr, x []float64, shape, out []int) []float64 {
	w := &d.f.Weights[in.Weight]
	inScale := float64(d.f.Tensors[in.In[0]].Scale)
	var y []float64
	for oh := range out[0] {
		for ow := range out[1] {
			for oc := range out[2] {
				scale := float64(w.Scale[min(oc, len(w.Scale)-1)])
				acc := 0.0
				if w.Bias != nil {
					acc = float64(w.Bias[oc]) * inScale * scale
				}
				first := oc / (w.OutC / in.Groups) * w.InC
				for i := range w.KH {
					for j := range w.KW {
						h, v := oh*in.StrideH-in.PadT+i*in.DilH, ow*in.StrideW-in.PadL+j*in.DilW
						if h < 0 || v < 0 || h >= shape[0] || v >= shape[1] {
							continue
						}
						for c := range w.InC {
							acc += x[(h*shape[1]+v)*shape[2]+first+c] * scale * float64(w.Values[((oc*w.KH+i)*w.KW+j)*w.InC+c])
						}
					}
				}
				y = append(y, acc)
			}
		}
	}
	return y
}

func pool(in *format.Instr, x []float64, shape, out []int) []float64 {
	var y []float64
	for oh := range out[0] {
		for ow := range out[1] {
			for c := range out[2] {
				top, sum, n := math.Inf(-1), 0.0, 0
				for i := range in.KH {
					for j := range in.KW {
						h, w := oh*in.StrideH-in.PadT+i*in.DilH, ow*in.StrideW-in.PadL+j*in.DilW
						if h >= 0 && w >= 0 && h < shape[0] && w < shape[1] {
							v := x[(h*shape[1]+w)*shape[2]+c]
							top, sum, n = max(top, v), sum+v, n+1
						}
					}
				}
				switch {
				case in.Op == format.OpMaxPool:
					y = append(y, top)
				case in.CountPad:
					y = append(y, sum/float64(in.KH*in.KW))
				default:
					y = append(y, sum/float64(n))
				}
			}
		}
	}
	return y
}

func transpose(x []float64, shape, perm []int) []float64 {
	strides := make([]int, len(shape))
	for i, n := len(shape)-1, 1; i >= 0; i-- {
		strides[i] = n
		n *= shape[i]
	}
	var y []float64
	var walk func(dim, at int)
	walk = func(dim, at int) {
		if dim == len(perm) {
			y = append(y, x[at])
			return
		}
		for i := range shape[perm[dim]] {
			walk(dim+1, at+i*strides[perm[dim]])
		}
	}
	walk(0, 0)
	return y
}
