package dataset

import (
	"fmt"
	"image"
	"image/color"
	_ "image/gif"
	_ "image/jpeg"
	_ "image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/image/draw"

	"edgec/internal/tensor"
)

// openImages reads a folder with one subfolder of pictures a class, below
// train/ and test/ or directly, or a folder of unlabelled pictures. Pictures
// are resized to the network's input.
func openImages(path string, o Options) (*Splits, error) {
	sub := func(names ...string) string {
		for _, n := range names {
			if info, err := os.Stat(filepath.Join(path, n)); err == nil && info.IsDir() {
				return filepath.Join(path, n)
			}
		}
		return ""
	}
	sp := &Splits{}
	var err error
	train, test := sub("train", "training"), sub("test", "val", "validation")
	if train == "" {
		train, test = path, ""
	}
	if sp.Train, err = loadImages(train, o); err != nil {
		return nil, err
	}
	if test != "" {
		sp.Test, err = loadImages(test, o)
	}
	return sp, err
}

func loadImages(folder string, o Options) (*Set, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	var classes []string
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			classes = append(classes, e.Name())
		}
	}
	slices.SortFunc(classes, naturally)
	shape := o.Shape
	var bytes []uint8
	var labels []int
	n := 0
	add := func(dir string, label int) error {
		files, err := os.ReadDir(dir)
		if err != nil {
			return fmt.Errorf("dataset: %w", err)
		}
		for _, f := range files {
			if f.IsDir() || strings.HasPrefix(f.Name(), ".") || !picture(f.Name()) {
				continue
			}
			img, err := DecodeImage(filepath.Join(dir, f.Name()))
			if err != nil {
				return err
			}
			if shape == nil {
				shape = tensor.Shape{3, img.Bounds().Dy(), img.Bounds().Dx()}
			}
			pix, err := Pixels(img, shape)
			if err != nil {
				return err
			}
			bytes = append(bytes, pix...)
			labels = append(labels, label)
			n++
		}
		return nil
	}
	if classes == nil {
		err = add(folder, 0)
		labels = nil
	}
	for k, c := range classes {
		if err == nil {
			err = add(filepath.Join(folder, c), k)
		}
	}
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, fmt.Errorf("dataset: %s: holds no PNG, JPEG or GIF pictures; put them into one folder a class", folder)
	}
	img := shape
	if len(shape) == 1 {
		side := squareSide(shape[0])
		img = tensor.Shape{1, side, side}
	}
	s := newSet(shape, img, bytes, nil, n, o.pre())
	if labels == nil {
		return s, nil
	}
	s.ClassNames = classes
	return s, s.setLabels(labels, o.Classes, folder)
}

func picture(name string) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".png", ".jpg", ".jpeg", ".gif":
		return true
	}
	return false
}

// naturally orders numbers by value and other names by letters: class "10"
// follows "9".
func naturally(a, b string) int {
	if len(a) != len(b) && digits(a) && digits(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

func digits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// DecodeImage reads a PNG, JPEG or GIF file.
func DecodeImage(path string) (image.Image, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	defer f.Close()
	img, _, err := image.Decode(f)
	if err != nil {
		return nil, fmt.Errorf("dataset: %s: not a readable picture: %v; repair or remove it", path, err)
	}
	return img, nil
}

// Pixels resizes a picture to shape ([C,H,W] with one or three channels, or [F]
// for a gray square) and returns its bytes, channels first. Gray is the luma of
// ITU-R BT.601.
func Pixels(img image.Image, shape tensor.Shape) ([]byte, error) {
	c, h, w := 1, 0, 0
	switch {
	case len(shape) == 3:
		c, h, w = shape[0], shape[1], shape[2]
	case len(shape) == 1 && squareSide(shape[0]) > 0:
		h = squareSide(shape[0])
		w = h
	}
	if h == 0 || c != 1 && c != 3 {
		return nil, fmt.Errorf("dataset: a network input of shape %v is no picture (1 or 3 channels)", shape)
	}
	if img.Bounds().Dx() != w || img.Bounds().Dy() != h {
		dst := image.NewRGBA(image.Rect(0, 0, w, h))
		draw.BiLinear.Scale(dst, dst.Bounds(), img, img.Bounds(), draw.Src, nil)
		img = dst
	}
	out := make([]byte, c*h*w)
	b := img.Bounds()
	for y := 0; y < h; y++ {
		for x := 0; x < w; x++ {
			p := img.At(b.Min.X+x, b.Min.Y+y)
			if c == 1 {
				out[y*w+x] = color.GrayModel.Convert(p).(color.Gray).Y
				continue
			}
			r, g, bl, _ := p.RGBA()
			out[y*w+x], out[h*w+y*w+x], out[2*h*w+y*w+x] = byte(r>>8), byte(g>>8), byte(bl>>8)
		}
	}
	return out, nil
}

func squareSide(n int) int {
	for s := 1; s*s <= n; s++ {
		if s*s == n {
			return s
		}
	}
	return 0
}
