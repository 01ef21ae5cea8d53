/* SPDX-License-Identifier: Apache-2.0 */
/* compare.h - --diff: read both sides, and print what became of the pools. */
#ifndef SNP_TOP_COMPARE_H
#define SNP_TOP_COMPARE_H

#include "options.h"

/* Returns an exit code; what went wrong has been said on stderr. */
int top_compare(const struct top_options *options);

#endif
