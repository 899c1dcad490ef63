//go:build !noasm

#include "textflag.h"

// Offsets in tileArgs: x 0, pixels 8, runs 16, weight 24, start 32, acc 40, tiles 48,
// nRuns 56, quads 64. In requantizeArgs: acc 0, scale 8, y 16, stride 24, pixels 32.

// ABS broadcasts four elements of a pixel to Y10 and their magnitudes to Y11.
#define ABS(pixel) \
	VPBROADCASTD (pixel)(AX*1), Y10 \
	VPABSB       Y10, Y11

// MUL adds the products of Y10 and eight channels of weights to acc.
#define MUL(weights, t, acc) \
	VPSIGNB    Y10, weights, t \
	VPMADDUBSW t, Y11, t       \
	VPMADDWD   Y15, t, t       \
	VPADDD     t, acc, acc

#define BOTH(pixel, acc0, acc1) \
	ABS(pixel)          \
	MUL(Y8, Y12, acc0)  \
	MUL(Y9, Y13, acc1)

#define PIXELS \
	MOVLQSX 0(R8), R11  \
	MOVLQSX 4(R8), R12  \
	MOVLQSX 8(R8), R13  \
	MOVLQSX 12(R8), R14 \
	ADDQ    SI, R11     \
	ADDQ    SI, R12     \
	ADDQ    SI, R13     \
	ADDQ    SI, R14     \
	ADDQ    $16, R8

#define ARGS \
	MOVQ     args+0(FP), DI \
	MOVQ     0(DI), SI      \
	MOVQ     8(DI), R8      \
	MOVQ     40(DI), R9     \
	VPCMPEQW Y15, Y15, Y15  \
	VPSRLW   $15, Y15, Y15

#define PANEL \
	MOVQ 32(DI), AX \
	MOVQ 24(DI), BX \
	MOVQ 16(DI), CX \
	MOVQ 56(DI), DX

// func tileAVX2(args *tileArgs)
TEXT ·tileAVX2(SB), NOSPLIT, $0-8
	ARGS
	MOVQ 48(DI), R10

tile:
	PIXELS
	PANEL
	VMOVDQU (AX), Y0
	VMOVDQU 32(AX), Y1
	VMOVDQA Y0, Y2
	VMOVDQA Y1, Y3
	VMOVDQA Y0, Y4
	VMOVDQA Y1, Y5
	VMOVDQA Y0, Y6
	VMOVDQA Y1, Y7

run:
	MOVLQSX (CX), AX
	MOVQ    64(DI), R15

quad:
	VMOVDQU (BX), Y8
	VMOVDQU 32(BX), Y9
	BOTH(R11, Y0, Y1)
	BOTH(R12, Y2, Y3)
	BOTH(R13, Y4, Y5)
	BOTH(R14, Y6, Y7)
	ADDQ    $4, AX
	ADDQ    $64, BX
	DECQ    R15
	JNZ     quad
	ADDQ    $4, CX
	DECQ    DX
	JNZ     run

	VMOVDQU Y0, (R9)
	VMOVDQU Y1, 32(R9)
	VMOVDQU Y2, 64(R9)
	VMOVDQU Y3, 96(R9)
	VMOVDQU Y4, 128(R9)
	VMOVDQU Y5, 160(R9)
	VMOVDQU Y6, 192(R9)
	VMOVDQU Y7, 224(R9)
	ADDQ    $256, R9
	DECQ    R10
	JNZ     tile
	VZEROUPPER
	RET

// func tileHalfAVX2(args *tileArgs)
TEXT ·tileHalfAVX2(SB), NOSPLIT, $0-8
	ARGS
	MOVQ 48(DI), R10

tile:
	PIXELS
	PANEL
	VMOVDQU (AX), Y0
	VMOVDQA Y0, Y2
	VMOVDQA Y0, Y4
	VMOVDQA Y0, Y6

run:
	MOVLQSX (CX), AX
	MOVQ    64(DI), R15

quad:
	VMOVDQU (BX), Y8
	ABS(R11)
	MUL(Y8, Y12, Y0)
	ABS(R12)
	MUL(Y8, Y12, Y2)
	ABS(R13)
	MUL(Y8, Y12, Y4)
	ABS(R14)
	MUL(Y8, Y12, Y6)
	ADDQ    $4, AX
	ADDQ    $32, BX
	DECQ    R15
	JNZ     quad
	ADDQ    $4, CX
	DECQ    DX
	JNZ     run

	VMOVDQU Y0, (R9)
	VMOVDQU Y2, 64(R9)
	VMOVDQU Y4, 128(R9)
	VMOVDQU Y6, 192(R9)
	ADDQ    $256, R9
	DECQ    R10
	JNZ     tile
	VZEROUPPER
	RET

// func pixelAVX2(args *tileArgs)
TEXT ·pixelAVX2(SB), NOSPLIT, $0-8
	ARGS
	MOVLQSX 0(R8), R11
	ADDQ    SI, R11
	PANEL
	VMOVDQU (AX), Y0
	VMOVDQU 32(AX), Y1

run:
	MOVLQSX (CX), AX
	MOVQ    64(DI), R15

quad:
	VMOVDQU (BX), Y8
	VMOVDQU 32(BX), Y9
	BOTH(R11, Y0, Y1)
	ADDQ    $4, AX
	ADDQ    $64, BX
	DECQ    R15
	JNZ     quad
	ADDQ    $4, CX
	DECQ    DX
	JNZ     run

	VMOVDQU Y0, (R9)
	VMOVDQU Y1, 32(R9)
	VZEROUPPER
	RET

// func pixelHalfAVX2(args *tileArgs)
TEXT ·pixelHalfAVX2(SB), NOSPLIT, $0-8
	ARGS
	MOVLQSX 0(R8), R11
	ADDQ    SI, R11
	PANEL
	VMOVDQU (AX), Y0

run:
	MOVLQSX (CX), AX
	MOVQ    64(DI), R15

quad:
	VMOVDQU (BX), Y8
	ABS(R11)
	MUL(Y8, Y12, Y0)
	ADDQ    $4, AX
	ADDQ    $32, BX
	DECQ    R15
	JNZ     quad
	ADDQ    $4, CX
	DECQ    DX
	JNZ     run

	VMOVDQU Y0, (R9)
	VZEROUPPER
	RET

// U8 broadcasts four elements of a pixel, plus 128.
#define U8(offset, pixel, v) \
	VPBROADCASTD offset(pixel)(AX*1), v \
	VPXORD       Z15, v, v

#define SIGNS \
	MOVL         $0x80808080, AX \
	VPBROADCASTD AX, Z15

// func tileVNNI(args *tileArgs)
//
// Two quads at a time: with four accumulators alone, each dot product would wait for
// the one before.
TEXT ·tileVNNI(SB), NOSPLIT, $0-8
	MOVQ args+0(FP), DI
	MOVQ 0(DI), SI
	MOVQ 8(DI), R8
	MOVQ 40(DI), R9
	MOVQ 48(DI), R10
	SIGNS

tile:
	PIXELS
	PANEL
	VMOVDQU32 (AX), Z0
	VMOVDQA32 Z0, Z1
	VMOVDQA32 Z0, Z2
	VMOVDQA32 Z0, Z3
	VPXORD    Z4, Z4, Z4
	VPXORD    Z5, Z5, Z5
	VPXORD    Z6, Z6, Z6
	VPXORD    Z7, Z7, Z7

run:
	MOVLQSX (CX), AX
	MOVQ    64(DI), R15
	SUBQ    $2, R15
	JL      last

pair:
	VMOVDQU32 (BX), Z8
	VMOVDQU32 64(BX), Z9
	U8(0, R11, Z10)
	U8(0, R12, Z11)
	U8(0, R13, Z12)
	U8(0, R14, Z13)
	VPDPBUSD Z8, Z10, Z0
	VPDPBUSD Z8, Z11, Z1
	VPDPBUSD Z8, Z12, Z2
	VPDPBUSD Z8, Z13, Z3
	U8(4, R11, Z10)
	U8(4, R12, Z11)
	U8(4, R13, Z12)
	U8(4, R14, Z13)
	VPDPBUSD Z9, Z10, Z4
	VPDPBUSD Z9, Z11, Z5
	VPDPBUSD Z9, Z12, Z6
	VPDPBUSD Z9, Z13, Z7
	ADDQ     $8, AX
	ADDQ     $128, BX
	SUBQ     $2, R15
	JGE      pair

last:
	CMPQ R15, $-1
	JNE  done
	VMOVDQU32 (BX), Z8
	U8(0, R11, Z10)
	U8(0, R12, Z11)
	U8(0, R13, Z12)
	U8(0, R14, Z13)
	VPDPBUSD Z8, Z10, Z0
	VPDPBUSD Z8, Z11, Z1
	VPDPBUSD Z8, Z12, Z2
	VPDPBUSD Z8, Z13, Z3
	ADDQ     $64, BX

done:
	ADDQ $4, CX
	DECQ DX
	JNZ  run

	VPADDD    Z4, Z0, Z0
	VPADDD    Z5, Z1, Z1
	VPADDD    Z6, Z2, Z2
	VPADDD    Z7, Z3, Z3
	VMOVDQU32 Z0, (R9)
	VMOVDQU32 Z1, 64(R9)
	VMOVDQU32 Z2, 128(R9)
	VMOVDQU32 Z3, 192(R9)
	ADDQ      $256, R9
	DECQ      R10
	JNZ       tile
	VZEROUPPER
	RET

// func tileHalfVNNI(args *tileArgs)
TEXT ·tileHalfVNNI(SB), NOSPLIT, $0-8
	MOVQ args+0(FP), DI
	MOVQ 0(DI), SI
	MOVQ 8(DI), R8
	MOVQ 40(DI), R9
	MOVQ 48(DI), R10
	SIGNS

tile:
	PIXELS
	PANEL
	VMOVDQU (AX), Y0
	VMOVDQA Y0, Y1
	VMOVDQA Y0, Y2
	VMOVDQA Y0, Y3

run:
	MOVLQSX (CX), AX
	MOVQ    64(DI), R15

quad:
	VMOVDQU (BX), Y8
	U8(0, R11, Z10)
	U8(0, R12, Z11)
	U8(0, R13, Z12)
	U8(0, R14, Z13)
	VPDPBUSD Y8, Y10, Y0
	VPDPBUSD Y8, Y11, Y1
	VPDPBUSD Y8, Y12, Y2
	VPDPBUSD Y8, Y13, Y3
	ADDQ     $4, AX
	ADDQ     $32, BX
	DECQ     R15
	JNZ      quad
	ADDQ     $4, CX
	DECQ     DX
	JNZ      run

	VMOVDQU Y0, (R9)
	VMOVDQU Y1, 64(R9)
	VMOVDQU Y2, 128(R9)
	VMOVDQU Y3, 192(R9)
	ADDQ    $256, R9
	DECQ    R10
	JNZ     tile
	VZEROUPPER
	RET

// func pixelVNNI(args *tileArgs)
TEXT ·pixelVNNI(SB), NOSPLIT, $0-8
	MOVQ    args+0(FP), DI
	MOVQ    0(DI), SI
	MOVQ    8(DI), R8
	MOVQ    40(DI), R9
	SIGNS
	MOVLQSX 0(R8), R11
	ADDQ    SI, R11
	PANEL
	VMOVDQU32 (AX), Z0
	VPXORD    Z1, Z1, Z1
	VPXORD    Z2, Z2, Z2
	VPXORD    Z3, Z3, Z3

run:
	MOVLQSX (CX), AX
	MOVQ    64(DI), R15
	SUBQ    $4, R15
	JL      few

four:
	U8(0, R11, Z10)
	U8(4, R11, Z11)
	U8(8, R11, Z12)
	U8(12, R11, Z13)
	VPDPBUSD (BX), Z10, Z0
	VPDPBUSD 64(BX), Z11, Z1
	VPDPBUSD 128(BX), Z12, Z2
	VPDPBUSD 192(BX), Z13, Z3
	ADDQ     $16, AX
	ADDQ     $256, BX
	SUBQ     $4, R15
	JGE      four

few:
	ADDQ $4, R15
	JZ   done

quad:
	U8(0, R11, Z10)
	VPDPBUSD (BX), Z10, Z0
	ADDQ     $4, AX
	ADDQ     $64, BX
	DECQ     R15
	JNZ      quad

done:
	ADDQ $4, CX
	DECQ DX
	JNZ  run

	VPADDD    Z1, Z0, Z0
	VPADDD    Z3, Z2, Z2
	VPADDD    Z2, Z0, Z0
	VMOVDQU32 Z0, (R9)
	VZEROUPPER
	RET

// func pixelHalfVNNI(args *tileArgs)
TEXT ·pixelHalfVNNI(SB), NOSPLIT, $0-8
	MOVQ    args+0(FP), DI
	MOVQ    0(DI), SI
	MOVQ    8(DI), R8
	MOVQ    40(DI), R9
	SIGNS
	MOVLQSX 0(R8), R11
	ADDQ    SI, R11
	PANEL
	VMOVDQU (AX), Y0

run:
	MOVLQSX (CX), AX
	MOVQ    64(DI), R15

quad:
	U8(0, R11, Z10)
	VPDPBUSD (BX), Y10, Y0
	ADDQ     $4, AX
	ADDQ     $32, BX
	DECQ     R15
	JNZ      quad
	ADDQ     $4, CX
	DECQ     DX
	JNZ      run

	VMOVDQU Y0, (R9)
	VZEROUPPER
	RET

// func requantizeAVX2(args *requantizeArgs)
//
// Offsets in requantization: left 0, mantissa 32, away 64, half 96, right 128, low 160,
// high 164, zero 168, nudge 172.
TEXT ·requantizeAVX2(SB), NOSPLIT, $0-8
	MOVQ         args+0(FP), DI
	MOVQ         0(DI), SI
	MOVQ         8(DI), AX
	MOVQ         16(DI), R8
	MOVQ         24(DI), R9
	MOVQ         32(DI), CX
	VMOVDQU      0(AX), Y5           // left
	VMOVDQU      32(AX), Y6          // mantissas of even lanes
	VPSRLQ       $32, Y6, Y7         // and of odd ones
	VMOVDQU      64(AX), Y8          // away
	VMOVDQU      96(AX), Y9          // half
	VMOVDQU      128(AX), Y10        // right
	VPBROADCASTD 160(AX), Y11        // low
	VPBROADCASTD 164(AX), Y12        // high
	VPBROADCASTD 168(AX), Y13        // zero
	VPBROADCASTD 172(AX), Y14
	VPSRLQ       $32, Y14, Y14       // nudge, 64 bits

pixel:
	VMOVDQU      (SI), Y0
	VPSLLVD      Y5, Y0, Y0
	VPMULDQ      Y6, Y0, Y1
	VPSRLQ       $32, Y0, Y2
	VPMULDQ      Y7, Y2, Y2
	VPADDQ       Y14, Y1, Y1
	VPADDQ       Y14, Y2, Y2
	VPSRLQ       $31, Y1, Y1
	VPADDQ       Y2, Y2, Y2
	VPBLENDD     $0xaa, Y2, Y1, Y0
	VPSRAD       $31, Y0, Y1
	VPAND        Y8, Y1, Y1
	VPADDD       Y1, Y0, Y0
	VPADDD       Y9, Y0, Y0
	VPSRAVD      Y10, Y0, Y0
	VPMAXSD      Y11, Y0, Y0
	VPMINSD      Y12, Y0, Y0
	VPADDD       Y13, Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VPACKSSDW    X1, X0, X0
	VPACKSSWB    X0, X0, X0
	VMOVQ        X0, (R8)
	ADDQ         $64, SI
	ADDQ         R9, R8
	DECQ         CX
	JNZ          pixel
	VZEROUPPER
	RET

// APPLY multiplies eight sums of Y0 by mantissas, even and odd, and divides them by
// 2^right, whose halves and sums' signs make it round away from zero.
#define APPLY(even, odd, half, right) \
	VPMULDQ  even, Y0, Y1        \
	VPSRLQ   $32, Y0, Y2         \
	VPMULDQ  odd, Y2, Y2         \
	VPADDQ   Y15, Y1, Y1         \
	VPADDQ   Y15, Y2, Y2         \
	VPSRLQ   $31, Y1, Y1         \
	VPADDQ   Y2, Y2, Y2          \
	VPBLENDD $0xaa, Y2, Y1, Y0   \
	VPSRAD   $31, Y0, Y1         \
	VPADDD   Y1, Y0, Y0          \
	VPADDD   half, Y0, Y0        \
	VPSRAVD  right, Y0, Y0

// func requantizePanelAVX2(args *requantizeArgs)
//
// Saturation to 16 bits, zero, and saturation to 8 bits give what a clamp in 32 bits
// gives. The second requantization begins at 180.
TEXT ·requantizePanelAVX2(SB), NOSPLIT, $0-8
	MOVQ         args+0(FP), DI
	MOVQ         0(DI), SI
	MOVQ         8(DI), AX
	MOVQ         16(DI), R8
	MOVQ         24(DI), R9
	MOVQ         32(DI), CX
	VMOVDQU      32(AX), Y4
	VPSRLQ       $32, Y4, Y5
	VMOVDQU      212(AX), Y6
	VPSRLQ       $32, Y6, Y7
	MOVL         160(AX), R10        // low and high are less zero
	MOVL         164(AX), R11
	MOVL         168(AX), R12
	ADDL         R12, R10
	ADDL         R12, R11
	VMOVD        R10, X12
	VPBROADCASTB X12, X12
	VMOVD        R11, X13
	VPBROADCASTB X13, X13
	VMOVD        R12, X14
	VPBROADCASTW X14, Y14
	VPBROADCASTD 172(AX), Y15
	VPSRLQ       $32, Y15, Y15       // nudge, 64 bits
	VMOVDQU      96(AX), Y8
	VMOVDQU      128(AX), Y9
	VMOVDQU      276(AX), Y10
	VMOVDQU      308(AX), Y11

pixel:
	VMOVDQU      (SI), Y0
	APPLY(Y4, Y5, Y8, Y9)
	VMOVDQA      Y0, Y3
	VMOVDQU      32(SI), Y0
	APPLY(Y6, Y7, Y10, Y11)
	VPACKSSDW    Y0, Y3, Y0
	VPERMQ       $0xd8, Y0, Y0
	VPADDSW      Y14, Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VPACKSSWB    X1, X0, X0
	VPMAXSB      X12, X0, X0
	VPMINSB      X13, X0, X0
	VMOVDQU      X0, (R8)
	ADDQ         $64, SI
	ADDQ         R9, R8
	DECQ         CX
	JNZ          pixel
	VZEROUPPER
	RET

// Offsets in depthwiseArgs: taps 0, weight 8, start 16, acc 24, pairs 32, n 40, pixels
// 48, x 56.

#define DEPTHWISE \
	MOVQ args+0(FP), DI \
	MOVQ 24(DI), R9     \
	MOVQ 40(DI), R10    \
	MOVQ 48(DI), R11    \
	MOVQ 16(DI), R12

// func depthwiseAVX2(args *depthwiseArgs)
TEXT ·depthwiseAVX2(SB), NOSPLIT, $0-8
	DEPTHWISE

pixel:
	MOVLQSX (R11), AX
	ADDQ    56(DI), AX
	MOVQ    0(DI), SI
	MOVQ    8(DI), BX
	MOVQ    32(DI), CX
	VPXOR Y0, Y0, Y0
	VPXOR Y1, Y1, Y1

pair:
	MOVLQSX    0(SI), R13
	MOVLQSX    4(SI), R14
	VPMOVSXBW  (R13)(AX*1), Y2
	VPMOVSXBW  (R14)(AX*1), Y3
	VPUNPCKLWD Y3, Y2, Y4
	VPUNPCKHWD Y3, Y2, Y5
	VPMADDWD   (BX), Y4, Y4
	VPMADDWD   32(BX), Y5, Y5
	VPADDD     Y4, Y0, Y0
	VPADDD     Y5, Y1, Y1
	ADDQ       $8, SI
	ADDQ       $64, BX
	DECQ       CX
	JNZ        pair

	VPERM2I128 $0x20, Y1, Y0, Y2
	VPERM2I128 $0x31, Y1, Y0, Y3
	VPADDD     (R12), Y2, Y2
	VPADDD     32(R12), Y3, Y3
	VMOVDQU    Y2, (R9)
	VMOVDQU    Y3, 32(R9)
	ADDQ       $64, R9
	ADDQ       $4, R11
	DECQ       R10
	JNZ        pixel
	VZEROUPPER
	RET

// func depthwiseHalfAVX2(args *depthwiseArgs)
TEXT ·depthwiseHalfAVX2(SB), NOSPLIT, $0-8
	DEPTHWISE

pixel:
	MOVLQSX (R11), AX
	ADDQ    56(DI), AX
	MOVQ    0(DI), SI
	MOVQ    8(DI), BX
	MOVQ    32(DI), CX
	VMOVDQU (R12), X0
	VMOVDQU 16(R12), X1

pair:
	MOVLQSX    0(SI), R13
	MOVLQSX    4(SI), R14
	VPMOVSXBW  (R13)(AX*1), X2
	VPMOVSXBW  (R14)(AX*1), X3
	VPUNPCKLWD X3, X2, X4
	VPUNPCKHWD X3, X2, X5
	VPMADDWD   (BX), X4, X4
	VPMADDWD   16(BX), X5, X5
	VPADDD     X4, X0, X0
	VPADDD     X5, X1, X1
	ADDQ       $8, SI
	ADDQ       $32, BX
	DECQ       CX
	JNZ        pair

	VMOVDQU X0, (R9)
	VMOVDQU X1, 16(R9)
	ADDQ    $64, R9
	ADDQ    $4, R11
	DECQ    R10
	JNZ     pixel
	VZEROUPPER
	RET

// Offsets in maxArgs: y 0, x 8, rows 16, columns 24, down 32, right 40, channels 48.

// func maxAVX2(args *maxArgs)
TEXT ·maxAVX2(SB), NOSPLIT, $0-8
	MOVQ args+0(FP), DI
	MOVQ 0(DI), R8
	MOVQ 8(DI), SI
	MOVQ 32(DI), R9
	MOVQ 40(DI), R10
	MOVQ 48(DI), R11 // channels from AX on
	XORQ AX, AX

channels:
	MOVQ 16(DI), CX
	LEAQ (SI)(AX*1), BX
	VMOVDQU (BX), X0

row:
	MOVQ 24(DI), DX
	MOVQ BX, R12

column:
	VMOVDQU (R12), X1
	VPMAXSB X1, X0, X0
	ADDQ R10, R12
	DECQ DX
	JNZ  column
	ADDQ R9, BX
	DECQ CX
	JNZ  row

	VMOVDQU X0, (R8)(AX*1)
	SUBQ $16, R11
	JLE  done
	ADDQ $16, AX
	CMPQ R11, $16
	JGE  channels
	LEAQ -16(AX)(R11*1), AX // the last ones once more
	MOVQ $16, R11
	JMP  channels

done:
	RET

// func maxHalfAVX2(args *maxArgs)
TEXT ·maxHalfAVX2(SB), NOSPLIT, $0-8
	MOVQ args+0(FP), DI
	MOVQ 0(DI), R8
	MOVQ 8(DI), SI
	MOVQ 32(DI), R9
	MOVQ 40(DI), R10
	MOVQ 48(DI), R11 // channels from AX on
	XORQ AX, AX

channels:
	MOVQ 16(DI), CX
	LEAQ (SI)(AX*1), BX
	VMOVQ (BX), X0

row:
	MOVQ 24(DI), DX
	MOVQ BX, R12

column:
	VMOVQ (R12), X1
	VPMAXSB X1, X0, X0
	ADDQ R10, R12
	DECQ DX
	JNZ  column
	ADDQ R9, BX
	DECQ CX
	JNZ  row

	VMOVQ X0, (R8)(AX*1)
	SUBQ $8, R11
	JLE  done
	ADDQ $8, AX
	CMPQ R11, $8
	JGE  channels
	LEAQ -8(AX)(R11*1), AX // the last ones once more
	MOVQ $8, R11
	JMP  channels

done:
	RET

// Offsets in sumArgs: sums 0, wide 8, narrow 16, wideZero 24, narrowZero 32, scale 40, n
// 48.

// func sumAVX2(args *sumArgs)
TEXT ·sumAVX2(SB), NOSPLIT, $0-8
	MOVQ         args+0(FP), DI
	MOVQ         0(DI), R8
	MOVQ         8(DI), SI
	MOVQ         16(DI), BX
	VPBROADCASTD 24(DI), Y12
	VPBROADCASTD 32(DI), Y13
	MOVQ         40(DI), AX
	MOVQ         48(DI), CX
	VMOVDQU      32(AX), Y4
	VMOVDQU      64(AX), Y6
	VMOVDQU      96(AX), Y8
	VMOVDQU      128(AX), Y9
	VPBROADCASTD 172(AX), Y15
	VPSRLQ       $32, Y15, Y15

eight:
	VPMOVSXBD (BX), Y0
	VPSUBD    Y13, Y0, Y0
	VPSLLD    $20, Y0, Y0
	VPMULDQ   Y4, Y0, Y1
	VPSRLQ    $32, Y0, Y2
	VPMULDQ   Y4, Y2, Y2
	VPADDQ    Y15, Y1, Y1
	VPADDQ    Y15, Y2, Y2
	VPSRLQ    $31, Y1, Y1
	VPADDQ    Y2, Y2, Y2
	VPBLENDD  $0xaa, Y2, Y1, Y0
	VPSRAD    $31, Y0, Y1
	VPAND     Y6, Y1, Y1
	VPADDD    Y1, Y0, Y0
	VPADDD    Y8, Y0, Y0
	VPSRAVD   Y9, Y0, Y0
	VPMOVSXBD (SI), Y1
	VPSUBD    Y12, Y1, Y1
	VPSLLD    $19, Y1, Y1
	VPADDD    Y1, Y0, Y0
	VMOVDQU   Y0, (R8)
	ADDQ      $8, BX
	ADDQ      $8, SI
	ADDQ      $32, R8
	SUBQ      $8, CX
	JNZ       eight
	VZEROUPPER
	RET
