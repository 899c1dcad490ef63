package runtime

import (
	"edgec/runtime/format"
	"edgec/runtime/kernel"
)

// Info describes a model. Biases do not count as weights.
type Info struct {
	Name    string   // that the file carries; "": none
	Labels  []string // of the elements of output 0; nil: none
	Inputs  [][]int  // shapes without batch, images as [H, W, C]
	Outputs [][]int  // shapes, like Inputs
	Scaled  []bool   // of each input, whether the file scales its channels one by one
	Floats  []bool   // of each input, whether its elements are float32, which need no grid
	Whole   []bool   // of each input, whether its elements are whole numbers, such as tokens; they are float32
	Limits  []int    // of each input: its whole numbers are below, as many as a table has rows; 0: not known
	// Probabilities says of each output whether its elements are probabilities, since
	// it ends with a softmax over all of them or a sigmoid.
	Probabilities []bool
	State         []format.State // outputs that are inputs of the next run; Session keeps them
	Arena         int            // bytes of working memory for the activations of a session
	Weights       int            // number of weights in the file's shapes, zeros included
	Kept          int            // number of nonzero weights
	Memory        int            // bytes of the packed weights
	Session       int64          // bytes of a session, Arena among them
	Kernels       string         // of dense layers: vnni, avx2, dotprod, neon, smlad or go; EDGEC_CPU limits them

	MACs     int64 // multiplications of an inference, as if no weight were zero
	KeptMACs int64 // of those, with nonzero weights
	Work     int64 // steps of a run; see Config.Work
}

// Info returns what the model is. Its slices are the model's own and must not be changed.
// Cost: it counts the weights at each call.
func (m *Model) Info() Info {
	f := m.f
	i := Info{Name: f.Meta.Name, Labels: f.Meta.Labels, Arena: f.Arena, Session: m.memory, Work: m.work, State: f.State}
	i.Kernels, _ = kernel.Level() // Load has refused an error
	for _, t := range f.Inputs {
		i.Inputs = append(i.Inputs, f.Tensors[t].Shape)
		i.Scaled = append(i.Scaled, f.ScalingOf(len(i.Scaled)) != nil)
		i.Floats = append(i.Floats, f.Tensors[t].DType == format.Float32)
		i.Whole = append(i.Whole, f.Tensors[t].Whole)
	}
	i.Limits = m.limits
	for k, t := range f.Outputs {
		i.Outputs = append(i.Outputs, f.Tensors[t].Shape)
		i.Probabilities = append(i.Probabilities, m.probable(k))
	}
	for k, n := range m.kept() {
		i.Weights += len(f.Weights[k].Values)
		i.Kept += n
	}
	for _, l := range m.Layers() {
		i.Memory += l.Memory
		i.MACs = plus(i.MACs, l.MACs)
		i.KeptMACs = plus(i.KeptMACs, l.KeptMACs)
	}
	return i
}

// Preprocess returns how pictures become input 0, which Session.SetBytes applies.
func (m *Model) Preprocess() format.Preprocess { return m.f.Meta.Input }

// testSeed is the seed of the self-tests that MakeSelfTest makes.
const testSeed = 1

// MakeSelfTest runs the file, which format.Finish has completed, on generated inputs
// (format.SelfTestInput) and returns the CRC-32 of output 0, for the file to carry as
// format.File.Test. It fails where FromFile does. Cost: loading and one inference, without
// limits.
func MakeSelfTest(f *format.File) (*format.SelfTest, error) {
	m, err := FromFile(f)
	if err != nil {
		return nil, err
	}
	s, err := m.NewSession(Unlimited())
	if err != nil {
		return nil, err
	}
	return &format.SelfTest{Seed: testSeed, CRC: s.testRun(testSeed)}, nil
}

// SetTestInput fills input i with the elements that are generated from seed, as self-tests do
// (format.SelfTestInput, format.SelfTestFloats). It panics unless i is below the number of inputs.
func (s *Session) SetTestInput(i int, seed uint32) {
	if x := s.Input(i); x != nil {
		format.SelfTestInput(seed, x)
		return
	}
	t := s.m.f.Inputs[i]
	format.SelfTestFloats(seed, s.inFloats[i], s.m.f.Tensors[t].Whole, s.m.limits[i])
}

// testRun returns the checksum of output 0 for the input that stands for seed.
func (s *Session) testRun(seed uint32) uint32 {
	for i := range s.m.f.Inputs {
		s.SetTestInput(i, seed+uint32(i))
	}
	s.Run()
	return format.Checksum(s.OutputBytes(0))
}

// SelfTest is Session.SelfTest in a session with the limits of the zero Config, of which the
// error may be a LimitError. Cost: a session and one inference.
func (m *Model) SelfTest() error {
	s, err := m.NewSession(Config{})
	if err != nil {
		return err
	}
	return s.SelfTest()
}

// SelfTest verifies that this machine computes what the machine computed that
// wrote the file: output 0 for generated inputs, byte for byte. The error is an Error
// when they differ and when the file carries no self-test. Cost: one inference; inputs
// have to be set again, and the session is reset.
func (s *Session) SelfTest() error {
	t := s.m.f.Test
	if t == nil {
		return Error("the file carries no self-test; make it again with edgec compress or edgec pack")
	}
	crc := s.testRun(t.Seed)
	s.Reset()
	if crc != t.CRC {
		return Error("self-test failed: this machine computes other outputs than the one that wrote the file; report it with the machine's name")
	}
	return nil
}
