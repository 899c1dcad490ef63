// Package prune decides which weights of a neural network go: it scores them, finds the
// threshold at which a wanted number survives, and updates masks with hysteresis. It works
// on plain slices and knows no graph; the caller trains, and calls it every few steps.
//
// # Importance
//
// A score says what a weight w is worth. All scores are in units of a weight, so that one
// hysteresis fits all criteria. x are the inputs that the weight multiplies:
//
//	Fisher     |w| sqrt(v / b)           v: decayed mean of the squared gradient
//	                                     b: bits that keeping w costs in the file
//	Magnitude  |w| / rms(layer)
//	Input      E|<x,w>| / sqrt(||w||_2)  x: the inputs that w meets
//
// Fisher follows from the loss. Around a minimum, removing w changes it by
//
//	dL = w^2 d2L/dw2 / 2 = v w^2 / 2
//
// with the diagonal of the Fisher information for the second derivative (LeCun, Denker,
// Solla 1990, equation 3). Among weights that cost b bits each, those with the least
// loss per bit go first; the root of v w^2 / b is in units of a weight again. FisherScores
// computes it, Rates estimates b.
//
// Input needs no gradient. A weight vector whose response to its own inputs is small does
// little; the root of its norm in the denominator makes the score grow with the root of
// the weight instead of the weight. InputScore is the formula for one vector and one
// input. For a single weight it becomes |x w| / sqrt|w| = |x| sqrt|w|, which InputScores
// computes for a whole tensor; for a kernel and the patches that it meets, see ResponseScore.
//
// # Thresholds that move
//
// One global threshold t serves all layers, because scores are comparable. Threshold finds
// it by a global budget: the number of weights that survive. The number falls while
// training goes on (Zhu, Gupta 2017, equation 1; see Schedule):
//
//	keep(f) = keep + (start - keep) (1 - f/ramp)^3      f: fraction of the training
//
// so that t moves up, quickly while there is much to remove and slowly at the end. A layer
// that pruning hurts gets a smaller gain g (Ease) and with it its own threshold g t.
//
// # Hysteresis
//
// A pruned weight keeps a shadow value, which goes on receiving gradient, and its score. It
// comes back when it has grown (splicing; Guo, Yao, Chen 2016, equation 3):
//
//	kept weight:   pruned when score < 0.9 g t
//	pruned weight: kept   when score > 1.1 g t
//
// Between the two a weight keeps its state, so that masks do not flicker. Decay lets the
// shadows of pruned weights fade.
//
// # Channels
//
// Whole channels make a network narrower, which saves time without sparse code. Taylor sums
// the first-order change of the loss over a channel's weights; SelectChannels removes the
// channels with the least score for what they cost, down to a given cost of the network.
package prune
