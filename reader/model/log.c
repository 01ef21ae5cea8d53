/* SPDX-License-Identifier: Apache-2.0 */
#include "model/log.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* PIPE_BUF: up to this a write to a pipe is atomic. */
#define LINE_BYTES 4096

static const char *const level_names[SNP_LOG_NR] = {
    [SNP_LOG_DEBUG] = "debug",
    [SNP_LOG_INFO] = "info",
    [SNP_LOG_WARN] = "warn",
    [SNP_LOG_ERROR] = "error",
};

static enum snp_log_level level_min = SNP_LOG_INFO;

bool snp_log_level_parse(const char *text, enum snp_log_level *ret_level)
{
	for (unsigned i = 0; i < SNP_LOG_NR; i++) {
		if (strcmp(text, level_names[i]) == 0) {
			*ret_level = (enum snp_log_level)i;
			return true;
		}
	}
	return false;
}

void snp_log_set_level(enum snp_log_level level)
{
	level_min = level;
}

/* Quoted as logfmt wants it; what would end the line or the quotes is escaped. */
static size_t put_quoted(char *dst, size_t room, const char *text)
{
	size_t len = 0;

	dst[len++] = '"';
	for (; *text && len + 4 < room; text++) {
		if (*text == '"' || *text == '\\') {
			dst[len++] = '\\';
			dst[len++] = *text;
		} else if ((unsigned char)*text < 0x20) {
			dst[len++] = ' ';
		} else {
			dst[len++] = *text;
		}
	}
	dst[len++] = '"';
	dst[len++] = '\n';
	return len;
}

void snp_log_vline(enum snp_log_level level, const char *fmt, va_list ap)
{
	char line[LINE_BYTES], msg[LINE_BYTES / 2];
	struct timespec now;
	struct tm tm;
	size_t len;

	if (level < level_min)
		return;
	(void)vsnprintf(msg, sizeof(msg), fmt, ap);
	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)gmtime_r(&now.tv_sec, &tm);
	len = strftime(line, sizeof(line), "time=%Y-%m-%dT%H:%M:%S", &tm);
	len += (size_t)snprintf(line + len, sizeof(line) - len,
				".%03ldZ level=%s msg=", now.tv_nsec / 1000000,
				level_names[level]);
	len += put_quoted(line + len, sizeof(line) - len, msg);
	/* There is nowhere to say that stderr is gone. */
	if (write(STDERR_FILENO, line, len) < 0)
		return;
}

void snp_log_line(enum snp_log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	snp_log_vline(level, fmt, ap);
	va_end(ap);
}
