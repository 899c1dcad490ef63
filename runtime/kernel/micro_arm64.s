//go:build !noasm

#include "textflag.h"
#include "neon_arm64.h"

// Offsets in tileArgs: x 0, pixels 8, runs 16, weight 24, start 32, acc 40, tiles 48,
// nRuns 56, quads 64, stride 72. In requantizeArgs: acc 0, scale 8, y 16, stride 24,
// pixels 32.
//
// Registers: R0 arguments, R1 x, R2 pixels, R3 acc, R4 tiles, R5 to R8 patches, R9
// weights, R10 runs, R11 runs left, R12 quads left, R13 to R16 pixels, R17 quads, R19
// start, R20 a run's offset, R21 stride.

#define ARGS \
	MOVD args+0(FP), R0 \
	MOVD 0(R0), R1      \
	MOVD 8(R0), R2      \
	MOVD 40(R0), R3     \
	MOVD 64(R0), R17

#define PIXELS \
	MOVW.P 4(R2), R5 \
	MOVW.P 4(R2), R6 \
	MOVW.P 4(R2), R7 \
	MOVW.P 4(R2), R8 \
	ADD    R1, R5    \
	ADD    R1, R6    \
	ADD    R1, R7    \
	ADD    R1, R8

#define PANEL \
	MOVD 24(R0), R9  \
	MOVD 16(R0), R10 \
	MOVD 56(R0), R11 \
	MOVD 32(R0), R19

#define RUN \
	MOVW.P 4(R10), R20 \
	ADD    R20, R5, R13 \
	ADD    R20, R6, R14 \
	ADD    R20, R7, R15 \
	ADD    R20, R8, R16 \
	MOVD   R17, R12

#define COPY(from, to) VORR from.B16, from.B16, to.B16

// func tileDot(args *tileArgs)
TEXT ·tileDot(SB), NOSPLIT, $0-8
	ARGS
	MOVD 48(R0), R4

tile:
	PIXELS
	PANEL
	VLD1 (R19), [V0.S4, V1.S4, V2.S4, V3.S4]
	COPY(V0, V4)
	COPY(V1, V5)
	COPY(V2, V6)
	COPY(V3, V7)
	COPY(V0, V8)
	COPY(V1, V9)
	COPY(V2, V10)
	COPY(V3, V11)
	COPY(V0, V12)
	COPY(V1, V13)
	COPY(V2, V14)
	COPY(V3, V15)

run:
	RUN
	SUBS $2, R12, R12
	BLT  last

pair:
	VLD1.P 8(R13), [V20.B8]
	VLD1.P 8(R14), [V21.B8]
	VLD1.P 8(R15), [V22.B8]
	VLD1.P 8(R16), [V23.B8]
	VLD1.P 64(R9), [V16.B16, V17.B16, V18.B16, V19.B16]
	SDOT0(20, 16, 0)
	SDOT0(20, 17, 1)
	SDOT0(20, 18, 2)
	SDOT0(20, 19, 3)
	SDOT0(21, 16, 4)
	SDOT0(21, 17, 5)
	SDOT0(21, 18, 6)
	SDOT0(21, 19, 7)
	SDOT0(22, 16, 8)
	SDOT0(22, 17, 9)
	SDOT0(22, 18, 10)
	SDOT0(22, 19, 11)
	SDOT0(23, 16, 12)
	SDOT0(23, 17, 13)
	SDOT0(23, 18, 14)
	SDOT0(23, 19, 15)
	VLD1.P 64(R9), [V16.B16, V17.B16, V18.B16, V19.B16]
	SDOT1(20, 16, 0)
	SDOT1(20, 17, 1)
	SDOT1(20, 18, 2)
	SDOT1(20, 19, 3)
	SDOT1(21, 16, 4)
	SDOT1(21, 17, 5)
	SDOT1(21, 18, 6)
	SDOT1(21, 19, 7)
	SDOT1(22, 16, 8)
	SDOT1(22, 17, 9)
	SDOT1(22, 18, 10)
	SDOT1(22, 19, 11)
	SDOT1(23, 16, 12)
	SDOT1(23, 17, 13)
	SDOT1(23, 18, 14)
	SDOT1(23, 19, 15)
	SUBS $2, R12, R12
	BGE  pair

last:
	TBZ  $0, R17, done
	VLD1.P 64(R9), [V16.B16, V17.B16, V18.B16, V19.B16]
	VLD1R (R13), [V20.S4]
	VLD1R (R14), [V21.S4]
	VLD1R (R15), [V22.S4]
	VLD1R (R16), [V23.S4]
	SDOT(20, 16, 0)
	SDOT(20, 17, 1)
	SDOT(20, 18, 2)
	SDOT(20, 19, 3)
	SDOT(21, 16, 4)
	SDOT(21, 17, 5)
	SDOT(21, 18, 6)
	SDOT(21, 19, 7)
	SDOT(22, 16, 8)
	SDOT(22, 17, 9)
	SDOT(22, 18, 10)
	SDOT(22, 19, 11)
	SDOT(23, 16, 12)
	SDOT(23, 17, 13)
	SDOT(23, 18, 14)
	SDOT(23, 19, 15)

done:
	SUBS    $1, R11, R11
	BNE     run

	VST1.P [V0.S4, V1.S4, V2.S4, V3.S4], 64(R3)
	VST1.P [V4.S4, V5.S4, V6.S4, V7.S4], 64(R3)
	VST1.P [V8.S4, V9.S4, V10.S4, V11.S4], 64(R3)
	VST1.P [V12.S4, V13.S4, V14.S4, V15.S4], 64(R3)
	SUBS   $1, R4, R4
	BNE    tile
	RET

// func tileHalfDot(args *tileArgs)
TEXT ·tileHalfDot(SB), NOSPLIT, $0-8
	ARGS
	MOVD 48(R0), R4

tile:
	PIXELS
	PANEL
	VLD1 (R19), [V0.S4, V1.S4]
	COPY(V0, V4)
	COPY(V1, V5)
	COPY(V0, V8)
	COPY(V1, V9)
	COPY(V0, V12)
	COPY(V1, V13)

run:
	RUN
	SUBS $2, R12, R12
	BLT  last

pair:
	VLD1.P 8(R13), [V20.B8]
	VLD1.P 8(R14), [V21.B8]
	VLD1.P 8(R15), [V22.B8]
	VLD1.P 8(R16), [V23.B8]
	VLD1.P 32(R9), [V16.B16, V17.B16]
	SDOT0(20, 16, 0)
	SDOT0(20, 17, 1)
	SDOT0(21, 16, 4)
	SDOT0(21, 17, 5)
	SDOT0(22, 16, 8)
	SDOT0(22, 17, 9)
	SDOT0(23, 16, 12)
	SDOT0(23, 17, 13)
	VLD1.P 32(R9), [V16.B16, V17.B16]
	SDOT1(20, 16, 0)
	SDOT1(20, 17, 1)
	SDOT1(21, 16, 4)
	SDOT1(21, 17, 5)
	SDOT1(22, 16, 8)
	SDOT1(22, 17, 9)
	SDOT1(23, 16, 12)
	SDOT1(23, 17, 13)
	SUBS $2, R12, R12
	BGE  pair

last:
	TBZ  $0, R17, done
	VLD1.P 32(R9), [V16.B16, V17.B16]
	VLD1R (R13), [V20.S4]
	VLD1R (R14), [V21.S4]
	VLD1R (R15), [V22.S4]
	VLD1R (R16), [V23.S4]
	SDOT(20, 16, 0)
	SDOT(20, 17, 1)
	SDOT(21, 16, 4)
	SDOT(21, 17, 5)
	SDOT(22, 16, 8)
	SDOT(22, 17, 9)
	SDOT(23, 16, 12)
	SDOT(23, 17, 13)

done:
	SUBS    $1, R11, R11
	BNE     run

	MOVD   $64, R20
	VST1.P [V0.S4, V1.S4], (R3)(R20)
	VST1.P [V4.S4, V5.S4], (R3)(R20)
	VST1.P [V8.S4, V9.S4], (R3)(R20)
	VST1.P [V12.S4, V13.S4], (R3)(R20)
	SUBS   $1, R4, R4
	BNE    tile
	RET

// func pixelDot(args *tileArgs)
//
// Two quads at a time: with four accumulators alone, each dot product would wait for
// the one before.
TEXT ·pixelDot(SB), NOSPLIT, $0-8
	ARGS
	MOVW (R2), R5
	ADD  R1, R5
	PANEL
	VLD1 (R19), [V0.S4, V1.S4, V2.S4, V3.S4]
	VEOR V4.B16, V4.B16, V4.B16
	VEOR V5.B16, V5.B16, V5.B16
	VEOR V6.B16, V6.B16, V6.B16
	VEOR V7.B16, V7.B16, V7.B16

run:
	MOVW.P 4(R10), R20
	ADD    R20, R5, R13
	SUBS   $2, R17, R12
	BLT    last

pair:
	VLD1.P  64(R9), [V16.B16, V17.B16, V18.B16, V19.B16]
	VLD1.P  64(R9), [V20.B16, V21.B16, V22.B16, V23.B16]
	VLD1R.P 4(R13), [V24.S4]
	VLD1R.P 4(R13), [V25.S4]
	SDOT(24, 16, 0)
	SDOT(24, 17, 1)
	SDOT(24, 18, 2)
	SDOT(24, 19, 3)
	SDOT(25, 20, 4)
	SDOT(25, 21, 5)
	SDOT(25, 22, 6)
	SDOT(25, 23, 7)
	SUBS    $2, R12, R12
	BGE     pair

last:
	CMN $1, R12 // one is left if R12 is -1
	BNE done
	VLD1.P 64(R9), [V16.B16, V17.B16, V18.B16, V19.B16]
	VLD1R  (R13), [V24.S4]
	SDOT(24, 16, 0)
	SDOT(24, 17, 1)
	SDOT(24, 18, 2)
	SDOT(24, 19, 3)

done:
	SUBS $1, R11, R11
	BNE  run
	VADD V4.S4, V0.S4, V0.S4
	VADD V5.S4, V1.S4, V1.S4
	VADD V6.S4, V2.S4, V2.S4
	VADD V7.S4, V3.S4, V3.S4
	VST1 [V0.S4, V1.S4, V2.S4, V3.S4], (R3)
	RET

// func pixelHalfDot(args *tileArgs)
TEXT ·pixelHalfDot(SB), NOSPLIT, $0-8
	ARGS
	MOVW (R2), R5
	ADD  R1, R5
	PANEL
	VLD1 (R19), [V0.S4, V1.S4]

run:
	MOVW.P 4(R10), R20
	ADD    R20, R5, R13
	MOVD   R17, R12

quad:
	VLD1.P  32(R9), [V16.B16, V17.B16]
	VLD1R.P 4(R13), [V20.S4]
	SDOT(20, 16, 0)
	SDOT(20, 17, 1)
	SUBS    $1, R12, R12
	BNE     quad
	SUBS    $1, R11, R11
	BNE     run
	VST1    [V0.S4, V1.S4], (R3)
	RET

// TWO adds the products of two quads, weights V16 to V19, to a pixel's sums of pairs: ADDP is
// SADALP, or SADDLP for the first products of a tile.
#define TWO(ADDP, r, a0, a1, a2, a3) \
	LD2RS4(r, 20)          \
	SMULL(20, 16, 22)      \
	SMULL2(20, 16, 23)     \
	SMULL(20, 17, 24)      \
	SMULL2(20, 17, 25)     \
	SMLAL(21, 18, 22)      \
	SMLAL2(21, 18, 23)     \
	SMLAL(21, 19, 24)      \
	SMLAL2(21, 19, 25)     \
	ADDP(22, a0)         \
	ADDP(23, a1)         \
	ADDP(24, a2)         \
	ADDP(25, a3)

// ONE adds those of one quad, weights V16 and V17.
#define ONE(ADDP, r, a0, a1, a2, a3) \
	VLD1R.P 4(r), [V20.S4] \
	SMULL(20, 16, 22)      \
	SMULL2(20, 16, 23)     \
	SMULL(20, 17, 24)      \
	SMULL2(20, 17, 25)     \
	ADDP(22, a0)         \
	ADDP(23, a1)         \
	ADDP(24, a2)         \
	ADDP(25, a3)

#define ZERO(v) VEOR v.B16, v.B16, v.B16

// STORE adds pairs of sums and the start of eight channels, V26 and V27.
#define STORE(a0, a1, a2, a3) \
	VADDP a1.S4, a0.S4, V16.S4  \
	VADDP a3.S4, a2.S4, V17.S4  \
	VADD  V26.S4, V16.S4, V16.S4 \
	VADD  V27.S4, V17.S4, V17.S4 \
	VST1.P [V16.S4, V17.S4], (R3)(R20)

#define TWOQUADS(ADDP) \
	VLD1.P (R9)(R21), [V16.B16, V17.B16] \
	VLD1.P (R9)(R21), [V18.B16, V19.B16] \
	TWO(ADDP, 13, 0, 1, 2, 3)           \
	TWO(ADDP, 14, 4, 5, 6, 7)           \
	TWO(ADDP, 15, 8, 9, 10, 11)         \
	TWO(ADDP, 16, 12, 13, 14, 15)

#define ONEQUAD(ADDP) \
	VLD1.P (R9)(R21), [V16.B16, V17.B16] \
	ONE(ADDP, R13, 0, 1, 2, 3)           \
	ONE(ADDP, R14, 4, 5, 6, 7)           \
	ONE(ADDP, R15, 8, 9, 10, 11)         \
	ONE(ADDP, R16, 12, 13, 14, 15)

// func tileNEON(args *tileArgs)
TEXT ·tileNEON(SB), NOSPLIT, $0-8
	ARGS
	MOVD 48(R0), R4
	MOVD 72(R0), R21

tile:
	PIXELS
	PANEL
	VLD1 (R19), [V26.S4, V27.S4]
	RUN
	SUBS $2, R12, R12
	BLT  one
	TWOQUADS(SADDLP)
	SUBS $2, R12, R12
	BGE  pair
	B    last

one:
	ONEQUAD(SADDLP)
	B    done

run:
	RUN
	SUBS $2, R12, R12
	BLT  last

pair:
	TWOQUADS(SADALP)
	SUBS $2, R12, R12
	BGE  pair

last:
	TBZ  $0, R17, done
	ONEQUAD(SADALP)

done:
	SUBS $1, R11, R11
	BNE  run
	MOVD $64, R20
	STORE(V0, V1, V2, V3)
	STORE(V4, V5, V6, V7)
	STORE(V8, V9, V10, V11)
	STORE(V12, V13, V14, V15)
	SUBS $1, R4, R4
	BNE  tile
	RET

// func pixelNEON(args *tileArgs)
TEXT ·pixelNEON(SB), NOSPLIT, $0-8
	ARGS
	MOVD 72(R0), R21
	MOVW (R2), R5
	ADD  R1, R5
	PANEL
	VLD1 (R19), [V26.S4, V27.S4]
	ZERO(V0)
	ZERO(V1)
	ZERO(V2)
	ZERO(V3)

run:
	MOVW.P 4(R10), R20
	ADD    R20, R5, R13
	SUBS   $2, R17, R12
	BLT    last

pair:
	VLD1.P (R9)(R21), [V16.B16, V17.B16]
	VLD1.P (R9)(R21), [V18.B16, V19.B16]
	TWO(SADALP, 13, 0, 1, 2, 3)
	SUBS   $2, R12, R12
	BGE    pair

last:
	CMN $1, R12
	BNE done
	VLD1.P (R9)(R21), [V16.B16, V17.B16]
	ONE(SADALP, R13, 0, 1, 2, 3)

done:
	SUBS $1, R11, R11
	BNE  run
	MOVD $64, R20
	STORE(V0, V1, V2, V3)
	RET

// func requantizeNEON(args *requantizeArgs)
//
// Offsets in requantization: left 0, mantissa 32, away 64, half 96, right 128, low 160,
// high 164, zero 168, nudge 172.
TEXT ·requantizeNEON(SB), NOSPLIT, $0-8
	MOVD  args+0(FP), R0
	MOVD  0(R0), R1
	MOVD  8(R0), R2
	MOVD  16(R0), R3
	MOVD  24(R0), R4
	MOVD  32(R0), R5
	VLD1.P 32(R2), [V0.S4, V1.S4]  // left
	VLD1  (R2), [V2.S4, V3.S4]     // mantissas
	ADD   $96, R2, R6
	VLD1  (R6), [V4.S4, V5.S4]
	NEG(4, 4)                      // right, as negative shifts to the left
	NEG(5, 5)
	ADD   $128, R2, R6
	VLD1R.P 4(R6), [V6.S4]         // low
	VLD1R.P 4(R6), [V7.S4]         // high
	VLD1R.P 4(R6), [V8.S4]         // zero
	MOVW  (R6), R7                 // nudge
	MOVD  $64, R8
	CBZ   R7, once

twice:
	VLD1.P (R1)(R8), [V16.S4, V17.S4]
	SSHL(0, 16, 16)
	SSHL(1, 17, 17)
	SQRDMULH(2, 16, 16)
	SQRDMULH(3, 17, 17)
	VAND V4.B16, V16.B16, V18.B16
	VAND V5.B16, V17.B16, V19.B16
	SSRA31(18, 16)
	SSRA31(19, 17)
	SRSHL(4, 16, 16)
	SRSHL(5, 17, 17)
	SMAX(6, 16, 16)
	SMAX(6, 17, 17)
	SMIN(7, 16, 16)
	SMIN(7, 17, 17)
	VADD V8.S4, V16.S4, V16.S4
	VADD V8.S4, V17.S4, V17.S4
	XTN4H(16, 16)
	XTN8H(17, 16)
	XTN8B(16, 16)
	VST1.P [V16.B8], (R3)(R4)
	SUBS $1, R5, R5
	BNE  twice
	RET

once:
	VLD1.P (R1)(R8), [V16.S4, V17.S4]
	SSHL(0, 16, 16)
	SSHL(1, 17, 17)
	SQDMULH(2, 16, 16)
	SQDMULH(3, 17, 17)
	SRSHL(4, 16, 16)
	SRSHL(5, 17, 17)
	SMAX(6, 16, 16)
	SMAX(6, 17, 17)
	SMIN(7, 16, 16)
	SMIN(7, 17, 17)
	VADD V8.S4, V16.S4, V16.S4
	VADD V8.S4, V17.S4, V17.S4
	XTN4H(16, 16)
	XTN8H(17, 16)
	XTN8B(16, 16)
	VST1.P [V16.B8], (R3)(R4)
	SUBS $1, R5, R5
	BNE  once
	RET

// func requantizePanelNEON(args *requantizeArgs)
//
// Saturation to 16 bits, zero, and saturation to 8 bits give what a clamp in 32 bits
// gives.
TEXT ·requantizePanelNEON(SB), NOSPLIT, $0-8
	MOVD  args+0(FP), R0
	MOVD  0(R0), R1
	MOVD  8(R0), R2
	MOVD  16(R0), R3
	MOVD  24(R0), R4
	MOVD  32(R0), R5
	ADD   $32, R2, R6
	VLD1  (R6), [V0.S4, V1.S4]     // mantissas
	ADD   $212, R2, R6
	VLD1  (R6), [V2.S4, V3.S4]
	ADD   $128, R2, R6
	VLD1  (R6), [V4.S4, V5.S4]     // right
	ADD   $308, R2, R6
	VLD1  (R6), [V6.S4, V7.S4]
	NEG(4, 4)
	NEG(5, 5)
	NEG(6, 6)
	NEG(7, 7)
	MOVW  160(R2), R6              // low and high are less zero
	MOVW  164(R2), R7
	MOVW  168(R2), R8
	ADD   R8, R6
	ADD   R8, R7
	VDUP  R6, V20.B16
	VDUP  R7, V21.B16
	VDUP  R8, V22.H8

pixel:
	VLD1.P 64(R1), [V16.S4, V17.S4, V18.S4, V19.S4]
	SQRDMULH(0, 16, 16)
	SQRDMULH(1, 17, 17)
	SQRDMULH(2, 18, 18)
	SQRDMULH(3, 19, 19)
	SSRA31(16, 16)
	SSRA31(17, 17)
	SSRA31(18, 18)
	SSRA31(19, 19)
	SRSHL(4, 16, 16)
	SRSHL(5, 17, 17)
	SRSHL(6, 18, 18)
	SRSHL(7, 19, 19)
	SQXTN4H(16, 16)
	SQXTN8H(17, 16)
	SQXTN4H(18, 18)
	SQXTN8H(19, 18)
	SQADD8H(22, 16, 16)
	SQADD8H(22, 18, 18)
	SQXTN8B(16, 16)
	SQXTN16B(18, 16)
	SMAXB(20, 16, 16)
	SMINB(21, 16, 16)
	VST1.P [V16.B16], (R3)(R4)
	SUBS   $1, R5, R5
	BNE    pixel
	RET

// Offsets in depthwiseArgs: taps 0, weight 8, start 16, acc 24, pairs 32, n 40, pixels
// 48, x 56.

#define DEPTHWISE \
	MOVD args+0(FP), R0 \
	MOVD 24(R0), R3     \
	MOVD 40(R0), R4     \
	MOVD 48(R0), R5     \
	MOVD 16(R0), R6     \
	MOVD $64, R20       \
	MOVD 56(R0), R13

#define TAPS \
	MOVW.P 4(R5), R7 \
	ADD  R13, R7    \
	MOVD 0(R0), R8  \
	MOVD 8(R0), R9  \
	MOVD 32(R0), R10

#define TAP(r) \
	MOVW.P 4(R8), r \
	ADD    R7, r

// func depthwiseNEON(args *depthwiseArgs)
TEXT ·depthwiseNEON(SB), NOSPLIT, $0-8
	DEPTHWISE

pixel:
	TAPS
	VLD1 (R6), [V0.S4, V1.S4, V2.S4, V3.S4]

pair:
	TAP(R11)
	TAP(R12)
	VLD1   (R11), [V16.B16]
	VLD1   (R12), [V17.B16]
	VLD1.P 32(R9), [V18.B16, V19.B16]
	SMULL(18, 16, 20)
	SMULL2(18, 16, 21)
	SMLAL(19, 17, 20)
	SMLAL2(19, 17, 21)
	SADDW(20, 0, 0)
	SADDW2(20, 1, 1)
	SADDW(21, 2, 2)
	SADDW2(21, 3, 3)
	SUBS   $1, R10, R10
	BNE    pair

	VST1.P [V0.S4, V1.S4, V2.S4, V3.S4], 64(R3)
	SUBS   $1, R4, R4
	BNE    pixel
	RET

// func depthwiseHalfNEON(args *depthwiseArgs)
TEXT ·depthwiseHalfNEON(SB), NOSPLIT, $0-8
	DEPTHWISE

pixel:
	TAPS
	VLD1 (R6), [V0.S4, V1.S4]

pair:
	TAP(R11)
	TAP(R12)
	VLD1   (R11), [V16.B8]
	VLD1   (R12), [V17.B8]
	VLD1.P 16(R9), [V18.B8, V19.B8]
	SMULL(18, 16, 20)
	SMLAL(19, 17, 20)
	SADDW(20, 0, 0)
	SADDW2(20, 1, 1)
	SUBS   $1, R10, R10
	BNE    pair

	VST1.P [V0.S4, V1.S4], (R3)(R20)
	SUBS   $1, R4, R4
	BNE    pixel
	RET

// Offsets in maxArgs: y 0, x 8, rows 16, columns 24, down 32, right 40, channels 48.

// func maxNEON(args *maxArgs)
TEXT ·maxNEON(SB), NOSPLIT, $0-8
	MOVD args+0(FP), R0
	MOVD 0(R0), R1
	MOVD 8(R0), R2
	MOVD 16(R0), R3
	MOVD 24(R0), R4
	MOVD 32(R0), R5
	MOVD 40(R0), R6
	MOVD 48(R0), R7 // channels left

channels:
	MOVD R3, R8
	MOVD R2, R9
	VLD1 (R9), [V0.B16]

row:
	MOVD R4, R10
	MOVD R9, R11

column:
	VLD1 (R11), [V1.B16]
	SMAXB(1, 0, 0)
	ADD  R6, R11
	SUBS $1, R10, R10
	BNE  column
	ADD  R5, R9
	SUBS $1, R8, R8
	BNE  row

	VST1 [V0.B16], (R1)
	SUBS $16, R7, R7
	BLE  done
	ADD  $16, R1
	ADD  $16, R2
	CMP  $16, R7
	BGE  channels
	SUB  $16, R7, R12 // back, so that the last ones are done once more
	ADD  R12, R1
	ADD  R12, R2
	MOVD $16, R7
	B    channels

done:
	RET

// func maxHalfNEON(args *maxArgs)
TEXT ·maxHalfNEON(SB), NOSPLIT, $0-8
	MOVD args+0(FP), R0
	MOVD 0(R0), R1
	MOVD 8(R0), R2
	MOVD 16(R0), R3
	MOVD 24(R0), R4
	MOVD 32(R0), R5
	MOVD 40(R0), R6
	MOVD 48(R0), R7 // channels left

channels:
	MOVD R3, R8
	MOVD R2, R9
	VLD1 (R9), [V0.B8]

row:
	MOVD R4, R10
	MOVD R9, R11

column:
	VLD1 (R11), [V1.B8]
	SMAXB(1, 0, 0)
	ADD  R6, R11
	SUBS $1, R10, R10
	BNE  column
	ADD  R5, R9
	SUBS $1, R8, R8
	BNE  row

	VST1 [V0.B8], (R1)
	SUBS $8, R7, R7
	BLE  done
	ADD  $8, R1
	ADD  $8, R2
	CMP  $8, R7
	BGE  channels
	SUB  $8, R7, R12 // back, so that the last ones are done once more
	ADD  R12, R1
	ADD  R12, R2
	MOVD $8, R7
	B    channels

done:
	RET

// Offsets in sumArgs: sums 0, wide 8, narrow 16, wideZero 24, narrowZero 32, scale 40, n
// 48.

// func sumNEON(args *sumArgs)
TEXT ·sumNEON(SB), NOSPLIT, $0-8
	MOVD  args+0(FP), R0
	MOVD  0(R0), R1
	MOVD  8(R0), R2
	MOVD  16(R0), R3
	MOVD  24(R0), R4
	VDUP  R4, V28.B16
	MOVD  32(R0), R4
	VDUP  R4, V29.B16
	MOVD  40(R0), R4
	MOVD  48(R0), R5
	ADD   $32, R4, R6
	VLD1R (R6), [V26.S4]     // the mantissa, of all lanes
	ADD   $128, R4, R6
	VLD1R (R6), [V27.S4]     // right
	NEG(27, 27)

eight:
	VLD1.P 8(R3), [V0.B8]
	VLD1.P 8(R2), [V1.B8]
	SSUBL8H(29, 0, 0)
	SSUBL8H(28, 1, 1)
	SHL8H4(0, 0)
	SHL8H3(1, 1)
	SHLL16(0, 2)
	SHLL216(0, 3)
	SHLL16(1, 4)
	SHLL216(1, 5)
	SQRDMULH(26, 2, 2)
	SQRDMULH(26, 3, 3)
	VAND   V27.B16, V2.B16, V6.B16
	VAND   V27.B16, V3.B16, V7.B16
	SSRA31(6, 2)
	SSRA31(7, 3)
	SRSHL(27, 2, 2)
	SRSHL(27, 3, 3)
	VADD   V4.S4, V2.S4, V2.S4
	VADD   V5.S4, V3.S4, V3.S4
	VST1.P [V2.S4, V3.S4], 32(R1)
	SUBS   $8, R5, R5
	BNE    eight
	RET
