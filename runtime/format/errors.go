package format

// Error is a network that cannot be a file, or a file that cannot be used: what is wrong
// and the remedy, in one line.
type Error string

// Error returns the line, which begins with "format: ".
func (e Error) Error() string { return "format: " + string(e) }

// FormatError is a file that is broken: no writer makes it.
type FormatError struct {
	Offset int    // of the byte at which that is seen, from the start of the file
	What   string // is wrong
}

// Error returns one line, which begins with "format: at byte ".
func (e FormatError) Error() string { return "format: at byte " + itoa(e.Offset) + ": " + e.What }

// UnsupportedError is a file that a newer version may have written: what this reader
// does not know, in one line.
type UnsupportedError string

// Error returns the line, which begins with "format: ".
func (e UnsupportedError) Error() string { return "format: " + string(e) }

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
