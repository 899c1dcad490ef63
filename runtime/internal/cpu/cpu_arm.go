//go:build !noasm && arm.6

package cpu

// detect: a program that is built for ARMv6 or later runs on nothing less.
func detect() Feature {
	if hasNEON() {
		return SMLAD | NEON
	}
	return SMLAD
}
