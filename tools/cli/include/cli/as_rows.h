/* SPDX-License-Identifier: Apache-2.0 */
/* as_rows.h - makes the rows of an options.def, included next, an array of struct
 * cli_option. No include guard: it is for each table anew. */
#include "cli/rows.h"

#undef CLI_HEADING
#undef CLI_OPTION
#define CLI_HEADING(id, text) {NULL, '\0', NULL, NULL, text},
#define CLI_OPTION(id, name, letter, value, complete, help)                            \
	{name, letter, value, complete, help},
