// Instructions of NEON, which the assembler does not have. From the Arm Architecture
// Reference Manual, ARMv7-A, section A8.8. Registers are numbers of D registers; those of
// Q registers are even.
#define D(d) (((d)&15)<<12 | ((d)>>4)<<22)
#define N(n) (((n)&15)<<16 | ((n)>>4)<<7)
#define M(m) (((m)&15) | ((m)>>4)<<5)

#define VMULL(m, n, d)  WORD $(0xF2800C00 | D(d) | N(n) | M(m))
#define VMLAL(m, n, d)  WORD $(0xF2800800 | D(d) | N(n) | M(m))
#define VPADAL(m, d)    WORD $(0xF3B40640 | D(d) | M(m))
#define VPADDL(m, d)     WORD $(0xF3B40240 | D(d) | M(m))
#define VPADD(m, n, d)  WORD $(0xF2200B10 | D(d) | N(n) | M(m))
#define VADDQ(m, n, d)  WORD $(0xF2200840 | D(d) | N(n) | M(m))
#define VZERO(d)        WORD $(0xF2800050 | D(d))

#define VSHL(m, n, d)    WORD $(0xF2200440 | D(d) | N(n) | M(m))
#define VRSHL(m, n, d)   WORD $(0xF2200540 | D(d) | N(n) | M(m))
#define VQRDMULH(m, n, d) WORD $(0xF3200B40 | D(d) | N(n) | M(m))
#define VQDMULH(m, n, d) WORD $(0xF2200B40 | D(d) | N(n) | M(m))
#define VANDQ(m, n, d)   WORD $(0xF2000150 | D(d) | N(n) | M(m))
#define VSRA31(m, d)     WORD $(0xF2A10150 | D(d) | M(m))
#define VNEGQ(m, d)      WORD $(0xF3B903C0 | D(d) | M(m))
#define VQMOVN32(m, d)   WORD $(0xF3B60280 | D(d) | M(m))
#define VQMOVN16(m, d)   WORD $(0xF3B20280 | D(d) | M(m))
#define VQADD16(m, n, d) WORD $(0xF2100050 | D(d) | N(n) | M(m))
#define VMAX8(m, n, d)   WORD $(0xF2000600 | D(d) | N(n) | M(m))
#define VMIN8(m, n, d)   WORD $(0xF2000610 | D(d) | N(n) | M(m))
#define VADDW(m, n, d)   WORD $(0xF2900100 | D(d) | N(n) | M(m))
#define VSUBL8(m, n, d)  WORD $(0xF2800200 | D(d) | N(n) | M(m))
#define VSHL16BY3(m, d)  WORD $(0xF2930550 | D(d) | M(m))
#define VSHL16BY4(m, d)  WORD $(0xF2940550 | D(d) | M(m))
#define VSHLL16BY16(m, d) WORD $(0xF3B60300 | D(d) | M(m))
#define VDUP8(r, d)      WORD $(0xEEC00B10 | ((d)&15)<<16 | ((d)>>4)<<7 | (r)<<12)
#define VDUP16Q(r, d)    WORD $(0xEEA00B30 | ((d)&15)<<16 | ((d)>>4)<<7 | (r)<<12)
#define VLD8(r, d)       WORD $(0xF420070F | (r)<<16 | D(d))
#define VLD8I(r, s, d)   WORD $(0xF4200700 | (r)<<16 | D(d) | (s))
#define VST8(r, s, d)    WORD $(0xF4000700 | (r)<<16 | D(d) | (s))

#define VLD8P(r, d)      WORD $(0xF420070D | (r)<<16 | D(d))
#define VLD32Q(r, d)     WORD $(0xF4200A8F | (r)<<16 | D(d))
#define VST32P(r, d)     WORD $(0xF400028D | (r)<<16 | D(d))

// VDUP4 loads four bytes to both halves of a register and moves on, VDUP44 eight to two; VLD8 loads 32 bytes
// to four registers and moves on by a register; VLD8P and VST32P move on by what they load
// and store.
#define VDUP4(r, d)     WORD $(0xF4A00C8D | (r)<<16 | D(d))
#define VDUP44(r, d)    WORD $(0xF4A00D8D | (r)<<16 | D(d))
#define VLD32(r, s, d)  WORD $(0xF4200200 | (r)<<16 | D(d) | (s))
#define VLD32S(r, d)    WORD $(0xF420028F | (r)<<16 | D(d))
#define VST32S(r, d)    WORD $(0xF400028F | (r)<<16 | D(d))
