//go:build !noasm && arm.6 && !linux

package cpu

// hasNEON: of other systems nothing is known.
func hasNEON() bool { return false }
