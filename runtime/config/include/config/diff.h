/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diff.h - what differs between two configurations, and what it takes to go from one to
 * the other while the runtime runs.
 *
 * Pure: from keys.def and the two structs. The pools of both are matched by name.
 */
#ifndef SNP_CONFIG_DIFF_H
#define SNP_CONFIG_DIFF_H

#include "config/config.h"

/* X(ID, in words) */
#define SNP_CFG_NEEDS(X)                                                               \
	X(LIVE, "live") /* holds from now on */                                        \
	X(ROLL,                                                                        \
	  "new workers") /* the pool's workers are replaced one after the other */     \
	X(RESTART, "a restart")

enum snp_cfg_needs {
#define X(id, words) SNP_CFG_NEEDS_##id,
	SNP_CFG_NEEDS(X)
#undef X
};

#define SNP_CFG_NO_POOL UINT32_MAX

struct snp_cfg_change {
	/* "pools.default.workers: 4 -> 8", one line; secret values are not in it. */
	char *text;
	size_t key_len; /* of the key at its start */
	enum snp_cfg_needs needs;
	uint32_t pool; /* index in the new configuration; SNP_CFG_NO_POOL: all */
};

struct snp_cfg_diff {
	struct snp_cfg_change *changes; /* in the order of the file */
	size_t nr;
};

/* What changes from `from` to `to`. `started` is the configuration that the runtime was
 * started with, which may be `from`: more workers than it has room for need a restart.
 * A key that a pool takes from the global heartbeat section is named once, there.
 * -ENOMEM: *ret_diff is empty. */
int snp_config_diff(const struct snp_config *started, const struct snp_config *from,
		    const struct snp_config *to, struct snp_cfg_diff *ret_diff);
void snp_config_diff_fini(struct snp_cfg_diff *diff);

/* The first change that needs this; NULL: none does. */
const struct snp_cfg_change *snp_config_diff_first(const struct snp_cfg_diff *diff,
						   enum snp_cfg_needs needs);

/* Whether this pool's workers must be replaced for it. */
bool snp_config_diff_rolls(const struct snp_cfg_diff *diff, uint32_t pool);

const char *snp_cfg_needs_name(enum snp_cfg_needs needs);

#endif
