//go:build cgo

package main

import (
	"fmt"
	"math/rand/v2"

	ort "github.com/yalue/onnxruntime_go"
)

// loadONNXRuntime returns the loader of ONNX Runtime, whose shared library has a path. An
// inference includes the quantization of the float32 input, which the QDQ form asks for.
func loadONNXRuntime(library string) func(files []string) (version string, runs []inference, err error) {
	return func(files []string) (version string, runs []inference, err error) {
		ort.SetSharedLibraryPath(library)
		if err := ort.InitializeEnvironment(); err != nil {
			return "", nil, err
		}
		options, err := oneThread()
		if err != nil {
			return "", nil, err
		}
		for _, name := range files {
			s, err := newSession(name, options)
			if err != nil {
				return "", nil, fmt.Errorf("%s: %w", name, err)
			}
			runs = append(runs, s.Run)
		}
		return ort.GetVersion(), runs, nil
	}
}

// oneThread are the options of a session with one thread and all optimizations.
func oneThread() (*ort.SessionOptions, error) {
	o, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	if err := o.SetIntraOpNumThreads(1); err != nil {
		return nil, err
	}
	if err := o.SetInterOpNumThreads(1); err != nil {
		return nil, err
	}
	return o, o.SetGraphOptimizationLevel(ort.GraphOptimizationLevelEnableAll)
}

// newSession makes a session with random inputs in [0, 1) and batch 1.
func newSession(name string, options *ort.SessionOptions) (*ort.AdvancedSession, error) {
	inputs, outputs, err := ort.GetInputOutputInfo(name)
	if err != nil {
		return nil, err
	}
	inputNames, in, err := tensors(inputs)
	if err != nil {
		return nil, err
	}
	outputNames, out, err := tensors(outputs)
	if err != nil {
		return nil, err
	}
	return ort.NewAdvancedSession(name, inputNames, outputNames, in, out, options)
}

func tensors(of []ort.InputOutputInfo) (names []string, values []ort.Value, err error) {
	random := rand.New(rand.NewPCG(1, 1))
	for _, info := range of {
		shape := info.Dimensions.Clone()
		for i, d := range shape {
			shape[i] = max(d, 1) // -1: open, the batch
		}
		t, err := ort.NewEmptyTensor[float32](shape)
		if err != nil {
			return nil, nil, err
		}
		for i := range t.GetData() {
			t.GetData()[i] = random.Float32()
		}
		names, values = append(names, info.Name), append(values, t)
	}
	return names, values, nil
}
