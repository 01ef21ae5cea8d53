/* SPDX-License-Identifier: Apache-2.0 */
#include "collector.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "bucket.h"
#include "instances.h"
#include "model/log.h"
#include "page.h"
#include "snakepit/time.h"

/* Memory kept for the scrapes to come; more bodies than this exist only while that many
 * answers are on their way at once. */
#define SPARE_BODIES_MAX 4

/* Each look copies what the runtime is writing, which costs the runtime something. So
 * however many ask, it is looked at this often: as many at once, and one more each
 * interval. Who asks beyond that sees it as it was an interval ago. */
#define LOOKS_AT_ONCE	  20
#define LOOKS_INTERVAL_NS (10 * SNP_NS_PER_MS)

struct collector {
	pthread_mutex_t lock; /* protects: everything below */
	struct collector_options options;
	struct instances instances;
	struct bucket looks;
	bool looked; /* ever */
	struct page_room *room;
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
	r = -pthread_mutex_init(&collector->lock, NULL);
	if (r < 0) {
		free(collector);
		return r;
	}
	r = instances_init(&collector->instances, options->choice, options->names,
			   options->names_nr);
	if (r == 0)
		r = page_room_create(&collector->room);
	if (r < 0) {
		collector_destroy(&collector);
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
	page_room_destroy(&(*collector)->room);
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

/* Whether the instances were looked at now; else they are as at the last look. */
static bool look_locked(struct collector *collector)
{
	if (!bucket_take(&collector->looks, snp_mono_now(), LOOKS_INTERVAL_NS,
			 LOOKS_AT_ONCE) &&
	    collector->looked)
		return false;
	instances_look(&collector->instances);
	collector->looked = true;
	return true;
}

bool collector_ready(struct collector *collector, char ret_why[SNP_ERR_MSG_BYTES])
{
	const struct instances *instances = &collector->instances;
	bool ready = false;

	(void)pthread_mutex_lock(&collector->lock);
	(void)look_locked(collector);
	if (instances->nr == 0)
		(void)snprintf(ret_why, SNP_ERR_MSG_BYTES, "there is no instance");
	for (size_t i = 0; i < instances->nr && !ready; i++) {
		ready = snp_target_is_up(instances->list[i]->target);
		if (!ready)
			instance_why(instances->list[i], ret_why);
	}
	(void)pthread_mutex_unlock(&collector->lock);
	return ready;
}

/* ---- writing ------------------------------------------------------------- */

/* What is prepared for an instance's segment, NULL without one or without memory. */
static struct families *families_of(struct instance *instance, const char *label,
				    enum families_levels levels)
{
	const struct snp_snapshot *snap = snp_target_snapshot(instance->target);

	if (!instance->families && snap &&
	    families_create(snap, levels, label, &instance->families) < 0)
		return NULL;
	return instance->families;
}

static void fill_source(struct collector *collector, struct instance *instance,
			struct page_source *ret_source)
{
	const char *label = instances_label(&collector->instances, instance);

	*ret_source = (struct page_source){
	    .label = label,
	    .up = snp_target_is_up(instance->target),
	    .fresh = snp_target_fresh(instance->target),
	    .totals = &instance->totals,
	    .part = snp_target_state(instance->target) == SNP_TARGET_LIVE
			? FAMILIES_ALL
			: FAMILIES_LASTING,
	    .seg = snp_target_segment(instance->target),
	    .snap = snp_target_snapshot(instance->target),
	    .families = families_of(instance, label, collector->options.levels),
	};
}

/* One line a segment, not one a scrape. */
static void log_rejected(struct instance *instance)
{
	const struct families *families = instance->families;

	if (!families || families->rejected == instance->logged_rejected)
		return;
	instance->logged_rejected = families->rejected;
	if (families->rejected > 0)
		snp_log_line(
		    SNP_LOG_WARN,
		    "%zu metrics of the segment are not exported: their names are "
		    "not valid here, or used twice",
		    families->rejected);
}

static void render_locked(struct collector *collector, const struct negotiated *as,
			  const struct scrape_filter *filter, struct snp_buf *buf)
{
	const struct collector_options *options = &collector->options;
	struct instances *instances = &collector->instances;
	struct scrape_filter narrowed = *filter;
	struct page page = {.as = *as,
			    .filter = &narrowed,
			    .created = options->created,
			    .exporter_metrics = options->exporter_metrics,
			    .started = collector->started,
			    .begin = snp_mono_now()};
	bool looked;

	narrowed.groups &= options->groups;
	looked = look_locked(collector);
	page.sources = calloc(instances->nr + 1, sizeof(*page.sources));
	if (!page.sources) {
		buf->failed = true;
		return;
	}
	page.sources_nr = instances->nr;
	for (size_t i = 0; i < instances->nr; i++) {
		fill_source(collector, instances->list[i], &page.sources[i]);
		page.sources[i].fresh &= looked;
	}
	page_render(collector->room, &page, buf);
	for (size_t i = 0; i < instances->nr; i++)
		log_rejected(instances->list[i]);
	free(page.sources);
}

struct collector_body *collector_scrape(struct collector *collector,
					const struct negotiated *as,
					const struct scrape_filter *filter)
{
	struct collector_body *body;

	(void)pthread_mutex_lock(&collector->lock);
	body = take_body_locked(collector);
	if (body) {
		body->as = *as;
		render_locked(collector, as, filter, &body->text);
	}
	if (body && body->text.failed) {
		give_back_locked(collector, body);
		body = NULL;
	}
	(void)pthread_mutex_unlock(&collector->lock);
	return body;
}
