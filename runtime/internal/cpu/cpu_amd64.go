//go:build !noasm

package cpu

// cpuid is the instruction CPUID with EAX and ECX set.
func cpuid(leaf, sub uint32) (a, b, c, d uint32)

// xgetbv reads the low half of register XCR0: the state that the system saves.
func xgetbv() uint32

// detect asks CPUID: Intel's manual, volume 2A, "CPUID", and volume 1, section 14.3.
func detect() (f Feature) {
	const (
		osxsave  = 1 << 27
		avx      = 1 << 28
		ymmState = 0x6
		zmmState = 0xe6
	)
	most, _, _, _ := cpuid(0, 0)
	_, _, c, _ := cpuid(1, 0)
	if most < 7 || c&osxsave == 0 || c&avx == 0 || xgetbv()&ymmState != ymmState {
		return 0
	}
	_, b, c, _ := cpuid(7, 0)
	if b&(1<<5) != 0 {
		f |= AVX2
	}
	const foundation, words, short = 1 << 16, 1 << 30, 1 << 31 // AVX512F, BW, VL
	if all := uint32(foundation | words | short); b&all == all && c&(1<<11) != 0 && xgetbv()&zmmState == zmmState {
		f |= VNNI
	}
	return f
}
