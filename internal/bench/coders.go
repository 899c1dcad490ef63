package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"time"

	"edgec"
	"edgec/runtime/format"
)

// coded is what the coder and others make of the int8 weights of one file.
type coded struct {
	Row     string `json:"row"`
	Layers  int    `json:"layers"`  // weight tensors
	Weights int    `json:"weights"` // in the file's shapes, zeros included
	Kept    int    `json:"kept"`    // nonzero
	Entropy int    `json:"entropy"` // order 0, of each tensor, in bytes
	others
	Sizes   format.Sizes `json:"sizes"`   // without its list of tensors
	Seconds float64      `json:"seconds"` // the least of several decodes
	Arch    string       `json:"arch"`
}

//lint:ignore U1000 replace calls it through its constraint
func (c coded) same(d coded) bool { return c.Row == d.Row }

// source is a network whose weights are compared: a compressed one, or one that
// is int8 already and packed first.
type source struct {
	name, path string
	packed     bool
	row        *row // whose data the file is executed on; nil: by the name
}

// sources are the compressed networks of the repository and the rows that pack.
func sources(dir string) ([]source, error) {
	paths, err := filepath.Glob("testdata/*.edgec")
	if err != nil {
		return nil, err
	}
	var of []source
	for _, path := range paths {
		of = append(of, source{name: filepath.ToSlash(path), path: path, packed: true})
	}
	for _, r := range rows {
		if r.data == "" {
			of = append(of, source{name: r.name, path: filepath.Join(dir, "models", r.model)})
		}
	}
	return of, nil
}

func (s source) file() ([]byte, error) {
	if s.packed {
		return os.ReadFile(s.path)
	}
	p, err := edgec.Pack(s.path)
	if err != nil {
		return nil, err
	}
	return p.Bytes, nil
}

// compareCoders measures the sources whose names match.
func compareCoders(dir string, match *regexp.Regexp) error {
	all, err := sources(dir)
	if err != nil {
		return err
	}
	results, err := load[coded](coders)
	if err != nil {
		return err
	}
	some := false
	for _, s := range all {
		if !match.MatchString(s.name) {
			continue
		}
		some = true
		data, err := s.file()
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		got, err := compare(s.name, data, decodeTime)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		fmt.Printf("%s: %d bytes for %d weights, order-0 entropy %d, xz %d (%s %d), zstd %d; %.1f MB/s\n", got.Row, got.Sizes.Coded(), got.Weights, got.Entropy, got.XZ, got.LeastForm, got.Least, got.Zstd, got.speed())
		results = replace(results, got)
	}
	if !some {
		return fmt.Errorf("no network matches %q; there are testdata/*.edgec and the rows of internal/bench/rows.go without data", match)
	}
	return save(coders, results)
}

// compare decodes a file, for at least a while, and has others compress its weights.
func compare(name string, data []byte, while time.Duration) (coded, error) {
	got := coded{Row: name, Arch: runtime.GOARCH}
	f, seconds, err := decode(data, while)
	if err != nil {
		return got, err
	}
	_, sizes, err := format.Encode(f) // writing is canonical: the account of these bytes
	if err != nil {
		return got, err
	}
	if sizes.Total() != len(data) {
		return got, fmt.Errorf("its %d bytes are not those that this version writes, %d", len(data), sizes.Total())
	}
	var plain []byte
	entropy := 0.0
	for i := range f.Weights {
		entropy += f.Weights[i].Entropy() / 8
		for _, v := range f.Weights[i].Values {
			plain = append(plain, byte(v))
			if v != 0 {
				got.Kept++
			}
		}
	}
	sizes.Weights = nil
	got.Layers, got.Weights, got.Entropy, got.Sizes, got.Seconds = len(f.Weights), len(plain), int(math.Ceil(entropy)), *sizes, seconds
	got.others, err = compressOthers(plain)
	return got, err
}

// Decodes of a file are repeated so often and so long that one had a core of a
// shared machine for itself.
const decodes, decodeTime = 20, 3 * time.Second

// decode returns the file and the least time that reading it took, on one core.
func decode(data []byte, while time.Duration) (f *format.File, seconds float64, err error) {
	fastest := time.Duration(math.MaxInt64)
	for k, start := 0, time.Now(); k < decodes || time.Since(start) < while; k++ {
		since := time.Now()
		if f, err = format.Decode(data); err != nil {
			return nil, 0, err
		}
		fastest = min(fastest, time.Since(since))
	}
	return f, fastest.Seconds(), nil
}

// speed is in millions of int8 weights a second, zeros included.
func (c coded) speed() float64 { return float64(c.Weights) / c.Seconds / 1e6 }
