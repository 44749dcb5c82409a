// SPDX-License-Identifier: GPL-2.0-or-later
#include "scrub.h"

#include <malloc.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

enum { FREED_BYTE = 0xa5, STACK_BYTES = 256 * 1024 };

void scrub_prepare(void)
{
	mallopt(M_PERTURB, FREED_BYTE);
}

__attribute__((noinline)) static void scrub_stack(void)
{
	unsigned char below[STACK_BYTES];

	explicit_bzero(below, sizeof(below));
}

#ifdef __x86_64__
/*
 * Ones, not zeros: the processor does not write a register that is in its initial state when the
 * kernel saves the context, and the old content would stay in the saved copy.
 */
static void scrub_sse(void)
{
	__asm__ volatile("pcmpeqd %%xmm0, %%xmm0\n\t"
			 "movdqa %%xmm0, %%xmm1\n\tmovdqa %%xmm0, %%xmm2\n\t"
			 "movdqa %%xmm0, %%xmm3\n\tmovdqa %%xmm0, %%xmm4\n\t"
			 "movdqa %%xmm0, %%xmm5\n\tmovdqa %%xmm0, %%xmm6\n\t"
			 "movdqa %%xmm0, %%xmm7\n\tmovdqa %%xmm0, %%xmm8\n\t"
			 "movdqa %%xmm0, %%xmm9\n\tmovdqa %%xmm0, %%xmm10\n\t"
			 "movdqa %%xmm0, %%xmm11\n\tmovdqa %%xmm0, %%xmm12\n\t"
			 "movdqa %%xmm0, %%xmm13\n\tmovdqa %%xmm0, %%xmm14\n\t"
			 "movdqa %%xmm0, %%xmm15\n\t"
			 ::: "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
			 "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

/* The upper halves too; AVX has no compare of that width, so they are copied from the lower. */
__attribute__((target("avx"))) static void scrub_avx(void)
{
	__asm__ volatile("vpcmpeqd %%xmm0, %%xmm0, %%xmm0\n\t"
			 "vinsertf128 $1, %%xmm0, %%ymm0, %%ymm0\n\t"
			 "vmovaps %%ymm0, %%ymm1\n\tvmovaps %%ymm0, %%ymm2\n\t"
			 "vmovaps %%ymm0, %%ymm3\n\tvmovaps %%ymm0, %%ymm4\n\t"
			 "vmovaps %%ymm0, %%ymm5\n\tvmovaps %%ymm0, %%ymm6\n\t"
			 "vmovaps %%ymm0, %%ymm7\n\tvmovaps %%ymm0, %%ymm8\n\t"
			 "vmovaps %%ymm0, %%ymm9\n\tvmovaps %%ymm0, %%ymm10\n\t"
			 "vmovaps %%ymm0, %%ymm11\n\tvmovaps %%ymm0, %%ymm12\n\t"
			 "vmovaps %%ymm0, %%ymm13\n\tvmovaps %%ymm0, %%ymm14\n\t"
			 "vmovaps %%ymm0, %%ymm15\n\t"
			 ::: "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
			 "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

__attribute__((target("avx512f"))) static void scrub_avx512(void)
{
	__asm__ volatile("vpternlogd $255, %%zmm0, %%zmm0, %%zmm0\n\t"
			 "vmovdqa32 %%zmm0, %%zmm1\n\tvmovdqa32 %%zmm0, %%zmm2\n\t"
			 "vmovdqa32 %%zmm0, %%zmm3\n\tvmovdqa32 %%zmm0, %%zmm4\n\t"
			 "vmovdqa32 %%zmm0, %%zmm5\n\tvmovdqa32 %%zmm0, %%zmm6\n\t"
			 "vmovdqa32 %%zmm0, %%zmm7\n\tvmovdqa32 %%zmm0, %%zmm8\n\t"
			 "vmovdqa32 %%zmm0, %%zmm9\n\tvmovdqa32 %%zmm0, %%zmm10\n\t"
			 "vmovdqa32 %%zmm0, %%zmm11\n\tvmovdqa32 %%zmm0, %%zmm12\n\t"
			 "vmovdqa32 %%zmm0, %%zmm13\n\tvmovdqa32 %%zmm0, %%zmm14\n\t"
			 "vmovdqa32 %%zmm0, %%zmm15\n\tvmovdqa32 %%zmm0, %%zmm16\n\t"
			 "vmovdqa32 %%zmm0, %%zmm17\n\tvmovdqa32 %%zmm0, %%zmm18\n\t"
			 "vmovdqa32 %%zmm0, %%zmm19\n\tvmovdqa32 %%zmm0, %%zmm20\n\t"
			 "vmovdqa32 %%zmm0, %%zmm21\n\tvmovdqa32 %%zmm0, %%zmm22\n\t"
			 "vmovdqa32 %%zmm0, %%zmm23\n\tvmovdqa32 %%zmm0, %%zmm24\n\t"
			 "vmovdqa32 %%zmm0, %%zmm25\n\tvmovdqa32 %%zmm0, %%zmm26\n\t"
			 "vmovdqa32 %%zmm0, %%zmm27\n\tvmovdqa32 %%zmm0, %%zmm28\n\t"
			 "vmovdqa32 %%zmm0, %%zmm29\n\tvmovdqa32 %%zmm0, %%zmm30\n\t"
			 "vmovdqa32 %%zmm0, %%zmm31\n\t"
			 ::: "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
			 "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "xmm16",
			 "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24",
			 "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31");
}

static void scrub_registers(void)
{
	if (__builtin_cpu_supports("avx512f"))
		scrub_avx512();
	else if (__builtin_cpu_supports("avx"))
		scrub_avx();
	else
		scrub_sse();
}
#else
static void scrub_registers(void)
{
}
#endif

/* To sleep is to be switched away from, and so to have the registers' saved copy overwritten. */
void scrub_after(void)
{
	static const struct timespec moment = { .tv_nsec = 1000000 };

	scrub_stack();
	scrub_registers();
	nanosleep(&moment, NULL);
}
