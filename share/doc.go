// Package share lets weights share values: k-means codebooks over the int8
// grid, one for each layer.
//
// A codebook holds k centroids in units of the layer's grid. Centroid 0 is
// always zero, the value of pruned weights. A weight w_i with importance f_i
// (its share of the Fisher information, the second derivative of the loss)
// takes the centroid c that minimises
//
//	0.5 f_i (w_i - scale*c)^2 + lambda * (-log2 p_c)
//
// where p_c is the share of the kept weights that use c: distortion of the
// loss plus the price of the index under an adaptive coder (entropy-constrained
// scalar quantization: Chou, Lookabaugh, Gray 1989). lambda is in nats of loss
// for a bit; 0 gives plain weighted k-means.
//
// While fine-tuning goes on, the gradient of a centroid is the sum over its
// members (Han, Mao, Dally 2016, section 3.3) and indexes are reassigned from
// the shadow weights until Freeze.
package share
