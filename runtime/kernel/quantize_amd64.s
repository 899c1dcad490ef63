//go:build !noasm

#include "textflag.h"

DATA quantum<>+0(SB)/8, $0x3fe0000000000000 // 0.5
DATA quantum<>+8(SB)/8, $0x8000000000000000 // the sign
GLOBL quantum<>(SB), RODATA|NOPTR, $16

// QUANTA turns four float64 into four int32 in the low half: rounded, halves away from zero,
// clamped, NaN 0; t is another register.
#define QUANTA(q, t, half) \
	VDIVPD      Y15, q, q    \
	VCMPPD      $7, q, q, t  \
	VANDPD      t, q, q      \
	VANDPD      Y13, q, t    \
	VORPD       Y14, t, t    \
	VADDPD      t, q, q      \
	VROUNDPD    $3, q, q     \
	VMINPD      Y11, q, q    \
	VMAXPD      Y12, q, q    \
	VCVTTPD2DQY q, half

// func quantizeAVX2(n int, y *int8, x *float32, args *quantizeArgs)
TEXT ·quantizeAVX2(SB), NOSPLIT, $0-32
	MOVQ         n+0(FP), CX
	MOVQ         y+8(FP), DI
	MOVQ         x+16(FP), SI
	MOVQ         args+24(FP), DX
	VBROADCASTSD 0(DX), Y15            // step
	VBROADCASTSD 8(DX), Y12            // least
	VBROADCASTSD 16(DX), Y11           // most
	VPBROADCASTD 24(DX), X10           // zero
	VBROADCASTSD quantum<>+0(SB), Y14
	VBROADCASTSD quantum<>+8(SB), Y13

loop:
	VCVTPS2PD 0(SI), Y0
	VCVTPS2PD 16(SI), Y1
	QUANTA(Y0, Y2, X0)
	QUANTA(Y1, Y3, X1)
	VPADDD    X10, X0, X0
	VPADDD    X10, X1, X1
	VPACKSSDW X1, X0, X0
	VPACKSSWB X0, X0, X0
	VMOVQ     X0, (DI)
	ADDQ      $32, SI
	ADDQ      $8, DI
	SUBQ      $8, CX
	JGT       loop
	VZEROUPPER
	RET
