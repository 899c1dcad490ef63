package cli

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"edgec"
	"edgec/runtime/format"
)

// size is the value of a flag that takes bytes: "10000", "20KB", "1.5kB", "2MiB".
type size int

// units are the suffixes of a size, in any case: powers of 1000, and of 1024 with an i.
var units = []struct {
	name  string
	bytes float64
}{{"kib", 1 << 10}, {"mib", 1 << 20}, {"kb", 1e3}, {"mb", 1e6}, {"b", 1}, {"", 1}}

// Set parses s and rounds down to whole bytes.
func (v *size) Set(s string) error {
	t := strings.ToLower(strings.TrimSpace(s))
	for _, u := range units {
		number, ok := strings.CutSuffix(t, u.name)
		if !ok {
			continue
		}
		number = strings.TrimSpace(number)
		n, err := strconv.ParseFloat(number, 64)
		if err != nil || strings.Trim(number, "0123456789.") != "" || n*u.bytes < 1 || n*u.bytes > math.MaxInt32 {
			break
		}
		*v = size(n * u.bytes)
		return nil
	}
	return errors.New("give a size such as 10000, 20KB (20,000 bytes) or 2MiB (2,097,152 bytes)")
}

func (v *size) String() string {
	if *v == 0 {
		return ""
	}
	return strconv.Itoa(int(*v))
}

// Type names the value in help texts.
func (v *size) Type() string { return "size" }

// dataFlags are the flags of commands that read samples.
type dataFlags struct {
	path      string
	raw       bool
	mean, std numbers
	testLast  int
	labels    string   // as it was given
	names     []string // that it means
	column    string
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
	f.IntVar(&d.testLast, "test-last", 0, "number of samples at the end of DATA to hold out as its test part")
}

// given reports whether the command line says how bytes become input.
func (d *dataFlags) given(cmd *cobra.Command) bool {
	f := cmd.Flags()
	return f.Changed("raw") || f.Changed("mean") || f.Changed("std")
}

// check validates the flags.
func (d *dataFlags) check(cmd *cobra.Command) error {
	if d.path == "" {
		return usagef(cmd, "%s: --data is missing; give a folder or file of samples", cmd.Name())
	}
	for _, v := range d.std {
		if v <= 0 {
			return usagef(cmd, "--std %v: give positive numbers", v)
		}
	}
	if d.testLast < 0 {
		return usagef(cmd, "--test-last %d: give a positive number", d.testLast)
	}
	var err error
	d.names, err = readLabels(d.labels)
	return err
}

// open reads the samples of a network.
func (d *dataFlags) open(n edgec.Network, pre format.Preprocess, noLabels bool) (*edgec.Data, error) {
	shape, channels := n.Inputs()[0].Shape, 1
	if len(shape) == 3 {
		channels = shape[0]
	}
	for _, v := range [][]float32{pre.Mean, pre.Std} {
		if n := len(v); n > 1 && n != channels {
			return nil, fmt.Errorf("--mean or --std has %d numbers, the network takes %d channels; give one number, or one per channel", n, channels)
		}
	}
	return edgec.OpenData(d.path, n, edgec.DataOptions{Raw: pre.Bytes255, Mean: pre.Mean, Std: pre.Std, TestLast: d.testLast, NoLabels: noLabels, Labels: d.names, LabelColumn: d.column})
}

// pre is the preprocessing that the flags ask for.
func (d *dataFlags) pre() format.Preprocess {
	return format.Preprocess{Bytes255: d.raw, Mean: d.mean, Std: d.std}
}

// labelsOfData is the value of --labels that stands for the names that DATA has.
const labelsOfData = "data"

// readLabels returns the class names of --labels: the lines of a file, or the
// value itself, separated by commas; nil for labelsOfData.
func readLabels(s string) ([]string, error) {
	if s == "" {
		return nil, nil
	}
	separator := ","
	if info, err := os.Stat(s); err == nil && info.Mode().IsRegular() {
		data, err := os.ReadFile(s)
		if err != nil {
			return nil, fmt.Errorf("labels: %s: %w", s, reason(err))
		}
		s, separator = strings.TrimRight(string(data), "\r\n"), "\n"
	} else if s == labelsOfData {
		return nil, nil
	} else if !strings.Contains(s, ",") {
		return nil, fmt.Errorf("labels: %q is neither a file nor a list; give names separated by commas, a file with one per line, or data for the names of DATA", s)
	}
	labels := strings.Split(s, separator)
	for i, l := range labels {
		if labels[i] = strings.TrimSpace(l); labels[i] == "" {
			return nil, fmt.Errorf("labels: name %d is empty", i)
		}
		if slices.Contains(labels[:i], labels[i]) {
			return nil, fmt.Errorf("labels: %q comes twice; give each class a name of its own", labels[i])
		}
	}
	return labels, nil
}

// numbers is the value of a flag that takes finite numbers, separated by commas.
type numbers []float32

// Set reads s.
func (v *numbers) Set(s string) error {
	*v = nil
	for _, f := range strings.Split(s, ",") {
		x, err := strconv.ParseFloat(strings.TrimSpace(f), 32)
		if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("%q is not a finite number; separate numbers by commas", f)
		}
		*v = append(*v, float32(x))
	}
	return nil
}

func (v *numbers) String() string {
	s := make([]string, len(*v))
	for i, x := range *v {
		s[i] = strconv.FormatFloat(float64(x), 'g', -1, 32)
	}
	return strings.Join(s, ",")
}

// Type names the value in help texts.
func (v *numbers) Type() string { return "numbers" }
