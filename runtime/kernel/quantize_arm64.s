//go:build !noasm

#include "textflag.h"

// Instructions that the assembler does not have. From the Arm Architecture Reference Manual, A64,
// section C7.2. The operands are d = n op m.
#define FCVTL(n, d)    WORD $(0x0E617800 | (n)<<5 | (d))
#define FCVTL2(n, d)   WORD $(0x4E617800 | (n)<<5 | (d))
#define FDIV2(m, n, d) WORD $(0x6E60FC00 | (m)<<16 | (n)<<5 | (d))
#define FCVTAS(n, d)   WORD $(0x4E61C800 | (n)<<5 | (d))
#define SQADD2(m, n, d) WORD $(0x4EE00C00 | (m)<<16 | (n)<<5 | (d))
#define SQXTN2S(n, d)  WORD $(0x0EA14800 | (n)<<5 | (d))
#define SQXTN4S(n, d)  WORD $(0x4EA14800 | (n)<<5 | (d))
#define SQXTN4H(n, d)  WORD $(0x0E614800 | (n)<<5 | (d))
#define SQXTN8H(n, d)  WORD $(0x4E614800 | (n)<<5 | (d))
#define SQXTN8B(n, d)  WORD $(0x0E214800 | (n)<<5 | (d))

// QUANTA turns the two float64 in q into int64: rounded, halves away from zero, NaN 0, plus zero.
#define QUANTA(q) \
	FDIV2(16, q, q) \
	FCVTAS(q, q)    \
	SQADD2(17, q, q)

// func quantizeNEON(n int, y *int8, x *float32, args *quantizeArgs)
TEXT ·quantizeNEON(SB), NOSPLIT, $0-32
	MOVD n+0(FP), R0
	MOVD y+8(FP), R1
	MOVD x+16(FP), R2
	MOVD args+24(FP), R3
	MOVD 0(R3), R4
	VDUP R4, V16.D2
	MOVW 24(R3), R4
	VDUP R4, V17.D2

loop:
	VLD1.P 32(R2), [V0.S4, V1.S4]
	FCVTL(0, 2)
	FCVTL2(0, 3)
	FCVTL(1, 4)
	FCVTL2(1, 5)
	QUANTA(2)
	QUANTA(3)
	QUANTA(4)
	QUANTA(5)
	SQXTN2S(2, 6)
	SQXTN4S(3, 6)
	SQXTN2S(4, 7)
	SQXTN4S(5, 7)
	SQXTN4H(6, 0)
	SQXTN8H(7, 0)
	SQXTN8B(0, 0)
	VST1.P [V0.B8], 8(R1)
	SUBS   $8, R0
	BGT    loop
	RET
