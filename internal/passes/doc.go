// Package passes applies prune, quantize and share to a graph: it runs the network on
// samples, hands weights and activations to the algorithms as plain slices, and attaches
// what they decide to the parameters as constraints. Why a pass does what it does is written
// in those packages.
//
// # Pruning
//
//	prune_layers.go   Layer: the pruning state of a parameter; thresholds, masks, gains
//	prune_scores.go   scores by criterion, and what keeping a weight costs
//	prune_inputs.go   E|x| and E|<x,w>|, measured on samples
//	prune_gradual.go  GradualPruning: moving thresholds while the network is fine-tuned
//	channels.go       ChannelScores: removing whole channels
//	pool_input.go     PoolInput: one weight for a block of pixels
//
// # Before compression
//
//	scale_inputs.go   ScaleInputs: grids for the features of inputs of unlike ranges
//	negligible.go     DropNegligible: channels that change nothing, weights of extreme magnitude
//	fine.go           Refine: inputs of 16 bits
//	floats.go         SplitGrids: int8 forms of float32 values; Constants: grids of tables and constants
//
// # Quantization
//
// Equalize works on the float network. Then Calibrate gives grids to the activations, Weights
// to the weights and Biases to the biases; CorrectBias follows, and Check verifies the result.
// Whoever changes weight scales or activation grids later calls Biases again. Quantize does
// all but the first. During fine-tuning the grids stay: the forward pass rounds to them (fake
// quantization) and computes what the device computes, up to float32 rounding.
//
// Every activation that exists on the device as int8 has a grid. Operators that only select,
// move or average elements (MaxPool, AvgPool, GlobalAvgPool, Reshape, Transpose, Pad, Concat)
// read and write the same grid. The layer that ends in the network's output, directly or
// before a softmax, stays float, and so does that softmax. Between two fused elementwise
// functions there is no value on the device, hence no grid. domain.go has these rules.
//
// Values that the device computes in float32 (op.Floats: attention, normalizations, whole
// numbers) have no grid. Where a layer reads one, SplitGrids, which Calibrate calls, puts an
// op.ToGrid between them: the layer's input has a grid of its own, and the other readers
// see float32. Constants gives the tables and constants of float32 operators grids, after
// Weights. Refine gives layers inputs of 16 bits: fine grids, as two int8 numbers, whose sums
// are added in float32.
//
// # Rate-distortion rounding
//
// MeasureMoments measures the second moments of inputs and the output curvature of every layer,
// Balance moves scale between layers, and InputMoments.Round prunes and rounds the weights of a
// parameter at a common lambda (moments.go, balance.go, round.go).
//
// # Weight sharing
//
// AllocateCodebooks gives every parameter a codebook, AssignCentroids is called while it is
// fine-tuned, FinalizeCodebook makes it what the file holds, and CheckCodebook verifies that
// (codebook.go).
package passes
