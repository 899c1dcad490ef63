//go:build !noasm

package cpu

import "os"

// dotProducts reads the capabilities that Linux hands to each process: pairs of 64-bit
// words, kind and value. Without /proc there are none.
func dotProducts() bool {
	const hwcap, asimddp = 16, 1 << 20 // AT_HWCAP; HWCAP_ASIMDDP, arch/arm64/include/uapi/asm/hwcap.h
	auxv, err := os.ReadFile("/proc/self/auxv")
	if err != nil {
		return false
	}
	for ; len(auxv) >= 16; auxv = auxv[16:] {
		if auxv[0] == hwcap && auxv[1]|auxv[2]|auxv[3] == 0 { // little endian
			return auxv[10]&(asimddp>>16) != 0
		}
	}
	return false
}
