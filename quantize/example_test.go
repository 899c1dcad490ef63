package quantize_test

import (
	"fmt"
	"math"

	"edgec/quantize"
)

// The int8 grid of activations between 0 and 6.
func ExampleFit() {
	grid := quantize.Fit(0, 6)
	x := []float32{0, 0.01, 1, 6, 7}
	grid.Round(x)
	fmt.Printf("scale %.5f, zero %d, %.3f\n", grid.Scale, grid.Zero, x)
	// Output: scale 0.02353, zero -128, [0.000 0.000 1.012 6.000 6.000]
}

// An outlier stretches the range that MinMax takes; MSE cuts it off.
func ExampleChoose() {
	x := make([]float32, 1001)
	for i := range x {
		x[i] = float32(i) / 1000
	}
	var h quantize.Histogram
	h.Add([]float32{3})
	for range 1000 {
		h.Add(x)
	}
	_, hi := quantize.Choose(&h, quantize.MinMax, 0).Limits()
	fmt.Printf("minmax ends at %.2f, ", hi)
	_, hi = quantize.Choose(&h, quantize.MSE, 0).Limits()
	fmt.Printf("mse at %.2f\n", hi)
	// Output: minmax ends at 3.00, mse at 1.31
}

// Channels of different magnitude get scales of their own.
func ExampleWeightScales() {
	weights := []float32{1.27, -0.5, 0.3, 0.0127, -0.005, 0.002} // [2, 3]
	scale := quantize.WeightScales(weights, nil, 2, 5e-4)
	for i, w := range weights {
		fmt.Print(math.Round(float64(w/scale[i/3])), " ")
	}
	fmt.Println()
	// Output: 127 -50 30 127 -50 20
}

// Channel 0 is large in A and small in B, channel 1 the other way round.
func ExampleEqualize() {
	a := &quantize.Layer{Weights: []float32{8, 0.5}, Channels: 2} // [2, 1]
	b := &quantize.Layer{Weights: []float32{0.5, 8}, Channels: 1} // [1, 2]
	quantize.Equalize([]quantize.Pair{{A: a, B: b}})
	fmt.Println(a.Weights, b.Weights)
	// Output: [2 2] [2 2]
}

// Two inputs that are nearly the same: what rounding the first weight loses, the second one
// makes up for.
func ExampleInputMoments_Round() {
	sums := quantize.NewMomentSums(1, 1, 2, false)
	sums.AddInputs(0, []float32{1, 1, 2, 2.1, -1, -0.9, 3, 3})
	sums.AddOutputs([]float32{1, 1, 1, 1}, []float32{1, -1, 1, -1}, 1, 4, nil)
	m, err := sums.Factor()
	if err != nil {
		fmt.Println(err)
		return
	}
	weights := []float32{0.6, 0.6}
	q, _, err := m.Round(weights, 1, 1, 127, 0)
	fmt.Println(q, err) // nearest integers: 1 and 1
	// Output: [1 0] <nil>
}
