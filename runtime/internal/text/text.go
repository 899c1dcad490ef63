// Package text reads numbers and trims text without packages strconv and unicode, whose errors and
// tables would add 25 KB to a device program.
package text

import "math"

// Uint returns the number that s is: decimal digits and nothing else, at most 2^64-1.
func Uint(s string) (n uint64, ok bool) {
	for i := range len(s) {
		digit := uint64(s[i] - '0')
		if digit > 9 || n > (math.MaxUint64-digit)/10 {
			return 0, false
		}
		n = 10*n + digit
	}
	return n, s != ""
}

// Int is Uint for numbers that an int holds.
func Int(s string) (int, bool) {
	n, ok := Uint(s)
	if !ok || n > math.MaxInt {
		return 0, false
	}
	return int(n), true
}

// Trim returns s without the bytes of cut at both ends.
func Trim(s, cut string) string {
	for s != "" && in(s[0], cut) {
		s = s[1:]
	}
	for s != "" && in(s[len(s)-1], cut) {
		s = s[:len(s)-1]
	}
	return s
}

func in(b byte, set string) bool {
	for i := range len(set) {
		if set[i] == b {
			return true
		}
	}
	return false
}
