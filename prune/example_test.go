package prune_test

import (
	"fmt"

	"edgec/prune"
)

// The importance of a weight vector by an input that it multiplies.
func ExampleInputScore() {
	w := []float32{3, -4}
	fmt.Printf("%.3f\n", prune.InputScore([]float32{1, 1}, w))  // |3-4| / sqrt(5)
	fmt.Printf("%.3f\n", prune.InputScore([]float32{1, -1}, w)) // |3+4| / sqrt(5)
	// Output:
	// 0.447
	// 3.130
}

// Two layers are pruned to four weights by one threshold.
func ExampleThreshold() {
	layers := []*prune.Layer{
		{Gain: 1, Weights: []float32{0.9, -0.1, 0.4}, Mask: []float32{1, 1, 1}, Score: make([]float32, 3)},
		{Gain: 1, Weights: []float32{2, 3, -0.2, 1}, Mask: []float32{1, 1, 1, 1}, Score: make([]float32, 4)},
	}
	for _, l := range layers {
		prune.MagnitudeScores(l.Score, l.Weights)
	}
	t := prune.Threshold(layers, 4)
	pruned, _ := prune.Update(layers, t)
	fmt.Println(pruned, layers[0].Mask, layers[1].Mask)
	// Output: 3 [1 0 1] [1 1 0 0]
}

// A weight just below the threshold stays, and so does a pruned one just above it.
func ExampleUpdate() {
	l := &prune.Layer{Gain: 1, Mask: []float32{1, 1, 0, 0}, Score: []float32{0.95, 0.85, 1.05, 1.15}}
	pruned, spliced := prune.Update([]*prune.Layer{l}, 1)
	fmt.Println(l.Mask, pruned, spliced)
	// Output: [1 0 0 1] 1 1
}

// From 1000 weights to 100 in the first half of the training.
func ExampleSchedule() {
	for _, done := range []float64{0, 0.1, 0.2, 0.3, 0.4, 0.5, 1} {
		fmt.Print(prune.Schedule(1000, 100, done, 0.5), " ")
	}
	fmt.Println()
	// Output: 1000 560 294 157 107 100 100
}

// The weight that stands alone costs more bits than those that stand together.
func ExampleRates() {
	mask := []float32{
		1, 1, 1, 0,
		1, 1, 1, 0,
		0, 0, 0, 1,
	}
	rates := prune.Rates(mask, 3, 4, prune.Coding{})
	fmt.Printf("%.1f %.1f\n", rates[0], rates[11])
	// Output: 2.1 7.0
}

// Channels go until nine tenths of the cost are left: the ones that matter least.
func ExampleSelectChannels() {
	scores := [][]float64{{4, 1, 3, 2}} // of the outputs of layer A, which layer B reads
	tensors := []prune.Tensor{{Cost: 0.5, Rows: 0, Cols: -1}, {Cost: 0.5, Rows: -1, Cols: 0}}
	keep, removed := prune.SelectChannels(scores, tensors, 0.9)
	fmt.Println(keep[0], removed)
	// Output: [true false true true] 1
}
