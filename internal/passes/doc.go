// Package passes applies prune, quantize and share to a graph: it runs the network on
// samples, hands weights and activations to the algorithms as plain slices, and attaches
// what they decide to the parameters as constraints.
package passes
