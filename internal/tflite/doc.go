// Package tflite reads networks in TFLite's format. Read keeps the integers that int8
// networks have: weights, biases, scales and zero points are taken as they are, and
// the runtime computes what TFLite's reference kernels do, to the bit
// (ai-edge-litert 2.3: convolutions round the scaled sum twice, dense layers once).
//
// What TFLite does in another way than the runtime's instructions is put
// together from several: an average that can end in a half passes through tables,
// since TFLite rounds halves of the stored integers away from 0 and the instruction
// away from the zero point. A softmax is computed in float32 from the integers
// before it; its results are not rounded to int8.
//
// Decode is for compression: it makes a graph of real numbers
// of float networks, of weights of 16 bits and sparse ones, of hybrid networks (int8 weights
// alone), and of quantized ones, whose activations are no longer rounded. operators.go is the
// table of both. Dynamic shapes, control flow and variables are refused.
package tflite
