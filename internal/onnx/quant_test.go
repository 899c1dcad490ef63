package onnx

import (
	"slices"
	"strings"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// int8s adds an int8 or uint8 initializer.
func (b *modelBuilder) int8s(name string, typ int64, dims []int, v ...int32) *modelBuilder {
	b.graph.bytes(5, encodeTensor(name, typ, dims, rawInt8s(v)))
	return b
}

// pair adds QuantizeLinear and DequantizeLinear with scale 0.5 and a uint8 zero
// point.
func (b *modelBuilder) pair(in, out string) *modelBuilder {
	return b.floats(out+"s", nil, 0.5).int8s(out+"z", typeUint8, nil, 100).
		node("QuantizeLinear", in+","+out+"s,"+out+"z", out+"q").node("DequantizeLinear", out+"q,"+out+"s,"+out+"z", out)
}

// uint8 zero point 100 is int8 zero point -28.
var halfGrid = graph.Affine{Scale: 0.5, Zero: -28}

func TestPairGivesGrid(t *testing.T) {
	g, err := Decode(newModel(13).input("x", typeFloat, 0, 3).pair("x", "xd").node("Relu", "xd", "h").pair("h", "y").output("y").bytes(), "m")
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Nodes) != 1 || g.Inputs[0].Grid == nil || *g.Inputs[0].Grid != halfGrid || g.Outputs[0].Grid == nil || g.Outputs[0].Name != "y" {
		t.Errorf("graph:\n%v input grid %v, output %q %v", g, g.Inputs[0].Grid, g.Outputs[0].Name, g.Outputs[0].Grid)
	}
	y, err := forward(g, tensor.Of([]float32{-3, 0.3, 400}, 1, 3))
	if err != nil {
		t.Fatal(err)
	}
	closeTo(t, "y", y[0], tensor.Of([]float32{0, 0.5, 77.5}, 1, 3), 0) // 77.5 = 0.5 * (255 - 100)
}

// TestUnroundedReader: a reader of the value before its pair still gets it
// unrounded.
func TestUnroundedReader(t *testing.T) {
	g, err := Decode(newModel(13).input("x", typeFloat, 0, 1).node("Relu", "x", "h").pair("h", "hd").node("Sub", "h,hd", "y").output("y").bytes(), "m")
	if err != nil {
		t.Fatal(err)
	}
	y, err := forward(g, tensor.Of([]float32{1.125}, 1, 1))
	if err != nil {
		t.Fatal(err)
	}
	closeTo(t, "y", y[0], tensor.Of([]float32{0.125}, 1, 1), 0)
}

func TestDequantizedWeights(t *testing.T) {
	tests := []struct {
		name  string
		model *modelBuilder
		grid  *graph.Grid
		want  []float32 // [out, in]
	}{
		{"per channel, transposed", newModel(13).input("x", typeFloat, 0, 2).int8s("q", typeInt8, []int{2, 3}, 1, 2, 3, -4, -5, -127).
			floats("s", []int{3}, 1, 2, 4).int8s("z", typeInt8, []int{3}, 0, 0, 0).node("DequantizeLinear", "q,s,z", "w", attribute{"axis", 1}),
			&graph.Grid{Scale: []float32{1, 2, 4}, Max: 127}, []float32{1, -4, 4, -10, 12, -508}},
		{"per tensor", newModel(10).input("x", typeFloat, 0, 2).int8s("q", typeInt8, []int{2, 3}, 1, 2, 3, -4, -5, -127).
			floats("s", nil, 2).node("DequantizeLinear", "q,s", "w"),
			&graph.Grid{Scale: []float32{2}, Max: 127}, []float32{2, -8, 4, -10, 6, -254}},
		{"uint8 weights of zero point 128", newModel(13).input("x", typeFloat, 0, 2).int8s("q", typeUint8, []int{2, 1}, 1, 200).
			floats("s", nil, 2).int8s("z", typeUint8, nil, 128).node("DequantizeLinear", "q,s,z", "w"),
			&graph.Grid{Scale: []float32{2}, Max: 127}, []float32{-254, 144}},
		{"-128", newModel(13).input("x", typeFloat, 0, 2).int8s("q", typeInt8, []int{2, 1}, 1, -128).
			floats("s", nil, 2).node("DequantizeLinear", "q,s", "w"),
			&graph.Grid{Scale: []float32{2}, Max: 127, Min: -128}, []float32{2, -256}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, err := Decode(tt.model.node("Gemm", "x,w", "y").output("y").bytes(), "m")
			if err != nil {
				t.Fatal(err)
			}
			p := g.Params()[0]
			p.Refresh()
			for i, v := range p.Value.Data {
				if v != tt.want[i] {
					t.Fatalf("weights %v, want %v", p.Value.Data, tt.want)
				}
			}
			if (p.Grid == nil) != (tt.grid == nil) {
				t.Fatalf("grid %v, want %v", p.Grid, tt.grid)
			}
			if p.Grid != nil && (p.Grid.Max != tt.grid.Max || p.Grid.Min != tt.grid.Min || len(p.Grid.Scale) != len(tt.grid.Scale)) {
				t.Errorf("grid %v, want %v", p.Grid, tt.grid)
			}
		})
	}
}

func TestQuantizationRefusals(t *testing.T) {
	in := func() *modelBuilder { return newModel(13).input("x", typeFloat, 0, 3).output("y") }
	tests := []struct {
		name  string
		model *modelBuilder
		want  string
	}{
		{"per channel activation", in().floats("s", []int{3}, 1, 2, 3).node("QuantizeLinear", "x,s", "q").node("DequantizeLinear", "q,s", "y"), "one scale per tensor"},
		{"other scale", in().floats("s", nil, 1).floats("r", nil, 2).node("QuantizeLinear", "x,s", "q").node("DequantizeLinear", "q,r", "y"), "differ"},
		{"zero scale", in().floats("s", nil, 0).node("QuantizeLinear", "x,s", "q").node("DequantizeLinear", "q,s", "y"), "not a positive number"},
		{"quantized output", in().floats("s", nil, 1).node("QuantizeLinear", "x,s", "y"), "DequantizeLinear"},
		{"product of integers", in().floats("s", nil, 1).int8s("w", typeInt8, []int{3, 1}, 1, 2, 3).node("QuantizeLinear", "x,s", "q").node("MatMulInteger", "q,w", "y"), `input "q": it works on quantized integers`},
		{"sum of products", in().floats("s", nil, 1).node("QuantizeLinear", "x,s", "q").node("Einsum", "q", "y"), "it works on quantized integers"},
		{"blocks of another number", in().int8s("q", typeInt8, []int{3, 2}, 1, 2, 3, 4, 5, 6).floats("s", nil, 1).
			node("DequantizeLinear", "q,s", "w", attribute{"block_size", 2}).node("Gemm", "x,w", "y"), "1 scales and 1 zero points for shape [3 2]"},
	}
	for _, tt := range tests {
		if _, err := Decode(tt.model.bytes(), "m"); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v lacks %q", tt.name, err, tt.want)
		}
	}
}

// TestQuantizedWhileReading: float weights behind a pair are the weights that an exporter
// would have stored as integers.
func TestQuantizedWhileReading(t *testing.T) {
	const head = 13
	scales := func() *modelBuilder {
		return newModel(head).input("x", typeFloat, 0, 2).floats("s", []int{2}, 0.5, 0.25).int8s("z", typeInt8, []int{2}, 0, 0)
	}
	axis := attribute{"axis", 0}
	stored := scales().int8s("q", typeInt8, []int{2, 2}, 2, -3, 127, 0).node("DequantizeLinear", "q,s,z", "d", axis).node("Gemm", "x,d", "y", attribute{"transB", 1}).output("y")
	float := scales().floats("w", []int{2, 2}, 1.25, -1.6, 99, 0.1).node("QuantizeLinear", "w,s,z", "q", axis). // 2.5 is a tie
															node("DequantizeLinear", "q,s,z", "d", axis).node("Gemm", "x,d", "y", attribute{"transB", 1}).output("y")
	var params [2]*graph.Param
	for i, b := range []*modelBuilder{stored, float} {
		g, err := Decode(b.bytes(), "m")
		if err != nil {
			t.Fatal(err)
		}
		params[i] = g.Params()[0]
	}
	a, b := params[0], params[1]
	if !slices.Equal(a.Shadow.Data, b.Shadow.Data) || b.Grid == nil || !slices.Equal(a.Grid.Scale, b.Grid.Scale) || a.Grid.Max != b.Grid.Max {
		t.Errorf("weights %v on %v, want %v on %v", b.Shadow.Data, b.Grid, a.Shadow.Data, a.Grid)
	}
}

// Integers of 4 bits lie in pairs, the first in the low bits.
func TestHalfBytes(t *testing.T) {
	for _, c := range []struct {
		typ  int64
		want []int64
	}{{typeInt4, []int64{-8, 7, -1}}, {typeUint4, []int64{8, 7, 15}}} {
		raw := &tensorProto{name: "w", dataType: c.typ, dims: []int64{3}, hasRaw: true, raw: []byte{0x78, 0x0f}}
		typed := &tensorProto{name: "w", dataType: c.typ, dims: []int64{3}, int32s: []int64{0x78, 0x0f}}
		for _, p := range []*tensorProto{raw, typed} {
			if a, err := p.toArray(nil); err != nil || !slices.Equal(a.i, c.want) {
				t.Errorf("%+v: %v, want %v", p, err, c.want)
			}
		}
		raw.raw, typed.int32s = raw.raw[:1], typed.int32s[:1]
		for _, p := range []*tensorProto{raw, typed} {
			if _, err := p.toArray(nil); err == nil {
				t.Errorf("%+v: accepted", p)
			}
		}
	}
}

// What is left of the operator form is refused with the way that works.
func TestQuantizedFormsHaveRemedies(t *testing.T) {
	const way = "quantize_static(..., quant_format=QuantFormat.QDQ) for edgec pack, or give the float network to edgec compress"
	for _, op := range []string{"QLinearWhere", "QLinearReduceMean", "DynamicQuantizeLSTM"} {
		_, err := Decode(newModel(13).input("x", typeFloat, 0, 3).domainNode("com.microsoft", op, "x", "y").output("y").bytes(), "m")
		if err == nil || !strings.Contains(err.Error(), way) {
			t.Errorf("%s: %v", op, err)
		}
	}
}

// A grid goes with its weights through the operators that move constants.
func TestGridsMove(t *testing.T) {
	head := func() *modelBuilder {
		return newModel(13).input("x", typeFloat, 0, 2).int8s("q", typeUint8, []int{1, 2, 3}, 1, 2, 255, 4, 5, 0).floats("s", []int{3}, 1, 2, 4).
			int8s("z", typeUint8, []int{3}, 0, 100, 128).node("DequantizeLinear", "q,s,z", "d", attribute{"axis", 2})
	}
	for name, b := range map[string]*modelBuilder{
		"Reshape":            head().int64s("to", 2, 3).node("Reshape", "d,to", "w").node("Gemm", "x,w", "y"),
		"Squeeze":            head().int64s("to", 0).node("Squeeze", "d,to", "w").node("MatMul", "x,w", "y"),
		"Transpose":          head().int64s("to", 0).node("Squeeze", "d,to", "e").node("Transpose", "e", "w").node("Gemm", "x,w", "y", attribute{"transB", 1}),
		"Gemm with a factor": head().int64s("to", 2, 3).node("Reshape", "d,to", "w").node("Gemm", "x,w", "y", attribute{"alpha", float32(1)}),
	} {
		g, err := Decode(b.output("y").bytes(), "m")
		if err != nil {
			t.Fatal(name, err)
		}
		p := g.Params()[0]
		if p.Grid == nil || !slices.Equal(p.Grid.Scale, []float32{1, 2, 4}) || p.Grid.Min != -128 || !slices.Equal(p.Quanta(), []int32{1, 4, -98, -95, 127, -128}) {
			t.Errorf("%s: grid %+v, integers %v", name, p.Grid, p.Quanta())
		}
	}
}

// TestPoolWithoutPads: padding that is not there is not counted.
func TestPoolWithoutPads(t *testing.T) {
	b := newModel(13).input("x", typeFloat, 0, 1, 5, 5).node("AveragePool", "x", "y", attribute{"kernel_shape", []int{2, 2}}, attribute{"strides", []int{2, 2}},
		attribute{"ceil_mode", 1}, attribute{"count_include_pad", 1}).output("y")
	g, err := Decode(b.bytes(), "m")
	if err != nil {
		t.Fatal(err)
	}
	if o := g.Nodes[0].Op.(op.AvgPool); o.CountPad || !o.CeilMode {
		t.Errorf("operator %+v", o)
	}
}
