// Package networks has the networks that edgec is compared with its peers on.
package networks

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"edgec"
	"edgec/runtime"
)

// Network is one row of the comparison: a file for edgec, and what its peers execute.
// Paths of peers are below the folder models of EDGEC_DATA.
type Network struct {
	Name   string
	Like   string // Name of the dense network that the figures of peers are of; "": the same
	Pruned string // committed file, below the folder of the main module; "": ONNX, as edgec packs it
	ONNX   string // QDQ form, with uint8 activations and int8 weights for each channel
	TFLite string // int8; "": there is none
	Shapes bool   // TFLite has the shapes of ONNX, and weights of its own
}

// All are the networks, those with few multiplications first. The weights of bench are
// random: dense kernels take the same time for all weights.
var All = []Network{
	{Name: "lenet300", ONNX: "bench/lenet300_u8s8.onnx", TFLite: "bench/lenet300.tflite"},
	{Name: "lenet5", ONNX: "bench/lenet5_u8s8.onnx", TFLite: "bench/lenet5.tflite"},
	{Name: "ad", ONNX: "bench/ad_u8s8.onnx", TFLite: "mlperf-tiny/ad-autoencoder-int8.tflite", Shapes: true},
	{Name: "dscnn", ONNX: "bench/dscnn_u8s8.onnx", TFLite: "mlperf-tiny/kws-dscnn-int8.tflite", Shapes: true},
	{Name: "mbv1_025_96", ONNX: "bench/mbv1_025_96_u8s8.onnx", TFLite: "mlperf-tiny/vww-mobilenet-int8.tflite", Shapes: true},
	{Name: "resnet8", ONNX: "bench/resnet8_u8s8.onnx", TFLite: "mlperf-tiny/resnet8-int8.tflite", Shapes: true},
	{Name: "mbv2_224", ONNX: "bench/mbv2_224_u8s8.onnx", TFLite: "bench/mbv2.tflite"},
	{Name: "lenet-300-100-1900.edgec", Like: "lenet300", Pruned: "testdata/lenet-300-100-1900.edgec", ONNX: "bench/lenet300_u8s8.onnx", TFLite: "bench/lenet300.tflite"},
	{Name: "lenet-5-1200.edgec", Like: "lenet5", Pruned: "testdata/lenet-5-1200.edgec", ONNX: "bench/lenet5_u8s8.onnx", TFLite: "bench/lenet5.tflite"},
}

// Select returns the networks whose names match a regular expression.
func Select(pattern string) (some []Network, err error) {
	match, err := regexp.Compile(pattern)
	if err != nil {
		return nil, err
	}
	for _, n := range All {
		if match.MatchString(n.Name) {
			some = append(some, n)
		}
	}
	if len(some) == 0 {
		return nil, fmt.Errorf("no network matches %q; bench/networks/networks.go has the names", pattern)
	}
	return some, nil
}

// DenseName is the network that figures of peers are of.
func (n *Network) DenseName() string {
	if n.Like != "" {
		return n.Like
	}
	return n.Name
}

// Folder returns EDGEC_DATA's folder of models.
func Folder() (string, error) {
	data := os.Getenv("EDGEC_DATA")
	if data == "" {
		return "", errors.New("EDGEC_DATA is not set; it names the folder with networks, in models/bench and models/mlperf-tiny")
	}
	return filepath.Join(data, "models"), nil
}

// Main is the folder of the main module: commands run in bench.
const Main = ".."

// File returns edgec's file of a network: the committed one, or what Pack makes of the ONNX
// file in the folder of models. Packing takes seconds.
func (n *Network) File(models string) ([]byte, error) {
	if n.Pruned != "" {
		return os.ReadFile(filepath.Join(Main, n.Pruned))
	}
	p, err := edgec.Pack(filepath.Join(models, n.ONNX))
	if err != nil {
		return nil, err
	}
	return p.Bytes, nil
}

// TFLiteFile returns the path of the TFLite file; "": there is none. Where its weights are
// its own, it is an error that its shapes are not those of the ONNX file.
func (n *Network) TFLiteFile(models string) (string, error) {
	if n.TFLite == "" {
		return "", nil
	}
	path := filepath.Join(models, n.TFLite)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if !n.Shapes {
		return path, nil
	}
	a, err := measure(filepath.Join(models, n.ONNX))
	if err != nil {
		return "", err
	}
	b, err := measure(path)
	if err != nil {
		return "", err
	}
	if !a.like(b) {
		return "", fmt.Errorf("%s has %+v, %s has %+v; compare networks of the same shapes", n.ONNX, a, n.TFLite, b)
	}
	return path, nil
}

// extent is what networks of the same shapes have in common.
type extent struct {
	In, Out int // elements of input 0 and output 0
	MACs    int64
}

// like reports whether two networks have the same shapes. A mean counts as multiplications
// if its output has a scale of its own, so these may differ by a hundredth.
func (e extent) like(o extent) bool {
	return e.In == o.In && e.Out == o.Out && 100*max(e.MACs-o.MACs, o.MACs-e.MACs) <= e.MACs
}

// measure returns the extent of a file that Pack takes.
func measure(path string) (extent, error) {
	p, err := edgec.Pack(path)
	if err != nil {
		return extent{}, err
	}
	m, err := runtime.Load(p.Bytes)
	if err != nil {
		return extent{}, err
	}
	return extent{elements(m.Info().Inputs[0]), elements(m.Info().Outputs[0]), p.MACsFrom}, nil
}

func elements(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// Stored is a network whose file has been written into a folder.
type Stored struct {
	Network
	Path string // of edgec's file
	Info runtime.Info
}

// Store writes edgec's file of each network whose name matches into a folder.
func Store(pattern, models, dir string) (stored []Stored, err error) {
	some, err := Select(pattern)
	if err != nil {
		return nil, err
	}
	for _, n := range some {
		data, err := n.File(models)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", n.Name, err)
		}
		m, err := runtime.Load(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", n.Name, err)
		}
		s := Stored{Network: n, Path: filepath.Join(dir, n.Name), Info: m.Info()}
		if err := os.WriteFile(s.Path, data, 0o644); err != nil {
			return nil, err
		}
		stored = append(stored, s)
	}
	return stored, nil
}
