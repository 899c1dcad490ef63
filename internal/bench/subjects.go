package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"edgec"
	"edgec/export"
	"edgec/internal/ablation"
	"edgec/internal/dataset"
	"edgec/internal/demo"
)

// subject is a network that constants are varied on, with what is asked for and at
// what effort, so that a search takes seconds to half a minute of one core. A size
// should be so small that rounding alone is hopeless: otherwise its file is the answer,
// whatever pruning does.
type subject struct {
	name, kind string
	model      string // below EDGEC_DATA/models, or, with own, in the prepared folder
	own        bool   // it needs no EDGEC_DATA
	data       string // below EDGEC_DATA, or, with prepare, in the prepared folder
	prepare    func(from, to string) error
	options    edgec.DataOptions
	trainedOn  string
	plain      bool    // no augmentation, which takes longer than a short training
	maxDrop    float64 // points, of the recipe drop
	maxSize    int     // bytes, of the recipe size
	effort     float64
	seconds    float64 // of the base runs of both recipes on one core, before they were measured
}

// subjects are networks of different kinds: large and small, dense and convolutional,
// residual, separable; pictures, sounds and columns; classes, distances and numbers.
var subjects = []subject{
	{name: "glyphs", kind: "our own, convolutional; 16 classes", model: demo.Name, own: true, data: "glyphs", prepare: prepareGlyphs, trainedOn: "no", maxDrop: 1, maxSize: 1200, effort: 0.01, seconds: 14},
	{name: "friedman", kind: "our own, dense; regression", model: "friedman.onnx", own: true, data: "friedman.csv", prepare: prepareFriedman, options: edgec.DataOptions{TestLast: friedmanTest}, maxDrop: 1, maxSize: 300, effort: 0.2, seconds: 5},
	{name: "LeNet-300-100", kind: "dense; 10 classes", model: "lenet/lenet-300-100.onnx", data: "mnist", prepare: prepareMNIST, plain: true, maxDrop: 0.5, maxSize: 3000, effort: 0.05, seconds: 25},
	{name: "LeNet-5", kind: "convolutional; 10 classes", model: "lenet/lenet-5.onnx", data: "mnist", prepare: prepareMNIST, maxDrop: 0.3, maxSize: 2500, effort: 0.05, seconds: 40},
	{name: "ResNet-8", kind: "residual; 10 classes, few samples known by heart", model: "mlperf-tiny/resnet8.onnx", data: "cifar10-1k", options: edgec.DataOptions{Raw: true}, maxDrop: 1, maxSize: 25_000, effort: 0.02, seconds: 80},
	{name: "DS-CNN", kind: "separable; 12 classes of sounds, not trained on them", model: "mlperf-tiny/kws-dscnn.onnx", data: "kws-mfcc/kws-1000.npz", options: edgec.DataOptions{TestLast: 500}, trainedOn: "no", maxDrop: 2, maxSize: 12_000, effort: 0.02, seconds: 60},
	{name: "autoencoder", kind: "dense; distance from the float network", model: "mlperf-tiny/ad-autoencoder.onnx", data: "ad.npy", prepare: prepareSpeech, options: edgec.DataOptions{TestLast: 3578, NoLabels: true}, trainedOn: "no", maxDrop: 5, maxSize: 40_000, effort: 0.05, seconds: 30},
}

// chosen returns the subjects of a list of names, all without one.
func chosen(names []string) ([]subject, error) {
	if len(names) == 0 {
		return subjects, nil
	}
	var some []subject
	for _, name := range names {
		i := slices.IndexFunc(subjects, func(s subject) bool { return s.name == name })
		if i < 0 {
			return nil, fmt.Errorf("no network %q; there are %s", name, subjectNames())
		}
		some = append(some, subjects[i])
	}
	return some, nil
}

func subjectNames() (names []string) {
	for _, s := range subjects {
		names = append(names, s.name)
	}
	return names
}

// described are the subjects as the page shows them.
func described() (all []ablation.Subject) {
	for _, s := range subjects {
		all = append(all, ablation.Subject{Name: s.name, Kind: s.kind, Drop: fmt.Sprintf("%v points", s.maxDrop), Size: fmt.Sprintf("%s B", thousands(s.maxSize))})
	}
	return all
}

// prepared makes what subjects need in a folder, from EDGEC_DATA.
func prepared(all []subject, from, to string) error {
	for _, s := range all {
		if !s.own && from == "" {
			return fmt.Errorf("network %s needs EDGEC_DATA, the folder with networks and data sets; set it, or choose others with -networks", s.name)
		}
		if s.prepare == nil {
			continue
		}
		if _, err := os.Stat(filepath.Join(to, s.data)); err == nil {
			continue // of another subject
		}
		if err := s.prepare(from, to); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

// paths returns where the network and its data are.
func (s subject) paths(from, to string) (model, data string) {
	model, data = filepath.Join(from, "models", s.model), filepath.Join(from, s.data)
	if s.own {
		model = filepath.Join(to, s.model)
	}
	if s.prepare != nil {
		data = filepath.Join(to, s.data)
	}
	return model, data
}

// Glyphs: the network of package demo, on samples that it was not trained on.
const glyphsTrain, glyphsTest = 2400, 2000

func prepareGlyphs(_, to string) error {
	data, err := demo.Data(demo.Seed+1, glyphsTrain, glyphsTest, 1)
	if err != nil {
		return err
	}
	if err := writeIdx(filepath.Join(to, "glyphs"), data); err != nil {
		return err
	}
	return export.Write(filepath.Join(to, demo.Name), demo.ONNX)
}

// MNIST: a part of the samples. Evaluating them all takes longer than a short training.
const mnistTrain, mnistTest = 12_600, 5000

func prepareMNIST(from, to string) error {
	m, err := edgec.Open(filepath.Join(from, "models/lenet/lenet-5.onnx"))
	if err != nil {
		return err
	}
	data, err := dataset.Open(filepath.Join(from, "mnist"), dataset.Options{Shape: m.Inputs()[0].Shape, Classes: 10})
	if err != nil {
		return err
	}
	part := &dataset.Splits{Train: data.Train.Subset(upTo(mnistTrain)), Test: data.Test.Subset(upTo(mnistTest))}
	return writeIdx(filepath.Join(to, "mnist"), part)
}

func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

func prepareSpeech(from, to string) error {
	_, err := writeMel(filepath.Join(from, recording), filepath.Join(to, "ad.npy"))
	return err
}

// writeIdx writes both parts into a folder that is not there.
func writeIdx(folder string, data *dataset.Splits) error {
	if err := os.Mkdir(folder, 0o755); err != nil {
		return err
	}
	return dataset.WriteIdx(folder, data)
}
