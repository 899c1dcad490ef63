package program

import (
	"bytes"

	"edgec/runtime"
	"edgec/runtime/preprocess"
)

// Worker executes samples one after the other, in a session of its own. It belongs to one
// goroutine at a time.
type Worker struct {
	job  Job
	s    *runtime.Session
	info runtime.Info
	last bool // input 0 has its channels last
}

// NewWorker makes a session of m. Of the job it takes the limits, Invert, Probability and Top.
func NewWorker(m *runtime.Model, j Job) (*Worker, error) {
	s, err := j.session(m)
	if err != nil {
		return nil, err
	}
	j.JSON = true
	return &Worker{job: j, s: s, info: m.Info(), last: m.Preprocess().ChannelsLast}, nil
}

// Predict executes the sample that is the contents of a file, for a model with one input beside
// its state, which begins anew. It returns the JSON that --json prints, with the given name of the
// file and the top largest elements of each output.
func (w *Worker) Predict(m *runtime.Model, name string, data []byte, top int) ([]byte, error) {
	given := givenInputs(w.info)
	if len(given) != 1 {
		return nil, Error("the model has " + itoa(len(given)) + " inputs" + besideState(w.info) + "; a file is for one")
	}
	w.s.Reset()
	var from source
	if err := w.job.set(w.s, given[0], w.info, data, w.last, &from); err != nil {
		return nil, err
	}
	w.s.Run()
	var out bytes.Buffer
	j := w.job
	j.Stdout, j.Top = &out, top
	err := j.print([]string{name}, w.info, w.s, from.json(m.Preprocess()))
	return out.Bytes(), err
}

// Reset makes the state of the model zeros, as before the first sample.
func (w *Worker) Reset() { w.s.Reset() }

// SetValues sets input i to the real numbers of an array, in the order of the network that was
// compressed or with channels last, as its shape says. A batch of one may stand before it.
func (w *Worker) SetValues(i int, shape []int, x []float32) error {
	last := w.last && i == 0
	first, ok := preprocess.Layout(shape, w.info.Inputs[i], last)
	if !ok && len(shape) > 1 && shape[0] == 1 {
		first, ok = preprocess.Layout(shape[1:], w.info.Inputs[i], last)
	}
	if !ok {
		return Error("the array has shape " + preprocess.Dims(shape) + ", the network takes " + preprocess.Dims(w.info.Inputs[i]))
	}
	if first {
		return w.s.SetInputNCHW(i, x)
	}
	return w.s.SetInput(i, x)
}

// Run executes the model on its inputs.
func (w *Worker) Run() { w.s.Run() }

// Output returns output k, valid until the next Run.
func (w *Worker) Output(k int) []float32 { return w.s.Output(k) }

// GivenInputs returns the numbers of the inputs that samples have: all but the state.
func GivenInputs(info runtime.Info) []int { return givenInputs(info) }

// Results returns the numbers of the outputs that are printed: those that no input takes, or all
// where there is no other.
func Results(info runtime.Info) []int { return results(info) }
