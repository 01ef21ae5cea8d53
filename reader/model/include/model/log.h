/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h - what a long-running reader says on stderr, in one of the two forms that
 * exporters have:
 * time=2026-01-31T12:00:00.000Z level=info msg="listening on http://127.0.0.1:9568"
 * {"time":"2026-01-31T12:00:00.000Z","level":"info","msg":"listening on ..."}
 *
 * One write a line, so lines of several threads stay whole. Thread-safe once level and
 * form are set.
 */
#ifndef SNP_MODEL_LOG_H
#define SNP_MODEL_LOG_H

#include <stdarg.h>
#include <stdbool.h>

#include "snakepit/err.h"

enum snp_log_level {
	SNP_LOG_DEBUG,
	SNP_LOG_INFO,
	SNP_LOG_WARN,
	SNP_LOG_ERROR,
	SNP_LOG_NR
};

/* The value of --log.level: "debug", "info", "warn" or "error". -EINVAL. */
int snp_log_level_parse(const char *text, enum snp_log_level *ret_level,
			struct snp_err *err);

enum snp_log_form { SNP_LOG_LOGFMT, SNP_LOG_JSON };

/* The value of --log.format: "logfmt" or "json". -EINVAL. */
int snp_log_form_parse(const char *text, enum snp_log_form *ret_form,
		       struct snp_err *err);

/* Before threads are started; info otherwise. */
void snp_log_set_level(enum snp_log_level level);
/* Likewise; logfmt otherwise. */
void snp_log_set_form(enum snp_log_form form);

void snp_log_line(enum snp_log_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void snp_log_vline(enum snp_log_level level, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

#endif
