package demo

import (
	"bytes"
	"fmt"
	"image"
	"image/png"

	"edgec/internal/dataset"
)

// Picture is a sample as a PNG file.
type Picture struct {
	Name  string // of the file: the class, 7.png; its second picture is 7-2.png
	Label int
	PNG   []byte
}

// Pictures returns the first n samples of set as PNG files.
func Pictures(set *dataset.Set, n int) ([]Picture, error) {
	pictures := make([]Picture, min(n, set.Len()))
	count := make([]int, len(Classes))
	for i := range pictures {
		label := set.Labels[i]
		name := Classes[label]
		if count[label]++; count[label] > 1 {
			name = fmt.Sprintf("%s-%d", name, count[label])
		}
		img := image.NewGray(image.Rect(0, 0, Side, Side))
		set.Bytes(i, img.Pix)
		var b bytes.Buffer
		if err := png.Encode(&b, img); err != nil {
			return nil, fmt.Errorf("demo: %w", err)
		}
		pictures[i] = Picture{name + ".png", label, b.Bytes()}
	}
	return pictures, nil
}
