package dataset

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	"edgec/internal/tensor"
)

// mostBytes bounds what one file may hold after decompression.
const mostBytes = 4 << 30

// readAll reads a file, through gzip if it is compressed.
func readAll(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	defer f.Close()
	r := bufio.NewReader(f)
	var src io.Reader = r
	if head, _ := r.Peek(2); len(head) == 2 && head[0] == 0x1f && head[1] == 0x8b {
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("dataset: %s: damaged gzip: %v; copy the file again", path, err)
		}
		src = z
	}
	data, err := io.ReadAll(io.LimitReader(src, mostBytes))
	if err != nil {
		return nil, fmt.Errorf("dataset: %s: %v after %d bytes; the file is truncated or damaged, copy it again", path, err, len(data))
	}
	return data, nil
}

// idxArray is an array in the idx format (LeCun's MNIST page): two zero bytes,
// a type, the number of dimensions, the dimensions, the elements; big endian.
type idxArray struct {
	shape tensor.Shape
	bytes []uint8   // type 8
	nums  []float32 // the others
}

func readIdx(path string) (*idxArray, error) {
	data, err := readAll(path)
	if err != nil {
		return nil, err
	}
	return parseIdx(data, path)
}

func parseIdx(data []byte, path string) (*idxArray, error) {
	if len(data) < 4 || data[0] != 0 || data[1] != 0 {
		return nil, fmt.Errorf("dataset: %s: not an idx file (it does not start with two zero bytes)", path)
	}
	size := map[byte]int{8: 1, 9: 1, 0xB: 2, 0xC: 4, 0xD: 4, 0xE: 8}[data[2]]
	if size == 0 {
		return nil, fmt.Errorf("dataset: %s: idx type 0x%02x is unknown", path, data[2])
	}
	rank := int(data[3])
	if rank < 1 || rank > 4 || len(data) < 4+4*rank {
		return nil, fmt.Errorf("dataset: %s: idx header with %d dimensions in %d bytes", path, rank, len(data))
	}
	a := &idxArray{}
	n := 1
	for i := 0; i < rank; i++ {
		d := int(binary.BigEndian.Uint32(data[4+4*i:]))
		if d < 0 || d > 1<<31 || n > mostBytes/max(d, 1) {
			return nil, fmt.Errorf("dataset: %s: dimension %d of the idx header is %d", path, i, d)
		}
		a.shape = append(a.shape, d)
		n *= d
	}
	body := data[4+4*rank:]
	if len(body) != n*size {
		return nil, fmt.Errorf("dataset: %s: %d bytes of elements, the header %v says %d; the file is truncated or damaged, copy it again", path, len(body), a.shape, n*size)
	}
	if data[2] == 8 {
		a.bytes = body
		return a, nil
	}
	a.nums = make([]float32, n)
	for i := range a.nums {
		b := body[i*size:]
		switch data[2] {
		case 9:
			a.nums[i] = float32(int8(b[0]))
		case 0xB:
			a.nums[i] = float32(int16(binary.BigEndian.Uint16(b)))
		case 0xC:
			a.nums[i] = float32(int32(binary.BigEndian.Uint32(b)))
		case 0xD:
			a.nums[i] = math.Float32frombits(binary.BigEndian.Uint32(b))
		default:
			a.nums[i] = float32(math.Float64frombits(binary.BigEndian.Uint64(b)))
		}
	}
	return a, nil
}

// openIdx reads MNIST's own names: train-images, train-labels, t10k-images,
// t10k-labels (or test-). Labels may be missing.
func openIdx(folder string, files []string, o Options) (*Splits, error) {
	sp := &Splits{}
	find := func(parts ...string) string {
		for _, f := range files {
			for _, p := range parts {
				if strings.HasPrefix(filepath.Base(f), p) {
					return f
				}
			}
		}
		return ""
	}
	load := func(images, labels string) (*Set, error) {
		if images == "" {
			return nil, nil
		}
		return loadIdx(images, labels, o)
	}
	var err error
	if len(files) == 1 && !strings.Contains(filepath.Base(files[0]), "label") {
		sp.Train, err = load(files[0], "")
		return sp, err
	}
	if sp.Train, err = load(find("train-images"), find("train-labels")); err != nil {
		return nil, err
	}
	if sp.Test, err = load(find("t10k-images", "test-images"), find("t10k-labels", "test-labels")); err != nil {
		return nil, err
	}
	if sp.Train == nil {
		sp.Train, sp.Test = sp.Test, nil
	}
	if sp.Train == nil {
		return nil, fmt.Errorf("dataset: %s: no idx file named train-images-... or t10k-images-...", folder)
	}
	return sp, nil
}

func loadIdx(images, labels string, o Options) (*Set, error) {
	a, err := readIdx(images)
	if err != nil {
		return nil, err
	}
	s, err := a.set(o, images)
	if err != nil || labels == "" {
		return s, err
	}
	l, err := readIdx(labels)
	if err != nil {
		return nil, err
	}
	classes := byteLabels(l.bytes)
	if l.bytes == nil {
		if classes, err = wholeLabels(l.nums, labels); err != nil {
			return nil, err
		}
	}
	return s, s.setLabels(classes, o.Classes, labels)
}

// set makes samples of dimension 0.
func (a *idxArray) set(o Options, source string) (*Set, error) {
	if len(a.shape) < 2 {
		return nil, fmt.Errorf("dataset: %s: shape %v has no samples with elements", source, a.shape)
	}
	sample, image, err := fit(a.shape[1:], o, source)
	if err != nil {
		return nil, err
	}
	if err := finite(a.nums, sample.Size(), source); err != nil {
		return nil, err
	}
	return newSet(sample, image, a.bytes, a.nums, a.shape[0], o.pre()), nil
}

// finite returns an error for the first NaN or infinity.
func finite(x []float32, size int, source string) error {
	for i, v := range x {
		if v-v != 0 {
			return fmt.Errorf("dataset: %s: sample %d, element %d is %v; remove or repair the sample", source, i/max(size, 1), i%max(size, 1), v)
		}
	}
	return nil
}
