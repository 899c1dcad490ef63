// Package onnx reads ONNX networks (opset 7 to 28) into the host's graph, and
// writes graphs back: as plain float ONNX, or, when the graph carries int8
// grids, in the standard QuantizeLinear/DequantizeLinear form that other
// programs run.
//
// What the reader does on the way:
//
//   - Dimension 0 of every activation of the graph is the batch. In the file it
//     may be any dimension, be merged with its neighbours by a Reshape, or, in a
//     file for one sample, be missing: each activation carries a batchAxis. A
//     Transpose that moves the batch changes that alone; one that moves other
//     dimensions is a node, which package simplify cancels where it can.
//   - An open dimension is the batch if it is dimension 0, or is named so (batch,
//     N). A file with a fixed batch is read as if the batch were free, wherever
//     its operators allow it; otherwise its inputs are one sample.
//   - Everything that depends on constants and shapes alone is computed while
//     reading. For a dynamic batch it is computed for two trial batch sizes at
//     once; where the results differ, the value depends on the batch, and the
//     dimension that holds it is where as many elements of a sample come before.
//   - Functions, the branch of an If and the trips of a Loop or Scan are read in place of
//     their node, if what they depend on is known (control.go, function.go).
//   - Operators on integers (QLinearConv) are read as the pairs around operators on floats
//     (quantops.go). An operator without a fold is computed for constants by the operators
//     that its row builds (foldop.go).
//   - A refusal lists all causes, each with node, operator and remedy.
//   - Weights are normalised: Gemm and MatMul become op.Dense with [out, in]
//     weights; pads are explicit; one-dimensional convolutions and pools become
//     two-dimensional ones of height 1, three-dimensional ones several of images.
//   - Operators that equal several others are read as those (steps.go): attention as
//     products, sums and softmaxes, normalizations of groups as reshapes and one
//     normalization. Of constants alone they are computed.
//   - A comparison or the index of the largest element is computed where the network goes on
//     from it; where it ends with it, the scores before are the output (decide.go).
//   - Tensor data in other files is read from the model's folder, never from
//     outside of it.
//   - DequantizeLinear of constants yields parameters with a Grid, a pair of
//     QuantizeLinear and DequantizeLinear on an activation yields Value.Grid.
//   - A model has at most 65,536 nodes. Reading takes time in proportion to them and
//     to the bytes of the file.
//
// Format: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto and
// docs/Operators.md.
package onnx
