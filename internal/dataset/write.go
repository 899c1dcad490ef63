package dataset

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"path/filepath"

	"edgec/internal/disk"
)

// WriteIdx writes gray pictures and their labels into folder under MNIST's own
// names, compressed by gzip, so that Open reads them back: train-images, and
// t10k-images if there is a test part.
func WriteIdx(folder string, sp *Splits) error {
	for _, part := range []struct {
		name string
		set  *Set
	}{{"train", sp.Train}, {"t10k", sp.Test}} {
		if part.set == nil {
			continue
		}
		images, labels, err := part.set.idx()
		if err != nil {
			return err
		}
		if err := writeGzip(filepath.Join(folder, part.name+"-images-idx3-ubyte.gz"), images); err != nil {
			return err
		}
		if err := writeGzip(filepath.Join(folder, part.name+"-labels-idx1-ubyte.gz"), labels); err != nil {
			return err
		}
	}
	return nil
}

// idx returns the set as two idx files of bytes.
func (s *Set) idx() (images, labels []byte, err error) {
	if s.bytes == nil || len(s.image) != 3 || s.image[0] != 1 || len(s.Labels) != s.Len() || s.Classes > 256 {
		return nil, nil, fmt.Errorf("dataset: samples of shape %v with %d labels are no gray pictures with a label each; idx files hold no others", s.sample, len(s.Labels))
	}
	head := func(dims ...int) []byte {
		b := []byte{0, 0, 8, byte(len(dims))}
		for _, d := range dims {
			b = binary.BigEndian.AppendUint32(b, uint32(d))
		}
		return b
	}
	size := s.sample.Size()
	images, labels = head(s.Len(), s.image[1], s.image[2]), head(s.Len())
	for i, r := range s.index {
		images = append(images, s.bytes[r*size:(r+1)*size]...)
		labels = append(labels, byte(s.Labels[i]))
	}
	return images, labels, nil
}

// writeGzip writes data, compressed, to path: the file appears whole or not at all.
func writeGzip(path string, data []byte) error {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err == nil {
		_, err = z.Write(data)
	}
	if err == nil {
		err = z.Close()
	}
	if err == nil {
		err = disk.Write(path, b.Bytes(), 0o644)
	}
	if err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	return nil
}
