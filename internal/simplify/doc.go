// Package simplify rewrites a graph into fewer and smaller operators that
// compute the same function.
//
// Run folds what a training framework leaves behind: constants, identities,
// BatchNormalization, arithmetic by constants, activations that become the
// Clamp of the operator before them. A Gelu or a normalization that is written in parts
// becomes one operator; scale and bias of a normalization go into the dense layers that alone
// read it. It is exact up to float32 rounding.
//
// RemoveDead removes structure that pruning has emptied: channels that are
// constant (their constant is folded into the biases of their readers) and
// channels that nobody reads. Groups and Remove do the same cut for channels
// that the caller names.
//
// Both rest on one analysis (channels.go): it gives every feature of every
// activation a channel number, such that features that can only be removed
// together share it.
package simplify
