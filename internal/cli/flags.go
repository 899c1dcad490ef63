package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"edgec"
	"edgec/runtime/format"
)

// dataFlags are the flags of commands that read samples.
type dataFlags struct {
	path      string
	raw       bool
	mean, std numbers
	testLast  int
	labels    string   // as it was given
	names     []string // that it means
	column    string
	network   networkFlags
}

const dataHelp = `edgec recognizes DATA by its content: a folder with idx files (MNIST's own, also
.gz) or CIFAR's binary batches, one folder of PNG, JPEG or GIF pictures per class
(below train/ and test/, or directly), or an .npz, .npy, .csv or idx file. Bytes
become numbers from 0 to 1, or from 0 to 255 with --raw; then --mean and --std apply.
Give what the network was trained with. A network with several inputs takes an .npz
file with an array for each, of the input's name. --test-last holds out the last
samples when DATA has no test part: the search does not see them.

Labels of text and folders of pictures are numbered in the order of their sorted
names, as training tools do, or in the order of --labels. What edgec concluded from
DATA (label column, order of the classes, scaling, files that it did not read) is a
line of the output.`

func (d *dataFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&d.path, "data", "", "samples: a folder or a file (required)")
	f.BoolVar(&d.raw, "raw", false, "bytes become 0..255, not 0..1")
	f.Var(&d.mean, "mean", "mean to subtract: one number, or one per channel")
	f.Var(&d.std, "std", "standard deviation to divide by: one number, or one per channel")
	f.StringVar(&d.column, "label-column", "", "column of a CSV file that holds the labels: its name, or its number from 1 (default: it is found)")
	d.network.register(cmd)
	f.IntVar(&d.testLast, "test-last", 0, "number of samples at the end of DATA to hold out as its test part")
}

// open returns what is said of a network for these samples.
func (d *dataFlags) open() edgec.OpenOptions { return d.network.options(d.path) }

// given reports whether the command line says how bytes become input.
func (d *dataFlags) given(cmd *cobra.Command) bool {
	f := cmd.Flags()
	return f.Changed("raw") || f.Changed("mean") || f.Changed("std")
}

// check returns what is wrong with the flags, joined.
func (d *dataFlags) check(cmd *cobra.Command) error {
	var errs []error
	if d.path == "" {
		errs = append(errs, fmt.Errorf("%s: --data is missing; give a folder or file of samples, as in --data mnist", cmd.Name()))
	}
	for _, v := range d.std {
		if v <= 0 {
			errs = append(errs, fmt.Errorf("--std %v: give numbers above 0", d.std.String()))
			break
		}
	}
	return errors.Join(append(errs, atLeast("test-last", d.testLast, 0))...)
}

// readNames reads --labels.
func (d *dataFlags) readNames() (err error) {
	d.names, err = readLabels(d.labels)
	return err
}

// read reads the samples of a network, until ctx ends.
func (d *dataFlags) read(ctx context.Context, n edgec.Network, pre format.Preprocess, noLabels bool) (*edgec.Data, error) {
	if err := present(d.path, "a folder or file of samples"); err != nil {
		return nil, err
	}
	shape, channels := n.Inputs()[0].Shape, 1
	if len(shape) == 3 {
		channels = shape[0]
	}
	for _, v := range [][]float32{pre.Mean, pre.Std} {
		if n := len(v); n > 1 && n != channels {
			ending := "s"
			if channels == 1 {
				ending = ""
			}
			return nil, fmt.Errorf("--mean or --std has %d numbers, the network takes %d channel%s; give one number, or one per channel", n, channels, ending)
		}
	}
	data, err := edgec.OpenDataContext(ctx, d.path, n, edgec.DataOptions{Raw: pre.Bytes255, Mean: pre.Mean, Std: pre.Std, TestLast: d.testLast, NoLabels: noLabels, Labels: d.names, LabelColumn: d.column})
	return data, about(d.path, err)
}

// pre is the preprocessing that the flags ask for.
func (d *dataFlags) pre() format.Preprocess {
	return format.Preprocess{Bytes255: d.raw, Mean: d.mean, Std: d.std}
}

// labelsOfData is the value of --labels that stands for the names that DATA has.
const labelsOfData = "data"

// readLabels returns the class names of --labels: the lines of a file, or the
// value itself, separated by commas; nil for labelsOfData. A file may also hold a JSON list
// of strings, such as the texts of tokens.
func readLabels(s string) ([]string, error) {
	if s == "" {
		return nil, nil
	}
	separator := ","
	if info, err := os.Stat(s); err == nil && info.Mode().IsRegular() {
		data, err := os.ReadFile(s)
		if err != nil {
			return nil, about(s, fmt.Errorf("--labels %s: %w; give names separated by commas, or a file with one per line", s, reason(err)))
		}
		var list []string
		if json.Unmarshal(data, &list) == nil && len(list) > 0 {
			return list, nil // texts of tokens, which may be spaces, or come twice
		}
		s, separator = strings.TrimRight(string(data), "\r\n"), "\n"
	} else if s == labelsOfData {
		return nil, nil
	} else if !strings.Contains(s, ",") {
		return nil, about(s, fmt.Errorf("--labels %s: is neither a file nor a list; give names separated by commas, a file with one per line, or data for the names of DATA%s", shown(s), nearFiles(s)))
	}
	labels := strings.Split(s, separator)
	for i, l := range labels {
		if labels[i] = strings.TrimSpace(l); labels[i] == "" {
			return nil, fmt.Errorf("--labels: name %d is empty; give each output a name", i)
		}
		if slices.Contains(labels[:i], labels[i]) {
			return nil, fmt.Errorf("labels: %q comes twice; give each class a name of its own", labels[i])
		}
	}
	return labels, nil
}
