//go:build !noasm

#include "textflag.h"

// Instructions that the assembler does not have, on four float32. From the Arm Architecture
// Reference Manual, A64, section C7.2. The operands are d = n op m; FADDP adds neighbours, those
// of n first.
#define FADD(m, n, d)  WORD $(0x4E20D400 | (m)<<16 | (n)<<5 | (d))
#define FMUL(m, n, d)  WORD $(0x6E20DC00 | (m)<<16 | (n)<<5 | (d))
#define FADDP(m, n, d) WORD $(0x6E20D400 | (m)<<16 | (n)<<5 | (d))

// Offsets in productArgs: y 0, x 8, w 16, k 24, stride 32, n 40.
#define ARGS \
	MOVD args+0(FP), R0 \
	MOVD 0(R0), R1      \
	MOVD 8(R0), R2      \
	MOVD 16(R0), R3     \
	MOVD 24(R0), R4     \
	MOVD 32(R0), R5     \
	MOVD 40(R0), R6

#define ZERO(v) VEOR v.B16, v.B16, v.B16

// func columnsNEON(args *productArgs)
TEXT ·columnsNEON(SB), NOSPLIT, $0-8
	ARGS

wide:
	CMP  $16, R6
	BLT  narrow
	MOVD R2, R7
	MOVD R3, R8
	MOVD R4, R9
	ZERO(V0)
	ZERO(V1)
	ZERO(V2)
	ZERO(V3)

row16:
	VLD1R.P 4(R7), [V4.S4]
	VLD1    (R8), [V16.S4, V17.S4, V18.S4, V19.S4]
	ADD     R5, R8
	FMUL(16, 4, 20)
	FMUL(17, 4, 21)
	FMUL(18, 4, 22)
	FMUL(19, 4, 23)
	FADD(20, 0, 0)
	FADD(21, 1, 1)
	FADD(22, 2, 2)
	FADD(23, 3, 3)
	SUBS    $1, R9
	BNE     row16
	VST1.P  [V0.S4, V1.S4, V2.S4, V3.S4], 64(R1)
	ADD     $64, R3
	SUB     $16, R6
	B       wide

narrow:
	CMP  $4, R6
	BLT  done
	MOVD R2, R7
	MOVD R3, R8
	MOVD R4, R9
	ZERO(V0)

row4:
	VLD1R.P 4(R7), [V4.S4]
	VLD1    (R8), [V16.S4]
	ADD     R5, R8
	FMUL(16, 4, 20)
	FADD(20, 0, 0)
	SUBS    $1, R9
	BNE     row4
	VST1.P  [V0.S4], 16(R1)
	ADD     $16, R3
	SUB     $4, R6
	B       narrow

done:
	RET

// func rowsNEON(args *productArgs)
TEXT ·rowsNEON(SB), NOSPLIT, $0-8
	ARGS

four:
	MOVD R2, R7
	MOVD R3, R8
	ADD  R5, R8, R10
	ADD  R5, R10, R11
	ADD  R5, R11, R12
	MOVD R4, R9
	ZERO(V0)
	ZERO(V1)
	ZERO(V2)
	ZERO(V3)

quad:
	VLD1.P 16(R7), [V4.S4]
	VLD1.P 16(R8), [V16.S4]
	VLD1.P 16(R10), [V17.S4]
	VLD1.P 16(R11), [V18.S4]
	VLD1.P 16(R12), [V19.S4]
	FMUL(16, 4, 20)
	FMUL(17, 4, 21)
	FMUL(18, 4, 22)
	FMUL(19, 4, 23)
	FADD(20, 0, 0)
	FADD(21, 1, 1)
	FADD(22, 2, 2)
	FADD(23, 3, 3)
	SUBS   $4, R9
	BGT    quad
	FADDP(1, 0, 0)
	FADDP(3, 2, 2)
	FADDP(2, 0, 0)
	VST1.P [V0.S4], 16(R1)
	ADD    R5<<2, R3
	SUBS   $4, R6
	BGT    four
	RET
