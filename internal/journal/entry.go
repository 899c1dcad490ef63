package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
)

// An entry is a file:
//
//	magic    16 bytes, which name the version
//	number   uint32, little endian as all numbers
//	length   uint64, of the payload
//	head     uint32, CRC-32 (IEEE) of the bytes before
//	payload  gobs of the entry's name and value
//	sum      32 bytes, SHA-256 of the search's identity and all bytes before
//
// With its own sum the head tells an entry that was cut off from one whose length was
// damaged. The identity tells entries of two searches apart.
const (
	magicStart = "edgec journal "
	magic      = magicStart + "4\n"
	headBytes  = len(magic) + 4 + 8 + 4
	sumBytes   = sha256.Size
	// maxEntry bounds the bytes of an entry. Gob's own limit for a value is 1 GiB.
	maxEntry = 1<<30 + 1<<20
)

// What is wrong with an entry.
var (
	errCutOff  = errors.New("is cut off")
	errVersion = errors.New("is of another version of edgec, or damaged at its start")
	errStage   = errors.New("is of another version of edgec")
	errDamaged = errors.New("is damaged: its checksum is wrong")
	errMoved   = errors.New("has the number of another entry: files were renamed")
	errTooBig  = fmt.Errorf("has more than %d bytes", maxEntry)
)

// pack returns the bytes of an entry.
func pack(identity []byte, number int, name string, v any) ([]byte, error) {
	var b bytes.Buffer
	b.Write(make([]byte, headBytes))
	e := gob.NewEncoder(&b)
	if err := e.Encode(name); err != nil {
		return nil, err
	}
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	data := b.Bytes()
	copy(data, head(number, len(data)-headBytes))
	return append(data, sum(identity, data)...), nil
}

func head(number, length int) []byte {
	h := binary.LittleEndian.AppendUint32([]byte(magic), uint32(number))
	h = binary.LittleEndian.AppendUint64(h, uint64(length))
	return binary.LittleEndian.AppendUint32(h, crc32.ChecksumIEEE(h))
}

func sum(identity, data []byte) []byte {
	h := sha256.New()
	h.Write(identity)
	h.Write(data)
	return h.Sum(nil)
}

// readHead reads the head of an entry in a file of size bytes, and returns the bytes of
// the payload.
func readHead(r io.Reader, number int, size int64) (length int64, err error) {
	h := make([]byte, headBytes)
	n, err := io.ReadFull(r, h)
	switch known := min(n, len(magic)); {
	case err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return 0, err
	case string(h[:known]) == magic[:known] && n < headBytes:
		return 0, errCutOff
	case string(h[:known]) != magic[:known]:
		return 0, errVersion
	case crc32.ChecksumIEEE(h[:headBytes-4]) != binary.LittleEndian.Uint32(h[headBytes-4:]):
		return 0, errDamaged
	}
	length = int64(binary.LittleEndian.Uint64(h[len(magic)+4:]))
	switch whole := int64(headBytes) + length + sumBytes; {
	case length < 0 || length > maxEntry:
		return 0, errTooBig
	case int(binary.LittleEndian.Uint32(h[len(magic):])) != number:
		return 0, errMoved
	case size < whole:
		return 0, errCutOff
	case size > whole:
		return 0, errDamaged
	}
	return length, nil
}

// readEntry returns the payload of the entry at path. Memory is taken for a payload that
// is there, and for at most maxEntry bytes.
func readEntry(path string, identity []byte, number int) ([]byte, error) {
	f, length, err := openEntry(path, number)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data := make([]byte, headBytes+int(length)+sumBytes)
	if _, err := f.ReadAt(data, 0); err != nil {
		return nil, err
	}
	body := data[:headBytes+int(length)]
	if !bytes.Equal(sum(identity, body), data[len(body):]) {
		return nil, errDamaged
	}
	return body[headBytes:], nil
}

// openEntry opens an entry whose head is right.
func openEntry(path string, number int) (*os.File, int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, &fs.PathError{Op: "open", Path: path, Err: errors.New("is not a regular file")}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	length, err := readHead(f, number, info.Size())
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, length, nil
}

// unpack decodes the payload of an entry of that name into v, a pointer.
func unpack(payload []byte, name string, v any) error {
	d := gob.NewDecoder(bytes.NewReader(payload))
	var got string
	if err := d.Decode(&got); err != nil {
		return errStage // the sum is right
	}
	if got != name {
		return fmt.Errorf("holds %q where %q is due: it %w", got, name, errStage)
	}
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("%w (%v)", errStage, err)
	}
	return nil
}
