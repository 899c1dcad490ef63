// Package edgec makes trained networks small enough for small devices: a network
// and samples go in, a file of a few kilobytes that package edgec/runtime executes
// comes out, with the accuracy that was asked for.
//
//	m, err := edgec.Open("lenet-5.onnx")
//	data, err := edgec.OpenData("mnist", m, edgec.DataOptions{})
//	report, err := edgec.Compress(ctx, m, data, edgec.Options{MaxDrop: new(0.1)})
//	err = os.WriteFile("lenet-5.edgec", report.Best.Bytes, 0o644)
//	result, err := edgec.Evaluate(report.Best.Bytes, data, edgec.EvaluateOptions{})
//
// Compress decides by held-out samples that no stage trains on. No candidate meets
// the test part before the answer is chosen. Whatever it reports of a file was
// measured by executing that file in the runtime.
package edgec
