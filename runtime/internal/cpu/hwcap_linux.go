//go:build !noasm && (arm64 || arm.6)

package cpu

import "syscall"

// hwcap returns the capabilities that Linux hands to each process in a list of pairs of
// words, kind and value; 0 without /proc. Their bits are in
// arch/arm64/include/uapi/asm/hwcap.h, and in that of arm.
func hwcap() (bits uint32) {
	const word, kind = 4 << (^uint(0) >> 63), 16 // AT_HWCAP
	fd, err := syscall.Open("/proc/self/auxv", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return 0
	}
	defer syscall.Close(fd)
	auxv := make([]byte, 4096) // some 25 pairs
	n, err := syscall.Read(fd, auxv)
	if err != nil {
		return 0
	}
	for auxv = auxv[:n]; len(auxv) >= 2*word; auxv = auxv[2*word:] {
		if auxv[0] != kind || auxv[1]|auxv[2]|auxv[3] != 0 { // little endian
			continue
		}
		for i := 3; i >= 0; i-- {
			bits = bits<<8 | uint32(auxv[word+i])
		}
		return bits
	}
	return 0
}
