package share_test

import (
	"fmt"

	"edgec/share"
)

// Two centroids for values of two kinds; the second kind matters more.
func ExampleKMeans() {
	w := []float32{-3, -2, 5, 6, 6, 7}
	f := []float32{1, 1, 4, 4, 4, 4}
	fmt.Printf("%.2f\n", share.KMeans(w, f, 3, 0)) // zero is the third
	// Output: [-2.50 6.00]
}

// Weights on a grid of 0.1 share two values; the pruned one is zero.
func ExampleTensor_Fit() {
	t := share.Tensor{
		Weights:    []float32{0.52, 0.48, -0.31, 0.5, 0.04, -0.29},
		Mask:       []float32{1, 1, 1, 1, 0, 1},
		Importance: []float32{1, 1, 1, 1, 1, 1},
		Scale:      []float32{0.1},
		Limit:      127,
	}
	b, err := t.Fit(3, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(b.Centroids, b.Index)
	fmt.Printf("%.4f added to the loss, %.2f bits of indexes\n", t.Distortion(b), b.Entropy(t.Mask))
	// Output:
	// [0 -3 5] [2 2 1 2 0 1]
	// 0.0005 added to the loss, 5.44 bits of indexes
}

// At a larger lambda the weight between two centroids takes the one that others have.
func ExampleTensor_Assign() {
	t := share.Tensor{Weights: []float32{1, 1, 1, 1, 2.2, 3}, Importance: []float32{1, 1, 1, 1, 1, 1}, Scale: []float32{1}, Limit: 127}
	b := &share.Codebook{Centroids: []float32{0, 1, 3}, Index: []uint8{1, 1, 1, 1, 2, 2}}
	t.Assign(b, 0)
	fmt.Println(b.Index)
	t.Assign(b, 1)
	fmt.Println(b.Index)
	// Output:
	// [1 1 1 1 2 2]
	// [1 1 1 1 1 2]
}

// Of two layers, the one in which errors cost more gets the larger codebook.
func ExampleAllocate() {
	options := [][]share.Option{
		{{Size: 2, Loss: 1, Bits: 100}, {Size: 4, Loss: 0.4, Bits: 200}},
		{{Size: 2, Loss: 9, Bits: 100}, {Size: 4, Loss: 2, Bits: 200}},
	}
	sizes, _ := share.Allocate(options, 300)
	fmt.Println(sizes)
	// Output: [2 4]
}
