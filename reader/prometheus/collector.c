/* SPDX-License-Identifier: Apache-2.0 */
#include "collector.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/log.h"
#include "model/target.h"
#include "own.h"
#include "snakepit/time.h"

/* Memory kept for the scrapes to come; more bodies than this exist only while that many
 * answers are on their way at once. */
#define SPARE_BODIES_MAX 4

struct collector {
	pthread_mutex_t lock; /* protects: everything below */
	struct snp_target *target;
	enum families_levels levels;
	struct families *families; /* of the target's generation, or NULL */
	uint64_t generation;
	struct own_totals totals;
	struct collector_body *spare;
	unsigned spare_nr;
	snp_wall_t started;
	bool logged; /* whether the two below have been */
	enum snp_target_state logged_state;
	enum snp_writer_verdict logged_verdict;
};

int collector_create(const char *instance, enum families_levels levels,
		     struct collector **ret_collector)
{
	struct collector *collector = calloc(1, sizeof(*collector));
	int r;

	if (!collector)
		return -ENOMEM;
	r = snp_target_create(instance, &collector->target);
	if (r < 0) {
		free(collector);
		return r;
	}
	r = -pthread_mutex_init(&collector->lock, NULL);
	if (r < 0) {
		snp_target_destroy(&collector->target);
		free(collector);
		return r;
	}
	collector->levels = levels;
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
	families_destroy(&(*collector)->families);
	snp_target_destroy(&(*collector)->target);
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

static bool is_up(const struct collector *collector)
{
	return snp_target_state(collector->target) == SNP_TARGET_LIVE &&
	       snp_target_verdict(collector->target) == SNP_WRITER_ALIVE;
}

/* One line a change, not one a scrape. */
static void log_change_locked(struct collector *collector)
{
	enum snp_target_state state = snp_target_state(collector->target);
	enum snp_writer_verdict verdict = snp_target_verdict(collector->target);
	const struct snp_segment *seg = snp_target_segment(collector->target);

	if (collector->logged && collector->logged_state == state &&
	    collector->logged_verdict == verdict &&
	    collector->generation == snp_target_generation(collector->target))
		return;
	collector->logged = true;
	collector->logged_state = state;
	collector->logged_verdict = verdict;
	if (seg)
		snp_log_line(is_up(collector) ? SNP_LOG_INFO : SNP_LOG_WARN,
			     "runtime is %s: %s, incarnation %llu",
			     snp_writer_verdict_name(verdict),
			     snp_segment_info(seg)->path,
			     (unsigned long long)snp_segment_info(seg)->incarnation);
	else
		snp_log_line(SNP_LOG_WARN, "no runtime to read: %s",
			     snp_target_error(collector->target)->msg);
}

static void look_locked(struct collector *collector)
{
	struct snp_target *target = collector->target;

	(void)snp_target_poll(target);
	log_change_locked(collector);
	/* Families point into the segment they were made for: they go with it, also
	 * when it was let go without a successor. */
	if (snp_target_generation(target) != collector->generation ||
	    !snp_target_snapshot(target))
		families_destroy(&collector->families);
	collector->generation = snp_target_generation(target);
}

bool collector_ready(struct collector *collector, char ret_why[SNP_ERR_MSG_BYTES])
{
	bool ready;

	(void)pthread_mutex_lock(&collector->lock);
	look_locked(collector);
	ready = is_up(collector);
	if (!ready && snp_target_segment(collector->target))
		(void)snprintf(
		    ret_why, SNP_ERR_MSG_BYTES, "runtime is %s",
		    snp_writer_verdict_name(snp_target_verdict(collector->target)));
	else if (!ready)
		(void)snprintf(ret_why, SNP_ERR_MSG_BYTES, "%s",
			       snp_target_error(collector->target)->msg);
	(void)pthread_mutex_unlock(&collector->lock);
	return ready;
}

/* ---- writing ------------------------------------------------------------- */

/* The runtime's own families; false when some could not be had. */
static bool render_families_locked(struct collector *collector, struct snp_buf *buf)
{
	const struct snp_snapshot *snap = snp_target_snapshot(collector->target);
	size_t rejected;

	if (!snap)
		return false;
	if (!collector->families) {
		if (families_create(snap, collector->levels, &collector->families) < 0)
			return false;
		rejected = 0;
	} else {
		rejected = families_rejected_nr(collector->families);
	}
	families_render(collector->families, snap,
			snp_target_state(collector->target) == SNP_TARGET_LIVE
			    ? FAMILIES_ALL
			    : FAMILIES_LASTING,
			buf);
	if (families_rejected_nr(collector->families) != rejected)
		snp_log_line(
		    SNP_LOG_WARN,
		    "%zu metrics of the segment are not exported: their names are "
		    "not valid here, or used twice",
		    families_rejected_nr(collector->families));
	return families_rejected_nr(collector->families) == 0 &&
	       snp_snapshot_stats(snap)->rows_skipped == 0;
}

static void render_locked(struct collector *collector, struct snp_buf *buf)
{
	snp_mono_t begin = snp_mono_now();
	struct own_scrape scrape;

	look_locked(collector);
	own_up(buf, is_up(collector));
	own_segment(buf, &collector->totals, snp_target_segment(collector->target),
		    snp_target_snapshot(collector->target),
		    snp_target_fresh(collector->target));
	scrape.segment_ok = render_families_locked(collector, buf);
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
