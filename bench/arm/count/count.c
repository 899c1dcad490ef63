/*
 * A plugin for qemu-user (API version 1, qemu 4.2 and later): counts the
 * instructions that a thread of the guest executes between two calls of
 * getppid, and writes the number as a line of a file:
 *
 *   gcc -O2 -shared -fPIC -o count.so count.c
 *   qemu-aarch64 -plugin ./count.so,out=FILE ./program
 *
 * The first call of a thread begins an interval, its next one ends it. Other
 * threads do not count: the Go runtime has some. The call itself counts as part
 * of the code that ends in it.
 *
 * qemu's header is not part of Debian's package, so the few declarations that
 * are needed stand here: docs/devel/tcg-plugins.rst, include/qemu/qemu-plugin.h.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef uint64_t plugin_id;
struct qemu_plugin_tb;

typedef struct {
	const char *target_name;
	struct { int min, cur; } version;
	_Bool system_emulation;
	union { struct { int smp_vcpus, max_vcpus; } system; };
} plugin_info;

typedef void (*translated)(plugin_id, struct qemu_plugin_tb *);
typedef void (*executed)(unsigned vcpu, void *data);
typedef void (*called)(plugin_id, unsigned vcpu, int64_t number, uint64_t, uint64_t, uint64_t, uint64_t,
		uint64_t, uint64_t, uint64_t, uint64_t);

extern void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, translated);
extern void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *, executed, int flags, void *data);
extern void qemu_plugin_register_vcpu_syscall_cb(plugin_id, called);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);

#define EXPORT __attribute__((visibility("default")))
EXPORT int qemu_plugin_version = 1;

enum { threads = 1024, no_registers = 0 };

/* Of each thread; qemu numbers them. Only the thread itself touches its own. */
static struct { uint64_t instructions, begin; int inside; } thread[threads];

static int64_t getppid_number;
static FILE *out;

static void block_executed(unsigned vcpu, void *instructions)
{
	if (vcpu < threads)
		thread[vcpu].instructions += (uintptr_t)instructions;
}

static void block_translated(plugin_id id, struct qemu_plugin_tb *block)
{
	(void)id;
	qemu_plugin_register_vcpu_tb_exec_cb(block, block_executed, no_registers,
			(void *)(uintptr_t)qemu_plugin_tb_n_insns(block));
}

static void system_called(plugin_id id, unsigned vcpu, int64_t number, uint64_t a, uint64_t b, uint64_t c,
		uint64_t d, uint64_t e, uint64_t f, uint64_t g, uint64_t h)
{
	(void)id, (void)a, (void)b, (void)c, (void)d, (void)e, (void)f, (void)g, (void)h;
	if (number != getppid_number || vcpu >= threads)
		return;
	if (thread[vcpu].inside) {
		fprintf(out, "%" PRIu64 "\n", thread[vcpu].instructions - thread[vcpu].begin);
		fflush(out);
	}
	thread[vcpu].inside = !thread[vcpu].inside;
	thread[vcpu].begin = thread[vcpu].instructions;
}

EXPORT int qemu_plugin_install(plugin_id id, const plugin_info *info, int argc, char **argv)
{
	if (!strcmp(info->target_name, "aarch64"))
		getppid_number = 173;
	else if (!strcmp(info->target_name, "arm"))
		getppid_number = 64;
	else if (!strcmp(info->target_name, "x86_64"))
		getppid_number = 110;
	if (!getppid_number) {
		fprintf(stderr, "count: the guest is %s; it has to be aarch64, arm or x86_64\n", info->target_name);
		return 1;
	}
	for (int i = 0; i < argc; i++)
		if (!strncmp(argv[i], "out=", 4) && !(out = fopen(argv[i] + 4, "w")))
			perror(argv[i] + 4);
	if (!out) {
		fprintf(stderr, "count: give out=FILE, a file that can be written\n");
		return 1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, block_translated);
	qemu_plugin_register_vcpu_syscall_cb(id, system_called);
	return 0;
}
