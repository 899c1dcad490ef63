//go:build !nopictures

package preprocess

import (
	"bufio"
	"io"
	"math"
	"strconv"

	"edgec/runtime/internal/inflate"
)

// Uncompressed returns a reader of r, or of what gzip has compressed in it.
func Uncompressed(r io.Reader) (io.Reader, error) {
	b := bufio.NewReader(r)
	if magic, _ := b.Peek(2); len(magic) < 2 || magic[0] != 0x1f || magic[1] != 0x8b {
		return b, nil
	}
	z, err := inflate.Gzip(b)
	if err != nil {
		return nil, Error("gzip: " + err.Error() + "; copy the file again")
	}
	return z, nil
}

// Idx is an idx file (LeCun's MNIST page), read from front to back: two zero
// bytes, a type, the number of dimensions, each as a big-endian uint32, the
// elements.
type Idx struct {
	Array // its elements are there after ReadAll alone
	r     io.Reader
}

// idxKinds are NumPy's names of the types 8 to 14.
var idxKinds = [...]string{"u1", "i1", "", "i2", "i4", "f4", "f8"}

// OpenIdx reads the header of an idx file of 1 to 4 dimensions, plain or
// compressed by gzip.
func OpenIdx(r io.Reader) (*Idx, error) {
	r, err := Uncompressed(r)
	if err != nil {
		return nil, err
	}
	var b [4]byte
	if _, err := io.ReadFull(r, b[:]); err != nil || b[0] != 0 || b[1] != 0 {
		return nil, Error("not an idx file (it does not start with two zero bytes); give one as MNIST has them")
	}
	kind := int(b[2]) - 8
	if kind < 0 || kind >= len(idxKinds) || idxKinds[kind] == "" {
		return nil, Error("idx type 0x" + strconv.FormatInt(int64(b[2])|256, 16)[1:] + " is unknown; convert the file to bytes, type 0x08")
	}
	rank := int(b[3])
	if rank < 1 || rank > 4 {
		return nil, Error("an idx header with " + itoa(rank) + " dimensions; 1 to 4 are read")
	}
	x := &Idx{r: r, Array: Array{kind: idxKinds[kind][0], size: int(idxKinds[kind][1] - '0'), big: true}}
	n := 1
	for i := 0; i < rank; i++ {
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return nil, Error("the idx header of " + itoa(rank) + " dimensions is cut short; the file is truncated, copy it again")
		}
		d := int64(b[0])<<24 | int64(b[1])<<16 | int64(b[2])<<8 | int64(b[3])
		if d > min(1<<31, math.MaxInt) || int64(n) > int64(mostElements(x.size))/max(d, 1) {
			return nil, Error("dimension " + itoa(i) + " of the idx header is " + strconv.FormatInt(d, 10) + "; the file is damaged, copy it again")
		}
		x.Shape = append(x.Shape, int(d))
		n *= max(int(d), 1)
	}
	return x, nil
}

// Next reads the next elements of a file of uint8 into dst.
func (x *Idx) Next(dst []byte) error {
	if !x.IsBytes() {
		return Error("the idx file holds other elements than bytes; convert it to type 0x08")
	}
	if _, err := io.ReadFull(x.r, dst); err != nil {
		return Error("cut short (" + err.Error() + "); copy the file again")
	}
	return nil
}

// ReadAll reads all elements. It refuses a file that holds fewer or more than
// its header says. Memory grows with what the file really has.
func (x *Idx) ReadAll() (*Array, error) {
	n := x.Len() * x.size
	body, more, err := readElements(x.r, n)
	switch {
	case err != nil:
		return nil, Error(err.Error() + " after " + itoa(len(body)) + " bytes of elements; the file is truncated or damaged, copy it again")
	case len(body) < n:
		return nil, Error(itoa(len(body)) + " bytes of elements, the header " + Dims(x.Shape) + " says " + itoa(n) + "; the file is truncated or damaged, copy it again")
	case more:
		return nil, Error("more than the " + itoa(n) + " bytes of elements that the header " + Dims(x.Shape) + " says; the file is damaged, copy it again")
	}
	x.data = body
	return &x.Array, nil
}
