/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor.h - what `snakepit doctor` found.
 *
 * Each check adds one finding or more: what was looked at, how it is, and, unless all
 * is well, what to do. Checks look and never change anything. One thread.
 */
#ifndef SNAKEPIT_DOCTOR_H
#define SNAKEPIT_DOCTOR_H

#include <stddef.h>

enum doctor_level {
	DOCTOR_OK,
	DOCTOR_WARN, /* works, but not as it should */
	DOCTOR_FAIL, /* Snakepit will not work */
};

#define DOCTOR_TEXT_BYTES   512
#define DOCTOR_FINDINGS_MAX 128

struct doctor_finding {
	const char *check; /* "python"; static storage */
	enum doctor_level level;
	char text[DOCTOR_TEXT_BYTES];
	const char *advice; /* what to do; static storage; "" with DOCTOR_OK */
};

struct doctor {
	struct doctor_finding finding[DOCTOR_FINDINGS_MAX];
	size_t findings_nr;
};

/* Beyond DOCTOR_FINDINGS_MAX findings are dropped: they would not be read. */
void doctor_ok(struct doctor *doctor, const char *check, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void doctor_bad(struct doctor *doctor, enum doctor_level level, const char *check,
		const char *advice, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

void doctor_check_programs(struct doctor *doctor);
void doctor_check_python(struct doctor *doctor);
void doctor_check_directory(struct doctor *doctor);
void doctor_check_leftovers(struct doctor *doctor);
void doctor_check_limits(struct doctor *doctor);
void doctor_check_port(struct doctor *doctor);

#endif
