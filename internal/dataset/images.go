package dataset

import (
	"cmp"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/gif"
	_ "image/jpeg"
	_ "image/png"
	"io"
	"io/fs"
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
	if sp.Train, err = loadImages(train, nil, o); err != nil {
		return nil, err
	}
	if test != "" {
		if o.Shape == nil {
			o.Shape = sp.Train.sample
		}
		sp.Test, err = loadImages(test, sp.Train.ClassNames, o)
	}
	return sp, err
}

// classFolders lists the subfolders of folder in the order of their numbers. If
// known lists classes already, these are the order, and others are refused.
func classFolders(folder string, known []string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	var classes []string
	for _, e := range entries {
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if known != nil && !slices.Contains(known, e.Name()) {
			return nil, fmt.Errorf("dataset: %s: no training pictures lie in a folder of that name; the test classes must be among %v", filepath.Join(folder, e.Name()), known)
		}
		classes = append(classes, e.Name())
	}
	if known != nil && classes != nil {
		return known, nil
	}
	slices.SortFunc(classes, naturally)
	return classes, nil
}

// loadImages reads a folder with one subfolder a class, numbered as known says
// if it is not nil, or a folder of unlabelled pictures.
func loadImages(folder string, known []string, o Options) (*Set, error) {
	classes, err := classFolders(folder, known)
	if err != nil {
		return nil, err
	}
	shape := o.Shape
	var bytes []uint8
	var labels []int
	n := 0
	add := func(dir string, label int) error {
		files, err := os.ReadDir(dir)
		if known != nil && errors.Is(err, fs.ErrNotExist) {
			return nil // a class without test pictures
		}
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
	s.ClassNames, s.Classes = classes, len(classes)
	return s, s.setLabels(labels, o.Classes, folder)
}

func picture(name string) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".png", ".jpg", ".jpeg", ".gif":
		return true
	}
	return false
}

// naturally orders numbers by value, before other names by letters: class "10"
// follows "9" and "09".
func naturally(a, b string) int {
	na, nb := digits(a), digits(b)
	switch {
	case na && nb:
		x, y := strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
		return cmp.Or(len(x)-len(y), strings.Compare(x, y), strings.Compare(a, b))
	case na != nb:
		if na {
			return -1
		}
		return 1
	}
	return strings.Compare(a, b)
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// mostPixels bounds a picture; a few bytes can claim to be a huge one.
const mostPixels = 1 << 28

// DecodeImage reads a PNG, JPEG or GIF file.
func DecodeImage(path string) (image.Image, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	defer f.Close()
	size, _, err := image.DecodeConfig(f)
	if err == nil && size.Width > mostPixels/max(size.Height, 1) {
		err = fmt.Errorf("%d by %d pixels are too many", size.Width, size.Height)
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	var img image.Image
	if err == nil {
		img, _, err = image.Decode(f)
	}
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
