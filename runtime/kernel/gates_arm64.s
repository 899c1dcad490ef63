//go:build !noasm

#include "textflag.h"

// The constants of Sigmoid and Tanh, as float32, in the order of the registers V16 to V31.
DATA gates<>+0(SB)/4, $0x3fb8aa3b // V16 1.44269504
DATA gates<>+4(SB)/4, $0x3f000000 // V17 0.5
DATA gates<>+8(SB)/4, $0x3f318000 // V18 0.693359375
DATA gates<>+12(SB)/4, $0xb95e8083 // V19 -2.12194440e-4
DATA gates<>+16(SB)/4, $0x39506967 // V20 1.9875691500e-4
DATA gates<>+20(SB)/4, $0x3ab743ce // V21 1.3981999507e-3
DATA gates<>+24(SB)/4, $0x3c088908 // V22 8.3334519073e-3
DATA gates<>+28(SB)/4, $0x3d2aa9c1 // V23 4.1665795894e-2
DATA gates<>+32(SB)/4, $0x3e2aaaaa // V24 1.6666665459e-1
DATA gates<>+36(SB)/4, $0x3f800000 // V25 1
DATA gates<>+40(SB)/4, $127        // V26
DATA gates<>+44(SB)/4, $0xc2ae0000 // V27 -87
DATA gates<>+48(SB)/4, $0x80000000 // V28 the sign
DATA gates<>+52(SB)/4, $0x3f200000 // V29 0.625
DATA gates<>+56(SB)/4, $0xc0000000 // V30 -2
DATA gates<>+60(SB)/4, $0xbbbaf0ea // V31 -5.70498872745e-3
DATA gates<>+64(SB)/4, $0x3ca9134e // V8 2.06390887954e-2
DATA gates<>+68(SB)/4, $0xbd5c1e2d // V9 -5.37397155531e-2
DATA gates<>+72(SB)/4, $0x3e088393 // V10 1.33314422036e-1
DATA gates<>+76(SB)/4, $0xbeaaaa99 // V11 -3.33332819422e-1
GLOBL gates<>(SB), RODATA|NOPTR, $80

// Instructions that the assembler does not have, on four float32. From the Arm Architecture
// Reference Manual, A64, section C7.2. The operands are d = n op m.
#define FADD(m, n, d)  WORD $(0x4E20D400 | (m)<<16 | (n)<<5 | (d))
#define FSUB(m, n, d)  WORD $(0x4EA0D400 | (m)<<16 | (n)<<5 | (d))
#define FMUL(m, n, d)  WORD $(0x6E20DC00 | (m)<<16 | (n)<<5 | (d))
#define FDIV(m, n, d)  WORD $(0x6E20FC00 | (m)<<16 | (n)<<5 | (d))
#define FCMGT(m, n, d) WORD $(0x6EA0E400 | (m)<<16 | (n)<<5 | (d))
#define FCMEQ(m, n, d) WORD $(0x4E20E400 | (m)<<16 | (n)<<5 | (d))
#define FCMGE0(n, d)   WORD $(0x6EA0C800 | (n)<<5 | (d))
#define FCVTZS(n, d)   WORD $(0x4EA1B800 | (n)<<5 | (d))
#define SCVTF(n, d)    WORD $(0x4E21D800 | (n)<<5 | (d))
#define FABS(n, d)     WORD $(0x4EA0F800 | (n)<<5 | (d))

// TERM is V2 = V2*r + c.
#define TERM(r, c) \
	FMUL(r, 2, 2) \
	FADD(c, 2, 2)

// EXP sets V0 to e^V0 for V0 <= 0 or NaN; see exp. It uses V1 to V4.
#define EXP \
	FMUL(16, 0, 1)                  \
	FSUB(17, 1, 1)                  \
	FCVTZS(1, 1)                    \
	SCVTF(1, 2)                     \
	FMUL(18, 2, 3)                  \
	FSUB(3, 0, 4)                   \
	FMUL(19, 2, 3)                  \
	FSUB(3, 4, 4)                   \
	FMUL(4, 20, 2)                  \
	FADD(21, 2, 2)                  \
	TERM(4, 22)                     \
	TERM(4, 23)                     \
	TERM(4, 24)                     \
	TERM(4, 17)                     \
	TERM(4, 25)                     \
	TERM(4, 25)                     \
	VADD V26.S4, V1.S4, V1.S4       \
	VSHL $23, V1.S4, V1.S4          \
	FMUL(1, 2, 2)                   \
	FCMGT(27, 0, 1)                 \
	VAND V1.B16, V2.B16, V0.B16

// GATES loads the arguments and the constants: R0 n, R1 dst, R2 src.
#define GATES \
	MOVD  n+0(FP), R0     \
	MOVD  dst+8(FP), R1   \
	MOVD  src+16(FP), R2  \
	MOVD  $gates<>(SB), R3 \
	VLD1R.P 4(R3), [V16.S4] \
	VLD1R.P 4(R3), [V17.S4] \
	VLD1R.P 4(R3), [V18.S4] \
	VLD1R.P 4(R3), [V19.S4] \
	VLD1R.P 4(R3), [V20.S4] \
	VLD1R.P 4(R3), [V21.S4] \
	VLD1R.P 4(R3), [V22.S4] \
	VLD1R.P 4(R3), [V23.S4] \
	VLD1R.P 4(R3), [V24.S4] \
	VLD1R.P 4(R3), [V25.S4] \
	VLD1R.P 4(R3), [V26.S4] \
	VLD1R.P 4(R3), [V27.S4] \
	VLD1R.P 4(R3), [V28.S4] \
	VLD1R.P 4(R3), [V29.S4] \
	VLD1R.P 4(R3), [V30.S4] \
	VLD1R.P 4(R3), [V31.S4] \
	VLD1R.P 4(R3), [V8.S4] \
	VLD1R.P 4(R3), [V9.S4] \
	VLD1R.P 4(R3), [V10.S4] \
	VLD1R.P 4(R3), [V11.S4]

// func expNEON(n int, dst, src *float32)
TEXT ·expNEON(SB), NOSPLIT, $0-24
	GATES

loop:
	VLD1.P 16(R2), [V0.S4]
	EXP
	VST1.P [V0.S4], 16(R1)
	SUBS   $4, R0
	BGT    loop
	RET

// func sigmoidNEON(n int, dst, src *float32)
TEXT ·sigmoidNEON(SB), NOSPLIT, $0-24
	GATES

loop:
	VLD1.P 16(R2), [V5.S4]
	VORR   V28.B16, V5.B16, V0.B16
	EXP
	FCMGE0(5, 6)
	VBSL   V0.B16, V25.B16, V6.B16 // 1 where x >= 0
	FADD(25, 0, 0)
	FDIV(0, 6, 0)
	FCMEQ(5, 5, 6)
	VBSL   V5.B16, V0.B16, V6.B16  // x where it is NaN
	VST1.P [V6.S4], 16(R1)
	SUBS   $4, R0
	BGT    loop
	RET

// func tanhNEON(n int, dst, src *float32)
TEXT ·tanhNEON(SB), NOSPLIT, $0-24
	GATES

loop:
	VLD1.P 16(R2), [V5.S4]
	FABS(5, 6)
	FMUL(30, 6, 0)
	EXP
	FSUB(0, 25, 1)
	FADD(25, 0, 0)
	FDIV(0, 1, 0)
	VAND   V28.B16, V5.B16, V1.B16
	VORR   V1.B16, V0.B16, V0.B16
	FMUL(5, 5, 1)
	FMUL(1, 31, 2)
	FADD(8, 2, 2)
	TERM(1, 9)
	TERM(1, 10)
	TERM(1, 11)
	FMUL(1, 2, 2)
	FMUL(5, 2, 2)
	FADD(5, 2, 2)
	FCMGT(6, 29, 6)                // 0.625 > the magnitude
	VBSL   V0.B16, V2.B16, V6.B16
	FCMEQ(5, 5, 7)
	VBSL   V5.B16, V6.B16, V7.B16
	VST1.P [V7.S4], 16(R1)
	SUBS   $4, R0
	BGT    loop
	RET
