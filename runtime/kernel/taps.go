//go:build !noasm && (arm64 || arm.6)

package kernel

// appendTaps appends the weights of two taps, one after the other.
func appendTaps(dst []byte, first, second []int8) []byte {
	for _, tap := range [][]int8{first, second} {
		for _, v := range tap {
			dst = append(dst, byte(v))
		}
	}
	return dst
}
