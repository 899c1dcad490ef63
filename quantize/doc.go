// Package quantize puts a network on int8 grids: it observes activations,
// chooses their scale and zero point, chooses the scales of the weights and
// the grids of the biases, and repairs what rounding has shifted.
//
// # From real numbers to integers, step by step
//
// 1. A real number r of an activation is stored as an int8 q on an affine grid:
//
//	r = scale * (q - zero)        q, zero in -128..127, scale > 0
//
// One scale and one zero point serve a whole tensor. Because zero is itself an
// integer of the grid, r = 0 is exact: zero padding and pruned weights add
// nothing, not even an error.
//
// 2. A weight is stored on a symmetric grid, whose zero point is 0 and whose
// scale may differ for each output channel c:
//
//	w = wScale[c] * p             p in -127..127
//
// 3. One output of a convolution or dense layer is then
//
//	y = b + sum w*x = b + wScale[c] * inScale * sum p * (q - inZero)
//
// The sum holds integers only. The bias joins it when it is written in the
// same unit, b = wScale[c] * inScale * B with an integer B:
//
//	y = wScale[c] * inScale * acc      acc = B + sum p * (q - inZero), int32
//
// 4. The result goes to the grid of the output:
//
//	qy = outZero + round(acc * M[c])     M[c] = wScale[c] * inScale / outScale
//
// M is the only real number left. Export writes it as a 31-bit integer
// multiplier and a shift, so the device needs integers alone. The last layer
// has no output grid: its result is the float32 acc * wScale[c] * inScale.
//
// 5. The bias has far more precision than the result can show. Its lowest bits
// are dropped (Grid.Shift) as long as the bias moves in steps that are small
// beside outScale; the file then stores fewer bits.
//
// The derivation follows Jacob et al., "Quantization and Training of Neural
// Networks for Efficient Integer-Arithmetic-Only Inference" (2018), section 2,
// and gemmlowp's doc/quantization.md.
//
// # Order
//
// Equalize works on the float network. Then Calibrate gives grids to the
// activations, Weights to the weights and Biases to the biases; CorrectBias
// follows. Whoever changes weight scales or activation grids later calls
// Biases again. Quantize does all of it. During fine-tuning the grids stay: the
// forward pass rounds to them (fake quantization) and computes what the device
// computes, up to float32 rounding.
//
// # Which values have a grid
//
// Every activation that exists on the device as int8. Operators that only
// select, move or average elements (MaxPool, AvgPool, GlobalAvgPool, Reshape,
// Transpose, Pad, Concat) read and write the same grid. The layer that ends in
// the network's output, directly or before a softmax, stays float, and so does
// that softmax. Between two fused elementwise functions there is no value on
// the device, hence no grid.
package quantize
