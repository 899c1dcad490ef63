// Package lower turns a simplified, quantized graph into the device's file:
// instructions, integer weights, tables and a memory plan (Build, Encode). Lift is the
// way back.
//
// Images change from NCHW to HWC on the way. The order in which the elements of
// a value lie is followed as strides (see layout), so a Reshape or a Transpose
// costs nothing by itself: a dense layer behind a flattened image permutes its
// weight columns, and only a reader that needs the standard order makes Build
// emit an OpTranspose.
package lower
