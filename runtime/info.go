package runtime

import (
	"math"

	"edgec/runtime/format"
)

func floatBits(v float32) uint32 { return math.Float32bits(v) }

// Info describes a model.
type Info struct {
	Name    string
	Labels  []string
	Inputs  [][]int // shapes, images as H, W, C
	Outputs [][]int
	Arena   int // bytes of working memory for activations
	Weights int // in the file's shapes, zeros included
	Kept    int // nonzero weights
	Memory  int // bytes of the packed weights

	MACs     int64 // multiplications of an inference, as if no weight were zero
	KeptMACs int64 // of those, with nonzero weights
}

// Info returns what the model is. Its slices are the model's own.
func (m *Model) Info() Info {
	f := m.f
	i := Info{Name: f.Meta.Name, Labels: f.Meta.Labels, Arena: f.Arena}
	for _, t := range f.Inputs {
		i.Inputs = append(i.Inputs, f.Tensors[t].Shape)
	}
	for _, t := range f.Outputs {
		i.Outputs = append(i.Outputs, f.Tensors[t].Shape)
	}
	kept := make([]int, len(f.Weights))
	for k := range f.Weights {
		for _, v := range f.Weights[k].Values {
			if v != 0 {
				kept[k]++
			}
		}
		i.Weights += len(f.Weights[k].Values)
		i.Kept += kept[k]
	}
	for k := range f.Instrs {
		in := &f.Instrs[k]
		i.Memory += m.steps[k].bytes
		if macs := executions[in.Op].macs; macs != nil {
			n := macs(f, in)
			i.MACs += n * int64(f.Weights[in.Weight].Elems())
			i.KeptMACs += n * int64(kept[in.Weight])
		}
	}
	return i
}

// Preprocess returns how pictures become input 0.
func (m *Model) Preprocess() format.Preprocess { return m.f.Meta.Input }

// testSeed is the seed of the self-tests that MakeSelfTest makes.
const testSeed = 1

// MakeSelfTest runs the file, which format.Finish has completed, on a generated
// input and returns the proof of output 0, for the file to carry.
func MakeSelfTest(f *format.File) (*format.SelfTest, error) {
	m, err := FromFile(f)
	if err != nil {
		return nil, err
	}
	crc, err := m.testRun(testSeed)
	return &format.SelfTest{Seed: testSeed, CRC: crc}, err
}

// testRun returns the checksum of output 0 for the input that stands for seed.
func (m *Model) testRun(seed uint32) (uint32, error) {
	s, err := m.NewSession(Config{})
	if err != nil {
		return 0, err
	}
	for i := range m.f.Inputs {
		format.SelfTestInput(seed+uint32(i), s.Input(i))
	}
	s.Run()
	return format.Checksum(s.OutputBytes(0)), nil
}

// SelfTest verifies that this machine computes what the machine computed that
// wrote the file: output 0 for one generated input, byte for byte. It fails when
// they differ and when the file carries no self-test.
func (m *Model) SelfTest() error {
	t := m.f.Test
	if t == nil {
		return Error("the file carries no self-test")
	}
	crc, err := m.testRun(t.Seed)
	if err != nil {
		return err
	}
	if crc != t.CRC {
		return Error("self-test failed: this machine computes other outputs than the one that wrote the file; report it with the machine's name")
	}
	return nil
}
