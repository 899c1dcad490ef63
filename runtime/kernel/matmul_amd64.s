//go:build !noasm

#include "textflag.h"

// Offsets in productArgs: y 0, x 8, w 16, k 24, stride 32, n 40.
#define ARGS \
	MOVQ args+0(FP), DX \
	MOVQ 0(DX), DI      \
	MOVQ 8(DX), SI      \
	MOVQ 16(DX), R8     \
	MOVQ 24(DX), R9     \
	MOVQ 32(DX), R10    \
	MOVQ 40(DX), R11

// TERM adds the products of Y4 and eight columns to sum.
#define TERM(columns, t, sum) \
	VMULPS columns, Y4, t \
	VADDPS t, sum, sum

// func columnsAVX2(args *productArgs)
TEXT ·columnsAVX2(SB), NOSPLIT, $0-8
	ARGS

wide:
	CMPQ   R11, $32
	JLT    narrow
	MOVQ   SI, AX
	MOVQ   R8, BX
	MOVQ   R9, CX
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3

row32:
	VBROADCASTSS (AX), Y4
	TERM((BX), Y5, Y0)
	TERM(32(BX), Y6, Y1)
	TERM(64(BX), Y7, Y2)
	TERM(96(BX), Y8, Y3)
	ADDQ         $4, AX
	ADDQ         R10, BX
	DECQ         CX
	JNZ          row32
	VMOVUPS      Y0, (DI)
	VMOVUPS      Y1, 32(DI)
	VMOVUPS      Y2, 64(DI)
	VMOVUPS      Y3, 96(DI)
	ADDQ         $128, DI
	ADDQ         $128, R8
	SUBQ         $32, R11
	JMP          wide

narrow:
	CMPQ   R11, $8
	JLT    done
	MOVQ   SI, AX
	MOVQ   R8, BX
	MOVQ   R9, CX
	VXORPS Y0, Y0, Y0

row8:
	VBROADCASTSS (AX), Y4
	TERM((BX), Y5, Y0)
	ADDQ         $4, AX
	ADDQ         R10, BX
	DECQ         CX
	JNZ          row8
	VMOVUPS      Y0, (DI)
	ADDQ         $32, DI
	ADDQ         $32, R8
	SUBQ         $8, R11
	JMP          narrow

done:
	VZEROUPPER
	RET

// func rowsAVX2(args *productArgs)
TEXT ·rowsAVX2(SB), NOSPLIT, $0-8
	ARGS

four:
	MOVQ   SI, AX
	MOVQ   R8, BX
	LEAQ   (R8)(R10*2), R12
	MOVQ   R9, CX
	VXORPS X0, X0, X0
	VXORPS X1, X1, X1
	VXORPS X2, X2, X2
	VXORPS X3, X3, X3

quad:
	VMOVUPS (AX), X4
	VMULPS  (BX), X4, X5
	VMULPS  (BX)(R10*1), X4, X6
	VMULPS  (R12), X4, X7
	VMULPS  (R12)(R10*1), X4, X8
	VADDPS  X5, X0, X0
	VADDPS  X6, X1, X1
	VADDPS  X7, X2, X2
	VADDPS  X8, X3, X3
	ADDQ    $16, AX
	ADDQ    $16, BX
	ADDQ    $16, R12
	SUBQ    $4, CX
	JGT     quad
	VHADDPS X1, X0, X0
	VHADDPS X3, X2, X2
	VHADDPS X2, X0, X0
	VMOVUPS X0, (DI)
	ADDQ    $16, DI
	LEAQ    (R8)(R10*4), R8
	SUBQ    $4, R11
	JGT     four
	VZEROUPPER
	RET
