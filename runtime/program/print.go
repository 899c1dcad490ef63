package program

import (
	"slices"
	"strconv"
	"unicode/utf8"

	"edgec/runtime"
)

// print prints output 0 of the last run.
func (j *Job) print(name string, labels []string, s *runtime.Session) error {
	if j.Raw {
		return j.write(s.OutputBytes(0))
	}
	y := s.Output(0)
	top := largest(y, max(j.Top, 1))
	if j.JSON {
		return j.write(jsonResult(name, labels, y, top))
	}
	var b []byte
	for _, i := range top {
		b = append(b, display(name)...)
		b = append(b, ": "...)
		b = append(b, label(labels, i)...)
		b = append(b, ' ')
		b = appendFloat(b, y[i])
		b = append(b, '\n')
	}
	return j.write(b)
}

// largest returns the indexes of the n largest elements of y, largest first;
// of equal elements the first.
func largest(y []float32, n int) []int {
	order := make([]int, len(y))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case y[a] > y[b]:
			return -1
		case y[a] < y[b]:
			return 1
		}
		return 0
	})
	return order[:min(n, len(order))]
}

func label(labels []string, i int) string {
	if i < len(labels) {
		return labels[i]
	}
	return itoa(i)
}

// jsonResult is {"file":..., "top":[{"index":..., "label":..., "score":...}], "outputs":[...]}.
func jsonResult(name string, labels []string, y []float32, top []int) []byte {
	b := append([]byte(`{"file":`), jsonString(name)...)
	b = append(b, `,"top":[`...)
	for k, i := range top {
		if k > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"index":`...)
		b = strconv.AppendInt(b, int64(i), 10)
		if i < len(labels) {
			b = append(b, `,"label":`...)
			b = append(b, jsonString(labels[i])...)
		}
		b = append(b, `,"score":`...)
		b = append(appendFloat(b, y[i]), '}')
	}
	b = append(b, `],"outputs":[`...)
	for i, v := range y {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendFloat(b, v)
	}
	return append(b, "]}\n"...)
}

// appendFloat prints the shortest decimal that reads back as v.
func appendFloat(b []byte, v float32) []byte { return strconv.AppendFloat(b, float64(v), 'g', -1, 32) }

func itoa(n int) string { return strconv.Itoa(n) }

// jsonString quotes s as JSON; bytes that are not UTF-8 become U+FFFD.
func jsonString(s string) []byte {
	const hex = "0123456789abcdef"
	b := []byte{'"'}
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < ' ':
			b = append(b, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}
