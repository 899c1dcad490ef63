package format

// Error is a file that cannot be used: what is wrong and the remedy, in one line.
type Error string

// Error returns the line, which begins with "format: ".
func (e Error) Error() string { return "format: " + string(e) }

// itoa is strconv.Itoa, without the package.
func itoa(n int) string {
	if n < 0 {
		return "-" + itoa(-n)
	}
	var b [20]byte
	i := len(b)
	for {
		i--
		b[i] = byte('0' + n%10)
		if n /= 10; n == 0 {
			return string(b[i:])
		}
	}
}

func shapeString(s []int) string {
	out := "["
	for i, d := range s {
		if i > 0 {
			out += " "
		}
		out += itoa(d)
	}
	return out + "]"
}
