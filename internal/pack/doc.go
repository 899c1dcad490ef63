// Package pack turns a network that is int8 already, TFLite or ONNX in the QDQ form, into a
// compressed file with the same integers.
//
// A layer of the device computes, for each output channel c,
//
//	sum = bias[c] + sum over its inputs of (q - zero) w[c]    real = inScale wScale[c] sum
//
// with int8 weights w, without zero point, and int32 biases in steps of inScale wScale[c].
// Quantized networks say the same in other ways, of which Read makes this form where the
// result stays the same, and which it names where it does not:
//
//   - weights with a zero point, when all of them are within -128..127 after it is taken
//     off. -128 is a weight like others.
//   - biases in float, rounded to the nearest step, halves to even, by float32 arithmetic, as
//     ONNX Runtime does.
//   - biases on another grid, when all of them are multiples of the step.
//   - a BatchNormalization behind a layer, whose factors go into the scales, and one between
//     rounded values, which becomes a layer of one weight in each channel.
//   - means of pixels on another grid than the image, which become layers of ones.
//   - channels whose weight scale is 0 or too small for the format, when no input can move
//     their output by a step: they become constants.
package pack
