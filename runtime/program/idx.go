//go:build !nopictures

package program

import (
	"hash/crc32"
	"image"
	"io"
	"strconv"

	"edgec/runtime"
	"edgec/runtime/internal/sys"
	"edgec/runtime/preprocess"
)

// idxFile is an idx file of bytes on disk, plain or compressed by gzip, read
// from front to back.
type idxFile struct {
	*preprocess.Idx
	name   string
	closer io.Closer
}

// openIdx reads the header of an idx file of uint8 with the given number of
// dimensions.
func openIdx(name string, dims int) (*idxFile, error) {
	f, err := sys.Open(name)
	if err != nil {
		return nil, Error(name + ": " + err.Error())
	}
	x, err := preprocess.OpenIdx(f)
	if err == nil && (!x.IsBytes() || len(x.Shape) != dims) {
		err = Error("not an idx file of bytes in " + itoa(dims) + " dimensions; pictures have 3 (number, height, width), labels 1")
	}
	if err == nil {
		err = checkIdx(x.Shape)
	}
	if err != nil {
		f.Close()
		return nil, Error(name + ": " + err.Error())
	}
	return &idxFile{x, name, f}, nil
}

// checkIdx refuses a file without pictures or labels, and pictures that are
// empty or beyond the limits of other pictures.
func checkIdx(shape []int) error {
	for _, d := range shape {
		if d == 0 {
			return Error("the idx file has a dimension of 0; copy it again")
		}
	}
	if len(shape) == 3 {
		return preprocess.CheckSize(shape[2], shape[1])
	}
	return nil
}

func (x *idxFile) next(dst []byte) error {
	if err := x.Next(dst); err != nil {
		return Error(x.name + ": " + err.Error())
	}
	return nil
}

// openIdxFiles opens the pictures and, where they are given, the labels.
func (j *Job) openIdxFiles() (pictures, labels *idxFile, err error) {
	if len(j.Files) != 1 {
		return nil, nil, Error("give one idx file of pictures")
	}
	if pictures, err = openIdx(j.Files[0], 3); err != nil || j.Labels == "" {
		return pictures, nil, err
	}
	if labels, err = openIdx(j.Labels, 1); err == nil && labels.Shape[0] != pictures.Shape[0] {
		labels.closer.Close()
		err = Error(j.Labels + ": " + itoa(labels.Shape[0]) + " labels for " + itoa(pictures.Shape[0]) + " pictures; the files do not belong together")
	}
	if err != nil {
		pictures.closer.Close()
		return nil, nil, err
	}
	return pictures, labels, nil
}

// idx executes every picture of an idx file and prints how often each element of
// output 0 was the largest, the CRC-32 (IEEE) of the bytes of all outputs in order,
// and with labels the accuracy. Equal checksums prove equal outputs.
func (j *Job) idx(m *runtime.Model) error {
	if n := len(m.Info().Inputs); n != 1 {
		return Error("the model has " + itoa(n) + " inputs, an idx file feeds one; give .npy files for each")
	}
	pictures, labels, err := j.openIdxFiles()
	if err != nil {
		return err
	}
	defer pictures.closer.Close()
	if labels != nil {
		defer labels.closer.Close()
	}
	s, err := j.session(m)
	if err != nil {
		return err
	}
	count, crc, right, err := j.executeIdx(m, s, pictures, labels)
	if err != nil {
		return err
	}
	from := source{kind: "idx", pictures: pictures.Shape[0], bytes: true}
	if h, w, _, _ := preprocess.PictureShape(m.Info().Inputs[0]); h != pictures.Shape[1] || w != pictures.Shape[2] {
		from.resized = from.pictures
	}
	if j.Note != nil {
		j.Note(from.line(m.Info().Inputs[0], m.Preprocess()))
	}
	return j.printIdx(from.json(m.Preprocess()), pictures.Shape[0], count, crc, labels != nil, right)
}

// executeIdx runs m on every picture. right is the number of those whose largest element
// of output 0 is the label; labels may be nil.
func (j *Job) executeIdx(m *runtime.Model, s *runtime.Session, pictures, labels *idxFile) (count []int, crc uint32, right int, err error) {
	info := m.Info()
	h, w, c, ok := preprocess.PictureShape(info.Inputs[0])
	if !ok {
		return nil, 0, 0, Error("the network takes " + preprocess.Dims(info.Inputs[0]) + " values, no pictures; give .npy or raw files")
	}
	gray := image.NewGray(image.Rect(0, 0, pictures.Shape[2], pictures.Shape[1]))
	const classes = 1 << 20 // far more than any classifier has
	if n := len(s.Output(0)); n > classes {
		return nil, 0, 0, Error("output 0 has " + itoa(n) + " elements, --idx counts at most " + itoa(classes) + "; give the pictures one by one")
	}
	count = make([]int, len(s.Output(0)))
	var want [1]byte
	for i := 0; i < pictures.Shape[0]; i++ {
		if err := pictures.next(gray.Pix); err != nil {
			return nil, 0, 0, err
		}
		pixels := preprocess.Pixels(gray, h, w, c)
		if j.Invert {
			invert(pixels)
		}
		if err := s.SetBytes(0, pixels); err != nil {
			return nil, 0, 0, err
		}
		s.Run()
		for k := range info.Outputs {
			crc = crc32.Update(crc, crc32.IEEETable, s.OutputBytes(k))
		}
		got := argmax(s.Output(0))
		count[got]++
		if labels == nil {
			continue
		}
		if err := labels.next(want[:]); err != nil {
			return nil, 0, 0, err
		}
		if int(want[0]) == got {
			right++
		}
	}
	return count, crc, right, nil
}

func (j *Job) printIdx(from []byte, n int, count []int, crc uint32, labelled bool, right int) error {
	sum := strconv.FormatUint(uint64(crc)|1<<32, 16)[1:] // eight digits
	numbers, separator := "", " "
	if j.JSON {
		separator = ","
	}
	for i, k := range count {
		if i > 0 {
			numbers += separator
		}
		numbers += itoa(k)
	}
	accuracy := strconv.FormatFloat(100*float64(right)/float64(n), 'f', 2, 64)
	if j.JSON {
		line := Schema + `"samples":` + itoa(n) + `,"crc32":"` + sum + `","source":` + string(from) + `,"predictions":[` + numbers + `]`
		if labelled {
			line += `,"errors":` + itoa(n-right) + `,"accuracy":` + accuracy
		}
		return j.write([]byte(line + "}\n"))
	}
	text := "pictures     " + itoa(n) + "\npredictions  " + numbers + "\ncrc32        " + sum + "\n"
	if labelled {
		text += "accuracy     " + accuracy + " % (" + itoa(n-right) + " errors)\n"
	}
	return j.write([]byte(text))
}

func argmax(y []float32) int {
	best := 0
	for i, v := range y {
		if v > y[best] {
			best = i
		}
	}
	return best
}
