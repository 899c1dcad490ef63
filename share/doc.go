// Package share lets the weights of a layer share a few values: it fits codebooks to int8
// weights, assigns weights to them, and divides a budget of bits among layers. It works on plain
// slices and knows no graph.
//
// # Codebooks
//
// A codebook holds k centroids c_j in units of the layer's int8 grid, so that a weight with
// index j is worth scale c_j. Centroid 0 is always zero, the value of pruned weights. An entropy
// coder spends about -log2 p_j bits on index j, where p_j is the share of the kept weights
// that have it. Fewer centroids, and more unequal shares, make a smaller file.
//
// # What a weight pays
//
// Around a minimum, an error e of weight w_i adds f_i e^2 / 2 to the loss, where f_i is the
// second derivative of the loss in it: its Fisher information, the mean squared gradient (LeCun,
// Denker, Solla 1990, equation 3). A weight takes the centroid that minimises
//
//	f_i (w_i - scale c_j)^2 / 2 + lambda (-log2 p_j)
//
// the added loss plus the rate, in bits, times lambda, in loss per bit (entropy-constrained
// scalar quantization: Chou, Lookabaugh, Gray 1989). lambda = 0 takes the nearest centroid;
// a larger lambda draws weights to centroids that many others have. Assign does this.
//
// # Fitting
//
// KMeans finds centroids for the kept weights. For lambda = 0 the best partition of sorted
// values into k runs is known (Bruce 1965: dynamic programming); it starts Lloyd's algorithm,
// which alternates assignment and weighted means under the rate. Fit rounds the
// centroids to the grid, which makes an entry cost a byte of file, and assigns the weights.
//
// # Allocation
//
// Each layer has a distortion D(k) and a rate R(k), in bits, for each size k of its codebook.
// Minimising the sum of D under a bound on the sum of R is, with a Lagrange multiplier, minimising
//
//	D(k) + lambda R(k)
//
// in each layer alone (Shoham, Gersho 1988). Allocate finds by bisection the least lambda whose
// choices keep the bound. Layers in which errors cost much thus get large codebooks and others
// small ones, and the same lambda assigns the weights.
//
// # Fine-tuning
//
// While a network is fine-tuned under codebooks, the gradient of a centroid is the sum over
// its members (Han, Mao, Dally 2016, section 3.3), centroids are real numbers that the
// forward pass rounds, and the caller assigns weights again every few steps. At the end
// Finalize makes the centroids the integers that a file holds.
package share
