/* SPDX-License-Identifier: Apache-2.0 */
#include "collector.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "instances.h"
#include "model/log.h"
#include "own.h"
#include "snakepit/time.h"

/* Memory kept for the scrapes to come; more bodies than this exist only while that many
 * answers are on their way at once. */
#define SPARE_BODIES_MAX 4

struct collector {
	pthread_mutex_t lock; /* protects: everything below */
	struct collector_options options;
	struct instances instances;
	struct collector_body *spare;
	unsigned spare_nr;
	snp_wall_t started;
};

int collector_create(const struct collector_options *options,
		     struct collector **ret_collector)
{
	struct collector *collector = calloc(1, sizeof(*collector));
	int r;

	if (!collector)
		return -ENOMEM;
	r = instances_init(&collector->instances, options->choice, options->names,
			   options->names_nr);
	if (r == 0) {
		r = -pthread_mutex_init(&collector->lock, NULL);
		if (r < 0)
			instances_fini(&collector->instances);
	}
	if (r < 0) {
		free(collector);
		return r;
	}
	collector->options = *options;
	collector->started = snp_wall_now();
	*ret_collector = collector;
	return 0;
}

static void body_destroy(struct collector_body *body)
{
	snp_buf_fini(&body->text);
	free(body);
}

void collector_destroy(struct collector **collector)
{
	struct collector_body *body;

	if (!*collector)
		return;
	while ((body = (*collector)->spare) != NULL) {
		(*collector)->spare = body->next;
		body_destroy(body);
	}
	instances_fini(&(*collector)->instances);
	(void)pthread_mutex_destroy(&(*collector)->lock);
	free(*collector);
	*collector = NULL;
}

/* ---- bodies -------------------------------------------------------------- */

static struct collector_body *take_body_locked(struct collector *collector)
{
	struct collector_body *body = collector->spare;

	if (body) {
		collector->spare = body->next;
		collector->spare_nr--;
	} else {
		body = calloc(1, sizeof(*body));
		if (!body)
			return NULL;
		body->collector = collector;
	}
	snp_buf_reset(&body->text);
	return body;
}

static void give_back_locked(struct collector *collector, struct collector_body *body)
{
	if (collector->spare_nr == SPARE_BODIES_MAX) {
		body_destroy(body);
		return;
	}
	body->next = collector->spare;
	collector->spare = body;
	collector->spare_nr++;
}

void collector_give_back(struct collector_body *body)
{
	struct collector *collector = body->collector;

	(void)pthread_mutex_lock(&collector->lock);
	give_back_locked(collector, body);
	(void)pthread_mutex_unlock(&collector->lock);
}

/* ---- looking ------------------------------------------------------------- */

bool collector_ready(struct collector *collector, char ret_why[SNP_ERR_MSG_BYTES])
{
	const struct instances *instances = &collector->instances;
	bool ready = false;

	(void)pthread_mutex_lock(&collector->lock);
	instances_look(&collector->instances);
	if (instances->nr == 0)
		(void)snprintf(ret_why, SNP_ERR_MSG_BYTES, "there is no instance");
	for (size_t i = 0; i < instances->nr && !ready; i++) {
		ready = instance_is_up(instances->list[i]);
		if (!ready)
			instance_why(instances->list[i], ret_why);
	}
	(void)pthread_mutex_unlock(&collector->lock);
	return ready;
}

/* ---- writing ------------------------------------------------------------- */

/* The runtime's own families; false when some could not be had. */
static bool render_families(struct instance *instance, enum families_levels levels,
			    struct snp_buf *buf)
{
	const struct snp_snapshot *snap = snp_target_snapshot(instance->target);
	size_t rejected = 0;

	if (!snap)
		return false;
	if (instance->families)
		rejected = families_rejected_nr(instance->families);
	else if (families_create(snap, levels, &instance->families) < 0)
		return false;
	families_render(instance->families, snap,
			snp_target_state(instance->target) == SNP_TARGET_LIVE
			    ? FAMILIES_ALL
			    : FAMILIES_LASTING,
			buf);
	if (families_rejected_nr(instance->families) != rejected)
		snp_log_line(
		    SNP_LOG_WARN,
		    "%zu metrics of the segment are not exported: their names are "
		    "not valid here, or used twice",
		    families_rejected_nr(instance->families));
	return families_rejected_nr(instance->families) == 0 &&
	       snp_snapshot_stats(snap)->rows_skipped == 0;
}

static void render_locked(struct collector *collector, struct snp_buf *buf)
{
	snp_mono_t begin = snp_mono_now();
	struct own_scrape scrape = {0};
	struct instance *instance;

	instances_look(&collector->instances);
	for (size_t i = 0; i < collector->instances.nr && i < 1; i++) {
		instance = collector->instances.list[i];
		own_up(buf, instance_is_up(instance));
		own_segment(buf, &instance->totals,
			    snp_target_segment(instance->target),
			    snp_target_snapshot(instance->target),
			    snp_target_fresh(instance->target));
		scrape.segment_ok =
		    render_families(instance, collector->options.levels, buf);
	}
	scrape.process_ok = own_process(buf, collector->started);
	scrape.duration_ns = snp_mono_since_ns(snp_mono_now(), begin);
	own_scrape(buf, &scrape);
}

struct collector_body *collector_scrape(struct collector *collector,
					const struct negotiated *as,
					const struct scrape_filter *filter)
{
	struct collector_body *body;

	(void)as;
	(void)filter;
	(void)pthread_mutex_lock(&collector->lock);
	body = take_body_locked(collector);
	if (body) {
		body->as = (struct negotiated){.format = EXPO_TEXT};
		render_locked(collector, &body->text);
	}
	if (body && body->text.failed) {
		give_back_locked(collector, body);
		body = NULL;
	}
	(void)pthread_mutex_unlock(&collector->lock);
	return body;
}
