package dataset

import (
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
	} else if val := sub("val", "validation"); val != test {
		o.source.unread("folder %s", filepath.Base(val))
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

// classFolders lists the subfolders of folder in the order of Options.order. If
// known lists classes already, these are the order, and others are refused.
func classFolders(folder string, known []string, o Options) ([]string, error) {
	entries, err := o.room.list(folder)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	var classes []string
	var beside []fs.DirEntry
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if !e.IsDir() {
			beside = append(beside, e)
			continue
		}
		if known != nil && !slices.Contains(known, e.Name()) {
			return nil, fmt.Errorf("dataset: %s: no training pictures lie in a folder of that name; the test classes must be among %v", filepath.Join(folder, e.Name()), known)
		}
		classes = append(classes, e.Name())
	}
	if classes == nil {
		return nil, nil
	}
	for _, e := range beside {
		o.source.skip(e)
	}
	if known != nil {
		return known, nil
	}
	o.source.labels("labels are the folders of pictures")
	slices.Sort(classes)
	if most := o.outputs(); most > 0 && len(classes) > most {
		return nil, fmt.Errorf("dataset: %s: %d folders of pictures, the network has %d classes; the folders are %s", folder, len(classes), most, quoted(classes))
	}
	return o.order(classes, folder)
}

// loadImages reads a folder with one subfolder a class, numbered as known says
// if it is not nil, or a folder of unlabelled pictures.
func loadImages(folder string, known []string, o Options) (*Set, error) {
	classes, err := classFolders(folder, known, o)
	if err != nil {
		return nil, err
	}
	l := &pictureList{shape: o.Shape, source: o.source, room: o.room}
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
		return nil, fmt.Errorf("dataset: %s: holds no PNG, JPEG or GIF pictures%s; put them into one folder a class", folder, o.source.skipped())
	}
	s := newSet(l.shape, l.image, l.bytes, nil, len(l.labels), o.pre())
	if classes == nil {
		return s, nil
	}
	s.ClassNames, s.Classes = classes, len(classes)
	return s, s.setLabels(l.labels, o.outputs(), folder, o)
}

// pictureList collects the pictures of a set.
type pictureList struct {
	shape  tensor.Shape // the network's; nil until the first picture says it
	image  tensor.Shape // [C,H,W]
	bytes  []uint8
	labels []int
	source *Source // counts files; nil: nothing is counted
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
		if strings.HasPrefix(f.Name(), ".") {
			continue
		}
		if f.IsDir() || !picture(f.Name()) {
			l.source.skip(f)
			continue
		}
		image, pix, resized, err := readPicture(filepath.Join(folder, f.Name()), l.shape)
		if err != nil {
			return err
		}
		l.source.read(resized)
		if l.shape == nil {
			l.shape = image
		}
		l.image = image
		l.bytes, l.labels = append(l.bytes, pix...), append(l.labels, label)
	}
	return nil
}

// read counts a picture.
func (s *Source) read(resized bool) {
	if s == nil {
		return
	}
	s.Pictures++
	if resized {
		s.Resized++
	}
}

// skip counts a file or folder beside the pictures of a class.
func (s *Source) skip(f fs.DirEntry) {
	if s == nil {
		return
	}
	kind := strings.ToLower(filepath.Ext(f.Name()))
	switch {
	case f.IsDir():
		kind = "folder"
	case kind == "":
		kind = "without extension"
	}
	if s.Skipped == nil {
		s.Skipped = map[string]int{}
	}
	s.Skipped[kind]++
}

func picture(name string) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".png", ".jpg", ".jpeg", ".gif":
		return true
	}
	return false
}

// readPicture reads a PNG, JPEG or GIF file and resizes it to shape ([C,H,W]
// with one or three channels, or [F] for a gray square; nil: three channels, as
// large as it is). It returns the picture's shape and its bytes, channels first, and
// whether it had another size.
func readPicture(path string, shape tensor.Shape) (image tensor.Shape, pix []byte, resized bool, err error) {
	data, err := pictureFile(path)
	if err != nil {
		return nil, nil, false, err
	}
	img, err := preprocess.Decode(data)
	if err != nil {
		return nil, nil, false, fmt.Errorf("dataset: %s: %w; repair or remove it", path, err)
	}
	if shape == nil {
		shape = tensor.Shape{3, img.Bounds().Dy(), img.Bounds().Dx()}
	}
	h, w, c, ok := preprocess.PictureShape(channelsLast(shape))
	if !ok {
		return nil, nil, false, fmt.Errorf("dataset: a network input of shape %v is no picture (1 or 3 channels, channels first, or last as Keras has them)", shape)
	}
	resized = img.Bounds().Dx() != w || img.Bounds().Dy() != h
	return tensor.Shape{c, h, w}, planes(preprocess.Pixels(img, h, w, c), c), resized, nil
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
