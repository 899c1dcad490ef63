//go:build !noasm && arm.6

#include "textflag.h"

// Instructions of NEON, which the assembler does not have. From the Arm Architecture
// Reference Manual, ARMv7-A, section A8.8. Registers are numbers of D registers; those of
// Q registers are even.
#define D(d) (((d)&15)<<12 | ((d)>>4)<<22)
#define N(n) (((n)&15)<<16 | ((n)>>4)<<7)
#define M(m) (((m)&15) | ((m)>>4)<<5)

#define VMULL(m, n, d)  WORD $(0xF2800C00 | D(d) | N(n) | M(m))
#define VMLAL(m, n, d)  WORD $(0xF2800800 | D(d) | N(n) | M(m))
#define VPADAL(m, d)    WORD $(0xF3B40640 | D(d) | M(m))
#define VPADD(m, n, d)  WORD $(0xF2200B10 | D(d) | N(n) | M(m))
#define VADDQ(m, n, d)  WORD $(0xF2200840 | D(d) | N(n) | M(m))
#define VZERO(d)        WORD $(0xF2800050 | D(d))

// VDUP4 loads four bytes to both halves of a register and moves on; VLD8 loads 32 bytes
// to four registers and moves on by a register; VLDQ and VSTQ are of two registers.
#define VDUP4(r, d)     WORD $(0xF4A00C8D | (r)<<16 | D(d))
#define VLD32(r, s, d)  WORD $(0xF4200200 | (r)<<16 | D(d) | (s))
#define VLD32S(r, d)    WORD $(0xF420028F | (r)<<16 | D(d))
#define VST32S(r, d)    WORD $(0xF400028F | (r)<<16 | D(d))

// Offsets in tileArgs: x 0, pixels 4, runs 8, weight 12, start 16, acc 20, tiles 24,
// nRuns 28, quads 32, stride 36.
//
// D0 to D7 are weights of two quads, D8 to D11 elements of two pixels, D12 to D15
// products, D16 to D31 sums of pairs: of pixel 0 and 1, four registers of two channels.
#define PRODUCTS(w0, w1, x0, x1, t, acc) \
	VMULL(x0, w0, t) \
	VMLAL(x1, w1, t) \
	VPADAL(t, acc)

#define ONE(w0, x0, t, acc) \
	VMULL(x0, w0, t) \
	VPADAL(t, acc)

// func pairsNEON(args *tileArgs)
//
// Two pixels at a time, args.tiles pairs of them, and eight channels.
TEXT ·pairsNEON(SB), NOSPLIT, $16-4
	MOVW args+0(FP), R0
	MOVW 4(R0), R8
	MOVW 20(R0), R9
	MOVW 24(R0), R12
	MOVW 36(R0), R7

pixels:
	MOVW.P 4(R8), R1
	MOVW R1, first-4(SP)
	MOVW.P 4(R8), R1
	MOVW R1, second-8(SP)
	MOVW 12(R0), R3
	MOVW 8(R0), R4
	MOVW 28(R0), R5
	VZERO(16)
	VZERO(18)
	VZERO(20)
	VZERO(22)
	VZERO(24)
	VZERO(26)
	VZERO(28)
	VZERO(30)

run:
	MOVW.P 4(R4), R6
	MOVW 0(R0), R14
	ADD  R14, R6
	MOVW first-4(SP), R1
	ADD  R6, R1
	MOVW second-8(SP), R2
	ADD  R6, R2
	MOVW 32(R0), R6
	SUB.S $2, R6
	BLT  last

pair:
	VLD32(3, 7, 0)
	VLD32(3, 7, 4)
	VDUP4(1, 8)
	VDUP4(1, 9)
	VDUP4(2, 10)
	VDUP4(2, 11)
	PRODUCTS(0, 4, 8, 9, 12, 16)
	PRODUCTS(1, 5, 8, 9, 14, 18)
	PRODUCTS(2, 6, 8, 9, 12, 20)
	PRODUCTS(3, 7, 8, 9, 14, 22)
	PRODUCTS(0, 4, 10, 11, 12, 24)
	PRODUCTS(1, 5, 10, 11, 14, 26)
	PRODUCTS(2, 6, 10, 11, 12, 28)
	PRODUCTS(3, 7, 10, 11, 14, 30)
	SUB.S $2, R6
	BGE  pair

last:
	CMN  $1, R6
	BNE  done
	VLD32(3, 7, 0)
	VDUP4(1, 8)
	VDUP4(2, 10)
	ONE(0, 8, 12, 16)
	ONE(1, 8, 14, 18)
	ONE(2, 8, 12, 20)
	ONE(3, 8, 14, 22)
	ONE(0, 10, 12, 24)
	ONE(1, 10, 14, 26)
	ONE(2, 10, 12, 28)
	ONE(3, 10, 14, 30)

done:
	SUB.S $1, R5
	BNE  run

	MOVW 16(R0), R14
	VLD32S(14, 0) // starts of eight channels
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
