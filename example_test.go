package edgec_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"edgec"
)

// A network and its data, which the repository has. The search without training
// takes a second; leave NoTraining out for the smallest file.
func Example() {
	m, err := edgec.Open("testdata/corner/corner.onnx")
	check(err)
	data, err := edgec.OpenData("testdata/corner/data", m, edgec.DataOptions{})
	check(err)
	report, err := edgec.Compress(context.Background(), m, data, edgec.Options{MaxDrop: new(5.0), NoTraining: true})
	check(err)
	check(os.WriteFile(filepath.Join(os.TempDir(), "corner.edgec"), report.Best.Bytes, 0o644))
	result, err := edgec.Evaluate(report.Best.Bytes, data, edgec.EvaluateOptions{})
	check(err)
	fmt.Println(report.Best.Meets, report.Best.Size < m.Bytes/10, result.Labels.Error < 10)
	// Output: true true true
}

func ExampleOpen() {
	m, err := edgec.Open("examples/lenet-5/lenet-5.onnx")
	check(err)
	fmt.Println(m.Name, m.Inputs()[0].Shape, m.Outputs()[0].Shape, m.Params(), m.MACs())
	// Output: lenet-5 [1 28 28] [10] 431080 2293000
}

func ExampleOpenData() {
	m, err := edgec.Open("testdata/corner/corner.onnx")
	check(err)
	data, err := edgec.OpenData("testdata/corner/data", m, edgec.DataOptions{})
	check(err)
	fmt.Println(data)
	// Output: 240 training and 80 test samples of shape [1,8,8], in 4 classes
}

// Three limits can be combined. Without MaxDrop the search looks for the least
// loss within the others.
func ExampleCompress() {
	m, err := edgec.Open("testdata/corner/corner.onnx")
	check(err)
	data, err := edgec.OpenData("testdata/corner/data", m, edgec.DataOptions{NoLabels: true})
	check(err)
	report, err := edgec.Compress(context.Background(), m, data, edgec.Options{MaxSize: 200, NoLabels: true, NoTraining: true})
	check(err)
	fmt.Println(report.Best.Size <= 200, report.Task)
	// Output: true agreement
}

// Evaluate executes a file in the runtime. Against the float network it needs no
// labels.
func ExampleEvaluate() {
	m, err := edgec.Open("testdata/corner/corner.onnx")
	check(err)
	data, err := edgec.OpenData("testdata/corner/data", m, edgec.DataOptions{})
	check(err)
	packed, err := edgec.Pack("testdata/corner/corner-int8.onnx")
	check(err)
	result, err := edgec.Evaluate(packed.Bytes, data, edgec.EvaluateOptions{Against: m})
	check(err)
	fmt.Printf("%d samples of the %s part, %.2f %% errors, %.2f %% unlike the float network\n",
		result.Samples, result.Part, result.Labels.Error, result.Against.Error)
	// Output: 80 samples of the test part, 1.25 % errors, 1.25 % unlike the float network
}

// A network that is int8 already keeps its integers.
func ExamplePack() {
	packed, err := edgec.Pack("testdata/corner/corner-int8.onnx")
	check(err)
	fmt.Printf("%d bytes become %d\n", packed.From, packed.Size)
	// Output: 1571 bytes become 79
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
