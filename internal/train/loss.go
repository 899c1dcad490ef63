package train

import "math"

// Loss measures how far the outputs of one sample are from what they should be.
type Loss interface {
	// Sample returns the loss of a sample and writes its gradient in y to dy. y and dy
	// have one slice for each output of the network; dy holds arbitrary values before.
	// labels has the sample's class, or the class of each of its positions, -1 for none; it is
	// nil when the sample has none. targets is nil when there are none, else it
	// has one slice for each output, nil for an output without a target.
	Sample(dy, y [][]float32, labels []int, targets [][]float32) float64
}

// only returns the label of a sample that has one, -1 without.
func only(labels []int) int {
	if len(labels) == 0 {
		return -1
	}
	return labels[0]
}

// Distill is the classification loss
//
//	(1-a) * CE(softmax(y), label) + a * T * KL(softmax(teacher/T) || softmax(y/T))
//
// with a = Weight and T = Temperature (Hinton, Vinyals, Dean 2015, section 2;
// T instead of their T^2 keeps the two terms comparable at T = 3). Without a
// label only the second term counts, with weight 1; without a teacher only the
// first. Of a network with several outputs it sees one.
type Distill struct {
	Weight      float64 // 0..1, the teacher's share
	Temperature float64 // > 0
	Index       int     // number of the output that holds the logits
}

// Sample implements Loss. y and targets are logits.
func (d Distill) Sample(dy, y [][]float32, labels []int, targets [][]float32) float64 {
	for k := range dy {
		if k != d.Index {
			clear(dy[k])
		}
	}
	var teacher []float32
	if targets != nil {
		teacher = targets[d.Index]
	}
	return d.Output(dy[d.Index], y[d.Index], only(labels), teacher)
}

// Output is Sample for one output. y and teacher are logits; teacher may be nil.
func (d Distill) Output(dy, y []float32, label int, teacher []float32) float64 {
	clear(dy)
	soft, hard := d.Weight, 1-d.Weight
	switch {
	case teacher == nil:
		soft, hard = 0, 1
	case label < 0:
		soft, hard = 1, 0
	}
	loss := 0.0
	if hard > 0 && label >= 0 {
		lse := logSumExp(y, 1)
		for i, v := range y {
			p := math.Exp(float64(v) - lse)
			dy[i] += float32(hard * p)
		}
		dy[label] -= float32(hard)
		loss += hard * (lse - float64(y[label]))
	}
	if soft > 0 {
		t := d.Temperature
		ly, lt := logSumExp(y, t), logSumExp(teacher, t)
		kl := 0.0
		for i := range y {
			a := float64(y[i])/t - ly
			b := float64(teacher[i])/t - lt
			pb := math.Exp(b)
			kl += pb * (b - a)
			dy[i] += float32(soft * (math.Exp(a) - pb))
		}
		loss += soft * t * kl
	}
	return loss
}

// logSumExp returns log(sum_i exp(x_i/t)).
func logSumExp(x []float32, t float64) float64 {
	top := float64(x[0])
	for _, v := range x[1:] {
		top = max(top, float64(v))
	}
	sum := 0.0
	for _, v := range x {
		sum += math.Exp((float64(v) - top) / t)
	}
	return top/t + math.Log(sum)
}

// MeanSquare is the regression loss
//
//	sum_k mean_i (y_ki - target_ki)^2
//
// over the outputs k that have a target and their elements i.
type MeanSquare struct{}

// Sample implements Loss.
func (m MeanSquare) Sample(dy, y [][]float32, _ []int, targets [][]float32) float64 {
	loss := 0.0
	for k := range y {
		if targets == nil || targets[k] == nil {
			clear(dy[k])
			continue
		}
		loss += m.Output(dy[k], y[k], targets[k])
	}
	return loss
}

// Output is Sample for one output, which has a target.
func (MeanSquare) Output(dy, y, target []float32) float64 {
	n := float64(len(y))
	loss := 0.0
	for i := range y {
		e := float64(y[i]) - float64(target[i])
		loss += e * e / n
		dy[i] = float32(2 * e / n)
	}
	return loss
}
