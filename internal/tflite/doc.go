// Package tflite reads int8 networks in TFLite's format, with the integers that
// they have: weights, biases, scales and zero points are taken as they are, and
// the runtime computes what TFLite's reference kernels do, to the bit. (Kernels
// that round once, as XNNPACK's, may differ from both by one.)
//
// What TFLite does in another way than the runtime's instructions is put
// together from several: an average over an even number of elements passes
// through tables, since TFLite rounds halves away from -128 + 128 and not from the
// zero point. A softmax is computed in float32 from the integers before it; its
// results are not rounded to int8.
//
// Float, hybrid (int8 weights alone), int16 and uint8 networks are refused, as
// are dynamic shapes and control flow.
package tflite
