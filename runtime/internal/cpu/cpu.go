// Package cpu tells which instructions the processor has, for the choice of
// micro-kernels. The standard library keeps that to itself.
package cpu

// Feature is a set of instructions, a bit of a mask.
type Feature uint

// Features that micro-kernels need.
const (
	AVX2    Feature = 1 << iota // amd64: 256-bit integers, and a system that saves them
	VNNI                        // amd64: AVX-512 with byte dot products
	NEON                        // arm: 128-bit integers, which every arm64 has
	SMLAD                       // arm: two products of 16 bits at once, which ARMv6 has
	DotProd                     // arm64: byte dot products, from Cortex-A55 and A76 on
)

// Has reports whether this processor has all features of a mask.
func Has(f Feature) bool { return detected&f == f }

var detected = detect()

// names are the features, in the order of their bits.
var names = [...]string{"avx2", "vnni", "neon", "smlad", "dotprod"}

// Names lists the features that this processor has.
func Names() (list []string) {
	for i, name := range names {
		if Has(1 << i) {
			list = append(list, name)
		}
	}
	return list
}
