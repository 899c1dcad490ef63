package main

import (
	"fmt"
	"strings"
)

// row is one network under one recipe.
type row struct {
	name      string
	model     string // below models/
	data      string // folder or file with the data set; "": an int8 network is packed as it is
	raw       bool   // bytes are fed as 0..255
	audio     string // recording that the data is made from, see mel.go; "": data is there
	drawn     bool   // the data is made by pictures.go
	testLast  int    // samples at the end of the data that are its test part
	noLabels  bool   // agree with the float network
	trainedOn string // "no": the network was not trained on the data
	teacher   string // below models/; "": the network itself
	maxDrop   float64
	maxSize   int
	effort    float64 // 0: 1
	seeds     int     // 0: one
	golden    string  // file in testdata that the last seed's file is kept as; "": none
	bytes     int     // the aim: at most so many
	error     float64 // at most so large a test error, percent; 0: the int8 network's own outputs; with noLabels a distance
	published string
	limit     string // what stands in the way where the aim is missed
}

const (
	deep300    = "27 KB at 1.58 % (Deep Compression), 8.56 KB at about 1.9 % (EPR); weights alone"
	deep5      = "44 KB at 0.74 % (Deep Compression), 3.03 KB at 0.69 % and 1.52 KB at 0.96 % (MIRACLE); weights alone"
	places     = "half of the bytes say where the weights are; a test error has a standard error of about 0.12 points"
	fewSamples = "500 samples to train on, 500 others to measure: the standard error is 1.4 points"
	untrained  = "the int8 network is packed as it is; pruning and fine-tuning it needs the data that it was trained on"
)

// recording is a minute of speech, mono, 16 kHz: what the samples of the network for
// anomaly detection are made from, since the sounds of machines are not here.
const recording = "audio/speech-60s-16k.wav"

var rows = []row{
	{name: "LeNet-300-100, 3,100 B", model: "lenet/lenet-300-100.onnx", data: "mnist", teacher: "lenet/lenet-5.onnx", maxSize: 3100, seeds: 3, golden: "lenet-300-100-3100.edgec", bytes: 3100, error: 1.35, published: deep300, limit: places},
	{name: "LeNet-300-100, 2,400 B", model: "lenet/lenet-300-100.onnx", data: "mnist", teacher: "lenet/lenet-5.onnx", maxSize: 2400, seeds: 3, golden: "lenet-300-100-2400.edgec", bytes: 2400, error: 1.65, published: deep300, limit: places},
	{name: "LeNet-300-100, 1,900 B", model: "lenet/lenet-300-100.onnx", data: "mnist", teacher: "lenet/lenet-5.onnx", maxSize: 1900, effort: 2, seeds: 3, golden: "lenet-300-100-1900.edgec", bytes: 1900, error: 1.65, published: deep300, limit: places},
	{name: "LeNet-300-100, 1,750 B", model: "lenet/lenet-300-100.onnx", data: "mnist", teacher: "lenet/lenet-5.onnx", maxSize: 1750, effort: 2, seeds: 3, bytes: 1750, error: 1.55, published: deep300, limit: places},
	{name: "LeNet-5, 2,100 B", model: "lenet/lenet-5.onnx", data: "mnist", maxSize: 2100, seeds: 3, golden: "lenet-5-2100.edgec", bytes: 2100, error: 0.73, published: deep5},
	{name: "LeNet-5, 1,600 B", model: "lenet/lenet-5.onnx", data: "mnist", maxSize: 1600, seeds: 3, golden: "lenet-5-1600.edgec", bytes: 1600, error: 1, published: deep5},
	{name: "LeNet-5, 1,500 B", model: "lenet/lenet-5.onnx", data: "mnist", maxSize: 1500, seeds: 3, golden: "lenet-5-1500.edgec", bytes: 1500, error: 0.9, published: deep5},
	{name: "LeNet-5, 1,200 B", model: "lenet/lenet-5.onnx", data: "mnist", maxSize: 1200, seeds: 3, golden: "lenet-5-1200.edgec", bytes: 1200, error: 0.96, published: deep5, limit: places},
	{name: "LeNet-5, 1,100 B", model: "lenet/lenet-5.onnx", data: "mnist", maxSize: 1100, seeds: 3, bytes: 1100, error: 0.96, published: deep5, limit: places},
	{name: "Keras CNN", model: "lenet/keras-cnn.onnx", data: "mnist", maxDrop: 0.1, bytes: 16_640, error: 1.28},
	{name: "case study", model: "lenet/case-study.onnx", data: "mnist", maxDrop: 0.1, bytes: 62_322, error: 0.71},
	{name: "ResNet-8", model: "mlperf-tiny/resnet8.onnx", data: "cifar10-1k", raw: true, maxSize: 35_000, seeds: 3, bytes: 35_000, error: 12.9, published: "98,496 B (TFLite int8), 80,196 B (xz)"},
	{name: "ResNet-8, 25,000 B", model: "mlperf-tiny/resnet8.onnx", data: "cifar10-1k", raw: true, maxSize: 25_000, bytes: 25_000, error: 12.9, published: "98,496 B (TFLite int8), 80,196 B (xz)",
		limit: "2.6 bits for a weight, 3,666 pictures to tune on that the network knows by heart; 1,000 to measure: the standard error is a point"},
	{name: "DS-CNN, 14,000 B", model: "mlperf-tiny/kws-dscnn.onnx", data: "kws-mfcc/kws-1000.npz", testLast: 500, trainedOn: "no", maxSize: 14_000, bytes: 14_000, error: 10, published: "53,936 B (TFLite int8), 33,248 B (xz)",
		limit: fewSamples},
	{name: "DS-CNN, 10,000 B", model: "mlperf-tiny/kws-dscnn.onnx", data: "kws-mfcc/kws-1000.npz", testLast: 500, trainedOn: "no", maxSize: 10_000, bytes: 10_000, error: 10, published: "53,936 B (TFLite int8), 33,248 B (xz)",
		limit: fewSamples},
	{name: "visual wake words", model: "mlperf-tiny/vww-mobilenet-int8.tflite", bytes: 36_000, published: "333,288 B (TFLite), 84,340 B (xz)"},
	{name: "visual wake words, 27,000 B", model: "mlperf-tiny/vww-mobilenet-int8.tflite", bytes: 27_000, published: "333,288 B (TFLite), 84,340 B (xz)",
		limit: "the weights of its live channels are as random as they look, by every coder below, and its scales and biases add to them; other outputs than the int8 network's were not asked for"},
	{name: "visual wake words, from float, 40,000 B", model: "mlperf-tiny/vww-mobilenet.onnx", data: "vww.npy", drawn: true, testLast: pictureTest, noLabels: true, trainedOn: "no", maxSize: 40_000, effort: 0.05, bytes: 40_000, error: 1,
		published: "333,288 B (TFLite int8), 84,340 B (xz)"},
	{name: "keyword spotting, packed", model: "mlperf-tiny/kws-dscnn-int8.tflite", bytes: 14_000, published: "53,936 B (TFLite), 33,248 B (xz)",
		limit: untrained},
	{name: "image classification, packed", model: "mlperf-tiny/resnet8-int8.tflite", bytes: 35_000, published: "98,496 B (TFLite), 80,196 B (xz)",
		limit: untrained},
	{name: "anomaly detection, from float", model: "mlperf-tiny/ad-autoencoder.onnx", data: "ad.npy", audio: recording, testLast: 3578, noLabels: true, trainedOn: "no", maxSize: 60_000, effort: 3, bytes: 60_000, error: 2,
		published: "276,976 B (TFLite int8), 174,284 B (xz)"},
	{name: "anomaly detection, from float, 30,000 B", model: "mlperf-tiny/ad-autoencoder.onnx", data: "ad.npy", audio: recording, testLast: 3578, noLabels: true, trainedOn: "no", maxSize: 30_000, bytes: 30_000, error: 2,
		published: "276,976 B (TFLite int8), 174,284 B (xz)", limit: "less than a bit for a weight, and the samples are not what the network was made for"},
	{name: "anomaly detection", model: "mlperf-tiny/ad-autoencoder-int8.tflite", bytes: 60_000, published: "276,976 B (TFLite), 174,284 B (xz)",
		limit: untrained},
}

// command is what a user would type, in the folder with networks and data, or, where data
// is made from a recording, here.
func (r row) command() string {
	model := "models/" + r.model
	if r.data == "" {
		return "edgec pack " + model
	}
	var b strings.Builder
	fmt.Fprintf(&b, "edgec compress %s --data %s", model, r.data)
	flag := func(given bool, format string, value any) {
		if given {
			fmt.Fprintf(&b, " --"+format, value)
		}
	}
	if r.raw {
		b.WriteString(" --raw")
	}
	flag(r.testLast > 0, "test-last %d", r.testLast)
	if r.noLabels {
		b.WriteString(" --no-labels")
	}
	flag(r.trainedOn != "", "trained-on %s", r.trainedOn)
	flag(r.teacher != "", "teacher models/%s", r.teacher)
	flag(r.maxSize > 0, "max-size %d", r.maxSize)
	flag(r.maxDrop > 0, "max-drop %v", r.maxDrop)
	flag(r.effort > 0, "effort %v", r.effort)
	switch {
	case r.audio != "":
		return fmt.Sprintf("go run ./internal/bench -features %s; %s", r.data, b.String())
	case r.drawn:
		return fmt.Sprintf("go run ./internal/bench -pictures %s; %s", r.data, b.String())
	}
	return b.String()
}
