package onnx

import (
	"slices"
	"testing"

	"edgec/internal/tensor"
)

// TestMoving: operators that move elements give the values written down here, also as they
// are written and read again.
func TestMoving(t *testing.T) {
	for _, c := range movingCases() {
		t.Run(c.name, func(t *testing.T) { c.run(t) })
	}
}

func movingCases() []movedCase {
	x := func(dims ...int) *modelBuilder { return newModel(18).input("x", typeFloat, dims...) }
	return []movedCase{
		{"split in two", x(0, 4).node("Split", "x", "a,b", attribute{"axis", 1}, attribute{"num_outputs", 2}).node("Sub", "a,b", "y"), []*tensor.Tensor{count(1, 4)}, tensor.Of([]float32{-2, -2}, 1, 2), []string{"Slice", "Slice", "Sub"}},
		{"split of a single sample", x(1, 4).int64s("s", 1, 3).node("Split", "x,s", "c,b", attribute{"axis", -1}).node("Neg", "b", "y"), []*tensor.Tensor{count(1, 4)}, tensor.Of([]float32{-1, -2, -3}, 1, 3), nil},
		{"split without a batch", x(4).node("Split", "x", "a,b", attribute{"num_outputs", 2}).node("Sub", "b,a", "y"), []*tensor.Tensor{count(1, 4)}, tensor.Of([]float32{2, 2}, 1, 2), nil},
		{"backwards", x(0, 5).int64s("from", -1).int64s("to", -100).int64s("axis", 1).int64s("step", -2).node("Slice", "x,from,to,axis,step", "y"), []*tensor.Tensor{count(1, 5)}, tensor.Of([]float32{4, 2, 0}, 1, 3), []string{"Slice"}},
		{"to the end of the batch", x(0, 3).int64s("zero", 0, 1).int64s("one", 1).int64s("first", 0).node("Shape", "x", "s").node("Slice", "s,first,one", "n").node("Concat", "n,rest", "to", attribute{"axis", 0}).int64s("rest", 3).
			node("Slice", "x,zero,to", "y"), []*tensor.Tensor{count(2, 3)}, tensor.Of([]float32{1, 2, 4, 5}, 2, 2), []string{"Slice"}},
		{"joined with a constant", x(0, 1, 2).floats("k", []int{1, 1, 2}, 8, 9).node("Shape", "x", "s").int64s("at", 0).int64s("rest", 1, 2).node("Gather", "s,at", "n").node("Concat", "n,rest", "all", attribute{"axis", 0}).
			node("Expand", "k,all", "e").node("Concat", "e,x", "y", attribute{"axis", 1}), []*tensor.Tensor{count(2, 1, 2)}, tensor.Of([]float32{8, 9, 0, 1, 8, 9, 2, 3}, 2, 2, 2), []string{"Concat"}},
		{"joined with a constant, one sample", x(1, 1, 2).floats("k", []int{1, 2, 2}, 6, 7, 8, 9).node("Concat", "x,k", "y", attribute{"axis", 1}), []*tensor.Tensor{count(1, 1, 2)}, tensor.Of([]float32{0, 1, 6, 7, 8, 9}, 1, 3, 2), []string{"Concat"}},
		{"expanded", x(0, 2, 1).int64s("s", 1, 2, 3).node("Expand", "x,s", "y"), []*tensor.Tensor{count(1, 2, 1)}, tensor.Of([]float32{0, 0, 0, 1, 1, 1}, 1, 2, 3), []string{"Tile"}},
		{"repeated", x(0, 2).int64s("s", 1, 2).node("Tile", "x,s", "y"), []*tensor.Tensor{count(2, 2)}, tensor.Of([]float32{0, 1, 0, 1, 2, 3, 2, 3}, 2, 4), []string{"Tile"}},
		{"channels shuffled in a batch of one", x(1, 4, 1, 2).int64s("s", 2, 2, 1, 2).int64s("b", 1, 4, 1, 2).node("Reshape", "x,s", "r").node("Transpose", "r", "t", attribute{"perm", []int{1, 0, 2, 3}}).
			node("Reshape", "t,b", "y"), []*tensor.Tensor{count(1, 4, 1, 2)}, tensor.Of([]float32{0, 1, 4, 5, 2, 3, 6, 7}, 1, 4, 1, 2), nil},
		{"channels shuffled", x(0, 4, 1, 2).int64s("s", -1, 2, 2, 1, 2).int64s("b", -1, 4, 1, 2).node("Reshape", "x,s", "r").node("Transpose", "r", "t", attribute{"perm", []int{0, 2, 1, 3, 4}}).
			node("Reshape", "t,b", "y"), []*tensor.Tensor{count(1, 4, 1, 2)}, tensor.Of([]float32{0, 1, 4, 5, 2, 3, 6, 7}, 1, 4, 1, 2), nil},
		{"channels shuffled with the batch merged", x(0, 4, 1, 2).int64s("s", -1, 2, 2).int64s("b", -1, 4, 1, 2).node("Reshape", "x,s", "r").node("Transpose", "r", "t", attribute{"perm", []int{1, 0, 2}}).
			node("Transpose", "t", "u", attribute{"perm", []int{1, 0, 2}}).node("Reshape", "u,b", "v").node("Relu", "v", "y"), []*tensor.Tensor{count(1, 4, 1, 2)}, count(1, 4, 1, 2), nil},
		{"edges repeated", x(0, 3).int64s("p", 0, 2, 0, 1).node("Pad", "x,p", "y", attribute{"mode", "edge"}), []*tensor.Tensor{count(2, 3)}, tensor.Of([]float32{0, 0, 0, 1, 2, 2, 3, 3, 3, 4, 5, 5}, 2, 6), nil},
		{"reflected", x(0, 3).int64s("p", 2, 2).int64s("a", -1).node("Pad", "x,p,,a", "y", attribute{"mode", "reflect"}), []*tensor.Tensor{count(1, 3)}, tensor.Of([]float32{2, 1, 0, 1, 2, 1, 0}, 1, 7), []string{"Slice", "Slice", "Concat"}},
		{"reflected more than once", x(0, 2).int64s("p", 0, 3, 0, 8).node("Pad", "x,p", "y", attribute{"mode", "reflect"}), []*tensor.Tensor{count(1, 2)}, tensor.Of([]float32{1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1}, 1, 13), nil},
		{"wrapped", x(0, 3).int64s("p", 0, 1, 0, 2).node("Pad", "x,p", "y", attribute{"mode", "wrap"}), []*tensor.Tensor{count(1, 3)}, tensor.Of([]float32{2, 0, 1, 2, 0, 1}, 1, 6), nil},
		{"padded by less than nothing", x(0, 4).int64s("p", 0, -1, 0, 2).floats("v", nil, 7).node("Pad", "x,p,v", "y"), []*tensor.Tensor{count(1, 4)}, tensor.Of([]float32{1, 2, 3, 7, 7}, 1, 5), []string{"Slice", "Pad"}},
		{"edges cut", x(0, 4).int64s("p", 0, -1, 0, 1).node("Pad", "x,p", "y", attribute{"mode", "edge"}), []*tensor.Tensor{count(1, 4)}, tensor.Of([]float32{1, 2, 3, 3}, 1, 4), nil},
		{"cropped and padded", x(0, 4, 1).int64s("s", 2, 2).node("CenterCropPad", "x,s", "y", attribute{"axes", []int{1, 2}}), []*tensor.Tensor{count(1, 4, 1)}, tensor.Of([]float32{1, 0, 2, 0}, 1, 2, 2), nil},
		{"elements", x(0, 3).input("k", typeInt64, 0, 2).node("GatherElements", "x,k", "y", attribute{"axis", 1}), []*tensor.Tensor{count(2, 3), tensor.Of([]float32{2, 0, 1, -1}, 2, 2)}, tensor.Of([]float32{2, 0, 4, 5}, 2, 2), []string{"GatherElements"}},
		{"points", x(0, 2, 2).input("k", typeInt64, 0, 1, 2).node("GatherND", "x,k", "y", attribute{"batch_dims", 1}), []*tensor.Tensor{count(2, 2, 2), tensor.Of([]float32{1, 0, 0, 1}, 2, 1, 2)}, tensor.Of([]float32{2, 5}, 2, 1), []string{"GatherND"}},
		{"constant points before the batch", x(0, 2, 2).node("Transpose", "x", "t", attribute{"perm", []int{1, 2, 0}}).floats("f", []int{2, 2}, 1, 0, 0, -1).node("Cast", "f", "k", attribute{"to", typeInt64}).
			node("GatherND", "t,k", "p").node("Transpose", "p", "y", attribute{"perm", []int{1, 0}}), []*tensor.Tensor{count(2, 2, 2)}, tensor.Of([]float32{2, 1, 6, 5}, 2, 2), nil},
		{"constant points", x(1, 2, 2).floats("f", []int{2, 3}, 0, 1, 0, 0, 0, 1).node("Cast", "f", "k", attribute{"to", typeInt64}).node("GatherND", "x,k", "y"), []*tensor.Tensor{count(1, 2, 2)}, tensor.Of([]float32{2, 1}, 1, 2), []string{"Reshape", "Reshape", "Gather"}},
		{"scattered", x(0, 3).input("k", typeInt64, 0, 1).floats("one", nil, 9).node("GatherElements", "x,k", "g", attribute{"axis", 1}).node("Add", "g,one", "u").
			node("ScatterElements", "x,k,u", "y", attribute{"axis", 1}, attribute{"reduction", "add"}), []*tensor.Tensor{count(2, 3), tensor.Of([]float32{2, 0}, 2, 1)}, tensor.Of([]float32{0, 1, 13, 15, 4, 5}, 2, 3), nil},
		{"scattered rows", x(1, 3, 2).int64s("i", 0, 1).int64s("s", 1, 2).node("Reshape", "i,s", "k").floats("u", []int{1, 2}, 8, 9).node("ScatterND", "x,k,u", "y"), []*tensor.Tensor{count(1, 3, 2)}, tensor.Of([]float32{0, 1, 8, 9, 4, 5}, 1, 3, 2), nil},
		{"a triangle", x(0, 2, 2).scalarInts("k", 0).node("Trilu", "x,k", "y", attribute{"upper", 0}), []*tensor.Tensor{tensor.Of([]float32{1, 2, 3, 4}, 1, 2, 2)}, tensor.Of([]float32{1, 0, 3, 4}, 1, 2, 2), nil},
		{"one hot", newModel(18).input("x", typeInt64, 0, 2).int64s("d", 3).floats("v", []int{2}, 0, 5).node("OneHot", "x,d,v", "y", attribute{"axis", 1}), []*tensor.Tensor{tensor.Of([]float32{2, 0}, 1, 2)}, tensor.Of([]float32{0, 5, 0, 0, 5, 0}, 1, 3, 2), nil},
		{"the best", x(0, 3).int64s("k", 2).node("TopK", "x,k", "v,i").node("Cast", "i", "f", attribute{"to", typeFloat}).node("Concat", "v,f", "y", attribute{"axis", 1}), []*tensor.Tensor{tensor.Of([]float32{5, 7, 6}, 1, 3)}, tensor.Of([]float32{7, 6, 1, 2}, 1, 4), nil},
		{"turned around", newModel(18).inputOpen("x", "batch", 1, 3, 0, 1).int64s("l", 2).node("Shape", "x", "s").int64s("at", 1).node("Gather", "s,at", "n").node("Expand", "l,n", "ls").
			node("ReverseSequence", "x,ls", "r").node("Transpose", "r", "t", attribute{"perm", []int{1, 0, 2}}).node("Relu", "t", "y"), []*tensor.Tensor{count(2, 3, 1)}, tensor.Of([]float32{1, 0, 2, 4, 3, 5}, 2, 3, 1), nil},
		{"turned around by given lengths", x(0, 3).input("l", typeInt64, 0).node("ReverseSequence", "x,l", "y", attribute{"batch_axis", 0}, attribute{"time_axis", 1}), []*tensor.Tensor{count(2, 3), tensor.Of([]float32{3, 2}, 2)}, tensor.Of([]float32{2, 1, 0, 4, 3, 5}, 2, 3), []string{"ReverseSequence"}},
		{"compressed", x(0, 3).int64s("c", 1, 0, 1).node("Compress", "x,c", "y", attribute{"axis", 1}), []*tensor.Tensor{count(1, 3)}, tensor.Of([]float32{0, 2}, 1, 2), []string{"Slice"}},
		{"norms of windows", x(0, 1, 3).node("LpPool", "x", "y", attribute{"kernel_shape", []int{2}}, attribute{"p", 1}), []*tensor.Tensor{tensor.Of([]float32{3, -4, 5}, 1, 1, 3)}, tensor.Of([]float32{7, 9}, 1, 1, 2), nil},
		{"norms of windows with zeros", x(0, 1, 3).node("LpPool", "x", "y", attribute{"kernel_shape", []int{2}}, attribute{"pads", []int{1, 0}}, attribute{"strides", []int{2}}), []*tensor.Tensor{tensor.Of([]float32{3, -4, 3}, 1, 1, 3)}, tensor.Of([]float32{3, 5}, 1, 1, 2), nil},
		{"largest of three dimensions", x(0, 1, 2, 1, 3).node("MaxPool", "x", "y", attribute{"kernel_shape", []int{2, 1, 2}}), []*tensor.Tensor{count(1, 1, 2, 1, 3)}, tensor.Of([]float32{4, 5}, 1, 1, 1, 1, 2), nil},
		{"unpooled", x(1, 1, 2).int64s("i", 0, 3).int64s("s", 1, 1, 2).node("Reshape", "i,s", "k").node("MaxUnpool", "x,k", "y", attribute{"kernel_shape", []int{2}}, attribute{"strides", []int{2}}),
			[]*tensor.Tensor{tensor.Of([]float32{5, 6}, 1, 1, 2)}, tensor.Of([]float32{5, 0, 0, 6}, 1, 1, 4), nil},
		{"where the largest is", x(0, 2).floats("c", []int{1, 1, 4}, 1, 7, 2, 3).node("MaxPool", "c", "m,i", attribute{"kernel_shape", []int{2}}, attribute{"strides", []int{2}}).node("Cast", "i", "f", attribute{"to", typeFloat}).
			int64s("s", 1, 2).node("Reshape", "f,s", "r").node("Add", "x,r", "y"), []*tensor.Tensor{count(1, 2)}, tensor.Of([]float32{1, 4}, 1, 2), nil},
		{"between pixels", newModel(20).input("x", typeFloat, 0, 1, 1, 3).input("g", typeFloat, 0, 1, 2, 2).node("GridSample", "x,g", "y", attribute{"align_corners", 1}),
			[]*tensor.Tensor{tensor.Of([]float32{1, 2, 4, 5, 6, 8}, 2, 1, 1, 3), tensor.Of([]float32{0.5, 0, -1, 0, 0, 0, 1, 0}, 2, 1, 2, 2)}, tensor.Of([]float32{3, 1, 6, 8}, 2, 1, 1, 2), []string{"GridSample"}},
		{"places of a map", newModel(20).input("x", typeFloat, 0, 2, 3).int64s("s", 1, 1, 1, 2).node("AffineGrid", "x,s", "y", attribute{"align_corners", 1}), []*tensor.Tensor{tensor.Of([]float32{1, 0, 0.5, 0, 2, 3}, 1, 2, 3)},
			tensor.Of([]float32{-0.5, 1, 1.5, 1}, 1, 1, 2, 2), nil},
		{"blocks added up", x(0, 2, 2).int64s("i", 1, 3).int64s("b", 1, 2).node("Col2Im", "x,i,b", "y"), []*tensor.Tensor{tensor.Of([]float32{1, 2, 3, 4}, 1, 2, 2)}, tensor.Of([]float32{1, 5, 4}, 1, 1, 1, 3), nil},
		{"boxes chosen", x(0, 6).floats("b", []int{1, 3, 4}, 0, 0, 1, 1, 0, 0, 1, 0.9, 2, 2, 3, 3).floats("s", []int{1, 1, 3}, 0.5, 0.9, 0.7).int64s("k", 9).floats("t", []int{1}, 0.5).
			node("NonMaxSuppression", "b,s,k,t", "n").node("Cast", "n", "f", attribute{"to", typeFloat}).int64s("r", 1, 6).node("Reshape", "f,r", "c").node("Add", "x,c", "y"),
			[]*tensor.Tensor{tensor.New(1, 6)}, tensor.Of([]float32{0, 0, 1, 0, 0, 2}, 1, 6), []string{"Add"}},
		{"taps at their places", newModel(19).input("x", typeFloat, 0, 1, 2, 2).input("o", typeFloat, 0, 8, 1, 1).floats("w", []int{1, 1, 2, 2}, 1, 2, 3, 4).node("DeformConv", "x,w,o", "y"),
			[]*tensor.Tensor{count(1, 1, 2, 2), tensor.Of([]float32{0, 0, 0, -0.5, 0, 0, 0, 9}, 1, 8, 1, 1)}, tensor.Of([]float32{0 + 2*0.5 + 3*2}, 1, 1, 1, 1), nil},
		{"each pixel twice", x(0, 1, 1, 2).floats("s", []int{4}, 1, 1, 2, 2).node("Resize", "x,,s", "y", attribute{"coordinate_transformation_mode", "asymmetric"}, attribute{"nearest_mode", "floor"}),
			[]*tensor.Tensor{count(2, 1, 1, 2)}, tensor.Of([]float32{0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 3, 3, 2, 2, 3, 3}, 2, 1, 2, 4), []string{"Resize"}},
		{"between two pixels", x(0, 1, 1, 2).int64s("s", 1, 4).int64s("a", 2, 3).node("Resize", "x,,,s", "y", attribute{"mode", "linear"}, attribute{"axes", []int{2, 3}}),
			[]*tensor.Tensor{count(1, 1, 1, 2)}, tensor.Of([]float32{0, 0.25, 0.75, 1}, 1, 1, 1, 4), nil},
		{"sizes that keep the form", x(0, 1, 2, 4).int64s("s", 1, 4).node("Resize", "x,,,s", "y", attribute{"axes", []int{2, 3}}, attribute{"keep_aspect_ratio_policy", "not_larger"}),
			[]*tensor.Tensor{count(1, 1, 2, 4)}, tensor.Of([]float32{0, 2}, 1, 1, 1, 2), nil},
		{"upsampled", newModel(9).input("x", typeFloat, 0, 1, 1, 2).floats("s", []int{4}, 1, 1, 1, 2).node("Upsample", "x,s", "y"), []*tensor.Tensor{count(1, 1, 1, 2)}, tensor.Of([]float32{0, 0, 1, 1}, 1, 1, 1, 4), nil},
		{"transposed convolution", x(0, 1, 3).floats("w", []int{1, 1, 2}, 1, 10).node("ConvTranspose", "x,w", "y", attribute{"strides", []int{2}}, attribute{"output_padding", []int{1}}),
			[]*tensor.Tensor{count(1, 1, 3)}, tensor.Of([]float32{0, 0, 1, 10, 2, 20, 0}, 1, 1, 7), nil},
		{"transposed convolution to a size", x(0, 1, 3).floats("w", []int{1, 1, 2}, 1, 10).node("ConvTranspose", "x,w", "y", attribute{"strides", []int{2}}, attribute{"output_shape", []int{5}}, attribute{"auto_pad", "SAME_UPPER"}),
			[]*tensor.Tensor{count(1, 1, 3)}, tensor.Of([]float32{0, 0, 1, 10, 2}, 1, 1, 5), nil},
		{"slopes", x(0, 2, 2).floats("k", []int{2, 1}, 0.5, 4).floats("one", nil, 1).node("Sub", "x,one", "s").node("PRelu", "s,k", "y"), []*tensor.Tensor{tensor.Of([]float32{0, 2, 3, -1}, 1, 2, 2)}, tensor.Of([]float32{-0.5, 1, 2, -8}, 1, 2, 2), nil},
		{"channels to pixels", x(0, 4, 1, 2).node("DepthToSpace", "x", "y", attribute{"blocksize", 2}), []*tensor.Tensor{count(1, 4, 1, 2)}, tensor.Of([]float32{0, 2, 1, 3, 4, 6, 5, 7}, 1, 1, 2, 4), nil},
		{"pixels to channels", x(0, 1, 2, 4).node("SpaceToDepth", "x", "y", attribute{"blocksize", 2}), []*tensor.Tensor{count(1, 1, 2, 4)}, tensor.Of([]float32{0, 2, 1, 3, 4, 6, 5, 7}, 1, 4, 1, 2), nil},
	}
}

// TestRegions: files whose batch is open cannot say that regions stay within a sample, so
// that a written RoiAlign is not read back.
func TestRegions(t *testing.T) {
	m := newModel(18).input("x", typeFloat, 1, 1, 3, 3).floats("r", []int{1, 4}, 0, 0, 2, 2).int64s("i", 0).node("RoiAlign", "x,r,i", "y", attribute{"output_width", 2}, attribute{"sampling_ratio", 1},
		attribute{"coordinate_transformation_mode", "output_half_pixel"})
	g, err := Decode(m.output("y").bytes(), "regions")
	if err != nil {
		t.Fatal(err)
	}
	got, err := forward(g, count(1, 1, 3, 3))
	if err != nil {
		t.Fatal(err)
	}
	if want := tensor.Of([]float32{3.5, 4.5}, 1, 1, 1, 2); !slices.Equal(got[0].Data, want.Data) || !got[0].Shape.Equal(want.Shape) {
		t.Errorf("%v %v, want %v", got[0].Shape, got[0].Data, want.Data)
	}
	if _, err := Encode(g); err != nil {
		t.Error(err)
	}
}
