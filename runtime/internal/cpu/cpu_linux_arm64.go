//go:build !noasm

package cpu

// dotProducts asks for HWCAP_ASIMDDP.
func dotProducts() bool { return hwcap()&(1<<20) != 0 }
