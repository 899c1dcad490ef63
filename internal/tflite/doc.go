// Package tflite reads int8 networks in TFLite's format, with the integers that
// they have: weights, biases, scales and zero points are taken as they are, and
// the runtime computes what TFLite's reference kernels do, to the bit
// (ai-edge-litert 2.3: convolutions round the scaled sum twice, dense layers once).
//
// What TFLite does in another way than the runtime's instructions is put
// together from several: an average that can end in a half passes through tables,
// since TFLite rounds halves of the stored integers away from 0 and the instruction
// away from the zero point. A softmax is computed in float32 from the integers
// before it; its results are not rounded to int8.
//
// Float, hybrid (int8 weights alone), int16 and uint8 networks are refused, as
// are dynamic shapes and control flow.
package tflite
