/* SPDX-License-Identifier: Apache-2.0 */
/*
 * typed.h - the completed tree as a struct snp_config, by way of libcyaml.
 */
#ifndef SNP_CONFIG_TYPED_H
#define SNP_CONFIG_TYPED_H

#include "config/config.h"
#include "tree.h"

/* -EINVAL with a position for an unknown key or a value of the wrong type. The caller
 * owns *ret_cfg and ends it with snp__typed_destroy(). */
int snp__typed_load(const struct node *root, const struct diag *diag,
		    struct snp_config **ret_cfg);

/* Accepts NULL. */
void snp__typed_destroy(struct snp_config *cfg);

#endif
