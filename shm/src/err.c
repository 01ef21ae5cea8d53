/* SPDX-License-Identifier: Apache-2.0 */
#include "snakepit/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void err_format(struct snp_err *err, int code, const char *field,
		       const char *fmt, va_list ap)
{
	err->code = code;
	err->field = field;
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
}

int snp_err_set(struct snp_err *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return code;
	va_start(ap, fmt);
	err_format(err, code, NULL, fmt, ap);
	va_end(ap);
	return code;
}

int snp_err_set_field(struct snp_err *err, int code, const char *field, const char *fmt,
		      ...)
{
	va_list ap;

	if (!err)
		return code;
	va_start(ap, fmt);
	err_format(err, code, field, fmt, ap);
	va_end(ap);
	return code;
}

int snp_err_errno(struct snp_err *err, const char *fmt, ...)
{
	int saved = errno;
	size_t len;
	va_list ap;

	if (!err)
		return -saved;
	va_start(ap, fmt);
	err_format(err, -saved, NULL, fmt, ap);
	va_end(ap);
	len = strlen(err->msg);
	snprintf(err->msg + len, sizeof(err->msg) - len, ": %s", strerror(saved));
	errno = saved;
	return -saved;
}

int snp_err_wrap(struct snp_err *err, const char *fmt, ...)
{
	char inner[SNP_ERR_MSG_BYTES];
	size_t len;
	va_list ap;

	if (!err)
		return 0;
	memcpy(inner, err->msg, sizeof(inner));
	va_start(ap, fmt);
	err_format(err, err->code, err->field, fmt, ap);
	va_end(ap);
	len = strlen(err->msg);
	snprintf(err->msg + len, sizeof(err->msg) - len, ": %s", inner);
	return err->code;
}
