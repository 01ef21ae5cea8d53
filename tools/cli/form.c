/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/form.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int cli_form_check(const struct cli_form *form, struct snp_err *err)
{
	return form->json && form->plain
		   ? snp_err_set(err, -EINVAL, "--json and --plain exclude each other")
		   : 0;
}

static bool env_is(const char *name, const char *value)
{
	const char *set = getenv(name);

	return set && (value ? strcmp(set, value) == 0 : *set != '\0');
}

enum cli_table_style cli_form_style(const struct cli_form *form)
{
	if (form->plain)
		return CLI_TABLE_TABS;
	if (form->no_color || env_is("NO_COLOR", NULL) || env_is("TERM", "dumb") ||
	    !env_is("TERM", NULL) || !isatty(STDOUT_FILENO))
		return CLI_TABLE_ALIGNED;
	return CLI_TABLE_BOLD;
}
