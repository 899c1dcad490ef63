package edgec

import (
	"fmt"
	"math"

	"edgec/internal/dataset"
	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/internal/train"
)

// The tasks, by what the metric counts. All are errors in percent: lower is
// better.
const (
	// TaskAccuracy: samples whose largest output is not the label.
	TaskAccuracy = "accuracy"
	// TaskAgreement: samples whose largest output is not the float network's;
	// for classifiers without labels.
	TaskAgreement = "agreement"
	// TaskReconstruction: mean square distance between output and input, 100
	// for the float network; for networks that reproduce their input.
	TaskReconstruction = "reconstruction"
	// TaskFidelity: mean square distance between the network's output y and the float
	// network's output f, in percent of the float network's own reconstruction error on
	// the same samples,
	//
	//	100 mean |y - f|^2 / mean |f - x|^2
	//
	// 0 for the float network; for networks that reproduce their input x, when labels
	// are left aside. Where y - f has nothing to do with f - x, the reconstruction
	// error grows by as many percent.
	TaskFidelity = "fidelity"
)

// isDistance reports whether a task measures distances, and does not count samples.
func isDistance(task string) bool { return task == TaskReconstruction || task == TaskFidelity }

// Metrics measures a network on a set of samples.
type Metrics struct {
	Task     string  `json:"task"`
	N        int     `json:"n"`                  // samples
	Error    float64 `json:"error"`              // percent, see the tasks
	Accuracy float64 `json:"accuracy,omitempty"` // 100 - Error, of classifiers
}

func newMetrics(task string, loss []float64) Metrics {
	m := Metrics{Task: task, N: len(loss), Error: 100 * total(loss) / math.Max(float64(len(loss)), 1)}
	if !isDistance(task) {
		m.Accuracy = 100 - m.Error
	}
	return m
}

func mean(x []float64) float64 { return total(x) / math.Max(float64(len(x)), 1) }

func total(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum
}

// judge measures networks on held-out samples against the float network.
type judge struct {
	task      string
	set       *dataset.Set
	float     *tensor.Tensor // the float network's outputs, [n, outputs]; nil where only labels count
	reference []float64      // the float network's losses
	paired    bool           // reference is parallel to set; otherwise it comes from other samples
	unit      float64        // of distances: the float network's mean distance from the input
	threads   int
}

// taskOf chooses the task for a network and a set. noLabels leaves labels aside, and
// has even a network that reproduces its input compared with the float network.
func taskOf(g *graph.Graph, set *dataset.Set, noLabels bool) (string, error) {
	in, out := g.Inputs[0].Shape.Sample().Size(), g.Outputs[0].Shape.Sample().Size()
	switch {
	case set.Labels != nil && !noLabels:
		for i, l := range set.Labels {
			if l < 0 || l >= out {
				return "", fmt.Errorf("edgec: sample %d has label %d, the network has %d outputs; check the labels, or ignore them with --no-labels", i, l, out)
			}
		}
		return TaskAccuracy, nil
	case in == out && noLabels:
		return TaskFidelity, nil
	case in == out:
		return TaskReconstruction, nil
	case out < 2:
		return "", fmt.Errorf("edgec: the network has one output and the data no labels; give a network with two outputs or more")
	}
	return TaskAgreement, nil
}

// newJudge measures the float network g on the set.
func newJudge(g *graph.Graph, task string, set *dataset.Set, threads int) (*judge, error) {
	j := &judge{task: task, set: set, paired: true, threads: threads}
	var err error
	if j.float, err = outputs(g, set, set.Len(), threads); err != nil {
		return nil, err
	}
	if isDistance(task) {
		j.unit = mean(j.distances(j.float))
		if j.unit == 0 {
			j.unit = 1
		}
	}
	j.reference = j.losses(j.float)
	return j, nil
}

// losses returns the loss of each of the first samples of the set for outputs
// [n, outputs].
func (j *judge) losses(out *tensor.Tensor) []float64 {
	n := out.Shape[0]
	k := out.Shape[1]
	loss := make([]float64, n)
	if j.task == TaskReconstruction {
		for i, d := range j.distances(out) {
			loss[i] = d / j.unit
		}
		return loss
	}
	for i := range loss {
		y := out.Data[i*k : (i+1)*k]
		switch j.task {
		case TaskAccuracy:
			if train.Argmax(y) != j.set.Labels[i] {
				loss[i] = 1
			}
		case TaskAgreement:
			if train.Argmax(y) != train.Argmax(j.float.Data[i*k:(i+1)*k]) {
				loss[i] = 1
			}
		case TaskFidelity:
			loss[i] = meanSquare(y, j.float.Data[i*k:(i+1)*k]) / j.unit
		}
	}
	return loss
}

// distances returns the mean square distance of each of the first samples of the set
// from outputs [n, outputs] that reproduce it.
func (j *judge) distances(out *tensor.Tensor) []float64 {
	k := out.Shape[1]
	d := make([]float64, out.Shape[0])
	x := make([]float32, j.set.Sample().Size())
	for i := range d {
		j.set.Read(i, x)
		d[i] = meanSquare(out.Data[i*k:(i+1)*k], x)
	}
	return d
}

// meanSquare returns mean_i (a_i - b_i)^2 over the elements of a.
func meanSquare(a, b []float32) float64 {
	sum := 0.0
	for i, v := range a {
		e := float64(v) - float64(b[i])
		sum += e * e / float64(len(a))
	}
	return sum
}

// drop compares losses with the float network's: the difference of the means in
// points, and its standard error.
func (j *judge) drop(loss []float64) (points, se float64) {
	if !j.paired {
		a, va := meanVariance(loss)
		b, vb := meanVariance(j.reference)
		return 100 * (a - b), 100 * math.Sqrt(va/float64(len(loss))+vb/float64(len(j.reference)))
	}
	diff := make([]float64, len(loss))
	for i, l := range loss {
		diff[i] = l - j.reference[i]
	}
	m, v := meanVariance(diff)
	return 100 * m, 100 * math.Sqrt(v/float64(len(diff)))
}

// meanVariance returns the mean and the unbiased variance of x.
func meanVariance(x []float64) (m, v float64) {
	m = mean(x)
	for _, d := range x {
		v += (d - m) * (d - m)
	}
	return m, v / math.Max(float64(len(x)-1), 1)
}

// measurable reports whether the task can be measured on the set.
func measurable(set *dataset.Set, task string) bool {
	return set != nil && set.Len() > 0 && (task != TaskAccuracy || set.Labels != nil)
}

// graphDrop is the drop of a graph as training computes it, on the first n
// samples.
func (j *judge) graphDrop(g *graph.Graph, n int) (points, se float64, err error) {
	out, err := outputs(g, j.set, n, j.threads)
	if err != nil {
		return 0, 0, err
	}
	points, se = j.drop(j.losses(out))
	return points, se, nil
}

// outputs runs g on the first n samples of set: [n, outputs], logits of
// classifiers.
func outputs(g *graph.Graph, set *dataset.Set, n, threads int) (*tensor.Tensor, error) {
	p, err := train.NewPredictor(g, predictBatch(g), threads)
	if err != nil {
		return nil, fmt.Errorf("edgec: %w", err)
	}
	return p.Run(n, func(lo, hi int, dst *tensor.Tensor) {
		read(set, lo, hi, dst)
	}), nil
}

func read(set *dataset.Set, lo, hi int, dst *tensor.Tensor) {
	size := set.Sample().Size()
	for i := lo; i < hi; i++ {
		set.Read(i, dst.Data[(i-lo)*size:(i-lo+1)*size])
	}
}
