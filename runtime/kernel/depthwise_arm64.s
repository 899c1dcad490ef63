//go:build !noasm

#include "textflag.h"
#include "neon_arm64.h"

// Depthwise convolutions of 3x3 taps, whose sums become outputs at once. The columns of a
// window stay in registers: the next window, a pixel to the right, loads one column, and two
// pixels to the right two. So the code repeats after three windows.
//
// Offsets in rowsArgs: x 0, weight 8, start 16, scale 24, y 32, rows 40, columns 48, step 56,
// down 64, next 72, stride 80. In requantization: see requantizeNEON; it takes 180 bytes.
//
// Registers: R0 arguments, R1 to R3 rows of x, R5 starts, R7 y, R8 step, R9 columns left, R10
// mantissas, R11 right as negative shifts to the left, R12 rows left, R13 next, R14 stride.

// ROWS loads the arguments, and copies what requantizations differ in to 128 bytes at tab: R10
// and R11. V28 and V30 are free.
#define ROWS(tab, low, high, zero) \
	MOVD args+0(FP), R0 \
	MOVD 0(R0), R1      \
	MOVD 64(R0), R2     \
	ADD  R2, R1, R2     \
	MOVD 64(R0), R3     \
	ADD  R2, R3, R3     \
	MOVD 16(R0), R5     \
	MOVD 24(R0), R6     \
	MOVD 32(R0), R7     \
	MOVD 56(R0), R8     \
	MOVD 40(R0), R12    \
	MOVD 72(R0), R13    \
	MOVD 80(R0), R14    \
	MOVD $tab, R10      \
	ADD  $64, R10, R11  \
	MOVW 160(R6), R15   \
	MOVW 164(R6), R16   \
	MOVW 168(R6), R17   \
	ADD  R17, R15       \
	ADD  R17, R16       \
	VDUP R15, low.B16   \
	VDUP R16, high.B16  \
	VDUP R17, zero.H8

// EIGHT copies mantissas and shifts of eight channels, R6, to offset at of both tables.
#define EIGHT(at) \
	ADD  $32, R6, R15            \
	VLD1 (R15), [V0.S4, V1.S4]   \
	ADD  $at, R10, R15           \
	VST1 [V0.S4, V1.S4], (R15)   \
	ADD  $128, R6, R15           \
	VLD1 (R15), [V0.S4, V1.S4]   \
	NEG(0, 0)                    \
	NEG(1, 1)                    \
	ADD  $at, R11, R15           \
	VST1 [V0.S4, V1.S4], (R15)

// COLUMNS runs windows over all rows: LOAD loads a column, PIXEL computes a window of three.
#define COLUMNS(LOADA, LOADB, LOADC, ABC, BCA, CAB) \
	CMP  $2, R14       \
	BEQ  two           \
one:                   \
	MOVD 48(R0), R9    \
	LOADA              \
	LOADB              \
one3:                  \
	LOADC              \
	ABC                \
	SUBS $1, R9, R9    \
	BEQ  one1          \
	LOADA              \
	BCA                \
	SUBS $1, R9, R9    \
	BEQ  one1          \
	LOADB              \
	CAB                \
	SUBS $1, R9, R9    \
	BNE  one3          \
one1:                  \
	ADD  R13, R1       \
	ADD  R13, R2       \
	ADD  R13, R3       \
	SUBS $1, R12, R12  \
	BNE  one           \
	RET                \
two:                   \
	MOVD 48(R0), R9    \
	LOADA              \
two3:                  \
	LOADB              \
	LOADC              \
	ABC                \
	SUBS $1, R9, R9    \
	BEQ  two1          \
	LOADA              \
	LOADB              \
	CAB                \
	SUBS $1, R9, R9    \
	BEQ  two1          \
	LOADC              \
	LOADA              \
	BCA                \
	SUBS $1, R9, R9    \
	BNE  two3          \
two1:                  \
	ADD  R13, R1       \
	ADD  R13, R2       \
	ADD  R13, R3       \
	SUBS $1, R12, R12  \
	BNE  two           \
	RET

// OUTPUTS turns 16 sums into outputs; t is the first of four free registers.
#define OUTPUTS(a0, a1, a2, a3, t, t1, t2, t3, low, high, zero) \
	LD1S4x4(10, t)        \
	SQRDMULH(t, a0, a0)   \
	SQRDMULH(t1, a1, a1)  \
	SQRDMULH(t2, a2, a2)  \
	SQRDMULH(t3, a3, a3)  \
	LD1S4x4(11, t)        \
	SSRA31(a0, a0)        \
	SSRA31(a1, a1)        \
	SSRA31(a2, a2)        \
	SSRA31(a3, a3)        \
	SRSHL(t, a0, a0)      \
	SRSHL(t1, a1, a1)     \
	SRSHL(t2, a2, a2)     \
	SRSHL(t3, a3, a3)     \
	SQXTN4H(a0, a0)       \
	SQXTN8H(a1, a0)       \
	SQXTN4H(a2, a2)       \
	SQXTN8H(a3, a2)       \
	SQADD8H(zero, a0, a0) \
	SQADD8H(zero, a2, a2) \
	SQXTN8B(a0, a0)       \
	SQXTN16B(a2, a0)      \
	SMAXB(low, a0, a0)    \
	SMINB(high, a0, a0)   \
	ST1B16(7, 8, a0)

// OUTPUTS8 does so with eight.
#define OUTPUTS8(a0, a1, t, t1, low, high, zero) \
	LD1S4x2(10, t)        \
	SQRDMULH(t, a0, a0)   \
	SQRDMULH(t1, a1, a1)  \
	LD1S4x2(11, t)        \
	SSRA31(a0, a0)        \
	SSRA31(a1, a1)        \
	SRSHL(t, a0, a0)      \
	SRSHL(t1, a1, a1)     \
	SQXTN4H(a0, a0)       \
	SQXTN8H(a1, a0)       \
	SQADD8H(zero, a0, a0) \
	SQXTN8B(a0, a0)       \
	SMAXB(low, a0, a0)    \
	SMINB(high, a0, a0)   \
	ST1B8(7, 8, a0)

// NEON: V0 to V8 weights, V9 to V17 columns, V18 to V21 sums, V22 to V25 products, V26 low,
// V27 high, V28 zero.

#define FIRST(x, w, t, u) \
	SMULL(x, w, t)  \
	SMULL2(x, w, u)

#define SECOND(x, w, t, u) \
	SMLAL(x, w, t)  \
	SMLAL2(x, w, u)

#define WIDEN(t, u) \
	SADDW(t, 18, 18)  \
	SADDW2(t, 19, 19) \
	SADDW(u, 20, 20)  \
	SADDW2(u, 21, 21)

// WINDOW is three columns of three rows each.
#define WINDOW(a0, a1, a2, b0, b1, b2, c0, c1, c2) \
	LD1S4x4(5, 18)        \
	FIRST(a0, 0, 22, 23)  \
	FIRST(c0, 2, 24, 25)  \
	SECOND(b0, 1, 22, 23) \
	SECOND(a1, 3, 24, 25) \
	WIDEN(22, 23)         \
	WIDEN(24, 25)         \
	FIRST(b1, 4, 22, 23)  \
	FIRST(a2, 6, 24, 25)  \
	SECOND(c1, 5, 22, 23) \
	SECOND(b2, 7, 24, 25) \
	WIDEN(22, 23)         \
	WIDEN(24, 25)         \
	FIRST(c2, 8, 22, 23)  \
	WIDEN(22, 23)         \
	OUTPUTS(18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28)

#define COLUMN(a, b, c) \
	LD1B16(1, 8, a) \
	LD1B16(2, 8, b) \
	LD1B16(3, 8, c)

// func depthwiseRowsNEON(args *rowsArgs)
TEXT ·depthwiseRowsNEON(SB), NOSPLIT, $128-8
	ROWS(tab-128(SP), V26, V27, V28)
	EIGHT(0)
	ADD $180, R6
	EIGHT(32)
	MOVD 8(R0), R4
	VLD1.P 64(R4), [V0.B16, V1.B16, V2.B16, V3.B16]
	VLD1.P 64(R4), [V4.B16, V5.B16, V6.B16, V7.B16]
	VLD1 (R4), [V8.B16]
	COLUMNS(COLUMN(9, 10, 11), COLUMN(12, 13, 14), COLUMN(15, 16, 17), WINDOW(9, 10, 11, 12, 13, 14, 15, 16, 17), WINDOW(12, 13, 14, 15, 16, 17, 9, 10, 11), WINDOW(15, 16, 17, 9, 10, 11, 12, 13, 14))

#define WIDEN8(t) \
	SADDW(t, 18, 18)  \
	SADDW2(t, 19, 19)

#define WINDOW8(a0, a1, a2, b0, b1, b2, c0, c1, c2) \
	LD1S4x2(5, 18)    \
	SMULL(a0, 0, 22)  \
	SMULL(c0, 2, 23)  \
	SMULL(b1, 4, 24)  \
	SMULL(a2, 6, 25)  \
	SMLAL(b0, 1, 22)  \
	SMLAL(a1, 3, 23)  \
	SMLAL(c1, 5, 24)  \
	SMLAL(b2, 7, 25)  \
	WIDEN8(22)        \
	SMULL(c2, 8, 22)  \
	WIDEN8(23)        \
	WIDEN8(24)        \
	WIDEN8(25)        \
	WIDEN8(22)        \
	OUTPUTS8(18, 19, 22, 23, 26, 27, 28)

#define COLUMN8(a, b, c) \
	LD1B8(1, 8, a) \
	LD1B8(2, 8, b) \
	LD1B8(3, 8, c)

// func depthwiseRowsHalfNEON(args *rowsArgs)
TEXT ·depthwiseRowsHalfNEON(SB), NOSPLIT, $128-8
	ROWS(tab-128(SP), V26, V27, V28)
	EIGHT(0)
	MOVD 8(R0), R4
	VLD1.P 32(R4), [V0.B8, V1.B8, V2.B8, V3.B8]
	VLD1.P 32(R4), [V4.B8, V5.B8, V6.B8, V7.B8]
	VLD1 (R4), [V8.B8]
	COLUMNS(COLUMN8(9, 10, 11), COLUMN8(12, 13, 14), COLUMN8(15, 16, 17), WINDOW8(9, 10, 11, 12, 13, 14, 15, 16, 17), WINDOW8(12, 13, 14, 15, 16, 17, 9, 10, 11), WINDOW8(15, 16, 17, 9, 10, 11, 12, 13, 14))

// Dot products: V0 to V11 columns, V12 to V23 weights, both of four channels with three taps
// and one more, whose weight is zero; V24 to V27 sums, V28 low, V29 high, V30 zero.

// QUADS makes 16 channels of three rows, a to c, 16 channels of four taps, a to d; e is c or
// zero.
#define QUADS(a, b, c, d, e) \
	ZIP1B(b, a, 24)   \
	ZIP2B(b, a, 25)   \
	ZIP1B(e, c, 26)   \
	ZIP2B(e, c, 27)   \
	ZIP1H(26, 24, a)  \
	ZIP2H(26, 24, b)  \
	ZIP1H(27, 25, c)  \
	ZIP2H(27, 25, d)

#define DOTCOLUMN(a, b, c, d) \
	LD1B16(1, 8, a)  \
	LD1B16(2, 8, b)  \
	LD1B16(3, 8, c)  \
	QUADS(a, b, c, d, c)

#define DOTS(a0, a1, a2, a3, w0, w1, w2, w3) \
	SDOT(a0, w0, 24) \
	SDOT(a1, w1, 25) \
	SDOT(a2, w2, 26) \
	SDOT(a3, w3, 27)

#define DOTWINDOW(a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3) \
	LD1S4x4(5, 24)                       \
	DOTS(a0, a1, a2, a3, 12, 13, 14, 15) \
	DOTS(b0, b1, b2, b3, 16, 17, 18, 19) \
	DOTS(c0, c1, c2, c3, 20, 21, 22, 23) \
	OUTPUTS(24, 25, 26, 27, a0, a1, a2, a3, 28, 29, 30)

// func depthwiseRowsDot(args *rowsArgs)
TEXT ·depthwiseRowsDot(SB), NOSPLIT, $128-8
	ROWS(tab-128(SP), V28, V29, V30)
	EIGHT(0)
	ADD $180, R6
	EIGHT(32)
	MOVD 8(R0), R4
	VLD1.P 16(R4), [V12.B16]
	VLD1.P 16(R4), [V16.B16]
	VLD1.P 16(R4), [V20.B16]
	VLD1.P 16(R4), [V13.B16]
	VLD1.P 16(R4), [V17.B16]
	VLD1.P 16(R4), [V21.B16]
	VLD1.P 16(R4), [V14.B16]
	VLD1.P 16(R4), [V18.B16]
	VLD1.P 16(R4), [V22.B16]
	VEOR V31.B16, V31.B16, V31.B16
	QUADS(12, 13, 14, 15, 31)
	QUADS(16, 17, 18, 19, 31)
	QUADS(20, 21, 22, 23, 31)
	COLUMNS(DOTCOLUMN(0, 1, 2, 3), DOTCOLUMN(4, 5, 6, 7), DOTCOLUMN(8, 9, 10, 11), DOTWINDOW(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11), DOTWINDOW(4, 5, 6, 7, 8, 9, 10, 11, 0, 1, 2, 3), DOTWINDOW(8, 9, 10, 11, 0, 1, 2, 3, 4, 5, 6, 7))

// QUADS8 is QUADS of eight channels: a and b.
#define QUADS8(a, b, c, e) \
	ZIP1B(b, a, 24)   \
	ZIP1B(e, c, 26)   \
	ZIP1H(26, 24, a)  \
	ZIP2H(26, 24, b)

#define DOTCOLUMN8(a, b, c) \
	LD1B8(1, 8, a)  \
	LD1B8(2, 8, b)  \
	LD1B8(3, 8, c)  \
	QUADS8(a, b, c, c)

#define DOTWINDOW8(a0, a1, b0, b1, c0, c1) \
	LD1S4x2(5, 24)   \
	SDOT(a0, 12, 24) \
	SDOT(a1, 13, 25) \
	SDOT(b0, 16, 24) \
	SDOT(b1, 17, 25) \
	SDOT(c0, 20, 24) \
	SDOT(c1, 21, 25) \
	OUTPUTS8(24, 25, a0, a1, 28, 29, 30)

// func depthwiseRowsHalfDot(args *rowsArgs)
TEXT ·depthwiseRowsHalfDot(SB), NOSPLIT, $128-8
	ROWS(tab-128(SP), V28, V29, V30)
	EIGHT(0)
	MOVD 8(R0), R4
	VLD1.P 8(R4), [V12.B8]
	VLD1.P 8(R4), [V16.B8]
	VLD1.P 8(R4), [V20.B8]
	VLD1.P 8(R4), [V13.B8]
	VLD1.P 8(R4), [V17.B8]
	VLD1.P 8(R4), [V21.B8]
	VLD1.P 8(R4), [V14.B8]
	VLD1.P 8(R4), [V18.B8]
	VLD1.P 8(R4), [V22.B8]
	VEOR V31.B16, V31.B16, V31.B16
	QUADS8(12, 13, 14, 31)
	QUADS8(16, 17, 18, 31)
	QUADS8(20, 21, 22, 31)
	COLUMNS(DOTCOLUMN8(0, 1, 2), DOTCOLUMN8(4, 5, 6), DOTCOLUMN8(8, 9, 10), DOTWINDOW8(0, 1, 4, 5, 8, 9), DOTWINDOW8(4, 5, 8, 9, 0, 1), DOTWINDOW8(8, 9, 0, 1, 4, 5))
