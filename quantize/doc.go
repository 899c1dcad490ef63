// Package quantize puts the numbers of a neural network on int8 grids: it observes
// activations, chooses scales and zero points, balances the channels of consecutive layers,
// rounds weights with the least loss, and repairs what rounding has shifted. It works on plain
// slices and knows no graph.
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
// are dropped (BiasShift) as long as the bias moves in steps that are small
// beside outScale; the file then stores fewer bits.
//
// The derivation follows Jacob et al., "Quantization and Training of Neural
// Networks for Efficient Integer-Arithmetic-Only Inference" (2018), section 2,
// and gemmlowp's doc/quantization.md.
//
// # Activations: observers
//
// A Histogram counts a stream of values; Choose finds the range to cover. A wide range has
// large steps d, which lose d^2/12 for each value on average, a narrow one clips outliers.
// MSE, the default, minimises the sum of both over the histogram. Lattice recognizes inputs
// that were bytes and gives them the grid on which they are exact.
//
// # Weights: scales
//
// WeightScales minimises sum (w - scale p)^2 over the scale of a channel, or of a tensor where
// that rounds nearly as well, since each scale costs two bytes of file.
//
// # Equalization
//
// One scale for all channels of a tensor serves none well that differ in size. With
// f(s x) = s f(x), as Relu has it, dividing channel c by s in one layer and multiplying it by
// s in the next changes nothing:
//
//	W2 f(W1 x + b1) = (W2 S) f(S^-1 W1 x + S^-1 b1)    S = diag(s), s > 0
//
// Equalize makes the largest weights on both sides equal. Balance chooses s such that
// entropy-coded weights take the fewest bits.
//
// # Bias correction
//
// Rounding errors of weights do not average out where inputs are never negative: the mean of an
// output moves. CorrectBias adds the difference of the means to the bias.
//
// # Second-order rounding
//
// Rounding to the nearest integer takes each weight for itself. Its inputs are correlated,
// so that other weights can make up for its error. To second order, errors e [rows, cols] in
// the weights of a layer with inputs x add to the loss
//
//	1/2 sum_r g_r e_r H e_r^T        H = E[x x^T], the second moments of the inputs
//	                                 g_r: the output curvature of row r
//
// (g from squared gradients, taking outputs for independent). MomentSums gathers H and g.
// With U^T U = H^-1, U an upper triangle, the columns are rounded from left to right: after
// an error e in column j, the best later columns are
//
//	w[t] -= e U[j,t] / U[j,j]        t > j
//
// and the loss is g_r e^2 / (2 U[j,j]^2) (Hassibi, Stork 1993, Optimal Brain Surgeon; in this
// order Frantar et al. 2023, GPTQ). InputMoments.Round adds lambda times the code length of
// each integer to this loss and takes the integer with the least sum: zeros, which cost few
// bits, win where a weight matters little, so that rounding prunes too.
package quantize
