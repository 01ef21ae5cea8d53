/* SPDX-License-Identifier: Apache-2.0 */
/*
 * err.h - errors that a person will read.
 *
 * Functions return 0 or a positive value for success and a negative errno for failure.
 * Those whose failure a human will read also take a `struct snp_err *` as last
 * parameter: the origin sets the text, each caller may wrap it outward, and whoever
 * shows it to the user prints err.msg. The struct is the caller's (stack is fine) and
 * may be NULL everywhere. There is no global or thread-local error state, and no
 * function here allocates. Not thread-safe per object; distinct objects are
 * independent.
 */
#ifndef SNP_SHM_ERR_H
#define SNP_SHM_ERR_H

#include <stdarg.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SNP_ERR_MSG_BYTES 512

struct snp_err {
	int code;	   /* negative errno; 0 = no error recorded */
	const char *field; /* static name of what is wrong, for programs, or NULL */
	char msg[SNP_ERR_MSG_BYTES]; /* UTF-8, one line, NUL-terminated */
};

/* Record an error at its origin. Returns `code` (a negative errno), so that
 * `return snp_err_set(err, -EINVAL, "...")` reads naturally. */
int snp_err_set(struct snp_err *err, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, naming the field that is wrong: a static string, one word. */
int snp_err_set_field(struct snp_err *err, int code, const char *field, const char *fmt,
		      ...) __attribute__((format(printf, 4, 5)));

/* Like snp_err_set() but appends ": <strerror(errno)>" and uses -errno as the code. */
int snp_err_errno(struct snp_err *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Prefix "<text>: " to what is already recorded. Returns err->code, or 0 for NULL. */
int snp_err_wrap(struct snp_err *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#ifdef __cplusplus
}
#endif

#endif
