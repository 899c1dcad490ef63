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
