package format

import "math"

// half returns the float16 of x, and whether it is exact.
func half(x float32) (h uint16, exact bool) {
	b := math.Float32bits(x)
	sign := uint16(b >> 16 & 0x8000)
	exp, man := int(b>>23&255)-127, b&(1<<23-1)
	switch {
	case exp == 128: // infinities and NaN
		return sign | 0x7c00 | uint16(man>>13), man&(1<<13-1) == 0
	case exp == -127 && man == 0:
		return sign, true
	case exp > 15:
		return sign | 0x7c00, false
	case exp >= -14:
		return sign | uint16(exp+15)<<10 | uint16(man>>13), man&(1<<13-1) == 0
	case exp >= -24 && exp > -127: // subnormal
		man |= 1 << 23
		shift := uint(-exp - 14 + 13)
		return sign | uint16(man>>shift), man&(1<<shift-1) == 0
	}
	return sign, false
}

// float returns the value of a float16.
func float(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exp, man := int(h>>10&31), uint32(h&1023)
	switch {
	case exp == 31:
		return math.Float32frombits(sign | 255<<23 | man<<13)
	case exp == 0 && man == 0:
		return math.Float32frombits(sign)
	case exp == 0:
		for exp = 1; man&1024 == 0; exp-- {
			man <<= 1
		}
		man &= 1023
	}
	return math.Float32frombits(sign | uint32(exp+112)<<23 | man<<13)
}
