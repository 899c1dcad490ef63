package program

import (
	"bufio"
	"compress/gzip"
	"hash/crc32"
	"image"
	"io"
	"os"
	"strconv"

	"edgec/runtime"
)

// idxFile is an idx file of bytes, plain or compressed by gzip, read from
// front to back.
type idxFile struct {
	r      io.Reader
	name   string
	dims   []int
	closer io.Closer
}

// openIdx reads the head of an idx file of uint8 with the given number of
// dimensions: 0, 0, 8, dimensions, then each as a big-endian uint32.
func openIdx(name string, dims int) (*idxFile, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	x := &idxFile{r: bufio.NewReader(f), name: name, closer: f}
	if err := x.head(dims); err != nil {
		f.Close()
		return nil, Error(name + ": " + err.Error())
	}
	return x, nil
}

func (x *idxFile) head(dims int) error {
	b := x.r.(*bufio.Reader)
	if magic, _ := b.Peek(2); len(magic) == 2 && magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(b)
		if err != nil {
			return err
		}
		x.r = z
	}
	head := make([]byte, 4+4*dims)
	if _, err := io.ReadFull(x.r, head); err != nil || head[0] != 0 || head[1] != 0 || head[2] != 8 || int(head[3]) != dims {
		return Error("not an idx file of bytes in " + itoa(dims) + " dimensions")
	}
	size := 1
	for i := 0; i < dims; i++ {
		d := head[4+4*i:]
		n := int(d[0])<<24 | int(d[1])<<16 | int(d[2])<<8 | int(d[3])
		if n <= 0 || i > 0 && (n > maxPixels || size > maxPixels/n) {
			return Error("the idx file has a dimension of " + itoa(n))
		}
		if i > 0 {
			size *= n
		}
		x.dims = append(x.dims, n)
	}
	return nil
}

func (x *idxFile) next(dst []byte) error {
	if _, err := io.ReadFull(x.r, dst); err != nil {
		return Error(x.name + ": cut short: " + err.Error())
	}
	return nil
}

// idx executes every picture of an idx file and prints how often each output
// was the largest, the CRC-32 (IEEE) of the bytes of all outputs in order, and
// with labels the accuracy. Equal checksums prove equal outputs.
func (j *Job) idx(m *runtime.Model) error {
	if len(j.Files) != 1 {
		return Error("give one idx file of pictures")
	}
	pictures, err := openIdx(j.Files[0], 3)
	if err != nil {
		return err
	}
	defer pictures.closer.Close()
	n, rows, cols := pictures.dims[0], pictures.dims[1], pictures.dims[2]
	var labels *idxFile
	if j.Labels != "" {
		if labels, err = openIdx(j.Labels, 1); err != nil {
			return err
		}
		defer labels.closer.Close()
		if labels.dims[0] != n {
			return Error(j.Labels + ": " + itoa(labels.dims[0]) + " labels for " + itoa(n) + " pictures; the files do not belong together")
		}
	}
	s, err := m.NewSession(runtime.Config{})
	if err != nil {
		return err
	}
	h, w, c := pictureShape(m.Info().Inputs[0])
	if h == 0 {
		return Error("the network takes " + shapeString(m.Info().Inputs[0]) + " values, no pictures")
	}
	gray := image.NewGray(image.Rect(0, 0, cols, rows))
	count := make([]int, len(s.Output(0)))
	crc, right := uint32(0), 0
	var want [1]byte
	for i := 0; i < n; i++ {
		if err := pictures.next(gray.Pix); err != nil {
			return err
		}
		pixels := gray.Pix
		if h != rows || w != cols || c != 1 {
			pixels = Pixels(gray, h, w, c)
		}
		if err := s.SetBytes(0, pixels); err != nil {
			return err
		}
		s.Run()
		crc = crc32.Update(crc, crc32.IEEETable, s.OutputBytes(0))
		got := argmax(s.Output(0))
		count[got]++
		if labels == nil {
			continue
		}
		if err := labels.next(want[:]); err != nil {
			return err
		}
		if int(want[0]) == got {
			right++
		}
	}
	return j.printIdx(n, count, crc, labels != nil, right)
}

func (j *Job) printIdx(n int, count []int, crc uint32, labelled bool, right int) error {
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
		line := `{"pictures":` + itoa(n) + `,"crc32":"` + sum + `","predictions":[` + numbers + `]`
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
