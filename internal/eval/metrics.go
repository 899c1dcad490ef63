package eval

import (
	"math"

	"edgec/internal/dataset"
	"edgec/internal/tensor"
	"edgec/internal/train"
)

// Metrics measures a network on a set of samples.
type Metrics struct {
	Task     string  // name
	N        int     // samples
	Error    float64 // percent, see the tasks; lower is better
	Accuracy float64 // 100 - Error where samples are counted, otherwise 0
	Chance   float64 // error in percent of the best answer that does not look at the input
	R2       float64 // of regression, 1 - Error/100
	MAE      float64 // of regression, the mean absolute error in units of the targets
	AUC      float64 // of yes or no, the area under the ROC curve
	Bits     float64 // of the next token, the cross-entropy in bits a token
	Whole    float64 // of classes at positions, the percent of samples that are right at all that count
	Cosine   float64 // of vectors, the mean cosine of the angle to the float network's outputs
	Hint     string  // of accuracy, another order of the classes in which the outputs are right; "": there is none
}

// Summarize returns the error and the accuracy of per-sample losses.
func Summarize(t Task, loss []float64) Metrics {
	m := Metrics{Task: t.Name(), N: len(loss), Error: 100 * total(loss) / math.Max(float64(len(loss)), 1)}
	if !t.Traits().Distance && !t.Traits().Nats {
		m.Accuracy = 100 - m.Error
	}
	return m
}

// Mean returns the mean of x, 0 of nothing.
func Mean(x []float64) float64 { return total(x) / math.Max(float64(len(x)), 1) }

func total(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum
}

// meanVariance returns the mean and the unbiased variance of x.
func meanVariance(x []float64) (m, v float64) {
	m = Mean(x)
	for _, d := range x {
		v += (d - m) * (d - m)
	}
	return m, v / math.Max(float64(len(x)-1), 1)
}

// Confusion counts, for outputs [n, K] of samples with labels that the task has
// checked, in element [l][p] those of class l whose outputs name class p. Of samples with a class at
// each position it counts the positions that have one.
func Confusion(task Task, out *tensor.Tensor, set *dataset.Set) [][]int {
	k, labels := out.Shape[1], set.Labels
	if n := set.Positions(); n > 0 {
		k, labels = k/n, set.PositionLabels
	}
	classes, class := k, func(i int) int { return train.Argmax(out.Data[i*k : (i+1)*k]) }
	if t, ok := task.(YesNo); ok {
		classes = 2
		class = func(i int) int {
			if out.Data[i] > t.Threshold() {
				return 1
			}
			return 0
		}
	}
	c := make([][]int, classes)
	for i := range c {
		c[i] = make([]int, classes)
	}
	for i, l := range labels {
		if l != dataset.Ignored {
			c[l][class(i)]++
		}
	}
	return c
}
