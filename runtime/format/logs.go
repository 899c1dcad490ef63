package format

import "math/bits"

// Coarse logarithms of counts, for contexts.

// log2ish is a coarse logarithm for contexts: 0, 1, 2, 3, 4 for 4-5, 5 for 6-8,
// 6 for 9-12, and so on, two steps an octave from there, up to 15.
func log2ish(n int) int32 { return int32(smallLogs[min(n, len(smallLogs)-1)]) }

// smallLogs[n] is log2ish(n); from the last on it is 15.
var smallLogs = func() (t [194]uint8) {
	for n := range t {
		t[n] = uint8(logSteps(n))
	}
	return t
}()

// logSteps computes log2ish step by step.
func logSteps(n int) int32 {
	switch {
	case n < 4:
		return int32(n)
	case n < 6:
		return 4
	case n < 9:
		return 5
	}
	k := int32(6)
	for a, b := 12, 17; ; a, b = a*2, b*2 {
		if n <= a {
			return k
		}
		if n <= b {
			return min(k+1, 15)
		}
		if k += 2; k >= 15 {
			return 15
		}
	}
}

// logs is round(16 log2(1 + j/32)) for j = 0..31.
var logs = [32]int8{
	0, 1, 1, 2, 3, 3, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9,
	9, 10, 10, 11, 11, 12, 12, 13, 13, 13, 14, 14, 15, 15, 15, 16,
}

// lg is 16 log2(n), n from 1, by the six leading digits.
func lg(n int64) int32 {
	k := bits.Len64(uint64(n)) - 1
	return int32(k)<<4 + int32(logs[uint64(n)<<5>>k&31])
}

// expected is lg of twice the number of nonzero weights that n have at
// a density of d/65536, plus one.
func expected(n int, d int64) int32 { return lg((2*int64(n)*d+65536)>>12) - 64 }

// ratio compares a count with lg of what is expected, in 12 steps of half an
// octave; 6 is as expected.
func ratio(count int32, expected int32) int32 { return ratioOf(lg(2*int64(count)+1), expected) }

// ratioOf is ratio of the count n whose lg(2n+1) is log.
func ratioOf(log, expected int32) int32 { return min(max((log-expected+52)>>3, 0), 11) }
