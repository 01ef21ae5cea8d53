/* SPDX-License-Identifier: Apache-2.0 */
#include "instance.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int instance_create(const char *name, const char *label, struct instance **ret_instance)
{
	struct instance *instance = calloc(1, sizeof(*instance));

	if (!instance)
		return -ENOMEM;
	instance->label = strdup(label);
	if (!instance->label || snp_target_create(name, &instance->target) < 0) {
		instance_destroy(&instance);
		return -ENOMEM;
	}
	*ret_instance = instance;
	return 0;
}

void instance_destroy(struct instance **instance)
{
	if (!*instance)
		return;
	families_destroy(&(*instance)->families);
	snp_target_destroy(&(*instance)->target);
	free((*instance)->label);
	free(*instance);
	*instance = NULL;
}

void instance_why(const struct instance *instance, char ret_why[SNP_ERR_MSG_BYTES])
{
	const struct snp_target *target = instance->target;

	if (snp_target_segment(target))
		(void)snprintf(ret_why, SNP_ERR_MSG_BYTES, "runtime is %s",
			       snp_writer_verdict_name(snp_target_verdict(target)));
	else
		(void)snprintf(ret_why, SNP_ERR_MSG_BYTES, "%s",
			       snp_target_error(target)->msg);
}

void instance_look(struct instance *instance)
{
	struct snp_target *target = instance->target;

	(void)snp_target_poll(target);
	snp_news_tell(&instance->news, target);
	/* Families point into the segment they were made for: they go with it, also
	 * when it was let go without a successor. */
	if (snp_target_generation(target) != instance->generation ||
	    !snp_target_snapshot(target)) {
		families_destroy(&instance->families);
		instance->logged_rejected = 0;
	}
	instance->generation = snp_target_generation(target);
}
