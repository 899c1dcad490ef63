package train

// Positions is the loss of a network that names a class at each position of a sample, as
// language models and taggers do: the mean of Distill over the positions that count. Those
// whose label is -1 do not. Without labels all count, by the teacher alone. It sees output 0,
// [positions, Classes].
type Positions struct {
	Distill
	Classes int // of each position, at least 2
}

// Sample implements Loss. y and targets are logits.
func (p Positions) Sample(dy, y [][]float32, labels []int, targets [][]float32) float64 {
	for _, d := range dy[1:] {
		clear(d)
	}
	n := len(y[0]) / p.Classes
	counted := n
	for _, l := range labels {
		if l < 0 {
			counted--
		}
	}
	loss, share := 0.0, 1/float32(max(counted, 1))
	for i := range n {
		d, label := row(dy[0], i, n), -1
		if labels != nil {
			if label = labels[i]; label < 0 {
				clear(d)
				continue
			}
		}
		var teacher []float32
		if targets != nil && targets[0] != nil {
			teacher = row(targets[0], i, n)
		}
		loss += p.Output(d, row(y[0], i, n), label, teacher)
		for k := range d {
			d[k] *= share
		}
	}
	return loss * float64(share)
}
