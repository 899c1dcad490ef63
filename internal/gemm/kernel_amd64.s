//go:build amd64 && !noasm

#include "textflag.h"

// One column of A times one row of B: Y0, Y1 hold the row, Y2, Y3 an element of
// the column each, Y4..Y15 the tile, two registers a row. R9 is the distance of
// A's rows in bytes, R10 and R11 three and five times it.

#define ROWB \
	VMOVUPS (DX), Y0   \
	VMOVUPS 32(DX), Y1

#define NEXT \
	ADDQ R12, SI \
	ADDQ R13, DX

#define FMA(x, lo, hi) \
	VFMADD231PS Y0, x, lo \
	VFMADD231PS Y1, x, hi

#define ROW0 \
	VBROADCASTSS (SI), Y2        \
	FMA(Y2, Y4, Y5)

#define ROW1 \
	VBROADCASTSS (SI)(R9*1), Y3  \
	FMA(Y3, Y6, Y7)

#define ROW2 \
	VBROADCASTSS (SI)(R9*2), Y2  \
	FMA(Y2, Y8, Y9)

#define ROW3 \
	VBROADCASTSS (SI)(R10*1), Y3 \
	FMA(Y3, Y10, Y11)

#define ROW4 \
	VBROADCASTSS (SI)(R9*4), Y2  \
	FMA(Y2, Y12, Y13)

#define ROW5 \
	VBROADCASTSS (SI)(R11*1), Y3 \
	FMA(Y3, Y14, Y15)

#define STEP1 ROWB \
	ROW0 \
	NEXT

#define STEP2 ROWB \
	ROW0 \
	ROW1 \
	NEXT

#define STEP3 ROWB \
	ROW0 \
	ROW1 \
	ROW2 \
	NEXT

#define STEP4 ROWB \
	ROW0 \
	ROW1 \
	ROW2 \
	ROW3 \
	NEXT

#define STEP5 ROWB \
	ROW0 \
	ROW1 \
	ROW2 \
	ROW3 \
	ROW4 \
	NEXT

#define STEP6 ROWB \
	ROW0 \
	ROW1 \
	ROW2 \
	ROW3 \
	ROW4 \
	ROW5 \
	NEXT

// LOOP does STEP k times, two at a time.
#define LOOP(STEP, two, one, store) \
	SUBQ $2, CX \
	JLT  one    \
two: \
	STEP        \
	STEP        \
	SUBQ $2, CX \
	JGE  two    \
one: \
	ADDQ $2, CX \
	JZ   store  \
	STEP        \
	JMP  store

// PUT stores one row of the tile, added to C when AX is not 0, and leaves after
// the last row.
#define PUT(lo, hi, write) \
	TESTL AX, AX         \
	JZ    write          \
	VADDPS (DI), lo, lo   \
	VADDPS 32(DI), hi, hi \
write: \
	VMOVUPS lo, (DI)     \
	VMOVUPS hi, 32(DI)   \
	DECQ R14             \
	JZ   done            \
	ADDQ R8, DI

// func kernelAVX2(rows, k int, a *float32, ars, acs int, b *float32, bs int, c *float32, ldc int, add bool)
TEXT ·kernelAVX2(SB), NOSPLIT, $0-73
	MOVQ rows+0(FP), R14
	MOVQ k+8(FP), CX
	MOVQ a+16(FP), SI
	MOVQ ars+24(FP), R9
	MOVQ acs+32(FP), R12
	MOVQ b+40(FP), DX
	MOVQ bs+48(FP), R13
	MOVQ c+56(FP), DI
	MOVQ ldc+64(FP), R8
	MOVBLZX add+72(FP), AX
	SHLQ $2, R8
	SHLQ $2, R9
	SHLQ $2, R12
	SHLQ $2, R13
	LEAQ (R9)(R9*2), R10
	LEAQ (R9)(R9*4), R11
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7
	VXORPS Y8, Y8, Y8
	VXORPS Y9, Y9, Y9
	VXORPS Y10, Y10, Y10
	VXORPS Y11, Y11, Y11
	VXORPS Y12, Y12, Y12
	VXORPS Y13, Y13, Y13
	VXORPS Y14, Y14, Y14
	VXORPS Y15, Y15, Y15
	CMPQ R14, $6
	JEQ  six
	CMPQ R14, $5
	JEQ  five
	CMPQ R14, $4
	JEQ  four
	CMPQ R14, $3
	JEQ  three
	CMPQ R14, $2
	JEQ  two

	LOOP(STEP1, loop1, last1, store)

two:
	LOOP(STEP2, loop2, last2, store)

three:
	LOOP(STEP3, loop3, last3, store)

four:
	LOOP(STEP4, loop4, last4, store)

five:
	LOOP(STEP5, loop5, last5, store)

six:
	LOOP(STEP6, loop6, last6, store)

store:
	PUT(Y4, Y5, put0)
	PUT(Y6, Y7, put1)
	PUT(Y8, Y9, put2)
	PUT(Y10, Y11, put3)
	PUT(Y12, Y13, put4)
	PUT(Y14, Y15, put5)

done:
	VZEROUPPER
	RET

// func transposeAVX2(k int, src *float32, ld int, dst *float32)
TEXT ·transposeAVX2(SB), NOSPLIT, $0-32
	MOVQ k+0(FP), CX
	MOVQ src+8(FP), SI
	MOVQ ld+16(FP), R9
	MOVQ dst+24(FP), DI
	SHLQ $2, R9
	LEAQ (R9)(R9*2), R10
	LEAQ (SI)(R9*4), DX

loop:
	VMOVUPS (SI), Y0
	VMOVUPS (SI)(R9*1), Y1
	VMOVUPS (SI)(R9*2), Y2
	VMOVUPS (SI)(R10*1), Y3
	VMOVUPS (DX), Y4
	VMOVUPS (DX)(R9*1), Y5
	VMOVUPS (DX)(R9*2), Y6
	VMOVUPS (DX)(R10*1), Y7
	VUNPCKLPS Y1, Y0, Y8
	VUNPCKHPS Y1, Y0, Y9
	VUNPCKLPS Y3, Y2, Y10
	VUNPCKHPS Y3, Y2, Y11
	VUNPCKLPS Y5, Y4, Y12
	VUNPCKHPS Y5, Y4, Y13
	VUNPCKLPS Y7, Y6, Y14
	VUNPCKHPS Y7, Y6, Y15
	VSHUFPS $0x44, Y10, Y8, Y0
	VSHUFPS $0xee, Y10, Y8, Y1
	VSHUFPS $0x44, Y11, Y9, Y2
	VSHUFPS $0xee, Y11, Y9, Y3
	VSHUFPS $0x44, Y14, Y12, Y4
	VSHUFPS $0xee, Y14, Y12, Y5
	VSHUFPS $0x44, Y15, Y13, Y6
	VSHUFPS $0xee, Y15, Y13, Y7
	VPERM2F128 $0x20, Y4, Y0, Y8
	VPERM2F128 $0x20, Y5, Y1, Y9
	VPERM2F128 $0x20, Y6, Y2, Y10
	VPERM2F128 $0x20, Y7, Y3, Y11
	VPERM2F128 $0x31, Y4, Y0, Y12
	VPERM2F128 $0x31, Y5, Y1, Y13
	VPERM2F128 $0x31, Y6, Y2, Y14
	VPERM2F128 $0x31, Y7, Y3, Y15
	VMOVUPS Y8, (DI)
	VMOVUPS Y9, 64(DI)
	VMOVUPS Y10, 128(DI)
	VMOVUPS Y11, 192(DI)
	VMOVUPS Y12, 256(DI)
	VMOVUPS Y13, 320(DI)
	VMOVUPS Y14, 384(DI)
	VMOVUPS Y15, 448(DI)
	ADDQ $32, SI
	ADDQ $32, DX
	ADDQ $512, DI
	SUBQ $8, CX
	JGT  loop
	VZEROUPPER
	RET

// func copyAVX2(k int, src *float32, ld int, dst *float32)
TEXT ·copyAVX2(SB), NOSPLIT, $0-32
	MOVQ k+0(FP), CX
	MOVQ src+8(FP), SI
	MOVQ ld+16(FP), R9
	MOVQ dst+24(FP), DI
	SHLQ $2, R9

loop:
	VMOVUPS (SI), Y0
	VMOVUPS 32(SI), Y1
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	ADDQ R9, SI
	ADDQ $64, DI
	DECQ CX
	JNZ  loop
	VZEROUPPER
	RET
