//go:build !noasm && arm.6

package cpu

// hasNEON asks for HWCAP_NEON.
func hasNEON() bool { return hwcap()&(1<<12) != 0 }
