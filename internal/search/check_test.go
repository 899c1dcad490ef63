package search_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"math"
	"slices"
	"testing"

	"edgec/internal/dataset"
	"edgec/internal/deep"
	"edgec/internal/search"
	"edgec/internal/train"
	"edgec/runtime"
)

// effort returns the quick effort, or the other one where EDGEC_DEEP is set.
func effort(quick, thorough float64) float64 {
	if deep.On() {
		return thorough
	}
	return quick
}

func compress(t *testing.T, p *problem, r recipe) *search.Result {
	t.Helper()
	result, err := searched(t, p, r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// outcome is what a search gave.
type outcome struct {
	result *search.Result
	err    error
}

// outcomes are those of the searches so far.
var outcomes = map[string]outcome{}

// searched runs a search, or returns what the same search gave an earlier test.
func searched(t *testing.T, p *problem, r recipe, clock search.Clock) (*search.Result, error) {
	t.Helper()
	if r.Teacher != nil || r.Journal != "" || r.Budget != 0 {
		return compressTimed(context.Background(), p.model(t), p.data, r, clock, nil)
	}
	key := fmt.Sprintf("%x %v %p %+v", sha256.Sum256(p.file), p.samples(), clock, r)
	o, ok := outcomes[key]
	if !ok {
		o.result, o.err = compressTimed(context.Background(), p.model(t), p.data, r, clock, nil)
		outcomes[key] = o
	}
	return o.result, o.err
}

// samples counts the samples of each part, and their labels.
func (p *problem) samples() (n []int) {
	for _, s := range []*dataset.Set{p.data.Train, p.data.Test} {
		if s != nil {
			n = append(n, s.Len(), len(s.Labels))
		}
	}
	return n
}

// until searches until a step or a training of the stage is shown.
func until(p *problem, m *search.Network, r recipe, clock search.Clock, stage string) (*search.Result, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	res, err := compressTimed(ctx, m, p.data, r, clock, func(g search.Progress) {
		if g.Stage == stage {
			cancel()
		}
	})
	if res != nil {
		err = nil // no file meets the objective yet
	}
	return res, err
}

// compressUntil is until in a test.
func compressUntil(t *testing.T, p *problem, r recipe, clock search.Clock, stage string) *search.Result {
	t.Helper()
	res, err := until(p, p.model(t), r, clock, stage)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// study prepares a search.
func study(t *testing.T, p *problem, r recipe) *search.Study {
	t.Helper()
	s, err := search.New(context.Background(), search.Subject{Model: p.model(t), Teacher: r.Teacher, Data: p.data}, r.config(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// accepted counts the accepted steps of a name.
func accepted(r *search.Result, name string) (n int) {
	for _, s := range r.Steps {
		if s.Name == name && s.Accepted {
			n++
		}
	}
	return n
}

// stepNames lists the different names of the steps, in order of their first.
func stepNames(r *search.Result) (names []string) {
	for _, s := range r.Steps {
		if !slices.Contains(names, s.Name) {
			names = append(names, s.Name)
		}
	}
	return names
}

// execute runs a file sample by sample in one session of the runtime and
// returns the outputs.
func execute(t *testing.T, file []byte, set *dataset.Set) [][]float32 {
	t.Helper()
	m, err := runtime.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.NewSession(runtime.Config{})
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, set.Sample().Size())
	var out [][]float32
	for i := range set.Len() {
		set.Read(i, x)
		if err := s.SetInputNCHW(0, x); err != nil {
			t.Fatal(err)
		}
		s.Run()
		out = append(out, slices.Clone(s.Output(0)))
	}
	return out
}

// errorOf is the percentage of samples whose largest output is not the label.
func errorOf(out [][]float32, labels []int) float64 {
	wrong := 0
	for i, y := range out {
		if train.Argmax(y) != labels[i] {
			wrong++
		}
	}
	return 100 * float64(wrong) / float64(len(out))
}

// sound checks what holds for every result with an answer.
func sound(t *testing.T, p *problem, r recipe, res *search.Result) {
	t.Helper()
	b, g := res.Best, p.model(t).Graph
	if !b.Meets || b.Size() == 0 {
		t.Fatalf("the answer has %d bytes, meets: %v", b.Size(), b.Meets)
	}
	if r.MaxDrop > 0 && !(b.Drop <= r.MaxDrop) || r.MaxSize > 0 && b.Size() > r.MaxSize {
		t.Errorf("%d bytes at a drop of %v for %+v", b.Size(), b.Drop, r)
	}
	if math.Abs(b.Metrics.Error-res.Float.Error-b.Drop) > 1e-9 {
		t.Errorf("error %v of the file and %v of the network, but a drop of %v", b.Metrics.Error, res.Float.Error, b.Drop)
	}
	if !(b.Error >= 0) || b.Margin < b.Error || b.Metrics.Task != res.Float.Task || b.Metrics.N == 0 {
		t.Errorf("measured: %+v, standard error %v", b.Metrics, b.Error)
	}
	if b.Shape.Kept > b.Shape.Params || b.Shape.Params > search.Params(g) || b.Shape.MACs > search.MACs(g) {
		t.Errorf("%+v; the network has %d weights and %d multiplications", b.Shape, search.Params(g), search.MACs(g))
	}
	front := search.Pareto(res.Candidates)
	if !soundCandidates(t, r, res) || len(front) == 0 || len(res.Steps) == 0 {
		t.Errorf("the answer is not among %d files, %d on the front, %d steps", len(res.Candidates), len(front), len(res.Steps))
	}
}

// soundCandidates checks that every file loads and that none is better than the answer, and
// reports whether that is listed.
func soundCandidates(t *testing.T, r recipe, res *search.Result) (listed bool) {
	t.Helper()
	b := res.Best
	for _, q := range res.Candidates {
		if _, err := runtime.Load(q.Bytes); err != nil {
			t.Errorf("a file that was tried does not load: %v", err)
		}
		if q.Drop+q.Margin <= r.MaxDrop && r.MaxSize == 0 && (r.MaxLatency == 0 || q.Latency <= r.MaxLatency) && q.Size() < b.Size() {
			t.Errorf("a smaller file of %d bytes meets the objective with a margin too, the answer has %d", q.Size(), b.Size())
		}
		if q.Meets && r.MaxDrop == 0 && q.Drop < b.Drop {
			t.Errorf("a file with a drop of %v meets the limits too, the answer has %v", q.Drop, b.Drop)
		}
		listed = listed || bytes.Equal(q.Bytes, b.Bytes)
	}
	return listed
}
