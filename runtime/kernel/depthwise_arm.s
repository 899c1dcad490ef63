//go:build !noasm && arm.6

#include "textflag.h"
#include "neon_arm.h"

// Depthwise convolutions of 3x3 taps and eight channels, as depthwiseRowsNEON of arm64 has them.
//
// Offsets in rowsArgs: x 0, weight 4, start 8, scale 12, y 16, rows 20, columns 24, step 28,
// down 32, next 36, stride 40, width 44. In requantization: see requantizeNEON.
//
// R0 arguments, R1 to R3 rows of x, R4 step, R5 starts, R6 mantissas, R7 right as negative
// shifts to the left, R8 y, R9 columns left, R12 rows left, R14 next.
//
// D0 to D8 weights, D9 to D17 columns, D18 to D21 sums, D22 to D25 products, D26 low, D27 high,
// D28 and D29 zero.

#define WIDEN(t) \
	VADDW(t, 18, 18)   \
	VADDW(t+1, 20, 20)

// WINDOW is three columns of three rows each.
#define WINDOW(a0, a1, a2, b0, b1, b2, c0, c1, c2) \
	VLD32S(5, 18)        \
	VMULL(0, a0, 22)     \
	VMULL(2, c0, 24)     \
	VMLAL(1, b0, 22)     \
	VMLAL(3, a1, 24)     \
	WIDEN(22)            \
	WIDEN(24)            \
	VMULL(4, b1, 22)     \
	VMULL(6, a2, 24)     \
	VMLAL(5, c1, 22)     \
	VMLAL(7, b2, 24)     \
	WIDEN(22)            \
	WIDEN(24)            \
	VMULL(8, c2, 22)     \
	WIDEN(22)            \
	VLD32S(6, 22)        \
	VQRDMULH(22, 18, 18) \
	VQRDMULH(24, 20, 20) \
	VLD32S(7, 22)        \
	VSRA31(18, 18)       \
	VSRA31(20, 20)       \
	VRSHL(18, 22, 18)    \
	VRSHL(20, 24, 20)    \
	VQMOVN32(18, 18)     \
	VQMOVN32(20, 19)     \
	VQADD16(28, 18, 18)  \
	VQMOVN16(18, 18)     \
	VMAX8(26, 18, 18)    \
	VMIN8(27, 18, 18)    \
	VST8(8, 4, 18)

#define COLUMN(a, b, c) \
	VLD8I(1, 4, a) \
	VLD8I(2, 4, b) \
	VLD8I(3, 4, c)

#define LOADA COLUMN(9, 10, 11)
#define LOADB COLUMN(12, 13, 14)
#define LOADC COLUMN(15, 16, 17)
#define ABC WINDOW(9, 10, 11, 12, 13, 14, 15, 16, 17)
#define BCA WINDOW(12, 13, 14, 15, 16, 17, 9, 10, 11)
#define CAB WINDOW(15, 16, 17, 9, 10, 11, 12, 13, 14)

#define DOWN \
	ADD  R14, R1      \
	ADD  R14, R2      \
	ADD  R14, R3      \
	SUB.S $1, R12

// func depthwiseRowsNEON(args *rowsArgs)
TEXT ·depthwiseRowsNEON(SB), NOSPLIT, $32-4
	MOVW args+0(FP), R0
	MOVW 12(R0), R6
	MOVW $right-32(SP), R7
	ADD  $128, R6, R1
	VLD32S(1, 0)
	VNEGQ(0, 0)
	VNEGQ(2, 2)
	VST32S(7, 0)
	MOVW 160(R6), R1
	MOVW 164(R6), R2
	MOVW 168(R6), R3
	ADD  R3, R1
	ADD  R3, R2
	VDUP8(1, 26)
	VDUP8(2, 27)
	VDUP16Q(3, 28)
	ADD  $32, R6
	MOVW 4(R0), R1
	MOVW 44(R0), R2
	VLD8I(1, 2, 0)
	VLD8I(1, 2, 1)
	VLD8I(1, 2, 2)
	VLD8I(1, 2, 3)
	VLD8I(1, 2, 4)
	VLD8I(1, 2, 5)
	VLD8I(1, 2, 6)
	VLD8I(1, 2, 7)
	VLD8I(1, 2, 8)
	MOVW 0(R0), R1
	MOVW 32(R0), R3
	ADD  R1, R3, R2
	ADD  R2, R3
	MOVW 8(R0), R5
	MOVW 16(R0), R8
	MOVW 20(R0), R12
	MOVW 28(R0), R4
	MOVW 36(R0), R14
	MOVW 40(R0), R9
	CMP  $2, R9
	BEQ  two

one:
	MOVW 24(R0), R9
	LOADA
	LOADB

one3:
	LOADC
	ABC
	SUB.S $1, R9
	BEQ  one1
	LOADA
	BCA
	SUB.S $1, R9
	BEQ  one1
	LOADB
	CAB
	SUB.S $1, R9
	BNE  one3

one1:
	DOWN
	BNE  one
	RET

two:
	MOVW 24(R0), R9
	LOADA

two3:
	LOADB
	LOADC
	ABC
	SUB.S $1, R9
	BEQ  two1
	LOADA
	LOADB
	CAB
	SUB.S $1, R9
	BEQ  two1
	LOADC
	LOADA
	BCA
	SUB.S $1, R9
	BNE  two3

two1:
	DOWN
	BNE  two
	RET
