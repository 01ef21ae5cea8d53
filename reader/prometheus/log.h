/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h - the exporter's own lines on stderr, in logfmt as exporters have it:
 * time=2026-01-31T12:00:00.000Z level=info msg="listening on http://127.0.0.1:9568"
 *
 * One write a line, so lines of several threads stay whole. Thread-safe once the level
 * is set.
 */
#ifndef SNP_PROMETHEUS_LOG_H
#define SNP_PROMETHEUS_LOG_H

#include <stdarg.h>
#include <stdbool.h>

enum log_level {
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_INFO,
	LOG_LEVEL_WARN,
	LOG_LEVEL_ERROR,
	LOG_LEVEL_NR
};

/* "debug", "info", "warn" or "error"; false for anything else. */
bool log_level_parse(const char *text, enum log_level *ret_level);

/* Before threads are started; info otherwise. */
void log_set_level(enum log_level level);

void log_line(enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void log_vline(enum log_level level, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

#endif
