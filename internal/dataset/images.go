package dataset

import (
	"cmp"
	"errors"
	"fmt"
	_ "image/gif" // a format that preprocess.Decode reads on the host
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"edgec/internal/tensor"
	"edgec/runtime/preprocess"
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
func classFolders(folder string, known []string, o Options) ([]string, error) {
	entries, err := o.room.list(folder)
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
	classes, err := classFolders(folder, known, o)
	if err != nil {
		return nil, err
	}
	l := &pictureList{shape: o.Shape, room: o.room}
	if classes == nil {
		err = l.add(folder, 0, false)
	}
	for k, c := range classes {
		if err == nil {
			err = l.add(filepath.Join(folder, c), k, known != nil)
		}
	}
	if err != nil {
		return nil, err
	}
	if len(l.labels) == 0 {
		return nil, fmt.Errorf("dataset: %s: holds no PNG, JPEG or GIF pictures; put them into one folder a class", folder)
	}
	s := newSet(l.shape, l.image, l.bytes, nil, len(l.labels), o.pre())
	if classes == nil {
		return s, nil
	}
	s.ClassNames, s.Classes = classes, len(classes)
	return s, s.setLabels(l.labels, o.Classes, folder)
}

// pictureList collects the pictures of a set.
type pictureList struct {
	shape  tensor.Shape // the network's; nil until the first picture says it
	image  tensor.Shape // [C,H,W]
	bytes  []uint8
	labels []int
	room   *room
}

// add reads the pictures of a folder; if it may be missing, there are none.
func (l *pictureList) add(folder string, label int, mayMiss bool) error {
	files, err := l.room.list(folder)
	if mayMiss && errors.Is(err, fs.ErrNotExist) {
		return nil // a class without test pictures
	}
	if err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	if err := l.room.pictures(files, max(l.shape.Size(), 1), folder); err != nil {
		return err
	}
	for _, f := range files {
		if err := l.room.stopped(); err != nil {
			return err
		}
		if f.IsDir() || strings.HasPrefix(f.Name(), ".") || !picture(f.Name()) {
			continue
		}
		image, pix, err := readPicture(filepath.Join(folder, f.Name()), l.shape)
		if err != nil {
			return err
		}
		if l.shape == nil {
			l.shape = image
		}
		l.image = image
		l.bytes, l.labels = append(l.bytes, pix...), append(l.labels, label)
	}
	return nil
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

// readPicture reads a PNG, JPEG or GIF file and resizes it to shape ([C,H,W]
// with one or three channels, or [F] for a gray square; nil: three channels, as
// large as it is). It returns the picture's shape and its bytes, channels first.
func readPicture(path string, shape tensor.Shape) (tensor.Shape, []byte, error) {
	data, err := pictureFile(path)
	if err != nil {
		return nil, nil, err
	}
	img, err := preprocess.Decode(data)
	if err != nil {
		return nil, nil, fmt.Errorf("dataset: %s: %w; repair or remove it", path, err)
	}
	if shape == nil {
		shape = tensor.Shape{3, img.Bounds().Dy(), img.Bounds().Dx()}
	}
	h, w, c, ok := preprocess.PictureShape(channelsLast(shape))
	if !ok {
		return nil, nil, fmt.Errorf("dataset: a network input of shape %v is no picture (1 or 3 channels)", shape)
	}
	return tensor.Shape{c, h, w}, planes(preprocess.Pixels(img, h, w, c), c), nil
}

// channelsLast returns the device's shape of an image [C,H,W], other shapes as
// they are.
func channelsLast(shape tensor.Shape) []int {
	if len(shape) == 3 {
		return []int{shape[1], shape[2], shape[0]}
	}
	return shape
}

// planes turns pixels, channels last, into one plane for each channel.
func planes(pixels []byte, c int) []byte {
	out, area := make([]byte, len(pixels)), len(pixels)/c
	for i, v := range pixels {
		out[i%c*area+i/c] = v
	}
	return out
}
