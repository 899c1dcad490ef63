package dataset

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"math"
	"path/filepath"

	"edgec/internal/disk"
	"edgec/internal/tensor"
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
	if s.bytes == nil || s.rest != nil || len(s.image) != 3 || s.image[0] != 1 || len(s.Labels) != s.Len() || s.Classes > 256 {
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

// WriteNpy writes x, row-major in the given shape, as a NumPy array of float32 (NEP 1,
// version 1.0), which Open reads back. It panics when the shape has another size.
func WriteNpy(path string, shape tensor.Shape, x []float32) error {
	if shape.Size() != len(x) {
		panic(fmt.Sprintf("dataset: %d elements of shape %v", len(x), shape))
	}
	dims := ""
	for _, d := range shape {
		dims += fmt.Sprintf("%d,", d)
	}
	head := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }", dims)
	const magic, align = "\x93NUMPY\x01\x00", 64 // elements begin at a multiple of align
	pad := align - (len(magic)+2+len(head)+1)%align
	b := binary.LittleEndian.AppendUint16([]byte(magic), uint16(len(head)+pad+1))
	b = append(b, head...)
	b = append(b, bytes.Repeat([]byte(" "), pad)...)
	b = append(b, '\n')
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	if err := disk.Write(path, b, 0o644); err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	return nil
}
