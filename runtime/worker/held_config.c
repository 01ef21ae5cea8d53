/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/held_config.h"

#include <stdlib.h>

struct held_config {
	const struct snp_config *cfg;
	struct snp_config *owned; /* the same, or NULL */
	unsigned refs;
};

static struct held_config *create(const struct snp_config *cfg,
				  struct snp_config *owned)
{
	struct held_config *held = malloc(sizeof(*held));

	if (held)
		*held = (struct held_config){.cfg = cfg, .owned = owned, .refs = 1};
	return held;
}

struct held_config *held_config_create(struct snp_config *take_cfg)
{
	return create(take_cfg, take_cfg);
}

struct held_config *held_config_borrow(const struct snp_config *cfg)
{
	return create(cfg, NULL);
}

struct held_config *held_config_ref(struct held_config *held)
{
	held->refs++;
	return held;
}

void held_config_unref(struct held_config **held)
{
	struct held_config *h = *held;

	*held = NULL;
	if (!h || --h->refs > 0)
		return;
	snp_config_destroy(&h->owned);
	free(h);
}

const struct snp_config *held_config_get(const struct held_config *held)
{
	return held->cfg;
}
