/* SPDX-License-Identifier: Apache-2.0 */
#include "instance.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/log.h"

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

bool instance_is_up(const struct instance *instance)
{
	return snp_target_state(instance->target) == SNP_TARGET_LIVE &&
	       snp_target_verdict(instance->target) == SNP_WRITER_ALIVE;
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

/* One line a change, not one a scrape. */
static void log_change(struct instance *instance)
{
	enum snp_target_state state = snp_target_state(instance->target);
	enum snp_writer_verdict verdict = snp_target_verdict(instance->target);
	const struct snp_segment *seg = snp_target_segment(instance->target);

	if (instance->logged && instance->logged_state == state &&
	    instance->logged_verdict == verdict &&
	    instance->generation == snp_target_generation(instance->target))
		return;
	instance->logged = true;
	instance->logged_state = state;
	instance->logged_verdict = verdict;
	if (seg)
		snp_log_line(instance_is_up(instance) ? SNP_LOG_INFO : SNP_LOG_WARN,
			     "runtime is %s: %s, incarnation %llu",
			     snp_writer_verdict_name(verdict),
			     snp_segment_info(seg)->path,
			     (unsigned long long)snp_segment_info(seg)->incarnation);
	else
		snp_log_line(SNP_LOG_WARN, "no runtime to read: %s",
			     snp_target_error(instance->target)->msg);
}

void instance_look(struct instance *instance)
{
	struct snp_target *target = instance->target;

	(void)snp_target_poll(target);
	log_change(instance);
	/* Families point into the segment they were made for: they go with it, also
	 * when it was let go without a successor. */
	if (snp_target_generation(target) != instance->generation ||
	    !snp_target_snapshot(target)) {
		families_destroy(&instance->families);
		instance->logged_rejected = 0;
	}
	instance->generation = snp_target_generation(target);
}
