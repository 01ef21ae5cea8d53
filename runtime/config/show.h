/* SPDX-License-Identifier: Apache-2.0 */
/* show.h - a value as the configuration file would have it, on one line. */
#ifndef SNP_CONFIG_SHOW_H
#define SNP_CONFIG_SHOW_H

#include <stdio.h>

#include "schema.h"

/* The value of `key`, a scalar or a list of strings, in its section's struct `base`. */
void snp__show_value(FILE *out, const struct key *key, const void *base);

#endif
