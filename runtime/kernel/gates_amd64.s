//go:build !noasm

#include "textflag.h"

// The constants of kernel.Sigmoid and kernel.Tanh, as float32.
DATA gates<>+0(SB)/4, $0x3fb8aa3b // 1.44269504
DATA gates<>+4(SB)/4, $0x3f000000 // 0.5
DATA gates<>+8(SB)/4, $0x3f318000 // 0.693359375
DATA gates<>+12(SB)/4, $0xb95e8083 // -2.12194440e-4
DATA gates<>+16(SB)/4, $0x39506967 // 1.9875691500e-4
DATA gates<>+20(SB)/4, $0x3ab743ce // 1.3981999507e-3
DATA gates<>+24(SB)/4, $0x3c088908 // 8.3334519073e-3
DATA gates<>+28(SB)/4, $0x3d2aa9c1 // 4.1665795894e-2
DATA gates<>+32(SB)/4, $0x3e2aaaaa // 1.6666665459e-1
DATA gates<>+36(SB)/4, $0x3f000000 // 5.0000001201e-1
DATA gates<>+40(SB)/4, $0x3f800000 // 1
DATA gates<>+44(SB)/4, $127
DATA gates<>+48(SB)/4, $0xc2ae0000 // -87
DATA gates<>+52(SB)/4, $0x80000000 // the sign
DATA gates<>+56(SB)/4, $0x3f200000 // 0.625
DATA gates<>+60(SB)/4, $0xc0000000 // -2
DATA gates<>+64(SB)/4, $0xbbbaf0ea // -5.70498872745e-3
DATA gates<>+68(SB)/4, $0x3ca9134e // 2.06390887954e-2
DATA gates<>+72(SB)/4, $0xbd5c1e2d // -5.37397155531e-2
DATA gates<>+76(SB)/4, $0x3e088393 // 1.33314422036e-1
DATA gates<>+80(SB)/4, $0xbeaaaa99 // -3.33332819422e-1
GLOBL gates<>(SB), RODATA|NOPTR, $84

// TERM is p = p*r + the constant at an offset.
#define TERM(p, r, offset, t) \
	VMULPS       r, p, p             \
	VBROADCASTSS gates<>+offset(SB), t \
	VADDPS       t, p, p

// EXP sets Y0 to e^Y0 for Y0 <= 0 or NaN; see exp of package kernel. Y8 is 1.44269504, Y9 0.5,
// Y10 0.693359375, Y11 -2.1219444e-4, Y12 127, Y13 -87, Y14 1. It uses Y1 to Y4.
#define EXP \
	VMULPS       Y8, Y0, Y1          \
	VSUBPS       Y9, Y1, Y1          \
	VCVTTPS2DQ   Y1, Y1              \
	VCVTDQ2PS    Y1, Y2              \
	VMULPS       Y10, Y2, Y3         \
	VSUBPS       Y3, Y0, Y4          \
	VMULPS       Y11, Y2, Y3         \
	VSUBPS       Y3, Y4, Y4          \
	VBROADCASTSS gates<>+16(SB), Y2  \
	TERM(Y2, Y4, 20, Y3)             \
	TERM(Y2, Y4, 24, Y3)             \
	TERM(Y2, Y4, 28, Y3)             \
	TERM(Y2, Y4, 32, Y3)             \
	TERM(Y2, Y4, 36, Y3)             \
	VMULPS       Y4, Y2, Y2          \
	VADDPS       Y14, Y2, Y2         \
	VMULPS       Y4, Y2, Y2          \
	VADDPS       Y14, Y2, Y2         \
	VPADDD       Y12, Y1, Y1         \
	VPSLLD       $23, Y1, Y1         \
	VMULPS       Y1, Y2, Y2          \
	VCMPPS       $0x1e, Y13, Y0, Y1  \
	VANDPS       Y1, Y2, Y0

// GATES points DI and SI to the ends of dst and src, sets BX to -4n, and loads the constants of
// EXP, and the sign into Y15.
#define GATES \
	MOVQ n+0(FP), BX                 \
	SHLQ $2, BX                      \
	MOVQ dst+8(FP), DI               \
	MOVQ src+16(FP), SI              \
	ADDQ BX, DI                      \
	ADDQ BX, SI                      \
	NEGQ BX                          \
	VBROADCASTSS gates<>+0(SB), Y8   \
	VBROADCASTSS gates<>+4(SB), Y9   \
	VBROADCASTSS gates<>+8(SB), Y10  \
	VBROADCASTSS gates<>+12(SB), Y11 \
	VBROADCASTSS gates<>+44(SB), Y12 \
	VBROADCASTSS gates<>+48(SB), Y13 \
	VBROADCASTSS gates<>+40(SB), Y14 \
	VBROADCASTSS gates<>+52(SB), Y15

// func expAVX2(n int, dst, src *float32)
TEXT ·expAVX2(SB), NOSPLIT, $0-24
	GATES

loop:
	VMOVUPS (SI)(BX*1), Y0
	EXP
	VMOVUPS Y0, (DI)(BX*1)
	ADDQ    $32, BX
	JLT     loop
	VZEROUPPER
	RET

// func sigmoidAVX2(n int, dst, src *float32)
TEXT ·sigmoidAVX2(SB), NOSPLIT, $0-24
	GATES

loop:
	VMOVUPS   (SI)(BX*1), Y5
	VORPS     Y15, Y5, Y0
	EXP
	VXORPS    Y6, Y6, Y6
	VCMPPS    $0x1d, Y6, Y5, Y6   // x >= 0
	VBLENDVPS Y6, Y14, Y0, Y6
	VADDPS    Y14, Y0, Y0
	VDIVPS    Y0, Y6, Y0
	VCMPPS    $3, Y5, Y5, Y6      // NaN
	VBLENDVPS Y6, Y5, Y0, Y0
	VMOVUPS   Y0, (DI)(BX*1)
	ADDQ      $32, BX
	JLT       loop
	VZEROUPPER
	RET

// func tanhAVX2(n int, dst, src *float32)
TEXT ·tanhAVX2(SB), NOSPLIT, $0-24
	GATES

loop:
	VMOVUPS      (SI)(BX*1), Y5
	VANDNPS      Y5, Y15, Y6          // the magnitude
	VBROADCASTSS gates<>+60(SB), Y0
	VMULPS       Y6, Y0, Y0
	EXP
	VSUBPS       Y0, Y14, Y1
	VADDPS       Y14, Y0, Y0
	VDIVPS       Y0, Y1, Y0
	VANDPS       Y15, Y5, Y1
	VORPS        Y1, Y0, Y0
	VMULPS       Y5, Y5, Y1
	VBROADCASTSS gates<>+64(SB), Y2
	TERM(Y2, Y1, 68, Y3)
	TERM(Y2, Y1, 72, Y3)
	TERM(Y2, Y1, 76, Y3)
	TERM(Y2, Y1, 80, Y3)
	VMULPS       Y1, Y2, Y2
	VMULPS       Y5, Y2, Y2
	VADDPS       Y5, Y2, Y2
	VBROADCASTSS gates<>+56(SB), Y3
	VCMPPS       $0x11, Y3, Y6, Y6    // magnitude < 0.625
	VBLENDVPS    Y6, Y2, Y0, Y0
	VCMPPS       $3, Y5, Y5, Y6       // NaN
	VBLENDVPS    Y6, Y5, Y0, Y0
	VMOVUPS      Y0, (DI)(BX*1)
	ADDQ         $32, BX
	JLT          loop
	VZEROUPPER
	RET
