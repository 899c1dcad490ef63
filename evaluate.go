package edgec

import (
	"fmt"
	goruntime "runtime"
	"sync"

	"edgec/internal/dataset"
	"edgec/internal/tensor"
	"edgec/internal/train"
	"edgec/runtime"
)

// Confusion counts samples: element [l][p] those of class l whose largest
// output is p.
type Confusion [][]int

// Confuse executes a compressed file on every sample of a labelled set, with
// the runtime. threads 0 means GOMAXPROCS.
func Confuse(file []byte, set *dataset.Set, threads int) (Confusion, error) {
	if set.Labels == nil {
		return nil, fmt.Errorf("edgec: the data has no labels to evaluate against")
	}
	out, err := fileOutputs(file, set, set.Len(), threads)
	if err != nil {
		return nil, err
	}
	classes := out.Shape[1]
	c := make(Confusion, classes)
	for i := range c {
		c[i] = make([]int, classes)
	}
	for i, l := range set.Labels {
		if l < 0 || l >= classes {
			return nil, fmt.Errorf("edgec: sample %d has label %d, the network has %d outputs; check the labels", i, l, classes)
		}
		c[l][train.Argmax(out.Data[i*classes:(i+1)*classes])]++
	}
	return c, nil
}

// Metrics returns the error: the samples off the diagonal.
func (c Confusion) Metrics() Metrics {
	n, right := 0, 0
	for l, row := range c {
		for _, k := range row {
			n += k
		}
		right += row[l]
	}
	m := Metrics{Task: TaskAccuracy, N: n, Error: 100 * float64(n-right) / float64(max(n, 1))}
	m.Accuracy = 100 - m.Error
	return m
}

// Evaluate executes a compressed file on every sample of a labelled set, with
// the runtime, and counts the errors. threads 0 means GOMAXPROCS.
func Evaluate(file []byte, set *dataset.Set, threads int) (Metrics, error) {
	c, err := Confuse(file, set, threads)
	if err != nil {
		return Metrics{}, err
	}
	return c.Metrics(), nil
}

// Agreement executes a compressed file on every sample and compares its outputs
// with the float network's, labels left aside: TaskAgreement for most networks; for
// those with as many outputs as inputs TaskFidelity with noLabels, as Recipe.NoLabels
// has it, and TaskReconstruction without.
func Agreement(file []byte, m *Model, set *dataset.Set, noLabels bool, threads int) (Metrics, error) {
	if !set.Sample().Equal(m.Input()) {
		return Metrics{}, fmt.Errorf("edgec: samples have shape %v, network %q takes %v", set.Sample(), m.Name, m.Input())
	}
	set = set.WithoutLabels()
	task, err := taskOf(m.graph, set, noLabels)
	if err != nil {
		return Metrics{}, err
	}
	j, err := newJudge(m.graph, task, set, max(threads, 1))
	if err != nil {
		return Metrics{}, err
	}
	out, err := fileOutputs(file, set, set.Len(), threads)
	if err != nil {
		return Metrics{}, err
	}
	if out.Shape[1] != j.float.Shape[1] {
		return Metrics{}, fmt.Errorf("edgec: the file has %d outputs, the network %d; they are not the same network", out.Shape[1], j.float.Shape[1])
	}
	return newMetrics(task, j.losses(out)), nil
}

// EvaluateFloat evaluates the float network on a labelled set.
func (m *Model) EvaluateFloat(set *dataset.Set, threads int) (Metrics, error) {
	task, err := taskOf(m.graph, set, false)
	if err != nil {
		return Metrics{}, err
	}
	j, err := newJudge(m.graph, task, set, max(threads, 1))
	if err != nil {
		return Metrics{}, err
	}
	return newMetrics(task, j.reference), nil
}

// fileOutputs executes the file on the first n samples: [n, outputs].
func fileOutputs(file []byte, set *dataset.Set, n, threads int) (*tensor.Tensor, error) {
	model, err := runtime.Load(file)
	if err != nil {
		return nil, err
	}
	if threads <= 0 {
		threads = goruntime.GOMAXPROCS(0)
	}
	first, err := model.NewSession(runtime.Config{})
	if err != nil {
		return nil, err
	}
	if in, want := set.Sample().Size(), len(first.Input(0)); in != want {
		return nil, fmt.Errorf("edgec: samples of shape %v have %d values, the network takes %d", set.Sample(), in, want)
	}
	k := len(first.Output(0))
	out := tensor.New(n, k)
	sessions := []*runtime.Session{first}
	for len(sessions) < threads {
		s, err := model.NewSession(runtime.Config{})
		if err != nil {
			return nil, err
		}
		sessions = append(sessions, s)
	}
	const chunk = 64
	var mu sync.Mutex
	var failed error
	free := make(chan *runtime.Session, len(sessions))
	for _, s := range sessions {
		free <- s
	}
	train.Parallel(threads, (n+chunk-1)/chunk, func(c int) {
		s := <-free
		defer func() { free <- s }()
		x := make([]float32, set.Sample().Size())
		for i := c * chunk; i < min((c+1)*chunk, n); i++ {
			set.Read(i, x)
			if err := s.SetInputNCHW(0, x); err != nil {
				mu.Lock()
				failed = err
				mu.Unlock()
				return
			}
			s.Run()
			copy(out.Data[i*k:(i+1)*k], s.Output(0))
		}
	})
	return out, failed
}
