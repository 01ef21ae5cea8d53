/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expand.h - ${VAR} and ${VAR:-default} in a value, from the environment.
 *
 * The default stands for a variable that is unset or empty. $${ gives ${ as it is. What
 * a variable contains is never looked at again: it cannot become structure, another
 * variable or null.
 */
#ifndef SNP_CONFIG_EXPAND_H
#define SNP_CONFIG_EXPAND_H

#include "diag.h"

enum expand_flags {
	EXPAND_KEEP_DIR =
	    1 << 0, /* a ${SNAKEPIT_DIR} that is unset or empty stays in the text */
};

/* Replace *text (heap, NUL-terminated) by its expansion. Errors are recorded at `mark`;
 * *text is then unchanged. Returns 1 if something was expanded, 0 if not. */
int snp__expand(char **text, unsigned flags, struct mark mark, const struct diag *diag);

#endif
