package eval

import (
	"context"
	"fmt"
	goruntime "runtime"
	"slices"
	"sync"

	"edgec/internal/dataset"
	"edgec/internal/tensor"
	"edgec/internal/train"
	"edgec/runtime"
	"edgec/runtime/format"
)

// Execute runs a compressed file on the first n samples of set with the runtime:
// [n, K], in the order of the float network's outputs, images channels first. Where the file carries
// a state from sample to sample, the outputs that only are inputs of the next run are left out, unless
// there are no others.
// threads 0 means GOMAXPROCS. When ctx ends it returns the cause. The file is the caller's own:
// its memory and work are not limited.
func Execute(ctx context.Context, file []byte, set *dataset.Set, n, threads int) (*tensor.Tensor, error) {
	return ExecuteWithin(ctx, runtime.Unlimited(), file, set, n, threads)
}

// ExecuteWithin is Execute with the limits c for each thread's session; the error is a
// runtime.LimitError where the file passes one.
func ExecuteWithin(ctx context.Context, c runtime.Config, file []byte, set *dataset.Set, n, threads int) (*tensor.Tensor, error) {
	e, err := newExecutor(file, threads, c)
	if err != nil {
		return nil, err
	}
	if err := e.check(set); err != nil {
		return nil, err
	}
	k := e.width()
	out := tensor.New(n, k)
	chunk := e.chunk(set, n)
	seen := count(ctx, n)
	var mu sync.Mutex
	var failed error
	free := make(chan *runtime.Session, len(e.sessions))
	for _, s := range e.sessions {
		free <- s
	}
	train.Parallel(len(e.sessions), (n+chunk-1)/chunk, func(c int) { // a sequence is run by one session
		s := <-free
		defer func() { free <- s }()
		lo, hi := c*chunk, min((c+1)*chunk, n)
		if err := e.run(ctx, s, set, lo, hi, out.Data[lo*k:]); err != nil {
			mu.Lock()
			failed = err
			mu.Unlock()
		}
		seen.add(hi - lo)
	})
	return out, failed
}

// executor is a loaded file with a session for each thread.
type executor struct {
	sessions        []*runtime.Session
	inputs, outputs [][]int // shapes on the device, [H,W,C] for images
	numbers         []int   // of the inputs that samples have
	measured        []int   // numbers of the outputs that are returned
	state           []format.State
	carries         bool // from sample to sample; otherwise samples have the state too
}

// newExecutor loads a file for a number of threads.
func newExecutor(file []byte, threads int, c runtime.Config) (*executor, error) {
	model, err := runtime.Load(file)
	if err != nil {
		return nil, err
	}
	if threads <= 0 {
		threads = goruntime.GOMAXPROCS(0)
	}
	info := model.Info()
	e := &executor{sessions: make([]*runtime.Session, threads), inputs: info.Inputs, outputs: info.Outputs, state: info.State}
	for i := range e.sessions {
		if e.sessions[i], err = model.NewSession(c); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// size returns the number of elements of all shapes together.
func size(shapes ...[]int) int {
	n := 0
	for _, s := range shapes {
		n += tensor.Shape(s).Size()
	}
	return n
}

// results returns the numbers of the outputs that are returned.
func (e *executor) results() (list []int) {
	for k := range e.outputs {
		if !e.carries || !slices.ContainsFunc(e.state, func(l format.State) bool { return l.Output == k }) {
			list = append(list, k)
		}
	}
	if list == nil {
		for k := range e.outputs {
			list = append(list, k)
		}
	}
	return list
}

// width returns the number of elements of the outputs that are returned.
func (e *executor) width() (n int) {
	for _, k := range e.measured {
		n += size(e.outputs[k])
	}
	return n
}

// check returns an error if samples are not what the inputs take.
func (e *executor) check(set *dataset.Set) error {
	have, want := set.Inputs(), e.inputs
	e.carries = len(e.state) > 0 && len(have) == len(want)-len(e.state)
	e.numbers = e.numbers[:0]
	for k := range want {
		if !e.carries || !slices.ContainsFunc(e.state, func(l format.State) bool { return l.Input == k }) {
			e.numbers = append(e.numbers, k)
		}
	}
	e.measured = e.results()
	if len(have) != len(e.numbers) {
		return fmt.Errorf("edgec: samples have %d arrays, the file has %d inputs; give an array for each", len(have), len(want))
	}
	for i, k := range e.numbers {
		if h, w := have[i].Shape.Size(), size(want[k]); h != w {
			return fmt.Errorf("edgec: samples of shape %v have %d values, the network takes %d; give data of that shape", have[i].Shape, h, w)
		}
	}
	return nil
}

// chunk returns how many of n samples a session runs in a row: where it carries a state, a whole
// sequence, or all of them where sequences are of unlike lengths.
func (e *executor) chunk(set *dataset.Set, n int) int {
	const chunk = 64
	if !e.carries {
		return chunk
	}
	length := 1
	for length < n && !set.Begins(length) {
		length++
	}
	for i := 0; i < n; i += length {
		if !set.Begins(i) {
			return n
		}
	}
	return length
}

// run runs the samples lo to hi-1 and writes their outputs to dst.
func (e *executor) run(ctx context.Context, s *runtime.Session, set *dataset.Set, lo, hi int, dst []float32) error {
	x := make([]float32, set.Sample().Size())
	for i := lo; i < hi; i++ {
		if err := Stopped(ctx); err != nil {
			return err
		}
		set.Read(i, x)
		at := 0
		if e.carries && set.Begins(i) {
			s.Reset()
		}
		for _, k := range e.numbers {
			n := size(e.inputs[k])
			if err := s.SetInputNCHW(k, x[at:at+n]); err != nil {
				return err
			}
			at += n
		}
		s.Run()
		for _, k := range e.measured {
			shape := e.outputs[k]
			channelsFirst(dst, s.Output(k), shape)
			dst = dst[size(shape):]
		}
	}
	return nil
}

// channelsFirst copies y, an output of the given shape on the device, to dst: an
// image [H,W,C] becomes [C,H,W], other outputs are in the network's order already.
func channelsFirst(dst, y []float32, shape []int) {
	if len(shape) != 3 || shape[2] == 1 {
		copy(dst, y)
		return
	}
	c, area := shape[2], shape[0]*shape[1]
	for k, v := range y {
		dst[k%c*area+k/c] = v
	}
}
