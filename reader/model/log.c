/* SPDX-License-Identifier: Apache-2.0 */
#include "model/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "model/utf8.h"

/* PIPE_BUF: up to this a write to a pipe is atomic. */
#define LINE_BYTES 4096

static const char *const level_names[SNP_LOG_NR] = {
    [SNP_LOG_DEBUG] = "debug",
    [SNP_LOG_INFO] = "info",
    [SNP_LOG_WARN] = "warn",
    [SNP_LOG_ERROR] = "error",
};

/* What stands before the time, the level, the message, and behind it. */
static const struct {
	const char *name, *time, *level, *msg, *end;
} forms[] = {
    [SNP_LOG_LOGFMT] = {"logfmt", "time=", " level=", " msg=", "\n"},
    [SNP_LOG_JSON] = {"json", "{\"time\":\"", "\",\"level\":\"", "\",\"msg\":", "}\n"},
};

static enum snp_log_level level_min = SNP_LOG_INFO;
static enum snp_log_form form_now = SNP_LOG_LOGFMT;

int snp_log_level_parse(const char *text, enum snp_log_level *ret_level,
			struct snp_err *err)
{
	for (unsigned i = 0; i < SNP_LOG_NR; i++) {
		if (strcmp(text, level_names[i]) == 0) {
			*ret_level = (enum snp_log_level)i;
			return 0;
		}
	}
	return snp_err_set(err, -EINVAL,
			   "--log.level '%s': expected debug, info, warn or error",
			   text);
}

void snp_log_set_level(enum snp_log_level level)
{
	level_min = level;
}

int snp_log_form_parse(const char *text, enum snp_log_form *ret_form,
		       struct snp_err *err)
{
	for (unsigned i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (strcmp(text, forms[i].name) == 0) {
			*ret_form = (enum snp_log_form)i;
			return 0;
		}
	}
	return snp_err_set(err, -EINVAL, "--log.format '%s': expected logfmt or json",
			   text);
}

void snp_log_set_form(enum snp_log_form form)
{
	form_now = form;
}

/* Quoted as both forms want it: nothing in it ends the line or the quotes, and bytes
 * that are not UTF-8 are replaced. */
static size_t put_quoted(char *dst, size_t room, const char *text)
{
	const char *end = text + strlen(text);
	size_t len = 0, bytes;

	dst[len++] = '"';
	for (; text < end && len + 5 < room; text += bytes) {
		bytes = snp_utf8_char_len(text, (size_t)(end - text));
		if (bytes == 0) {
			bytes = 1;
			memcpy(dst + len, SNP_UTF8_REPLACEMENT, 3);
			len += 3;
			continue;
		}
		if (*text == '"' || *text == '\\')
			dst[len++] = '\\';
		memcpy(dst + len, text, bytes);
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			dst[len] = ' ';
		len += bytes;
	}
	dst[len++] = '"';
	return len;
}

void snp_log_vline(enum snp_log_level level, const char *fmt, va_list ap)
{
	char line[LINE_BYTES], msg[LINE_BYTES / 2], second[32];
	struct timespec now;
	struct tm tm;
	size_t len;

	if (level < level_min)
		return;
	(void)vsnprintf(msg, sizeof(msg), fmt, ap);
	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)gmtime_r(&now.tv_sec, &tm);
	(void)strftime(second, sizeof(second), "%Y-%m-%dT%H:%M:%S", &tm);
	len = (size_t)snprintf(line, sizeof(line), "%s%s.%03ldZ%s%s%s",
			       forms[form_now].time, second, now.tv_nsec / 1000000,
			       forms[form_now].level, level_names[level],
			       forms[form_now].msg);
	len += put_quoted(line + len, sizeof(line) - len - 2, msg);
	len +=
	    (size_t)snprintf(line + len, sizeof(line) - len, "%s", forms[form_now].end);
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
