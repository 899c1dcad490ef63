package dataset

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"edgec/internal/tensor"
	"edgec/runtime/format"
)

// Options say what the network expects.
type Options struct {
	// Shape is the network's sample shape, [C,H,W] or [F]; nil takes the data's.
	// Pictures of a folder are resized to it.
	Shape tensor.Shape
	// Inputs are the network's inputs. Of several, each takes an array of its own, and
	// Shape is not used.
	Inputs []Input
	// Sequences says that the network carries a state from sample to sample: arrays may have
	// their steps as a dimension of their own, and an input of one whole number whose name says
	// so takes the place of a sample in its sequence.
	Sequences bool
	// Outputs are the shapes of the network's outputs, whose elements Classes counts then; nil:
	// not known.
	Outputs [][]int
	// Classes is the number of the network's outputs; labels must lie below it.
	// 0: not checked.
	Classes int
	// ChannelsLast says that the network takes arrays [H,W,C], and not [C,H,W]. Samples
	// of a Set have their channels first all the same.
	ChannelsLast bool
	// Names are the class names in the order of the network's outputs; nil: names that
	// the data has are sorted as text. NamesFrom says where they come from; "": the user
	// gave them.
	Names     []string
	NamesFrom string
	// LabelColumn is the name, or the number from 1, of the column of a CSV file that
	// holds the labels; "": it is found.
	LabelColumn string
	// NoLabels leaves labels and target values aside, whatever they are.
	NoLabels bool
	// Raw feeds bytes as 0..255 instead of 0..1.
	Raw bool
	// Mean and Std normalise bytes after that: (x - mean) / std, one value for all
	// channels or one for each. Floats are taken as they are: for them, Raw, Mean
	// and Std only tell the device what to do with pictures.
	Mean, Std []float32
	// TestLast makes the last so many samples the test part of data that has none.
	TestLast int

	source *Source            // records what is decided; nil: nothing is
	test   bool               // the test part is read
	known  []string           // class names that the training part has
	row    func(i int) string // names a sample in errors; nil: by its number
	room   *room              // what samples may take; nil: no limits
}

// validate checks the normalisation of samples with pictures of shape image, nil
// for others.
func (o Options) validate(image tensor.Shape) error {
	channels := 1
	if len(image) == 3 {
		channels = image[0]
	}
	for name, list := range map[string][]float32{"mean": o.Mean, "std": o.Std} {
		if n := len(list); n > 1 && n != channels {
			return fmt.Errorf("dataset: %d values of %s for samples of %d channels; give one for all or one for each", n, name, channels)
		}
		for _, v := range list {
			if v-v != 0 || name == "std" && v <= 0 {
				return fmt.Errorf("dataset: %s is %v; give finite numbers, and a positive std", name, v)
			}
		}
	}
	return nil
}

func (o Options) pre() format.Preprocess {
	return format.Preprocess{Bytes255: o.Raw, Mean: o.Mean, Std: o.Std, ChannelsLast: o.hwc()}
}

// hwc reports whether numbers come in another order than those of a Set: the network
// takes pictures of several channels, channels last.
func (o Options) hwc() bool { return o.ChannelsLast && len(o.Shape) == 3 && o.Shape[0] > 1 }

// Open reads the data at path, whose kind is found by its content: a folder
// with idx files, CIFAR batches or images, or an idx, npy, npz or CSV file. An
// error names the file, the record, the cause and the remedy.
func Open(path string, o Options) (*Splits, error) {
	return OpenContext(context.Background(), path, o)
}

// complete checks the parts, and adds what labels and inputs follow from others: next tokens,
// steps of sequences and, for whole, the place of a sample.
func (sp *Splits) complete(o, whole Options, path string) error {
	for _, s := range []*Set{sp.Train, sp.Test} {
		if s == nil {
			continue
		}
		if s.Len() == 0 {
			return fmt.Errorf("dataset: %s: holds no samples", path)
		}
		if err := o.validate(s.image); err != nil {
			return err
		}
	}
	for _, s := range []**Set{&sp.Train, &sp.Test} {
		if *s == nil {
			continue
		}
		if err := (*s).deriveNext(o, path); err != nil {
			return err
		}
		var err error
		if *s, err = (*s).stepTokens(o); err != nil {
			return err
		}
		*s = (*s).withPlace(whole)
	}
	return nil
}

// OpenContext is Open that ends with ctx. It refuses, before memory is taken, samples that
// take more than MemoryVariable or the machine allows; see room.
func OpenContext(ctx context.Context, path string, o Options) (*Splits, error) {
	var err error
	if o.room, err = newRoom(ctx); err != nil {
		return nil, err
	}
	for _, shape := range o.Outputs {
		o.Classes += tensor.Shape(shape).Size()
	}
	if o.NoLabels {
		o.Classes, o.Names = 0, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	var sp *Splits
	o.source = &Source{}
	whole := o
	o = o.withoutPlace()
	if info.IsDir() && len(o.Inputs) > 1 {
		err = oneArray(path, o)
	} else if info.IsDir() {
		sp, err = openFolder(path, o)
	} else {
		sp, err = openFile(path, o)
	}
	if e := o.room.stopped(); e != nil {
		return nil, e
	}
	if err != nil {
		return nil, err
	}
	if o.LabelColumn != "" && o.source.Kind != kindCSV {
		return nil, fmt.Errorf("dataset: %s: is no CSV file and has no label column; leave --label-column out", path)
	}
	if err := errors.Join(sp.complete(o, whole, path), o.room.stopped()); err != nil {
		return nil, err
	}
	sp.Source = *o.source
	if o.NoLabels {
		sp.withoutLabels()
	}
	sp.describe(o)
	if o.TestLast != 0 {
		return sp, sp.splitOff(o.TestLast, path)
	}
	return sp, nil
}

// withoutLabels leaves the labels of both parts aside.
func (sp *Splits) withoutLabels() {
	if sp.Source.Labels != "" {
		sp.Source.Labels += ", left aside"
	}
	sp.Source.Classes, sp.Source.Order = nil, ""
	for _, s := range []**Set{&sp.Train, &sp.Test} {
		if *s != nil {
			*s = (*s).WithoutLabels()
		}
	}
}

// splitOff makes the last n samples the test part.
func (sp *Splits) splitOff(n int, path string) error {
	all := sp.Train
	switch {
	case sp.Test != nil:
		return fmt.Errorf("dataset: %s: has a test part of %d samples already; do not take another from its end", path, sp.Test.Len())
	case n < 0 || n >= all.Len():
		return fmt.Errorf("dataset: %s: the last %d samples of %d cannot be the test part; give 1 to %d", path, n, all.Len(), all.Len()-1)
	}
	list := make([]int, all.Len())
	for i := range list {
		list[i] = i
	}
	sp.Train, sp.Test = all.Subset(list[:len(list)-n]), all.Subset(list[len(list)-n:])
	return nil
}

func openFolder(path string, o Options) (*Splits, error) {
	entries, err := o.room.list(path)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	if len(entries) == 0 {
		return nil, fmt.Errorf("dataset: %s: the folder is empty; give a folder with idx files, CIFAR batches, or one folder of images a class", path)
	}
	var idx, batches []string
	for _, e := range entries {
		name := e.Name()
		switch {
		case e.IsDir():
		case strings.Contains(name, "idx") && strings.Contains(name, "ubyte"):
			idx = append(idx, filepath.Join(path, name))
		case strings.HasSuffix(name, ".bin"):
			batches = append(batches, filepath.Join(path, name))
		}
	}
	switch {
	case len(idx) > 0:
		o.source.Kind = kindIdx
		return openIdx(path, idx, o)
	case len(batches) > 0:
		o.source.Kind = kindCIFAR
		return openCIFAR(path, batches, o)
	}
	o.source.Kind = kindPictures
	return openImages(path, o)
}

// isTable reports whether a file is named as CSV files are.
func isTable(path string) bool {
	name := strings.TrimSuffix(strings.ToLower(path), ".gz")
	return strings.HasSuffix(name, ".csv") || strings.HasSuffix(name, ".tsv")
}

func openFile(path string, o Options) (*Splits, error) {
	head := make([]byte, 8)
	f, _, err := open(path)
	if err != nil {
		return nil, err
	}
	n, _ := f.Read(head)
	f.Close()
	head = head[:n]
	npz := strings.HasPrefix(string(head), "PK\x03\x04")
	switch {
	case len(o.Inputs) > 1 && !npz:
		return nil, oneArray(path, o)
	case strings.HasPrefix(string(head), "\x93NUMPY"):
		o.source.Kind = kindNpy
		return openNpy(path, o)
	case npz:
		o.source.Kind = kindNpz
		return openNpz(path, o)
	case isTable(path):
		o.source.Kind = kindCSV
		return openCSV(path, o)
	case len(head) >= 4 && head[0] == 0 && head[1] == 0 && head[2] >= 8 && head[2] <= 14, strings.HasPrefix(string(head), "\x1f\x8b"):
		o.source.Kind = kindIdx
		return openIdx(filepath.Dir(path), []string{path}, o)
	case strings.HasSuffix(path, ".bin"):
		o.source.Kind = kindCIFAR
		return openCIFAR(filepath.Dir(path), []string{path}, o)
	}
	return nil, fmt.Errorf("dataset: %s: neither idx, npy, npz, CIFAR batch (.bin) nor CSV (.csv, .tsv); convert it to one of these, as in numpy.savez(\"data.npz\", x=samples, y=labels)", path)
}

// fit matches the shape of the data's samples with the network's: equal shapes,
// an image with one channel more or less written, or the same elements flat.
func fit(data tensor.Shape, o Options, source string) (sample, image tensor.Shape, err error) {
	if len(data) == 2 {
		image = tensor.Shape{1, data[0], data[1]}
	} else if len(data) == 3 {
		image = data
	}
	want := o.Shape
	switch {
	case data.Size() < 1:
		return nil, nil, fmt.Errorf("dataset: %s: samples of shape %v are empty or too large; save them as [samples, ...]", source, data)
	case want == nil && image != nil:
		return image, image, nil
	case want == nil:
		return data, nil, nil
	case want.Equal(data) || image != nil && want.Equal(image):
		return want, image, nil
	case want.Size() == data.Size() && (len(want) == 1 || len(data) == 1):
		if image == nil && len(want) == 3 {
			image = want
		}
		return want, image, nil
	}
	return nil, nil, fmt.Errorf("dataset: %s: samples have shape %v, the network takes %v; give data of that shape", source, data, want)
}
