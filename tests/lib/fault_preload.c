/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault_preload.so - lets the Nth allocation or system call of a whole program fail.
 *
 * LD_PRELOAD it; it counts calls that the program's own code makes (libraries it is
 * linked with call what they like), through the table of fault_table.h. The
 * environment:
 *
 * - SNP_FAULT_FD: an inherited descriptor. Each call that is counted is a line there,
 *   or, where one is to fail, each that failed: its name, and the way to it, which is
 *   the return addresses in the program, innermost first.
 * - SNP_FAULT_AT: N, the Nth fails. 0 or nothing: none does.
 * - SNP_FAULT_WAY: only calls to which this way leads are counted.
 * - SNP_FAULT_LASTS: set, all that follow fail, too.
 *
 * The program has to keep frame pointers. Threads may call at any time.
 */
#include <dlfcn.h>
#include <link.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fault_table.h"

#define WAY_MAX	  12 /* frames */
#define WAY_BYTES (WAY_MAX * 10 + 1)

static uintptr_t program_base;
static uintptr_t program_begin, program_end; /* its code; 0: not known yet */
static int log_fd = -1;
static long fail_at;
static bool lasts;
static const char *way_wanted;
static atomic_long counted;

static int look_at_program(struct dl_phdr_info *info, size_t size, void *user)
{
	(void)size;
	(void)user;
	program_base = info->dlpi_addr;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &info->dlpi_phdr[i];

		if (part->p_type == PT_LOAD && (part->p_flags & PF_X)) {
			program_begin = program_base + part->p_vaddr;
			program_end = program_begin + part->p_memsz;
		}
	}
	return 1; /* the first is the program */
}

__attribute__((constructor)) static void begin(void)
{
	const char *fd = getenv("SNP_FAULT_FD"), *at = getenv("SNP_FAULT_AT");

	if (!fd)
		return;
	log_fd = atoi(fd);
	fail_at = at ? atol(at) : 0;
	way_wanted = getenv("SNP_FAULT_WAY");
	lasts = getenv("SNP_FAULT_LASTS") != NULL;
	(void)dl_iterate_phdr(look_at_program, NULL);
}

static bool in_program(uintptr_t address)
{
	return address - program_begin < program_end - program_begin;
}

static char *hex(char *to, uintptr_t number)
{
	char digits[2 * sizeof(number)];
	size_t nr = 0;

	do
		digits[nr++] = "0123456789abcdef"[number % 16];
	while (number /= 16);
	while (nr > 0)
		*to++ = digits[--nr];
	return to;
}

/* From the frame of a wrapper outwards. False: somebody else called it. */
static bool find_way(const uintptr_t *frame, char way[WAY_BYTES])
{
	char *to = way;

	if (!in_program(frame[1]))
		return false;
	for (int i = 0; i < WAY_MAX && in_program(frame[1]); i++) {
		const uintptr_t *outer = (const uintptr_t *)frame[0];

		if (i > 0)
			*to++ = ',';
		to = hex(to, frame[1] - program_base);
		if (outer <= frame)
			break;
		frame = outer;
	}
	*to = '\0';
	return true;
}

static void note(const char *name, const char *way)
{
	char line[64 + WAY_BYTES];
	size_t len = strlen(name);

	memcpy(line, name, len);
	line[len++] = ' ';
	memcpy(line + len, way, strlen(way));
	len += strlen(way);
	line[len++] = '\n';
	/* Not write(), which is one of the table. */
	(void)!syscall(SYS_write, log_fd, line, len);
}

static bool due(const char *name, const uintptr_t *frame, int error)
{
	char way[WAY_BYTES];
	long n;

	if (log_fd < 0 || !find_way(frame, way))
		return false;
	if (way_wanted && strcmp(way, way_wanted) != 0)
		return false;
	n = atomic_fetch_add(&counted, 1) + 1;
	if (fail_at > 0 && n != fail_at && (n < fail_at || !lasts))
		return false;
	note(name, way);
	if (fail_at == 0)
		return false;
	if (error)
		errno = error;
	return true;
}

#define DUE(name, error) due(name, __builtin_frame_address(0), error)

/* In C these have names of their own, as their types are not those of the headers. */
#define REAL(type, name) (__extension__(type) dlsym(RTLD_NEXT, #name))

/* What is passed beyond a function's parameters is not looked at by it. */
#define LONGS long a, long b, long c, long d, long e, long f
#define X(name, failed, error)                                                         \
	long fault_##name(LONGS) __asm__(#name);                                       \
	long fault_##name(LONGS)                                                       \
	{                                                                              \
		static long (*_Atomic real)(LONGS);                                    \
		if (DUE(#name, error))                                                 \
			return failed;                                                 \
		if (!real)                                                             \
			real = REAL(long (*)(LONGS), name);                            \
		return real(a, b, c, d, e, f);                                         \
	}
FAULT_TABLE(X)
#undef X

/* These do what they do, and fail then. */
#define X(name, failed, error)                                                         \
	int fault_##name(void *what) __asm__(#name);                                   \
	int fault_##name(void *what)                                                   \
	{                                                                              \
		int (*real)(void *) = REAL(int (*)(void *), name);                     \
		int done = real(what);                                                 \
		return DUE(#name, error) ? (failed) : done;                            \
	}
FAULT_TABLE_OF_ENDS(X)
#undef X

/* Those with more parameters, or with numbers that are no integers. */
int fault_asprintf(char **ret_text, const char *fmt, ...) __asm__("asprintf");
int fault_asprintf(char **ret_text, const char *fmt, ...)
{
	va_list ap;
	int n = -1;

	va_start(ap, fmt);
	if (!DUE("asprintf", ENOMEM))
		n = vasprintf(ret_text, fmt, ap);
	va_end(ap);
	return n;
}

int fault_asprintf_chk(char **ret_text, int flag, const char *fmt,
		       ...) __asm__("__asprintf_chk");
int fault_asprintf_chk(char **ret_text, int flag, const char *fmt, ...)
{
	va_list ap;
	int n = -1;

	(void)flag;
	va_start(ap, fmt);
	if (!DUE("asprintf", ENOMEM))
		n = vasprintf(ret_text, fmt, ap);
	va_end(ap);
	return n;
}

/* Of its options, which are as many as you like, these are enough for us. */
#define MORE_LONGS                                                                     \
	LONGS, long g, long h, long i, long j, long k, long l, long m, long n, long o, \
	    long p, long q, long r, long s, long t, long u, long v, long w, long x,    \
	    long y, long z
void *fault_MHD_start_daemon(MORE_LONGS) __asm__("MHD_start_daemon");
/* NOLINTNEXTLINE(readability-function-size): variadic there, and passed on whole */
void *fault_MHD_start_daemon(MORE_LONGS)
{
	void *(*real)(MORE_LONGS) = REAL(void *(*)(MORE_LONGS), MHD_start_daemon);

	if (DUE("MHD_start_daemon", ENOMEM))
		return NULL;
	return real(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w,
		    x, y, z);
}
