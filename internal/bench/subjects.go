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
	maxDrop    float64 // points, of the recipe drop; 0: that is not measured
	maxSize    int     // bytes, of the recipe size; 0: that is not measured
	effort     float64
	seconds    float64 // of the base runs of its recipes on one core, before they were measured
}

// recipes are those that the subject is measured by.
func (s subject) recipes() (some []ablation.Recipe) {
	if s.maxDrop > 0 {
		some = append(some, ablation.Drop)
	}
	if s.maxSize > 0 {
		some = append(some, ablation.Size)
	}
	return some
}

// subjects are networks of different kinds: large and small, dense and convolutional,
// residual, separable; pictures, sounds and columns; classes, distances and numbers. The
// quick ones come first.
var subjects = []subject{
	{name: "friedman", kind: "our own, dense; regression", model: "friedman.onnx", own: true, data: "friedman.csv", prepare: prepareFriedman, options: edgec.DataOptions{TestLast: friedmanTest}, maxDrop: 1, maxSize: 300, effort: 0.01, seconds: 1},
	{name: "glyphs", kind: "our own, convolutional; 16 classes", model: demo.Name, own: true, data: "glyphs", prepare: prepareGlyphs, trainedOn: "no", maxDrop: 1, maxSize: 1200, effort: 0.001, seconds: 4},
	{name: "DS-CNN", kind: "separable; 12 classes of sounds, not trained on them", model: "mlperf-tiny/kws-dscnn.onnx", data: "kws-mfcc/kws-1000.npz", options: edgec.DataOptions{TestLast: 500}, trainedOn: "no", maxDrop: 2, effort: 0.002, seconds: 10},
	{name: "LeNet-300-100", kind: "dense; 10 classes", model: "lenet/lenet-300-100.onnx", data: "mnist", prepare: prepareMNIST, trainedOn: "no", plain: true, maxSize: 3000, effort: 0.002, seconds: 7},
	{name: "autoencoder", kind: "dense; distance from the float network", model: "mlperf-tiny/ad-autoencoder.onnx", data: "ad.npy", prepare: prepareSpeech, options: edgec.DataOptions{TestLast: speechTest, NoLabels: true}, trainedOn: "no", maxDrop: 8, effort: 0.002, seconds: 6},
	{name: "ResNet-8", kind: "residual; 10 classes, few samples known by heart", model: "mlperf-tiny/resnet8.onnx", data: "cifar", prepare: prepareCIFAR, options: edgec.DataOptions{Raw: true}, plain: true, maxSize: 25_000, effort: 0.002, seconds: 8},
	{name: "LeNet-5", kind: "convolutional; 10 classes", model: "lenet/lenet-5.onnx", data: "mnist", prepare: prepareMNIST, trainedOn: "no", plain: true, maxDrop: 2, effort: 0.002, seconds: 10},
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
		d := ablation.Subject{Name: s.name, Kind: s.kind}
		if s.maxDrop > 0 {
			d.Drop = fmt.Sprintf("%v points", s.maxDrop)
		}
		if s.maxSize > 0 {
			d.Size = fmt.Sprintf("%s B", thousands(s.maxSize))
		}
		all = append(all, d)
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
const glyphsTrain, glyphsTest = 2400, 1000

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

// MNIST: a part of its test part, which the networks were not trained on. Evaluating more
// takes longer than a short training.
const mnistTrain, mnistTest = 2400, 1000

func prepareMNIST(from, to string) error {
	m, err := edgec.Open(filepath.Join(from, "models/lenet/lenet-5.onnx"))
	if err != nil {
		return err
	}
	data, err := dataset.Open(filepath.Join(from, "mnist"), dataset.Options{Shape: m.Inputs()[0].Shape, Classes: 10})
	if err != nil {
		return err
	}
	all := upTo(mnistTrain + mnistTest)
	part := &dataset.Splits{Train: data.Test.Subset(all[:mnistTrain]), Test: data.Test.Subset(all[mnistTrain:])}
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
	test, err := writeMel(filepath.Join(from, recording), filepath.Join(to, "ad.npy"), speechEvery)
	if err == nil && test != speechTest {
		err = fmt.Errorf("%s has %d test samples, the subject says %d; correct it", recording, test, speechTest)
	}
	return err
}

// Speech: every fourth vector.
const speechEvery, speechTest = 4, 895

// CIFAR-10: the first pictures of both parts.
const cifarTrain, cifarTest = 600, 200

func prepareCIFAR(from, to string) error {
	from, to = filepath.Join(from, "cifar10-1k"), filepath.Join(to, "cifar")
	if err := os.Mkdir(to, 0o755); err != nil {
		return err
	}
	const record = 1 + 3*32*32 // a label and a picture
	for name, most := range map[string]int{"batches.meta.txt": 0, "data_batch_1_first4000.bin": cifarTrain * record, "test_batch_first1000.bin": cifarTest * record} {
		text, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return err
		}
		if most > 0 {
			text = text[:min(most, len(text))]
		}
		if err := export.Write(filepath.Join(to, name), text); err != nil {
			return err
		}
	}
	return nil
}

// writeIdx writes both parts into a folder that is not there.
func writeIdx(folder string, data *dataset.Splits) error {
	if err := os.Mkdir(folder, 0o755); err != nil {
		return err
	}
	return dataset.WriteIdx(folder, data)
}
