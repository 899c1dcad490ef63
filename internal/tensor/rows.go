package tensor

import "fmt"

// Join returns the tensor [N, K] whose row i holds row i of every part, one after
// another; K is the sum of their row lengths. The parts have the batch N as
// dimension 0. A single part is not copied: the result aliases it.
func Join(parts ...*Tensor) *Tensor {
	n, k := parts[0].Shape[0], 0
	for _, p := range parts {
		k += p.Shape.Sample().Size()
	}
	if len(parts) == 1 {
		return Of(parts[0].Data, n, k)
	}
	t := New(n, k)
	at := 0
	for _, p := range parts {
		w := p.Shape.Sample().Size()
		for i := range n {
			copy(t.Data[i*k+at:i*k+at+w], p.Data[i*w:(i+1)*w])
		}
		at += w
	}
	return t
}

// Split is the inverse of Join: it copies the rows of t [N, K] to the parts, whose
// row lengths add up to K. It panics when they do not.
func Split(t *Tensor, parts ...*Tensor) {
	n, at := t.Shape[0], 0
	k := t.Shape.Sample().Size()
	for _, p := range parts {
		w := p.Shape.Sample().Size()
		for i := range n {
			copy(p.Data[i*w:(i+1)*w], t.Data[i*k+at:i*k+at+w])
		}
		at += w
	}
	if at != k {
		panic(fmt.Sprintf("tensor: rows of %d elements are split into %d", k, at))
	}
}
