package onnx

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"edgec/internal/tensor"
)

// conv3Of is the definition of a convolution of one sample in three dimensions.
func conv3Of(x, w []float32, in, weights, stride, dilation, pads []int, group int) (y []float64, out []int) {
	for d := range 3 {
		out = append(out, (in[d+1]+pads[d]+pads[d+3]-(weights[d+2]-1)*dilation[d]-1)/stride[d]+1)
	}
	outC, perGroup, kernel := weights[0], weights[1], weights[2:]
	for o := range outC {
		for at := range volume(out) {
			sum := 0.0
			for c := range perGroup {
				for k := range volume(kernel) {
					place, inside := (o*group/outC)*perGroup+c, true
					i, j := strides(out), strides(kernel)
					for d := range 3 {
						p := at/i[d]%out[d]*stride[d] + k/j[d]%kernel[d]*dilation[d] - pads[d]
						inside = inside && p >= 0 && p < in[d+1]
						place = place*in[d+1] + p
					}
					if inside {
						sum += float64(x[place]) * float64(w[(o*perGroup+c)*volume(kernel)+k])
					}
				}
			}
			y = append(y, sum)
		}
	}
	return y, append([]int{outC}, out...)
}

// TestConvolutionOfThreeDimensions compares with the definition.
func TestConvolutionOfThreeDimensions(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 5))
	random := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(rng.IntN(9) - 4)
		}
		return x
	}
	for i := range 40 {
		group := 1 + rng.IntN(2)
		in := []int{group * (1 + rng.IntN(2)), 3 + rng.IntN(3), 3 + rng.IntN(3), 3 + rng.IntN(3)}
		weights := []int{group * (1 + rng.IntN(2)), in[0] / group, 1 + rng.IntN(2), 1 + rng.IntN(2), 1 + rng.IntN(2)}
		var stride, dilation, pads []int
		for range 3 {
			stride, dilation = append(stride, 1+rng.IntN(2)), append(dilation, 1+rng.IntN(2))
		}
		for range 6 {
			pads = append(pads, rng.IntN(2))
		}
		x, w := random(volume(in)), random(volume(weights))
		want, shape := conv3Of(x, w, in, weights, stride, dilation, pads, group)
		m := newModel(13).input("x", typeFloat, append([]int{0}, in...)...).floats("w", weights, w...).node("Conv", "x,w", "y", attribute{"strides", stride},
			attribute{"dilations", dilation}, attribute{"pads", pads}, attribute{"group", group}).output("y")
		g, err := Decode(m.bytes(), fmt.Sprint(i))
		if err != nil {
			t.Fatal(err)
		}
		got, err := forward(g, tensor.Of(x, append([]int{1}, in...)...))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got[0].Shape[1:], shape) {
			t.Fatalf("shape %v, want %v", got[0].Shape, shape)
		}
		for k, v := range got[0].Data { // whole numbers below 2^24: exact
			if float64(v) != want[k] {
				t.Fatalf("%v by %v, strides %v, dilations %v, pads %v, %d groups: element %d is %v, want %v", in, weights, stride, dilation, pads, group, k, v, want[k])
			}
		}
	}
}

// TestEachPicture: layers of pictures that are merged with the batch, as time-distributed
// layers are, equal those of each picture alone.
func TestEachPicture(t *testing.T) {
	weights := func(m *modelBuilder) *modelBuilder {
		return m.floats("w", []int{2, 1, 2, 2}, 1, 2, 3, 4, -1, 0, 2, 1).floats("u", []int{1, 2, 2, 2}, 1, 2, 3, 4, -1, 0, 2, 1).floats("b", []int{2}, 1, -1)
	}
	for _, l := range []struct {
		name  string
		add   func(m *modelBuilder, from, to string) *modelBuilder
		shape []int // of what comes out of one picture
	}{
		{"convolution and pool", func(m *modelBuilder, from, to string) *modelBuilder {
			return weights(m).node("Conv", from+",w,b", "c").node("MaxPool", "c", to, attribute{"kernel_shape", []int{2, 2}})
		}, []int{2, 2, 2}},
		{"transposed convolution", func(m *modelBuilder, from, to string) *modelBuilder {
			return weights(m).node("ConvTranspose", from+",u,b", to, attribute{"strides", []int{2, 2}})
		}, []int{2, 8, 8}},
		{"mean of a picture", func(m *modelBuilder, from, to string) *modelBuilder {
			return weights(m).node("Conv", from+",w,b", "c").node("GlobalAveragePool", "c", to)
		}, []int{2, 1, 1}},
		{"maximum of a picture", func(m *modelBuilder, from, to string) *modelBuilder {
			return weights(m).node("Conv", from+",w,b", "c").node("GlobalMaxPool", "c", to)
		}, []int{2, 1, 1}},
		{"pixels to channels and back", func(m *modelBuilder, from, to string) *modelBuilder {
			return m.node("SpaceToDepth", from, "c", attribute{"blocksize", 2}).node("DepthToSpace", "c", "d", attribute{"blocksize", 2}).node("Relu", "d", to)
		}, []int{1, 4, 4}},
	} {
		t.Run(l.name, func(t *testing.T) { eachPicture(t, l.shape, l.add) })
	}
}

// eachPicture compares layers, which make the given shape of a picture [1,4,4], over merged
// pictures with those over each.
func eachPicture(t *testing.T, shape []int, layers func(m *modelBuilder, from, to string) *modelBuilder) {
	const steps = 3
	x := count(2, steps, 1, 4, 4)
	one, err := Decode(layers(newModel(13).input("x", typeFloat, 0, 1, 4, 4), "x", "y").output("y").bytes(), "one")
	if err != nil {
		t.Fatal(err)
	}
	want, err := forward(one, tensor.Of(x.Data, 2*steps, 1, 4, 4))
	if err != nil {
		t.Fatal(err)
	}
	for name, batch := range map[string]int{"open": 0, "of one": 1} {
		m := newModel(13).input("x", typeFloat, batch, steps, 1, 4, 4).int64s("s", -1, 1, 4, 4).int64s("e", append([]int{-1, steps}, shape...)...).node("Reshape", "x,s", "r")
		g, err := Decode(layers(m, "r", "p").node("Reshape", "p,e", "y").output("y").bytes(), name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := forward(g, x)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got[0].Data, want[0].Data) {
			t.Errorf("batch %s: %v, want %v", name, got[0].Data, want[0].Data)
		}
	}
}
