/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/say.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/table.h"
#include "model/target.h"

static const char *program = "snakepit";
static bool complained;

void cli_set_program(const char *name)
{
	program = name;
}

const char *cli_program(void)
{
	return program;
}

void cli_complain(const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* Names and messages come from files and peers: they are one line here, and no
	 * escape sequence gets out. */
	for (char *c = text; *c; c++)
		if (isspace((unsigned char)*c))
			*c = ' ';
	(void)cli_strip_controls(text);
	(void)fprintf(stderr, "%s: %s\n", program, text);
	complained = true;
}

int cli_finish(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	if (code == SNP_EXIT_FAILURE && complained)
		return code; /* the reason is known, or this is it */
	cli_complain("cannot write the output: %s", strerror(errno));
	return SNP_EXIT_FAILURE;
}
