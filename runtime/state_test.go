package runtime

import (
	"slices"
	"testing"

	"edgec/runtime/format"
)

// counting returns a network of two inputs: it gives what is given less the state, and adds
// what is given to the state. With ints the state is int8.
func counting(t *testing.T, ints bool) *Model {
	t.Helper()
	tensor := func() format.Tensor {
		if ints {
			return format.Tensor{Shape: []int{2}, Scale: 1, Zero: -3}
		}
		return format.Tensor{DType: format.Float32, Shape: []int{2}}
	}
	add, sub := format.Instr{Op: format.OpBinary, Function: format.BinaryAdd}, format.Instr{Op: format.OpBinary, Function: format.BinarySub}
	if ints {
		add, sub = format.Instr{Op: format.OpAdd}, format.Instr{Op: format.OpSub}
	}
	add.ClampMin, add.ClampMax, sub.ClampMin, sub.ClampMax = -128, 127, -128, 127
	add.In, add.Out, sub.In, sub.Out = []int{0, 1}, 2, []int{0, 1}, 3
	f := &format.File{Tensors: []format.Tensor{tensor(), tensor(), tensor(), tensor()}, Inputs: []int{0, 1}, Outputs: []int{3, 2},
		Instrs: []format.Instr{add, sub}, State: []format.State{{Output: 1, Input: 1}}}
	format.Finish(f)
	test, err := MakeSelfTest(f)
	if err != nil {
		t.Fatal(err)
	}
	f.Test = test
	data, _, err := format.Encode(f)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Load(data)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestSessionState: an output is the input of the next run until the session is reset, sessions
// have states of their own, and a self-test leaves none.
func TestSessionState(t *testing.T) {
	for name, ints := range map[string]bool{"float32": false, "int8": true} {
		t.Run(name, func(t *testing.T) {
			m := counting(t, ints)
			if got := m.Info().State; !slices.Equal(got, []format.State{{Output: 1, Input: 1}}) {
				t.Errorf("links %v", got)
			}
			s, err := m.NewSession(Config{})
			if err != nil {
				t.Fatal(err)
			}
			other, err := m.NewSession(Config{})
			if err != nil {
				t.Fatal(err)
			}
			run := func(s *Session, x ...float32) []float32 {
				if err := s.SetInput(0, x); err != nil {
					t.Fatal(err)
				}
				s.Run()
				return slices.Clone(s.Output(0))
			}
			want := func(what string, got []float32, want ...float32) {
				t.Helper()
				if !slices.Equal(got, want) {
					t.Errorf("%s: %v, want %v", what, got, want)
				}
			}
			want("first", run(s, 5, 7), 5, 7)
			want("second", run(s, 1, 1), -4, -6)
			want("another session", run(other, 2, 2), 2, 2)
			want("third", run(s, 0, 0), -6, -8)
			s.Reset()
			want("after a reset", run(s, 5, 7), 5, 7)
			if err := s.SetInput(1, []float32{10, 20}); err != nil {
				t.Fatal(err)
			}
			want("a state that was set", run(s, 0, 0), -10, -20)
			if err := s.SelfTest(); err != nil {
				t.Fatal(err)
			}
			want("after a self-test", run(s, 3, 4), 3, 4)
			if n := testing.AllocsPerRun(10, s.Run); n != 0 {
				t.Errorf("a run allocates %v times", n)
			}
		})
	}
}

// TestStateMemory: the state counts as memory of the session.
func TestStateMemory(t *testing.T) {
	m := counting(t, false)
	without := *m.f
	without.State = nil
	n, err := FromFile(&without)
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Info().Session - n.Info().Session; got != 2*4 {
		t.Errorf("the state takes %d bytes, want 8", got)
	}
}
