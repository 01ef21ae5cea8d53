/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h - what a long-running reader says on stderr, in logfmt as exporters have it:
 * time=2026-01-31T12:00:00.000Z level=info msg="listening on http://127.0.0.1:9568"
 *
 * One write a line, so lines of several threads stay whole. Thread-safe once the level
 * is set.
 */
#ifndef SNP_MODEL_LOG_H
#define SNP_MODEL_LOG_H

#include <stdarg.h>
#include <stdbool.h>

enum snp_log_level {
	SNP_LOG_DEBUG,
	SNP_LOG_INFO,
	SNP_LOG_WARN,
	SNP_LOG_ERROR,
	SNP_LOG_NR
};

/* "debug", "info", "warn" or "error"; false for anything else. */
bool snp_log_level_parse(const char *text, enum snp_log_level *ret_level);

/* Before threads are started; info otherwise. */
void snp_log_set_level(enum snp_log_level level);

void snp_log_line(enum snp_log_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void snp_log_vline(enum snp_log_level level, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

#endif
