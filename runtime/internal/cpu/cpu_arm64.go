//go:build !noasm

package cpu

// detect: every arm64 has NEON; byte dot products are asked for by system.
func detect() Feature {
	if dotProducts() {
		return NEON | DotProd
	}
	return NEON
}
