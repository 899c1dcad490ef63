// Package edgec makes trained networks small enough for small devices: a
// network and a data set go in, a file of a few kilobytes that package
// edgec/runtime executes comes out, with the accuracy that was asked for.
//
//	m, err := edgec.Open("lenet-5.onnx")
//	data, err := dataset.Open("mnist", dataset.Options{Shape: m.Input()})
//	report, err := edgec.Compress(ctx, m, data, edgec.Recipe{MaxDrop: 0.1}, nil)
//	err = export.Write("lenet-5.edgec", report.Best.Bytes)
//
// Compress runs the stages in the order of Passes: simplify, tie pixels, cut whole
// filters, prune by dynamic thresholds, quantize to int8, share weights, remove dead
// structure, export. It decides by held-out samples that no stage trains on.
// No candidate meets the test set before the answer is chosen. Whatever it
// reports of a file was measured by executing that file in the runtime.
package edgec
