package program

import (
	"io"
	"strconv"

	"edgec/runtime"
	"edgec/runtime/preprocess"
)

// print prints the results of the last run, which the files were the inputs of, as from says
// in JSON.
func (j *Job) print(files []string, info runtime.Info, s *runtime.Session, from []byte) error {
	var b []byte
	switch {
	case j.Raw:
		for _, k := range results(info) {
			if err := j.write(s.OutputBytes(k)); err != nil {
				return err
			}
		}
		return nil
	case j.JSON:
		w := &pieces{to: j.Stdout}
		b = j.jsonResult(files, from, info, s, max(j.Top, 1), w)
		if w.err != nil {
			return w.err
		}
	default:
		list := results(info)
		for _, k := range list {
			b = j.lines(b, k, len(list) > 1, files[0], info, s)
		}
	}
	return j.write(b)
}

// pieces writes a long text piece by piece, so that it is never whole in memory.
type pieces struct {
	to  io.Writer
	err error
}

// flush writes b when it is long; it returns what is left.
func (p *pieces) flush(b []byte) []byte {
	const long = 1 << 16
	if len(b) < long || p.err != nil {
		return b
	}
	_, p.err = p.to.Write(b)
	return b[:0]
}

// lines appends a line for each of the largest elements of output k, with its probability
// where the model is a classifier, or if it is one. Of several outputs it names the number and the shape.
func (j *Job) lines(b []byte, k int, several bool, name string, info runtime.Info, s *runtime.Session) []byte {
	y := s.Output(k)
	labels, p := labelsOf(info, k), j.probabilities(info, k, y)
	end := ")"
	if p == nil && !several && len(info.Outputs[k]) == 1 && len(y) > 1 {
		p, end = softmax(y), " if a classifier)" // nothing says that it is one
	}
	for _, i := range largest(y, max(j.Top, 1)) {
		b = append(b, Printable(display(name))...)
		b = append(b, ": "...)
		if several {
			b = append(b, "output "+itoa(k)+" ("+preprocess.Dims(info.Outputs[k])+"): "...)
		}
		b = append(b, label(labels, i)...)
		b = append(b, ' ')
		b = appendFloat(b, y[i])
		if p != nil {
			b = append(appendPercent(append(b, " ("...), p[i]), end...)
		}
		b = append(b, '\n')
	}
	return b
}

// labelsOf returns the labels of output k: only output 0 has any.
func labelsOf(info runtime.Info, k int) []string {
	if k > 0 {
		return nil
	}
	return info.Labels
}

// mostHeld is the number of elements that largest keeps in order as it goes through all.
const mostHeld = 1024

// largest returns the indexes of the n largest elements of y, largest first;
// of equal elements the first. Memory: n indexes, above mostHeld as many as y has.
func largest(y []float32, n int) []int {
	held := min(n, len(y))
	if held > mostHeld {
		held = len(y)
	}
	order := make([]int, 0, held)
	if held > mostHeld {
		for i := range y {
			order = append(order, i)
		}
		sortByScore(order, make([]int, len(order)), y)
		return order[:min(n, len(order))]
	}
	for i, v := range y {
		if len(order) == held {
			if !(v > y[order[held-1]]) {
				continue
			}
			order = order[:held-1]
		}
		at, end := 0, len(order)
		for at < end {
			if middle := (at + end) / 2; v > y[order[middle]] {
				end = middle
			} else {
				at = middle + 1
			}
		}
		order = append(order, 0)
		copy(order[at+1:], order[at:])
		order[at] = i
	}
	return order
}

// sortByScore sorts indexes of y by merging, larger elements first and equal ones in their order.
// Package slices would add 5 KB to a program. spare is as long as order.
func sortByScore(order, spare []int, y []float32) {
	if len(order) < 2 {
		return
	}
	half := len(order) / 2
	sortByScore(order[:half], spare[:half], y)
	sortByScore(order[half:], spare[half:], y)
	copy(spare, order)
	a, b := spare[:half], spare[half:]
	for i := range order {
		from := &a
		if len(a) == 0 || len(b) > 0 && y[b[0]] > y[a[0]] {
			from = &b
		}
		order[i], *from = (*from)[0], (*from)[1:]
	}
}

func label(labels []string, i int) string {
	if i < len(labels) {
		return Printable(labels[i])
	}
	return itoa(i)
}

// jsonResult is {"schema":1, "file":..., "source":..., "outputs":[...],
// "top":[{"index":..., "label":..., "score":..., "probability":...}]}, without label and probability where they are not known.
// A model with several inputs has "files":[...] instead, one with several outputs
// "results":[{"shape":[...], "top":..., "outputs":...}] instead of "top" and "outputs".
// All but the end of it is flushed to w.
func (j *Job) jsonResult(files []string, from []byte, info runtime.Info, s *runtime.Session, top int, w *pieces) []byte {
	b := []byte(Schema + `"file":`)
	if len(files) > 1 {
		b = []byte(Schema + `"files":[`)
	}
	for i, name := range files {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, jsonString(name)...)
	}
	if len(files) > 1 {
		b = append(b, ']')
	}
	b = append(b, `,"source":`...)
	b = append(append(b, from...), ',')
	list := results(info)
	if len(list) == 1 {
		return append(j.jsonOutput(b, info, list[0], s.Output(list[0]), top, w), "}\n"...)
	}
	b = append(b, `"results":[`...)
	for n, k := range list {
		if n > 0 {
			b = append(b, ',')
		}
		b = append(appendShape(append(b, `{"shape":`...), info.Outputs[k]), ',')
		b = append(j.jsonOutput(b, info, k, s.Output(k), top, w), '}')
	}
	return append(b, "]}\n"...)
}

// appendShape appends a list of numbers.
func appendShape(b []byte, shape []int) []byte {
	b = append(b, '[')
	for i, d := range shape {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(d), 10)
	}
	return append(b, ']')
}

// jsonOutput appends "top" and "outputs" of output k.
func (j *Job) jsonOutput(b []byte, info runtime.Info, k int, y []float32, top int, w *pieces) []byte {
	labels, p := labelsOf(info, k), j.probabilities(info, k, y)
	b = append(b, `"top":[`...)
	for n, i := range largest(y, top) {
		if n > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"index":`...)
		b = strconv.AppendInt(b, int64(i), 10)
		if i < len(labels) {
			b = append(b, `,"label":`...)
			b = append(b, jsonString(labels[i])...)
		}
		b = append(b, `,"score":`...)
		b = appendFloat(b, y[i])
		if p != nil {
			b = appendFloat(append(b, `,"probability":`...), p[i])
		}
		b = append(b, '}')
	}
	b = append(b, `],"outputs":[`...)
	for i, v := range y {
		if i > 0 {
			b = append(b, ',')
		}
		b = w.flush(appendFloat(b, v))
	}
	return append(b, ']')
}

// appendFloat prints the shortest decimal that reads back as v.
func appendFloat(b []byte, v float32) []byte { return strconv.AppendFloat(b, float64(v), 'g', -1, 32) }

func itoa(n int) string { return strconv.Itoa(n) }

// jsonString quotes s as JSON: Hidden characters as escapes; bytes that are not UTF-8 become
// U+FFFD.
func jsonString(s string) []byte {
	b := []byte{'"'}
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < ' ':
			b = appendEscape(b, r)
		default:
			b = appendJSON(b, r)
		}
	}
	return append(b, '"')
}
