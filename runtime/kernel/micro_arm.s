//go:build !noasm && arm.6

#include "textflag.h"

// Offsets in tileArgs: x 0, pixels 4, runs 8, weight 12, start 16, acc 20, tiles 24,
// nRuns 28, quads 32, stride 36.
//
// Registers: R0 to R3 sums of four channels, R4 and R5 elements 0 and 2, 1 and 3, R6 to
// R9 weights, R11 quads left, R12 elements, R14 weights. R10 is the runtime's. R11 is
// the assembler's, which none of these instructions needs.

// Instructions that the assembler does not have. From the Arm Architecture Reference
// Manual, ARMv7-A, section A8.8.
#define SMLAD(a, m, n, d) WORD $(0xE7000010 | (d)<<16 | (a)<<12 | (m)<<8 | (n))
#define SXTB16(m, d)      WORD $(0xE68F0070 | (d)<<12 | (m))
#define SXTB16ROR8(m, d)  WORD $(0xE68F0470 | (d)<<12 | (m))

#define PKHBT(m, n, d)    WORD $(0xE6800810 | (n)<<16 | (d)<<12 | (m))
#define PKHTB(m, n, d)    WORD $(0xE6800850 | (n)<<16 | (d)<<12 | (m))
#define SMMULR(m, n, d)   WORD $(0xE750F030 | (d)<<16 | (m)<<8 | (n))
#define SMMUL(m, n, d)    WORD $(0xE750F010 | (d)<<16 | (m)<<8 | (n))

// func pixelsSMLAD(args *tileArgs)
TEXT ·pixelsSMLAD(SB), NOSPLIT, $36-4
	MOVW args+0(FP), R0
	MOVW 4(R0), R1
	MOVW R1, pixels-4(SP)
	MOVW 20(R0), R1
	MOVW R1, acc-8(SP)
	MOVW 24(R0), R1
	MOVW R1, left-12(SP)

pixel:
	MOVW args+0(FP), R0
	MOVW pixels-4(SP), R1
	MOVW.P 4(R1), R2
	MOVW R1, pixels-4(SP)
	MOVW 0(R0), R1
	ADD  R1, R2
	MOVW R2, patch-16(SP)
	MOVW 16(R0), R1
	MOVW R1, start-20(SP)
	MOVW 36(R0), R1
	MOVW R1>>4, R1
	MOVW R1, groups-24(SP)
	MOVW acc-8(SP), R1
	MOVW R1, sums-28(SP)
	MOVW 12(R0), R14

group:
	MOVW  args+0(FP), R4
	MOVW  8(R4), R5
	MOVW  R5, run-32(SP)
	MOVW  28(R4), R5
	MOVW  R5, runs-36(SP)
	MOVW  start-20(SP), R4
	MOVM.IA.W (R4), [R0-R3]
	MOVW  R4, start-20(SP)

run:
	MOVW run-32(SP), R4
	MOVW.P 4(R4), R5
	MOVW R4, run-32(SP)
	MOVW patch-16(SP), R12
	ADD  R5, R12
	MOVW args+0(FP), R4
	MOVW 32(R4), R11

quad:
	MOVW.P 4(R12), R4
	SXTB16ROR8(4, 5)
	SXTB16(4, 4)
	MOVM.IA.W (R14), [R6-R9]
	SMLAD(0, 6, 4, 0)
	SMLAD(0, 7, 5, 0)
	SMLAD(1, 8, 4, 1)
	SMLAD(1, 9, 5, 1)
	MOVM.IA.W (R14), [R6-R9]
	SMLAD(2, 6, 4, 2)
	SMLAD(2, 7, 5, 2)
	SMLAD(3, 8, 4, 3)
	SMLAD(3, 9, 5, 3)
	SUB.S $1, R11
	BNE  quad

	MOVW runs-36(SP), R4
	SUB.S $1, R4
	MOVW R4, runs-36(SP)
	BNE  run

	MOVW sums-28(SP), R4
	MOVM.IA.W [R0-R3], (R4)
	MOVW R4, sums-28(SP)
	MOVW groups-24(SP), R4
	SUB.S $1, R4
	MOVW R4, groups-24(SP)
	BNE  group

	MOVW acc-8(SP), R4
	ADD  $64, R4
	MOVW R4, acc-8(SP)
	MOVW left-12(SP), R4
	SUB.S $1, R4
	MOVW R4, left-12(SP)
	BNE  pixel
	RET

// FETCH loads a sum to R12, shifted by left + 1.
#define FETCH \
	MOVW.P 64(R0), R12 \
	MOVW R12<<R4, R12

// FINISH divides R12 by 2^right, adds half of that before, and clamps and stores it.
#define FINISH \
	ADD  R6, R12        \
	MOVW R12->R7, R12   \
	CMP  R8, R12        \
	MOVW.LT R8, R12     \
	CMP  R9, R12        \
	MOVW.GT R9, R12     \
	ADD  R14, R12       \
	MOVBU R12, (R1)     \
	ADD  R3, R1         \
	SUB.S $1, R2

// func requantizeSMLAD(args *requantizeArgs)
//
// Offsets in requantizeArgs: acc 0, scale 4, y 8, stride 12, pixels 16. In requantization: left
// 0, mantissa 32, away 64, half 96, right 128, low 160, high 164, zero 168, nudge 172.
//
// Registers: R0 sums, R1 y, R2 pixels left, R3 stride, R4 left + 1, R5 mantissa, R6
// half, R7 right, R8 low, R9 high, R14 zero.
TEXT ·requantizeSMLAD(SB), NOSPLIT, $12-4
	MOVW $0, R0
	MOVW R0, channel-4(SP)

channel:
	MOVW args+0(FP), R12
	MOVW 12(R12), R3
	MOVW 16(R12), R2
	MOVW channel-4(SP), R4
	MOVW 0(R12), R0
	ADD  R4<<2, R0
	MOVW 8(R12), R1
	ADD  R4, R1
	MOVW 4(R12), R12
	MOVW 160(R12), R8
	MOVW 164(R12), R9
	MOVW 168(R12), R14
	MOVW 172(R12), R7
	MOVW R7, nudge-8(SP)
	ADD  R4<<2, R12
	MOVW 0(R12), R4
	ADD  $1, R4
	MOVW 32(R12), R5
	MOVW 96(R12), R6
	MOVW 128(R12), R7
	MOVW 64(R12), R12
	CMP  $0, R12
	BNE  away
	MOVW nudge-8(SP), R12
	CMP  $0, R12
	BNE  nearest

once:
	FETCH
	SMMUL(5, 12, 12)
	FINISH
	BNE once
	B   next

nearest:
	FETCH
	SMMULR(5, 12, 12)
	FINISH
	BNE nearest
	B   next

away:
	FETCH
	SMMULR(5, 12, 12)
	ADD R12->31, R12
	FINISH
	BNE away

next:
	MOVW channel-4(SP), R4
	ADD  $1, R4
	MOVW R4, channel-4(SP)
	CMP  $8, R4
	BNE  channel
	RET

// Offsets in depthwiseArgs: taps 0, weight 4, start 8, acc 12, pairs 16, n 20, pixels 24,
// x 28.
//
// LANES adds the products of two taps, R12, and four channels, weights R14. R4 to R7
// become the elements of channels 0 and 2, 1 and 3 of both taps, R8 and R9 weights.
#define LANES \
	MOVM.IA.W (R12), [R4-R5] \
	MOVW at-28(SP), R6 \
	MOVW R6<<0(R4), R4 \
	MOVW R6<<0(R5), R5 \
	SXTB16ROR8(4, 6)  \
	SXTB16ROR8(5, 7)  \
	SXTB16(4, 4)      \
	SXTB16(5, 5)      \
	MOVM.IA.W (R14), [R8-R9] \
	PKHBT(5, 4, 11)   \
	SMLAD(0, 8, 11, 0) \
	PKHBT(7, 6, 11)   \
	SMLAD(1, 9, 11, 1) \
	MOVM.IA.W (R14), [R8-R9] \
	PKHTB(4, 5, 11)   \
	SMLAD(2, 8, 11, 2) \
	PKHTB(6, 7, 11)   \
	SMLAD(3, 9, 11, 3)

// func depthwiseSMLAD(args *depthwiseArgs)
TEXT ·depthwiseSMLAD(SB), NOSPLIT, $28-4
	MOVW args+0(FP), R0
	MOVW 12(R0), R1
	MOVW R1, acc-4(SP)
	MOVW 20(R0), R1
	MOVW R1, left-8(SP)
	MOVW 24(R0), R1
	MOVW R1, pixels-12(SP)

pixel:
	MOVW args+0(FP), R0
	MOVW pixels-12(SP), R1
	MOVW.P 4(R1), R2
	MOVW R1, pixels-12(SP)
	MOVW 28(R0), R1
	ADD  R1, R2
	MOVW R2, offset-16(SP)
	MOVW $0, R1
	MOVW R1, group-20(SP)

group:
	MOVW args+0(FP), R4
	MOVW group-20(SP), R5
	MOVW offset-16(SP), R6
	ADD  R5<<2, R6
	MOVW R6, at-28(SP)
	MOVW 8(R4), R6
	ADD  R5<<4, R6
	MOVM.IA (R6), [R0-R3]
	MOVW 4(R4), R14
	ADD  R5<<4, R14
	MOVW 0(R4), R12
	MOVW 16(R4), R6
	ADD  R6<<3, R12, R6
	MOVW R6, end-24(SP)

pair:
	LANES
	ADD  $48, R14
	MOVW end-24(SP), R4
	CMP  R4, R12
	BNE  pair

	MOVW group-20(SP), R5
	MOVW acc-4(SP), R4
	ADD  R5<<4, R4, R6
	MOVM.IA [R0-R3], (R6)
	ADD  $1, R5
	MOVW R5, group-20(SP)
	CMP  $4, R5
	BNE  group

	ADD  $64, R4
	MOVW R4, acc-4(SP)
	MOVW left-8(SP), R4
	SUB.S $1, R4
	MOVW R4, left-8(SP)
	BNE  pixel
	RET

// func depthwiseHalfSMLAD(args *depthwiseArgs)
TEXT ·depthwiseHalfSMLAD(SB), NOSPLIT, $28-4
	MOVW args+0(FP), R0
	MOVW 12(R0), R1
	MOVW R1, acc-4(SP)
	MOVW 20(R0), R1
	MOVW R1, left-8(SP)
	MOVW 24(R0), R1
	MOVW R1, pixels-12(SP)

pixel:
	MOVW args+0(FP), R0
	MOVW pixels-12(SP), R1
	MOVW.P 4(R1), R2
	MOVW R1, pixels-12(SP)
	MOVW 28(R0), R1
	ADD  R1, R2
	MOVW R2, offset-16(SP)
	MOVW $0, R1
	MOVW R1, group-20(SP)

group:
	MOVW args+0(FP), R4
	MOVW group-20(SP), R5
	MOVW offset-16(SP), R6
	ADD  R5<<2, R6
	MOVW R6, at-28(SP)
	MOVW 8(R4), R6
	ADD  R5<<4, R6
	MOVM.IA (R6), [R0-R3]
	MOVW 4(R4), R14
	ADD  R5<<4, R14
	MOVW 0(R4), R12
	MOVW 16(R4), R6
	ADD  R6<<3, R12, R6
	MOVW R6, end-24(SP)

pair:
	LANES
	ADD  $16, R14
	MOVW end-24(SP), R4
	CMP  R4, R12
	BNE  pair

	MOVW group-20(SP), R5
	MOVW acc-4(SP), R4
	ADD  R5<<4, R4, R6
	MOVM.IA [R0-R3], (R6)
	ADD  $1, R5
	MOVW R5, group-20(SP)
	CMP  $2, R5
	BNE  group

	ADD  $64, R4
	MOVW R4, acc-4(SP)
	MOVW left-8(SP), R4
	SUB.S $1, R4
	MOVW R4, left-8(SP)
	BNE  pixel
	RET
