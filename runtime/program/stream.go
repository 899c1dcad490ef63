package program

import (
	"strconv"

	"edgec/runtime"
	"edgec/runtime/preprocess"
)

// givenInputs returns the numbers of the inputs that samples have: all but the state.
func givenInputs(info runtime.Info) (given []int) {
	state := map[int]bool{}
	for _, l := range info.State {
		state[l.Input] = true
	}
	for i := range info.Inputs {
		if !state[i] {
			given = append(given, i)
		}
	}
	return given
}

// stream executes the samples of arrays one after the other and prints a line, or lines, for each:
// of a model with one input beside its state, .npy arrays [n, sample...], each a sequence that
// begins without a state.
func (j *Job) stream(m *runtime.Model) error {
	s, err := j.session(m)
	if err != nil {
		return err
	}
	info := m.Info()
	given := givenInputs(info)
	if len(given) != 1 {
		return Error("the model has " + itoa(len(given)) + " inputs beside its state; a stream is for one")
	}
	files := j.Files
	if len(files) == 0 {
		files = []string{"-"}
	}
	for _, name := range files {
		if err := j.streamFile(s, info, given[0], name); err != nil {
			return Error(display(name) + ": " + err.Error())
		}
	}
	return nil
}

// streamFile executes the samples of one array.
func (j *Job) streamFile(s *runtime.Session, info runtime.Info, input int, name string) error {
	data, err := j.read(name, info.Inputs[input])
	if err != nil {
		return err
	}
	a, err := preprocess.Npy(data)
	if err != nil {
		return err
	}
	n := elements(info.Inputs[input])
	if len(a.Shape) < 1 || a.Len() == 0 || a.Len()%n != 0 || a.Len()/n != a.Shape[0] {
		return Error("an array of shape " + preprocess.Dims(a.Shape) + " is no stream for an input of " + itoa(n) + " elements; give one [samples, " + preprocess.Dims(info.Inputs[input]) + "]")
	}
	s.Reset()
	x := make([]float32, n)
	for i := range a.Shape[0] {
		for k := range x {
			x[k] = float32(a.At(i*n + k))
		}
		if err := s.SetInputNCHW(input, x); err != nil {
			return err
		}
		s.Run()
		label := display(name) + "[" + strconv.Itoa(i) + "]"
		if err := j.print([]string{label}, info, s, []byte(`{"kind":"npy","scaling":"values as they are"}`)); err != nil {
			return err
		}
	}
	return nil
}
