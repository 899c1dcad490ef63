// Package prune removes weights and whole filters while fine-tuning goes on.
//
// # Importance
//
// Three criteria score a weight; all are in units of a weight (a weight twice
// as large scores at least as high), so that one hysteresis fits all:
//
//	Fisher     |w| sqrt(v / bits)       v: decayed mean of the squared gradient,
//	                                    bits: what keeping the weight costs in the file
//	Magnitude  |w| / rms(layer)
//	Input      E|<x,w>| / sqrt(||w||_2) x: the inputs that the weight meets
//
// In Input's element form w is one weight and x the values that it multiplies,
// so the score is E|x| sqrt(|w|); in its filter form w is a whole kernel and x
// the patches that it meets.
//
// # Thresholds
//
// One global threshold t is chosen such that the wanted number of weights
// survives; the layer's own threshold is t_l = t * gain_l. With hysteresis
// (Guo, Yao, Chen 2016, equation 3)
//
//	kept weight:   pruned when score < 0.9 t_l
//	pruned weight: spliced back when score > 1.1 t_l
//
// The thresholds are recomputed as training goes on. Pruned weights keep a
// shadow value that goes on receiving gradient, so that one pruned too early
// comes back.
//
// # Rounds
//
// A round moves the thresholds towards fewer weights along a cubic ramp,
// fine-tunes, and asks the held-out score. It is accepted, and the next one
// reaches further; or it is rolled back, the step becomes smaller, and the
// layers that hurt most get a smaller gain. Pruning stops when the masks have
// settled and no step is accepted.
package prune
