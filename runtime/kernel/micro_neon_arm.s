//go:build !noasm && arm.6

#include "textflag.h"
#include "neon_arm.h"

// Offsets in tileArgs: x 0, pixels 4, runs 8, weight 12, start 16, acc 20, tiles 24,
// nRuns 28, quads 32, stride 36.
//
// D0 to D7 are weights of two quads, D8 to D11 elements of two pixels, D12 to D15
// products, D16 to D31 sums of pairs: of pixel 0 and 1, four registers of two channels.
//
// The first products of a tile become sums, later ones are added: ADDP is VPADDL or VPADAL.
#define PRODUCTS(ADDP, w0, w1, x0, x1, t, acc) \
	VMULL(x0, w0, t) \
	VMLAL(x1, w1, t) \
	ADDP(t, acc)

#define ONE(ADDP, w0, x0, t, acc) \
	VMULL(x0, w0, t) \
	ADDP(t, acc)

#define TWOQUADS(ADDP) \
	VLD32(3, 7, 0) \
	VLD32(3, 7, 4) \
	VDUP44(1, 8)   \
	VDUP44(2, 10)  \
	PRODUCTS(ADDP, 0, 4, 8, 9, 12, 16)   \
	PRODUCTS(ADDP, 1, 5, 8, 9, 14, 18)   \
	PRODUCTS(ADDP, 2, 6, 8, 9, 12, 20)   \
	PRODUCTS(ADDP, 3, 7, 8, 9, 14, 22)   \
	PRODUCTS(ADDP, 0, 4, 10, 11, 12, 24) \
	PRODUCTS(ADDP, 1, 5, 10, 11, 14, 26) \
	PRODUCTS(ADDP, 2, 6, 10, 11, 12, 28) \
	PRODUCTS(ADDP, 3, 7, 10, 11, 14, 30)

#define ONEQUAD(ADDP) \
	VLD32(3, 7, 0) \
	VDUP4(1, 8)    \
	VDUP4(2, 10)   \
	ONE(ADDP, 0, 8, 12, 16)  \
	ONE(ADDP, 1, 8, 14, 18)  \
	ONE(ADDP, 2, 8, 12, 20)  \
	ONE(ADDP, 3, 8, 14, 22)  \
	ONE(ADDP, 0, 10, 12, 24) \
	ONE(ADDP, 1, 10, 14, 26) \
	ONE(ADDP, 2, 10, 12, 28) \
	ONE(ADDP, 3, 10, 14, 30)

// RUN points R1 and R2 to a run of both patches.
#define RUN \
	MOVW.P 4(R4), R6  \
	ADD  R11, R6, R1  \
	ADD  R14, R6, R2  \
	MOVW 32(R0), R6   \
	SUB.S $2, R6

// func pairsNEON(args *tileArgs)
//
// Two pixels at a time, args.tiles pairs of them, and eight channels. R11, the assembler's, is
// a patch, as R14 is: none of these instructions needs it.
TEXT ·pairsNEON(SB), NOSPLIT, $4-4
	MOVW args+0(FP), R0
	MOVW 4(R0), R8
	MOVW 20(R0), R9
	MOVW 24(R0), R12
	MOVW 36(R0), R7

pixels:
	MOVW 0(R0), R6
	MOVW.P 4(R8), R11
	ADD  R6, R11
	MOVW.P 4(R8), R14
	ADD  R6, R14
	MOVW 12(R0), R3
	MOVW 8(R0), R4
	MOVW 28(R0), R5
	RUN
	BLT  one
	TWOQUADS(VPADDL)
	SUB.S $2, R6
	BGE  pair
	B    last

one:
	ONEQUAD(VPADDL)
	B    done

run:
	RUN
	BLT  last

pair:
	TWOQUADS(VPADAL)
	SUB.S $2, R6
	BGE  pair

last:
	CMN  $1, R6 // one is left if R6 is -1
	BNE  done
	ONEQUAD(VPADAL)

done:
	SUB.S $1, R5
	BNE  run

	MOVW 16(R0), R6
	VLD32S(6, 0) // starts of eight channels
	VPADD(17, 16, 4)
	VPADD(19, 18, 5)
	VPADD(21, 20, 6)
	VPADD(23, 22, 7)
	VADDQ(0, 4, 4)
	VADDQ(2, 6, 6)
	VST32S(9, 4)
	ADD  $64, R9
	VPADD(25, 24, 4)
	VPADD(27, 26, 5)
	VPADD(29, 28, 6)
	VPADD(31, 30, 7)
	VADDQ(0, 4, 4)
	VADDQ(2, 6, 6)
	VST32S(9, 4)
	ADD  $64, R9
	SUB.S $1, R12
	BNE  pixels
	RET

// func requantizeNEON(args *requantizeArgs)
//
// Offsets in requantizeArgs: acc 0, scale 4, y 8, stride 12, pixels 16. In requantization: left
// 0, mantissa 32, away 64, half 96, right 128, low 160, high 164, zero 168, nudge 172.
//
// D0 to D3 left, D4 to D7 mantissas, D16 to D19 right as negative shifts to the left,
// D20 low, D21 high, D22 and D23 zero, D24 to D31 sums.
//
// simple (176) needs no shift to the left, and halves go away from zero in all channels.
TEXT ·requantizeNEON(SB), NOSPLIT, $0-4
	MOVW args+0(FP), R0
	MOVW 0(R0), R1
	MOVW 4(R0), R2
	MOVW 8(R0), R3
	MOVW 12(R0), R4
	MOVW 16(R0), R5
	VLD32S(2, 0)
	ADD  $32, R2, R6
	VLD32S(6, 4)
	ADD  $128, R2, R6
	VLD32S(6, 16)
	VNEGQ(16, 16)
	VNEGQ(18, 18)
	MOVW 160(R2), R6
	MOVW 164(R2), R7
	MOVW 168(R2), R8
	ADD  R8, R6
	ADD  R8, R7
	VDUP8(6, 20)
	VDUP8(7, 21)
	VDUP16Q(8, 22)
	MOVBU 176(R2), R8
	MOVW 172(R2), R6
	MOVW $64, R7
	CMP  $0, R8
	BNE  simple
	CMP  $0, R6
	BEQ  once

twice:
	VLD32(1, 7, 24)
	VSHL(24, 0, 24)
	VSHL(26, 2, 26)
	VQRDMULH(4, 24, 24)
	VQRDMULH(6, 26, 26)
	VANDQ(16, 24, 28)
	VANDQ(18, 26, 30)
	VSRA31(28, 24)
	VSRA31(30, 26)
	VRSHL(24, 16, 24)
	VRSHL(26, 18, 26)
	VQMOVN32(24, 24)
	VQMOVN32(26, 25)
	VQADD16(22, 24, 24)
	VQMOVN16(24, 24)
	VMAX8(20, 24, 24)
	VMIN8(21, 24, 24)
	VST8(3, 4, 24)
	SUB.S $1, R5
	BNE  twice
	RET

simple:
	VLD32(1, 7, 24)
	VQRDMULH(4, 24, 24)
	VQRDMULH(6, 26, 26)
	VSRA31(24, 24)
	VSRA31(26, 26)
	VRSHL(24, 16, 24)
	VRSHL(26, 18, 26)
	VQMOVN32(24, 24)
	VQMOVN32(26, 25)
	VQADD16(22, 24, 24)
	VQMOVN16(24, 24)
	VMAX8(20, 24, 24)
	VMIN8(21, 24, 24)
	VST8(3, 4, 24)
	SUB.S $1, R5
	BNE  simple
	RET

once:
	VLD32(1, 7, 24)
	VSHL(24, 0, 24)
	VSHL(26, 2, 26)
	VQDMULH(4, 24, 24)
	VQDMULH(6, 26, 26)
	VRSHL(24, 16, 24)
	VRSHL(26, 18, 26)
	VQMOVN32(24, 24)
	VQMOVN32(26, 25)
	VQADD16(22, 24, 24)
	VQMOVN16(24, 24)
	VMAX8(20, 24, 24)
	VMIN8(21, 24, 24)
	VST8(3, 4, 24)
	SUB.S $1, R5
	BNE  once
	RET

// func depthwiseNEON(args *depthwiseArgs)
//
// Eight channels. Offsets in depthwiseArgs: taps 0, weight 4, start 8, acc 12, pairs 16,
// n 20, pixels 24, x 28, width 32. R11, the assembler's, is the width: none of
// these instructions needs it.
TEXT ·depthwiseNEON(SB), NOSPLIT, $4-4
	MOVW args+0(FP), R0
	MOVW 12(R0), R9
	MOVW 20(R0), R12
	MOVW 24(R0), R8
	MOVW 28(R0), R7
	MOVW 8(R0), R14
	MOVW 32(R0), R11

pixel:
	MOVW.P 4(R8), R6
	ADD  R7, R6
	MOVW 0(R0), R1
	MOVW 4(R0), R2
	MOVW 16(R0), R5
	VLD32S(14, 16)

pair:
	MOVM.IA.W (R1), [R3-R4]
	ADD  R6, R3
	ADD  R6, R4
	VLD8(3, 0)
	VLD8(4, 1)
	VLD8I(2, 11, 2) // weights of both taps
	VLD8I(2, 11, 3)
	VMULL(2, 0, 4)
	VMLAL(3, 1, 4)
	VADDW(4, 16, 16)
	VADDW(5, 18, 18)
	SUB.S $1, R5
	BNE  pair

	VST32S(9, 16)
	ADD  $64, R9
	SUB.S $1, R12
	BNE  pixel
	RET

// func sumNEON(args *sumArgs)
//
// Offsets in sumArgs: sums 0, wide 4, narrow 8, wideZero 12, narrowZero 16, scale 20, n 24.
//
// D0 and D1 the mantissa, D2 and D3 right as negative shifts to the left, D4 wideZero, D5
// narrowZero.
TEXT ·sumNEON(SB), NOSPLIT, $0-4
	MOVW args+0(FP), R0
	MOVW 0(R0), R1
	MOVW 4(R0), R2
	MOVW 8(R0), R3
	MOVW 12(R0), R4
	VDUP8(4, 4)
	MOVW 16(R0), R4
	VDUP8(4, 5)
	MOVW 20(R0), R4
	MOVW 24(R0), R5
	ADD  $32, R4, R6
	VLD32Q(6, 0)
	ADD  $128, R4, R6
	VLD32Q(6, 2)
	VNEGQ(2, 2)

eight:
	VLD8P(3, 16)
	VLD8P(2, 17)
	VSUBL8(5, 16, 18)
	VSUBL8(4, 17, 20)
	VSHL16BY4(18, 18)
	VSHL16BY3(20, 20)
	VSHLL16BY16(18, 22)
	VSHLL16BY16(19, 24)
	VSHLL16BY16(20, 26)
	VSHLL16BY16(21, 28)
	VQRDMULH(0, 22, 22)
	VQRDMULH(0, 24, 24)
	VANDQ(2, 22, 16)
	VANDQ(2, 24, 18)
	VSRA31(16, 22)
	VSRA31(18, 24)
	VRSHL(22, 2, 22)
	VRSHL(24, 2, 24)
	VADDQ(26, 22, 22)
	VADDQ(28, 24, 24)
	VST32P(1, 22)
	SUB.S $8, R5
	BNE  eight
	RET
