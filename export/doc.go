// Package export hands compressed networks on: to other programs as ONNX (ONNX), to the
// runtime as a file (Encode), and to the disk (Write).
//
// It takes and returns bytes and the structs of package edgec/runtime/format. The files that
// edgec.Compress and edgec.Pack return are ready to be written:
//
//	err := export.Write("lenet-5.edgec", report.Best.Bytes)
//	model, err := export.ONNX(report.Best.Bytes, "lenet-5")
//	err = export.Write("lenet-5-int8.onnx", model)
package export
