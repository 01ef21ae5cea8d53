/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor.h - what `snakepit doctor` knows and found.
 *
 * Each check of doctor_checks.def adds one finding or more: what was looked at, how it
 * is, and, unless all is well, what to do. Checks look and never change anything. One
 * thread.
 */
#ifndef SNAKEPIT_DOCTOR_H
#define SNAKEPIT_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum doctor_level {
	DOCTOR_OK,
	DOCTOR_WARN, /* works, but not as it should */
	DOCTOR_FAIL, /* Snakepit will not work */
};

#define DOCTOR_TEXT_BYTES   512
#define DOCTOR_FINDINGS_MAX 256
#define DOCTOR_PLAN_BYTES   65536

struct doctor_finding {
	const char *check; /* id of doctor_checks.def */
	enum doctor_level level;
	char text[DOCTOR_TEXT_BYTES];
	const char *advice; /* what to do; static storage; "" with DOCTOR_OK */
};

/* What the configuration asks for, in the runtime's words (runtime/core/plan.h). */
struct doctor_plan {
	char text[DOCTOR_PLAN_BYTES]; /* lines, as NUL-terminated strings */
	size_t len;		      /* 0: no configuration, or a bad one */
};

struct doctor {
	const char *config; /* file of -c; NULL: none */
	struct doctor_plan plan;
	const char *check; /* that is under way */
	struct doctor_finding finding[DOCTOR_FINDINGS_MAX];
	size_t findings_nr;
};

/* Beyond DOCTOR_FINDINGS_MAX findings are dropped: they would not be read. */
void doctor_ok(struct doctor *doctor, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void doctor_bad(struct doctor *doctor, enum doctor_level level, const char *advice,
		const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* The value of the plan's line `name` after `last` (NULL: the first); NULL: no more. */
const char *doctor_plan_next(const struct doctor *doctor, const char *name,
			     const char *last);
/* Its number, or `otherwise` where the plan has none. */
uint64_t doctor_plan_number(const struct doctor *doctor, const char *name,
			    uint64_t otherwise);

/* Whether the configuration's instance runs: what it listens on is its own then. */
bool doctor_instance_runs(const struct doctor *doctor);

#define DOCTOR_CHECK(id, help) void doctor_check_##id(struct doctor *doctor);
#include "doctor_checks.def"

#endif
