/* SPDX-License-Identifier: Apache-2.0 */
/*
 * form.h - how a command prints data: for people, for line tools, as JSON. The options
 * are CLI_ROWS_FORM of rows.h. Pure, but for a look at stdout and the environment.
 */
#ifndef CLI_FORM_H
#define CLI_FORM_H

#include <stdbool.h>

#include "cli/table.h"
#include "snakepit/err.h"

struct cli_form {
	bool json, plain, no_color;
};

/* -EINVAL: two of them at once. */
int cli_form_check(const struct cli_form *form, struct snp_err *err);

/* Of tables whose first row is a heading. It is bold where stdout is a terminal that
 * can be, unless --no-color or $NO_COLOR says no. */
enum cli_table_style cli_form_style(const struct cli_form *form);

#endif
