package main

import "fmt"

// row is one network under one recipe.
type row struct {
	name      string
	model     string // below models/
	data      string // folder or file with the data set; "": an int8 network is packed as it is
	maxDrop   float64
	maxSize   int
	seeds     int     // 0: one
	bytes     int     // the aim: at most so many
	error     float64 // at most so large a test error, percent; 0: the int8 network's own outputs
	published string
	limit     string // what stands in the way where the aim is missed
}

const (
	deep300   = "27 KB at 1.58 % (Deep Compression), 8.56 KB at about 1.9 % (EPR); weights alone"
	deep5     = "44 KB at 0.74 % (Deep Compression), 3.03 KB at 0.69 % and 1.52 KB at 0.96 % (MIRACLE); weights alone"
	untrained = "the int8 network is packed as it is; pruning and fine-tuning it needs the data that it was trained on"
)

var rows = []row{
	{name: "LeNet-300-100, 3,100 B", model: "lenet/lenet-300-100.onnx", data: "mnist", maxSize: 3100, seeds: 3, bytes: 3100, error: 1.35, published: deep300},
	{name: "LeNet-300-100, 2,400 B", model: "lenet/lenet-300-100.onnx", data: "mnist", maxSize: 2400, seeds: 3, bytes: 2400, error: 1.65, published: deep300},
	{name: "LeNet-5, 2,100 B", model: "lenet/lenet-5.onnx", data: "mnist", maxSize: 2100, seeds: 3, bytes: 2100, error: 0.73, published: deep5},
	{name: "LeNet-5, 1,600 B", model: "lenet/lenet-5.onnx", data: "mnist", maxSize: 1600, seeds: 3, bytes: 1600, error: 1, published: deep5},
	{name: "Keras CNN", model: "lenet/keras-cnn.onnx", data: "mnist", maxDrop: 0.1, bytes: 55_469, error: 1.28},
	{name: "case study", model: "lenet/case-study.onnx", data: "mnist", maxDrop: 0.1, bytes: 207_742, error: 0.71},
	{name: "visual wake words", model: "mlperf-tiny/vww-mobilenet-int8.tflite", bytes: 36_000, published: "333,288 B (TFLite), 84,340 B (xz)"},
	{name: "keyword spotting", model: "mlperf-tiny/kws-dscnn-int8.tflite", bytes: 14_000, published: "53,936 B (TFLite), 33,248 B (xz)",
		limit: untrained},
	{name: "image classification", model: "mlperf-tiny/resnet8-int8.tflite", bytes: 35_000, published: "98,496 B (TFLite), 80,196 B (xz)",
		limit: untrained},
	{name: "anomaly detection", model: "mlperf-tiny/ad-autoencoder-int8.tflite", bytes: 60_000, published: "276,976 B (TFLite), 174,284 B (xz)",
		limit: untrained},
}

// command is what a user would type.
func (r row) command() string {
	switch {
	case r.data == "":
		return "edgec pack " + r.model
	case r.maxSize > 0:
		return fmt.Sprintf("edgec compress %s --data %s --max-size %d", r.model, r.data, r.maxSize)
	}
	return fmt.Sprintf("edgec compress %s --data %s --max-drop %v", r.model, r.data, r.maxDrop)
}
