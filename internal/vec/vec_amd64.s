//go:build !noasm

#include "textflag.h"

// Every loop counts BX in bytes from -4n up to 0, with the pointers moved to the
// ends of the arrays.

#define SETUP \
	MOVQ n+0(FP), BX \
	SHLQ $2, BX

#define AGAIN(label) \
	ADDQ $32, BX  \
	JLT  label    \
	VZEROUPPER    \
	RET

// func addAVX2(n int, dst, src *float32)
TEXT ·addAVX2(SB), NOSPLIT, $0-24
	SETUP
	MOVQ dst+8(FP), DI
	MOVQ src+16(FP), SI
	ADDQ BX, DI
	ADDQ BX, SI
	NEGQ BX

loop:
	VMOVUPS (DI)(BX*1), Y0
	VADDPS  (SI)(BX*1), Y0, Y0
	VMOVUPS Y0, (DI)(BX*1)
	AGAIN(loop)

// func axpyAVX2(n int, dst *float32, alpha float32, src *float32)
TEXT ·axpyAVX2(SB), NOSPLIT, $0-32
	SETUP
	MOVQ dst+8(FP), DI
	VBROADCASTSS alpha+16(FP), Y2
	MOVQ src+24(FP), SI
	ADDQ BX, DI
	ADDQ BX, SI
	NEGQ BX

loop:
	VMULPS  (SI)(BX*1), Y2, Y1
	VADDPS  (DI)(BX*1), Y1, Y0
	VMOVUPS Y0, (DI)(BX*1)
	AGAIN(loop)

// func scaleAVX2(n int, dst *float32, alpha float32, src *float32)
TEXT ·scaleAVX2(SB), NOSPLIT, $0-32
	SETUP
	MOVQ dst+8(FP), DI
	VBROADCASTSS alpha+16(FP), Y2
	MOVQ src+24(FP), SI
	ADDQ BX, DI
	ADDQ BX, SI
	NEGQ BX

loop:
	VMULPS  (SI)(BX*1), Y2, Y0
	VMOVUPS Y0, (DI)(BX*1)
	AGAIN(loop)

// func mulAVX2(n int, dst, a, b *float32)
TEXT ·mulAVX2(SB), NOSPLIT, $0-32
	SETUP
	MOVQ dst+8(FP), DI
	MOVQ a+16(FP), SI
	MOVQ b+24(FP), DX
	ADDQ BX, DI
	ADDQ BX, SI
	ADDQ BX, DX
	NEGQ BX

loop:
	VMOVUPS (SI)(BX*1), Y0
	VMULPS  (DX)(BX*1), Y0, Y0
	VMOVUPS Y0, (DI)(BX*1)
	AGAIN(loop)

// func reluAVX2(n int, dst, src *float32)
//
// VMAXPS gives its first operand as Go writes them when both are equal or one
// is NaN.
TEXT ·reluAVX2(SB), NOSPLIT, $0-24
	SETUP
	MOVQ dst+8(FP), DI
	MOVQ src+16(FP), SI
	ADDQ BX, DI
	ADDQ BX, SI
	NEGQ BX
	VXORPS Y2, Y2, Y2

loop:
	VMAXPS  (SI)(BX*1), Y2, Y0
	VMOVUPS Y0, (DI)(BX*1)
	AGAIN(loop)

// func reluBackAVX2(n int, din, y, dout *float32)
TEXT ·reluBackAVX2(SB), NOSPLIT, $0-32
	SETUP
	MOVQ din+8(FP), DI
	MOVQ y+16(FP), SI
	MOVQ dout+24(FP), DX
	ADDQ BX, DI
	ADDQ BX, SI
	ADDQ BX, DX
	NEGQ BX
	VXORPS Y2, Y2, Y2

loop:
	VCMPPS  $1, (SI)(BX*1), Y2, Y1 // 0 < y
	VANDPS  (DX)(BX*1), Y1, Y1
	VADDPS  (DI)(BX*1), Y1, Y0
	VMOVUPS Y0, (DI)(BX*1)
	AGAIN(loop)

// func clampAVX2(n int, dst, src *float32, lo, hi float32)
TEXT ·clampAVX2(SB), NOSPLIT, $0-32
	SETUP
	MOVQ dst+8(FP), DI
	MOVQ src+16(FP), SI
	VBROADCASTSS lo+24(FP), Y2
	VBROADCASTSS hi+28(FP), Y3
	ADDQ BX, DI
	ADDQ BX, SI
	NEGQ BX

loop:
	VMAXPS  (SI)(BX*1), Y2, Y0
	VMINPS  Y0, Y3, Y0
	VMOVUPS Y0, (DI)(BX*1)
	AGAIN(loop)

// func clampBackAVX2(n int, dst, y, dy *float32, lo, hi float32)
TEXT ·clampBackAVX2(SB), NOSPLIT, $0-40
	SETUP
	MOVQ dst+8(FP), DI
	MOVQ y+16(FP), SI
	MOVQ dy+24(FP), DX
	VBROADCASTSS lo+32(FP), Y2
	VBROADCASTSS hi+36(FP), Y3
	ADDQ BX, DI
	ADDQ BX, SI
	ADDQ BX, DX
	NEGQ BX

loop:
	VMOVUPS (SI)(BX*1), Y0
	VCMPPS  $1, Y0, Y2, Y1 // lo < y
	VCMPPS  $1, Y3, Y0, Y0 // y < hi
	VANDPS  Y0, Y1, Y0
	VANDPS  (DX)(BX*1), Y0, Y0
	VMOVUPS Y0, (DI)(BX*1)
	AGAIN(loop)

// func fillAVX2(n int, dst *float32, v float32)
TEXT ·fillAVX2(SB), NOSPLIT, $0-20
	SETUP
	MOVQ dst+8(FP), DI
	VBROADCASTSS v+16(FP), Y0
	ADDQ BX, DI
	NEGQ BX

loop:
	VMOVUPS Y0, (DI)(BX*1)
	AGAIN(loop)

// func maxPairsAVX2(n int, dst, a, b *float32)
TEXT ·maxPairsAVX2(SB), NOSPLIT, $0-32
	MOVQ n+0(FP), BX
	MOVQ dst+8(FP), DI
	MOVQ a+16(FP), SI
	MOVQ b+24(FP), DX

loop:
	VMOVUPS (SI), Y0
	VMAXPS  (DX), Y0, Y0         // the columns' maxima, 8 of them
	VEXTRACTF128 $1, Y0, X1
	VSHUFPS $0x88, X1, X0, X2    // the even ones
	VSHUFPS $0xdd, X1, X0, X3    // the odd ones
	VMAXPS  X3, X2, X0
	VMOVUPS X0, (DI)
	ADDQ $32, SI
	ADDQ $32, DX
	ADDQ $16, DI
	SUBQ $4, BX
	JGT  loop
	VZEROUPPER
	RET

// func maxPairsBackAVX2(n int, da, db, a, b, y, dy *float32)
TEXT ·maxPairsBackAVX2(SB), NOSPLIT, $0-56
	MOVQ n+0(FP), BX
	MOVQ da+8(FP), DI
	MOVQ db+16(FP), R8
	MOVQ a+24(FP), SI
	MOVQ b+32(FP), DX
	MOVQ y+40(FP), R9
	MOVQ dy+48(FP), R10
	VPCMPEQD Y15, Y15, Y15
	VPSLLQ $32, Y15, Y15          // the odd columns

loop:
	VMOVUPS (R9), X0
	VUNPCKHPS X0, X0, X1
	VUNPCKLPS X0, X0, X0
	VINSERTF128 $1, X1, Y0, Y0    // y0 y0 y1 y1 y2 y2 y3 y3
	VMOVUPS (R10), X2
	VUNPCKHPS X2, X2, X3
	VUNPCKLPS X2, X2, X2
	VINSERTF128 $1, X3, Y2, Y2    // dy likewise
	VCMPPS $0, (SI), Y0, Y4       // a equals y
	VCMPPS $0, (DX), Y0, Y5       // b equals y
	VPERMILPS $0xb1, Y4, Y6       // a's neighbour equals y
	VPERMILPS $0xb1, Y5, Y7
	VORPS Y4, Y6, Y8              // one of a's pair does: none of b
	VANDNPS Y5, Y8, Y5
	VANDPS Y15, Y6, Y6            // the even one does: not the odd one
	VANDPS Y15, Y7, Y7
	VANDNPS Y4, Y6, Y4
	VANDNPS Y5, Y7, Y5
	VANDPS Y2, Y4, Y4
	VANDPS Y2, Y5, Y5
	VADDPS (DI), Y4, Y4
	VADDPS (R8), Y5, Y5
	VMOVUPS Y4, (DI)
	VMOVUPS Y5, (R8)
	ADDQ $32, SI
	ADDQ $32, DX
	ADDQ $32, DI
	ADDQ $32, R8
	ADDQ $16, R9
	ADDQ $16, R10
	SUBQ $4, BX
	JGT  loop
	VZEROUPPER
	RET

// func copyRowsAVX2(dst *float32, dstLD int, src *float32, srcLD, rows, cols int)
TEXT ·copyRowsAVX2(SB), NOSPLIT, $0-48
	MOVQ dst+0(FP), DI
	MOVQ dstLD+8(FP), R8
	MOVQ src+16(FP), SI
	MOVQ srcLD+24(FP), R9
	MOVQ rows+32(FP), DX
	MOVQ cols+40(FP), CX
	SHLQ $2, R8
	SHLQ $2, R9
	SHLQ $2, CX
	SUBQ $32, CX                  // where a row's last vector starts

row:
	XORQ BX, BX
	JMP  check

column:
	VMOVUPS (SI)(BX*1), Y0
	VMOVUPS Y0, (DI)(BX*1)
	ADDQ $32, BX

check:
	CMPQ BX, CX
	JLT  column
	VMOVUPS (SI)(CX*1), Y0        // may repeat part of the one before
	VMOVUPS Y0, (DI)(CX*1)
	ADDQ R8, DI
	ADDQ R9, SI
	DECQ DX
	JNZ  row
	VZEROUPPER
	RET

// func addRowsAVX2(dst *float32, dstLD int, src *float32, srcLD, rows, cols int)
TEXT ·addRowsAVX2(SB), NOSPLIT, $0-48
	MOVQ dst+0(FP), DI
	MOVQ dstLD+8(FP), R8
	MOVQ src+16(FP), SI
	MOVQ srcLD+24(FP), R9
	MOVQ rows+32(FP), DX
	MOVQ cols+40(FP), CX
	SHLQ $2, R8
	SHLQ $2, R9

row:
	XORQ BX, BX
	MOVQ CX, AX
	SUBQ $8, AX

eight:
	VMOVUPS (SI)(BX*4), Y0
	VADDPS  (DI)(BX*4), Y0, Y0
	VMOVUPS Y0, (DI)(BX*4)
	ADDQ $8, BX
	CMPQ BX, AX
	JLE  eight
	JMP  check

one:
	VMOVSS (SI)(BX*4), X0
	VADDSS (DI)(BX*4), X0, X0
	VMOVSS X0, (DI)(BX*4)
	INCQ BX

check:
	CMPQ BX, CX
	JLT  one
	ADDQ R8, DI
	ADDQ R9, SI
	DECQ DX
	JNZ  row
	VZEROUPPER
	RET

// func dotAVX2(n int, s, a, b *float32)
TEXT ·dotAVX2(SB), NOSPLIT, $0-32
	SETUP
	MOVQ s+8(FP), DI
	MOVQ a+16(FP), SI
	MOVQ b+24(FP), DX
	ADDQ BX, SI
	ADDQ BX, DX
	NEGQ BX
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7

loop:
	VMOVUPS (SI)(BX*1), Y0
	VMOVUPS 32(SI)(BX*1), Y1
	VMOVUPS 64(SI)(BX*1), Y2
	VMOVUPS 96(SI)(BX*1), Y3
	VMULPS  (DX)(BX*1), Y0, Y0
	VMULPS  32(DX)(BX*1), Y1, Y1
	VMULPS  64(DX)(BX*1), Y2, Y2
	VMULPS  96(DX)(BX*1), Y3, Y3
	VADDPS  Y0, Y4, Y4
	VADDPS  Y1, Y5, Y5
	VADDPS  Y2, Y6, Y6
	VADDPS  Y3, Y7, Y7
	ADDQ $128, BX
	JLT  loop
	VMOVUPS Y4, (DI)
	VMOVUPS Y5, 32(DI)
	VMOVUPS Y6, 64(DI)
	VMOVUPS Y7, 96(DI)
	VZEROUPPER
	RET

// func sumAVX2(n int, s, x *float32)
TEXT ·sumAVX2(SB), NOSPLIT, $0-24
	SETUP
	MOVQ s+8(FP), DI
	MOVQ x+16(FP), SI
	ADDQ BX, SI
	NEGQ BX
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7

loop:
	VADDPS (SI)(BX*1), Y4, Y4
	VADDPS 32(SI)(BX*1), Y5, Y5
	VADDPS 64(SI)(BX*1), Y6, Y6
	VADDPS 96(SI)(BX*1), Y7, Y7
	ADDQ $128, BX
	JLT  loop
	VMOVUPS Y4, (DI)
	VMOVUPS Y5, 32(DI)
	VMOVUPS Y6, 64(DI)
	VMOVUPS Y7, 96(DI)
	VZEROUPPER
	RET

// func averageAVX2(n int, a, w *float32, rate float32)
TEXT ·averageAVX2(SB), NOSPLIT, $0-28
	SETUP
	MOVQ a+8(FP), DI
	MOVQ w+16(FP), SI
	VBROADCASTSS rate+24(FP), Y2
	ADDQ BX, DI
	ADDQ BX, SI
	NEGQ BX

loop:
	VMOVUPS (DI)(BX*1), Y0
	VMOVUPS (SI)(BX*1), Y1
	VSUBPS  Y0, Y1, Y1 // w - a
	VMULPS  Y2, Y1, Y1
	VADDPS  Y1, Y0, Y0
	VMOVUPS Y0, (DI)(BX*1)
	AGAIN(loop)

// func fadeAVX2(n int, w, m *float32, keep, rest float32)
TEXT ·fadeAVX2(SB), NOSPLIT, $0-32
	SETUP
	MOVQ w+8(FP), DI
	MOVQ m+16(FP), SI
	VBROADCASTSS keep+24(FP), Y2
	VBROADCASTSS rest+28(FP), Y3
	ADDQ BX, DI
	ADDQ BX, SI
	NEGQ BX

loop:
	VMULPS  (SI)(BX*1), Y3, Y0
	VADDPS  Y2, Y0, Y0
	VMULPS  (DI)(BX*1), Y0, Y0
	VMOVUPS Y0, (DI)(BX*1)
	AGAIN(loop)

// func adamAVX2(n int, w, grad, m, v, k *float32)
//
// k holds beta1, 1-beta1, beta2, 1-beta2, rate, root, epsilon.
TEXT ·adamAVX2(SB), NOSPLIT, $0-48
	SETUP
	MOVQ w+8(FP), DI
	MOVQ grad+16(FP), SI
	MOVQ m+24(FP), DX
	MOVQ v+32(FP), CX
	MOVQ k+40(FP), AX
	VBROADCASTSS (AX), Y9
	VBROADCASTSS 4(AX), Y10
	VBROADCASTSS 8(AX), Y11
	VBROADCASTSS 12(AX), Y12
	VBROADCASTSS 16(AX), Y13
	VBROADCASTSS 20(AX), Y14
	VBROADCASTSS 24(AX), Y15
	ADDQ BX, DI
	ADDQ BX, SI
	ADDQ BX, DX
	ADDQ BX, CX
	NEGQ BX

loop:
	VMOVUPS (SI)(BX*1), Y0
	VMULPS  (DX)(BX*1), Y9, Y1
	VMULPS  Y0, Y10, Y2
	VADDPS  Y2, Y1, Y1 // m
	VMOVUPS Y1, (DX)(BX*1)
	VMULPS  (CX)(BX*1), Y11, Y3
	VMULPS  Y0, Y12, Y4
	VMULPS  Y0, Y4, Y4
	VADDPS  Y4, Y3, Y3 // v
	VMOVUPS Y3, (CX)(BX*1)
	VSQRTPS Y3, Y3
	VMULPS  Y14, Y3, Y3
	VADDPS  Y15, Y3, Y3
	VMULPS  Y13, Y1, Y1
	VDIVPS  Y3, Y1, Y1
	VMOVUPS (DI)(BX*1), Y0
	VSUBPS  Y1, Y0, Y0
	VMOVUPS Y0, (DI)(BX*1)
	AGAIN(loop)

DATA half<>+0(SB)/8, $0.5
GLOBL half<>(SB), RODATA|NOPTR, $8

DATA one<>+0(SB)/8, $1.0
GLOBL one<>(SB), RODATA|NOPTR, $8

DATA sign<>+0(SB)/8, $0x8000000000000000
GLOBL sign<>(SB), RODATA|NOPTR, $8

// QUANTUM turns the four float64 in x into grid steps: t = trunc(x/unit), one
// more away from zero if |x/unit - t| >= 0.5, times step, clamped, without -0.
// z becomes copysign(1, x), x the difference and then its comparison.
#define QUANTUM(x, y, z) \
	VDIVPD  Y8, x, x        \
	VROUNDPD $3, x, y       \
	VANDPD  Y13, x, z       \
	VORPD   Y12, z, z       \
	VSUBPD  y, x, x         \
	VANDNPD x, Y13, x       \
	VCMPPD  $13, Y11, x, x  \
	VANDPD  x, z, z         \
	VADDPD  z, y, y         \
	VMULPD  Y9, y, y        \
	VMAXPD  y, Y14, y       \
	VMINPD  y, Y10, y       \
	VADDPD  Y15, y, x

// func quantizeAVX2(n int, dst, src *float32, scale float32, unit, step, lo, hi float64)
TEXT ·quantizeAVX2(SB), NOSPLIT, $0-64
	SETUP
	MOVQ dst+8(FP), DI
	MOVQ src+16(FP), SI
	VBROADCASTSS scale+24(FP), Y7
	VBROADCASTSD unit+32(FP), Y8
	VBROADCASTSD step+40(FP), Y9
	VBROADCASTSD lo+48(FP), Y14
	VBROADCASTSD hi+56(FP), Y10
	VBROADCASTSD half<>(SB), Y11
	VBROADCASTSD one<>(SB), Y12
	VBROADCASTSD sign<>(SB), Y13
	VXORPD Y15, Y15, Y15
	ADDQ BX, DI
	ADDQ BX, SI
	NEGQ BX

loop:
	VCVTPS2PD (SI)(BX*1), Y0
	VCVTPS2PD 16(SI)(BX*1), Y3
	QUANTUM(Y0, Y1, Y2)
	QUANTUM(Y3, Y4, Y5)
	VCVTPD2PSY Y0, X0
	VCVTPD2PSY Y3, X3
	VINSERTF128 $1, X3, Y0, Y0
	VMULPS  Y7, Y0, Y0
	VMOVUPS Y0, (DI)(BX*1)
	AGAIN(loop)
