/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.h - is what libcyaml could load also right? Ranges, forms, what must agree.
 */
#ifndef SNP_CONFIG_CHECK_H
#define SNP_CONFIG_CHECK_H

#include "config/config.h"
#include "tree.h"

/* `cfg` is what `root` was loaded into. -EINVAL with a position in `diag`. */
int snp__check(const struct node *root, const struct snp_config *cfg,
	       const struct diag *diag);

#endif
