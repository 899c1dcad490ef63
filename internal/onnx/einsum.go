package onnx

import (
	"slices"
	"strings"

	"edgec/internal/op"
)

// buildEinsum reads sums of products that an equation names, such as "bij,bjk->bik": from left
// to right, as transposes, reshapes and products of matrices.
func buildEinsum(n *node) error {
	terms, out, err := n.equation()
	if err != nil {
		return err
	}
	s := n.steps()
	e := &einsum{s, out}
	x, labels := e.diagonal(s.input(0), terms[0])
	for i := 1; i < len(terms); i++ {
		y, other := e.diagonal(s.input(i), terms[i])
		later := out + strings.Join(terms[i+1:], "")
		x, labels = e.product(x, labels, y, other, later)
	}
	return s.result(0, e.arranged(x, labels, out))
}

// equation returns the labels of each input and of the output; those of an ellipsis are
// digits.
func (n *node) equation() (terms []string, out string, err error) {
	text := strings.ReplaceAll(n.attrString("equation", ""), " ", "")
	left, out, explicit := strings.Cut(text, "->")
	terms = strings.Split(left, ",")
	if len(terms) != len(n.in) {
		return nil, "", n.fail("equation", "%q has %d terms for %d inputs; the file is damaged", text, len(terms), len(n.in))
	}
	if !explicit {
		out = implicitOutput(left)
	}
	widest := 0
	for i, t := range terms {
		if !n.has(i) {
			return nil, "", n.fail("", "input %d is missing; the file is damaged", i)
		}
		rank := 0
		if n.in[i].act != nil || n.in[i].isKnown() {
			rank = len(n.operandDims(n.in[i]))
		}
		rest := rank - len(strings.ReplaceAll(t, "...", ""))
		if strings.Count(t, ".")%3 != 0 || rest < 0 || rest > 9 || rest > 0 && !strings.Contains(t, "...") {
			return nil, "", n.fail("equation", "%q does not fit input %d of %d dimensions", text, i, rank)
		}
		widest = max(widest, rest)
		terms[i] = strings.Replace(t, "...", "123456789"[9-rest:], 1)
	}
	out = strings.Replace(out, "...", "123456789"[9-widest:], 1)
	for _, c := range out {
		if !strings.ContainsRune(strings.Join(terms, ""), c) || strings.Count(out, string(c)) > 1 {
			return nil, "", n.fail("equation", "%q: label %q of the output is in no input, or there twice", text, c)
		}
	}
	return terms, out, nil
}

// implicitOutput has the labels that stand once, in the order of the alphabet, behind an
// ellipsis.
func implicitOutput(left string) string {
	var once []string
	for _, c := range left {
		if c != ',' && c != '.' && strings.Count(left, string(c)) == 1 {
			once = append(once, string(c))
		}
	}
	slices.Sort(once)
	if strings.Contains(left, "...") {
		once = slices.Insert(once, 0, "...")
	}
	return strings.Join(once, "")
}

// einsum computes with operands whose dimensions have labels.
type einsum struct {
	*steps
	out string
}

// diagonal takes, of a label that stands twice, the elements where both indexes are equal.
func (e *einsum) diagonal(x *operand, labels string) (*operand, string) {
	for i := 0; i < len(labels); i++ {
		j := i + 1 + strings.IndexByte(labels[i+1:], labels[i])
		if j == i || e.err != nil {
			continue
		}
		rest := labels[:i] + labels[i+1:j] + labels[j+1:]
		x = e.transpose(x, permutation(labels[:i]+"\x00"+labels[i+1:j]+"\x01"+labels[j+1:], rest+"\x00\x01")...)
		d := e.dims(x)[0]
		if e.err != nil {
			return nil, ""
		}
		size := d[len(d)-1]
		if d[len(d)-2] != size {
			e.err = e.n.fail("equation", "label %q has the sizes %d and %d", labels[i], d[len(d)-2], size)
			return nil, ""
		}
		x = e.reshape(x, e.shaped(x, func(d []int) []int { return append(d[:len(d)-2], size*size) }))
		x = e.part(x, len(rest), 0, size*size, size+1)
		labels, i = rest+labels[i:i+1], -1
	}
	return x, labels
}

// permutation returns the places of the labels to in from.
func permutation(from, to string) (p []int) {
	for i := range len(to) {
		p = append(p, strings.IndexByte(from, to[i]))
	}
	return p
}

// arranged sums the labels that out lacks, and puts the others in its order.
func (e *einsum) arranged(x *operand, labels, out string) *operand {
	var kept string
	for i := range len(labels) {
		if strings.IndexByte(out, labels[i]) >= 0 {
			kept += labels[i : i+1]
		}
	}
	if kept != labels {
		var axes []int
		for i := range len(labels) {
			if strings.IndexByte(out, labels[i]) < 0 {
				x, axes = e.free(x, i), append(axes, i)
			}
		}
		x = e.reduce(op.Sum, x, axes...)
		x = e.reshape(x, e.shaped(x, func(d []int) (rest []int) {
			for i, size := range d {
				if !slices.Contains(axes, i) {
					rest = append(rest, size)
				}
			}
			return rest
		}))
	}
	if kept == out || e.err != nil {
		return x
	}
	return e.transpose(x, permutation(kept, out)...)
}

// product combines two operands and keeps the labels that are in later.
func (e *einsum) product(x *operand, a string, y *operand, b, later string) (*operand, string) {
	in := func(s string, c byte) bool { return strings.IndexByte(s, c) >= 0 }
	var batch, sum, left, right string
	for i := range len(a) {
		switch c := a[i : i+1]; {
		case in(b, a[i]) && in(later, a[i]):
			batch += c
		case in(b, a[i]):
			sum += c
		case in(later, a[i]):
			left += c
		}
	}
	for i := range len(b) {
		if !in(a, b[i]) && in(later, b[i]) {
			right += b[i : i+1]
		}
	}
	x, y = e.arranged(x, a, batch+left+sum), e.arranged(y, b, batch+sum+right)
	dx, dy := e.dims(x), e.dims(y)
	if e.err != nil {
		return nil, ""
	}
	matrix := func(o *operand, d [2][]int, k int) *operand {
		return e.reshape(o, [2][]int{mergedAt(d[0], len(batch), k), mergedAt(d[1], len(batch), k)})
	}
	z := e.call("MatMul", []*operand{matrix(x, dx, len(batch)+len(left)), matrix(y, dy, len(batch)+len(sum))})
	labels := batch + left + right
	var out [2][]int
	for t, d := range e.dims(z) {
		if e.err == nil {
			out[t] = slices.Concat(d[:len(batch)], dx[t][len(batch):len(batch)+len(left)], dy[t][len(batch)+len(sum):])
		}
	}
	return e.reshape(z, out), labels
}

// mergedAt merges the dimensions from batch to k, and those from k on.
func mergedAt(d []int, batch, k int) []int {
	return append(slices.Clone(d[:batch]), volume(d[batch:k]), volume(d[k:]))
}
