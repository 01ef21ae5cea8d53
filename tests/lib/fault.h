/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault.h - the Nth allocation or system call of a scenario fails, for N = 1, 2, 3...
 * until none is left to fail; once alone, and once with all that follow.
 *
 * Calls are caught by the linker (--wrap, tools/make/fault.mk names those of the table
 * below), so only those of our own code count, whatever a library does inside. Each
 * time the scenario must either do all it does without a fault, or return a negative
 * errno with one clear error; and in either case keep no memory, no descriptor, and
 * leave in its directory what was there before.
 *
 * A program includes it once; it belongs to the thread that runs the tests.
 */
#ifndef SNP_TEST_FAULT_H
#define SNP_TEST_FAULT_H

#include "snp_test.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "snakepit/err.h"

#define FAULT_MOST 20000 /* calls in one scenario: more is a loop without end */

static struct {
	bool armed, persistent;
	long left;	   /* calls until one fails */
	const char *fired; /* the first that failed; NULL: none */
} fault;

static bool fault_due(const char *name, int error)
{
	if (!fault.armed || (fault.left > 1 && fault.left--))
		return false;
	if (fault.left == 0 && !fault.persistent)
		return false;
	fault.left = 0;
	if (!fault.fired)
		fault.fired = name;
	errno = error;
	return true;
}

/* ---- memory -------------------------------------------------------------- */

/* Blocks that our code has; what a library made or takes over is not its to free. */
#define FAULT_BLOCKS 65536
static void *fault_blocks[FAULT_BLOCKS];
static size_t fault_live;
static char fault_freed; /* its address: a block was there */

static size_t fault_slot(const void *p)
{
	return ((uintptr_t)p >> 4) * UINT64_C(0x9e3779b97f4a7c15) % FAULT_BLOCKS;
}

static void *fault_own(void *p)
{
	size_t at = fault_slot(p);

	if (!p)
		return NULL;
	while (fault_blocks[at] && fault_blocks[at] != &fault_freed)
		at = (at + 1) % FAULT_BLOCKS;
	fault_blocks[at] = p;
	fault_live++;
	return p;
}

static void fault_disown(const void *p)
{
	for (size_t at = fault_slot(p); p && fault_blocks[at];
	     at = (at + 1) % FAULT_BLOCKS)
		if (fault_blocks[at] == p) {
			fault_blocks[at] = &fault_freed;
			fault_live--;
			return;
		}
}

/* ALLOC(type, name, parameters, arguments, the block it replaces) */
#define FAULT_ALLOCS(ALLOC)                                                            \
	ALLOC(void *, malloc, (size_t n), (n), NULL)                                   \
	ALLOC(void *, calloc, (size_t n, size_t s), (n, s), NULL)                      \
	ALLOC(void *, realloc, (void *p, size_t n), (p, n), p)                         \
	ALLOC(void *, reallocarray, (void *p, size_t n, size_t s), (p, n, s), p)       \
	ALLOC(char *, strdup, (const char *s), (s), NULL)                              \
	ALLOC(char *, strndup, (const char *s, size_t n), (s, n), NULL)

#define ALLOC(type, name, parameters, arguments, old)                                  \
	type __real_##name parameters;                                                 \
	type __wrap_##name parameters;                                                 \
	type __wrap_##name parameters                                                  \
	{                                                                              \
		type made;                                                             \
		if (fault_due(#name, ENOMEM))                                          \
			return NULL;                                                   \
		fault_disown(old);                                                     \
		made = __real_##name arguments;                                        \
		return fault_own(made);                                                \
	}
FAULT_ALLOCS(ALLOC)
#undef ALLOC

/* The compiler may have made these of asprintf() and vasprintf(). */
int __real_vasprintf(char **ret_text, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));
int __wrap_vasprintf(char **ret_text, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));
int __wrap_vasprintf(char **ret_text, const char *fmt, va_list ap)
{
	int n;

	if (fault_due("vasprintf", ENOMEM))
		return -1;
	n = __real_vasprintf(ret_text, fmt, ap);
	if (n >= 0)
		(void)fault_own(*ret_text);
	return n;
}

int __wrap___vasprintf_chk(char **ret_text, int flag, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));
int __wrap___vasprintf_chk(char **ret_text, int flag, const char *fmt, va_list ap)
{
	(void)flag;
	return __wrap_vasprintf(ret_text, fmt, ap);
}

int __wrap_asprintf(char **ret_text, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
int __wrap_asprintf(char **ret_text, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = __wrap_vasprintf(ret_text, fmt, ap);
	va_end(ap);
	return n;
}

int __wrap___asprintf_chk(char **ret_text, int flag, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int __wrap___asprintf_chk(char **ret_text, int flag, const char *fmt, ...)
{
	va_list ap;
	int n;

	(void)flag;
	va_start(ap, fmt);
	n = __wrap_vasprintf(ret_text, fmt, ap);
	va_end(ap);
	return n;
}

void __real_free(void *p);
void __wrap_free(void *p);
void __wrap_free(void *p)
{
	fault_disown(p);
	__real_free(p);
}

/* ---- system calls -------------------------------------------------------- */

/* CALL(type, name, parameters, arguments, what it returns when it fails, its errno) */
#define FAULT_CALLS(CALL)                                                              \
	CALL(FILE *, fopen, (const char *p, const char *m), (p, m), NULL, EMFILE)      \
	CALL(DIR *, opendir, (const char *p), (p), NULL, EMFILE)                       \
	CALL(ssize_t, read, (int fd, void *p, size_t n), (fd, p, n), -1, EIO)          \
	CALL(ssize_t, pread, (int fd, void *p, size_t n, off_t at), (fd, p, n, at),    \
	     -1, EIO)                                                                  \
	CALL(ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n), -1,        \
	     ENOSPC)                                                                   \
	CALL(void *, mmap,                                                             \
	     (void *at, size_t n, int prot, int flags, int fd, off_t off),             \
	     (at, n, prot, flags, fd, off), MAP_FAILED, ENOMEM)                        \
	CALL(int, madvise, (void *at, size_t n, int how), (at, n, how), -1, EINVAL)    \
	CALL(int, fstat, (int fd, struct stat *st), (fd, st), -1, EIO)                 \
	CALL(int, stat, (const char *p, struct stat *st), (p, st), -1, EIO)            \
	CALL(int, fstatat, (int fd, const char *p, struct stat *st, int flags),        \
	     (fd, p, st, flags), -1, EIO)                                              \
	CALL(int, fstatfs, (int fd, struct statfs *fs), (fd, fs), -1, EIO)             \
	CALL(int, statfs, (const char *p, struct statfs *fs), (p, fs), -1, EIO)        \
	CALL(int, posix_fallocate, (int fd, off_t at, off_t n), (fd, at, n), ENOSPC,   \
	     ENOSPC)                                                                   \
	CALL(int, ftruncate, (int fd, off_t n), (fd, n), -1, ENOSPC)                   \
	CALL(int, mkdir, (const char *p, mode_t mode), (p, mode), -1, EACCES)          \
	CALL(int, linkat, (int a, const char *p, int b, const char *q, int flags),     \
	     (a, p, b, q, flags), -1, ENOSPC)                                          \
	CALL(int, renameat, (int a, const char *p, int b, const char *q),              \
	     (a, p, b, q), -1, EIO)                                                    \
	CALL(ssize_t, getrandom, (void *p, size_t n, unsigned flags), (p, n, flags),   \
	     -1, ENOSYS)                                                               \
	CALL(int, memfd_create, (const char *name, unsigned flags), (name, flags), -1, \
	     EMFILE)                                                                   \
	CALL(int, scandir,                                                             \
	     (const char *p, struct dirent ***list,                                    \
	      int (*wanted)(const struct dirent *),                                    \
	      int (*order)(const struct dirent **, const struct dirent **)),           \
	     (p, list, wanted, order), -1, ENOMEM)

#define CALL(type, name, parameters, arguments, failed, error)                         \
	type __real_##name parameters;                                                 \
	type __wrap_##name parameters;                                                 \
	type __wrap_##name parameters                                                  \
	{                                                                              \
		return fault_due(#name, error) ? (type)failed                          \
					       : __real_##name arguments;              \
	}
FAULT_CALLS(CALL)
#undef CALL

/* Those whose last parameter may be missing; what is not there is not looked at. */
#define VARIADIC(name, parameters, first, error)                                       \
	int __real_##name parameters;                                                  \
	int __wrap_##name parameters;                                                  \
	int __wrap_##name parameters                                                   \
	{                                                                              \
		va_list ap;                                                            \
		long last;                                                             \
		va_start(ap, first);                                                   \
		last = va_arg(ap, long);                                               \
		va_end(ap);                                                            \
		if (fault_due(#name, error))                                           \
			return -1;                                                     \
		return FAULT_REAL_##name;                                              \
	}
#define FAULT_REAL_open	  __real_open(p, flags, last)
#define FAULT_REAL_openat __real_openat(fd, p, flags, last)
#define FAULT_REAL_fcntl  __real_fcntl(fd, how, last)
VARIADIC(open, (const char *p, int flags, ...), flags, EMFILE)
VARIADIC(openat, (int fd, const char *p, int flags, ...), flags, EMFILE)
VARIADIC(fcntl, (int fd, int how, ...), how, ENOLCK)

/* 0 before the include: libraries free what our code allocates, so that blocks cannot
 * be counted, and leaks are left to the sanitizer. */
#ifndef FAULT_COUNTS_BLOCKS
#define FAULT_COUNTS_BLOCKS 1
#endif

/* ---- the driver ---------------------------------------------------------- */

/* One run from nothing to nothing. 0 or a negative errno with `err`; *ret_result is
 * something that tells whether all was done, such as a checksum of what was made. */
typedef int (*fault_scenario)(void *user, uint64_t *ret_result, struct snp_err *err);

/* Of what returns a negative errno and no text: give it one. */
static inline int fault_say(int rc, struct snp_err *err)
{
	return rc < 0 ? snp_err_set(err, rc, "%s", strerror(-rc)) : rc;
}

struct fault_world {
	uint64_t blocks, fds, files;
};

static uint64_t fault_entries(const char *path)
{
	uint64_t entries = 0;
	DIR *dir = opendir(path);

	while (dir && readdir(dir))
		entries++;
	if (dir)
		(void)closedir(dir);
	return entries;
}

static struct fault_world fault_look(const char *dir)
{
	return (struct fault_world){.blocks = FAULT_COUNTS_BLOCKS ? fault_live : 0,
				    .fds = fault_entries("/proc/self/fd"),
				    .files = dir ? fault_entries(dir) : 0};
}

static bool fault_is_one_line(const char *text)
{
	for (const char *p = text; *p; p++)
		if (iscntrl((unsigned char)*p))
			return false;
	return *text != '\0';
}

/* Run it with the Nth call failing. False: there were not so many. */
static bool fault_try(fault_scenario scenario, void *user, const char *dir, long n,
		      bool persistent, uint64_t wanted)
{
	struct fault_world before = fault_look(dir), after;
	struct snp_err err = {0};
	uint64_t result = 0;
	int rc;

	fault.left = n;
	fault.persistent = persistent;
	fault.fired = NULL;
	fault.armed = true;
	rc = scenario(user, &result, &err);
	fault.armed = false;
	after = fault_look(dir);
	if (!fault.fired && rc < 0)
		fail_msg("without a fault: %s", err.msg);
	if (rc >= 0 && result != wanted)
		fail_msg("%s, call %ld: not all was done, and nothing was said",
			 fault.fired ? fault.fired : "no fault", n);
	if (rc < 0 && (err.code != rc || !fault_is_one_line(err.msg)))
		fail_msg("%s, call %ld: returned %d with '%s' (%d)", fault.fired, n, rc,
			 err.msg, err.code);
	if (memcmp(&before, &after, sizeof(before)) != 0)
		fail_msg("%s, call %ld (returned %d): %ld blocks, %ld descriptors, %ld "
			 "files are left",
			 fault.fired ? fault.fired : "no fault", n, rc,
			 (long)(after.blocks - before.blocks),
			 (long)(after.fds - before.fds),
			 (long)(after.files - before.files));
	return fault.fired != NULL;
}

/* `dir`: whose files are counted, NULL: none. */
static void fault_drive(fault_scenario scenario, void *user, const char *dir)
{
	struct snp_err err = {0};
	uint64_t wanted = 0, again = 0;
	long n;

	/* Twice: what is made once for the process is there then. */
	if (scenario(user, &wanted, &err) < 0 || scenario(user, &again, &err) < 0)
		fail_msg("%s", err.msg);
	assert_true(wanted == again);
	for (int persistent = 0; persistent < 2; persistent++) {
		for (n = 1; fault_try(scenario, user, dir, n, persistent, wanted); n++)
			assert_true(n < FAULT_MOST);
		print_message("%ld calls\n", n - 1);
		assert_true(n > 1); /* or nothing is caught any more */
	}
}

#endif
