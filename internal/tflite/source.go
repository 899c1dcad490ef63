package tflite

import (
	"errors"
	"fmt"
	"io"
	"os"
	goruntime "runtime"
	"strings"

	flatbuffers "github.com/google/flatbuffers/go"

	"edgec/runtime/format"
)

// source is a file with its lists.
type source struct {
	graph          table
	codes, buffers []table
	tensors        []entry
	ops            []table
	budget         int // names, shapes and scales that tensors may still have, in bytes: several may point to the same
}

// entry is a tensor of the subgraph's list.
type entry struct {
	name  string
	kind  int8
	shape []int
	data  []byte // of constants
	scale []float32
	zero  []int64
	axis  int
	// sparsity, of weights that were pruned, says which elements data holds; Pos 0: all
	sparsity table
	variable bool // keeps its value from run to run
}

// maxOperators bounds the operators of a network.
const maxOperators = 1 << 16

// open reads the lists of a file.
func open(data []byte) (s *source, err error) {
	if !Is(data) {
		return nil, errors.New("not a TFLite file: the identifier TFL3 is missing")
	}
	m := table{flatbuffers.Table{Bytes: data, Pos: flatbuffers.GetUOffsetT(data)}}
	graphs := m.list(modelGraphs)
	if len(graphs) != 1 {
		return nil, fmt.Errorf("%d subgraphs; control flow is not supported, give a network with one", len(graphs))
	}
	s = &source{graph: graphs[0], codes: m.list(modelCodes), buffers: m.list(modelBuffers), budget: 16 * len(data)}
	for _, t := range s.graph.list(graphTensors) {
		if err := s.tensor(t); err != nil {
			return nil, err
		}
	}
	if s.ops = s.graph.list(graphOps); len(s.ops) > maxOperators {
		return nil, fmt.Errorf("%d operators, at most %d are read; split the network", len(s.ops), maxOperators)
	}
	return s, nil
}

// guard turns what panics in damaged files, offsets that point nowhere, into an error, and adds
// a remedy to one that has none.
func guard(err *error) {
	if p := recover(); p != nil {
		if _, ok := p.(goruntime.Error); ok {
			p = "it refers to places outside of it"
		}
		*err = fmt.Errorf("tflite: the file is damaged: %v; copy it again", p)
	}
	*err = withRemedy(*err)
}

// withRemedy adds to an error that names only the cause what to do about it.
func withRemedy(err error) error {
	switch {
	case err == nil || strings.Contains(err.Error(), "; "):
		return err
	case strings.Contains(err.Error(), "damaged"):
		return fmt.Errorf("%w; copy or convert it again", err)
	}
	return fmt.Errorf("%w; change the network and convert it again, or give the float network to edgec compress", err)
}

func (s *source) tensor(t table) error {
	x := entry{name: t.string(tensorName), kind: t.int8(tensorType, typeFloat32), shape: t.ints(tensorShape), variable: t.int8(tensorVariable, 0) != 0}
	for _, d := range x.shape {
		if d < 0 || d > format.MaxDim {
			return fmt.Errorf("tensor %q has shape %v; give a network with fixed shapes", x.name, x.shape)
		}
	}
	if b := int(t.int32(tensorBuffer, 0)); b > 0 && b < len(s.buffers) {
		x.data = s.buffers[b].bytes(bufferData)
	}
	if q, ok := t.sub(tensorQuan); ok {
		x.scale, x.zero, x.axis = q.floats(quanScale), q.longs(quanZero), int(q.int32(quanAxis, 0))
	}
	x.sparsity, _ = t.sub(tensorSparsity)
	if s.budget -= len(x.name) + 8*(len(x.shape)+len(x.scale)+len(x.zero)); s.budget < 0 {
		return errors.New("the tensors have more names, shapes and scales than the file has room for: it is damaged")
	}
	s.tensors = append(s.tensors, x)
	return nil
}

// code returns the number of an operator, and the name of a custom one. Old files have the
// number in a byte.
func (s *source) code(o table) (number int, custom string, err error) {
	i := int(o.int32(opCode, 0))
	if i < 0 || i >= len(s.codes) {
		return 0, "", fmt.Errorf("it has entry %d of %d in the list of operators: the file is damaged", i, len(s.codes))
	}
	c := s.codes[i]
	return max(int(c.int8(codeOld, 0)), int(c.int32(codeNew, 0))), c.string(codeCustom), nil
}

// get returns tensor i of the list.
func (s *source) get(i int) (*entry, error) {
	if i < 0 || i >= len(s.tensors) {
		return nil, fmt.Errorf("tensor %d is not in the list of %d: the file is damaged", i, len(s.tensors))
	}
	return &s.tensors[i], nil
}

// Is reports whether data starts as a TFLite file does.
func Is(data []byte) bool { return len(data) >= 8 && string(data[4:8]) == "TFL3" }

// IsFile reports whether the file at path starts as a TFLite file does.
func IsFile(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 8)
	n, _ := io.ReadFull(f, head)
	return Is(head[:n])
}
