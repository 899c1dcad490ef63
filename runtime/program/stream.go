package program

import (
	"strconv"

	"edgec/runtime"
	"edgec/runtime/preprocess"
)

// givenInputs returns the numbers of the inputs that samples have: all but the state.
func givenInputs(info runtime.Info) (given []int) {
	for i := range info.Inputs {
		if stateOf(info, i) < 0 {
			given = append(given, i)
		}
	}
	return given
}

// stateOf returns the output of the run before that input i takes, -1 for an input that is given.
func stateOf(info runtime.Info, i int) int {
	for _, l := range info.State {
		if l.Input == i {
			return l.Output
		}
	}
	return -1
}

// besideState is " beside its state" of a model that has one.
func besideState(info runtime.Info) string {
	if len(info.State) == 0 {
		return ""
	}
	return " beside its state"
}

// results returns the numbers of the outputs that are printed: those that no input takes, or all
// where there is no other.
func results(info runtime.Info) (list []int) {
	taken := make([]bool, len(info.Outputs))
	for _, l := range info.State {
		taken[l.Output] = true
	}
	for k := range taken {
		if !taken[k] {
			list = append(list, k)
		}
	}
	if list == nil {
		for k := range info.Outputs {
			list = append(list, k)
		}
	}
	return list
}

// elements returns the number of elements of a shape.
func elements(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
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
		return Error("the model has " + itoa(len(given)) + " inputs" + besideState(info) + "; a stream is for one")
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
	if err == nil {
		err = a.Finite()
	}
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
