/* SPDX-License-Identifier: Apache-2.0 */
/* as_ids.h - makes the rows of an options.def, included next, members of an enum. No
 * include guard: it is for each table anew. */
#include "cli/rows.h"

#undef CLI_HEADING
#undef CLI_OPTION
#define CLI_HEADING(id, text)				    OPT_##id,
#define CLI_OPTION(id, name, letter, value, complete, help) OPT_##id,
