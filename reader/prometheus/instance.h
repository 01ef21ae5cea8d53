/* SPDX-License-Identifier: Apache-2.0 */
/*
 * instance.h - one runtime the exporter watches, and what it remembers of it.
 *
 * One thread at a time.
 */
#ifndef SNP_PROMETHEUS_INSTANCE_H
#define SNP_PROMETHEUS_INSTANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "families.h"
#include "model/news.h"
#include "model/target.h"
#include "source.h"
#include "snakepit/err.h"

struct instance {
	char *label; /* value of snakepit_instance when there are several */
	struct snp_target *target;
	struct families *families; /* of the target's generation, or NULL */
	uint64_t generation;
	struct own_totals totals;
	bool listed; /* in the directory: its file was there at the last look */
	struct snp_news news;
	size_t logged_rejected; /* of families->rejected */
};

/* `name` as snp_segment_find() takes it; both are copied. -ENOMEM. */
int instance_create(const char *name, const char *label,
		    struct instance **ret_instance);
void instance_destroy(struct instance **instance);

/* See how it is now; logs a change. */
void instance_look(struct instance *instance);

/* As of the last look: what is in the way when no runtime is up. */
void instance_why(const struct instance *instance, char ret_why[SNP_ERR_MSG_BYTES]);

#endif
