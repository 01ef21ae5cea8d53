/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/log.h"
#include "model/news.h"
#include "sender.h"
#include "snakepit/time.h"

/* Figures of our own, counted since we started. */
struct own_counter {
	uint64_t value, told;
};

enum sending { SENDING_UNKNOWN, SENDING_WELL, SENDING_FAILS };

struct exporter {
	struct snp_target *target;
	struct sender *sender;
	struct flush *flush;
	struct ledger *ledger; /* of the runtime `uuid`; NULL = of none */
	char uuid[sizeof(((struct snp_segment_info *)0)->uuid)];
	snp_mono_t started;
	struct own_counter sent, dropped, too_long;
	enum sending sending;
	uint64_t dropped_before; /* when sending last went well */
	bool too_long_logged;
	struct snp_news news;
};

/* ---- looking ------------------------------------------------------------- */

/* Whether the runtime had counted before there was anybody to tell of it. */
static bool is_older(const struct exporter *exporter)
{
	const struct snp_segment *seg = snp_target_segment(exporter->target);
	const struct snp_snapshot *snap = snp_target_snapshot(exporter->target);
	uint64_t own_ns = snp_mono_since_ns(snp_mono_now(), exporter->started);
	uint64_t its_ns = snp_mono_since_ns(snp_segment_now(seg, snap),
					    snp_segment_info(seg)->start_mono);

	return its_ns > own_ns ||
	       snp_target_verdict(exporter->target) == SNP_WRITER_OLD;
}

/* Have a ledger for the runtime that is attached. */
static int keep_ledger(struct exporter *exporter)
{
	const struct snp_snapshot *snap = snp_target_snapshot(exporter->target);
	const struct snp_segment_info *info;
	struct ledger *ledger = NULL;
	int r;

	if (!snap)
		return 0;
	info = snp_segment_info(snp_target_segment(exporter->target));
	if (exporter->ledger && strcmp(exporter->uuid, info->uuid) == 0)
		return ledger_reserve(exporter->ledger, snap);
	ledger_destroy(&exporter->ledger);
	r = ledger_create(snap, &ledger);
	if (r == 0 && is_older(exporter))
		r = flush_baseline(exporter->flush, snap, ledger);
	if (r < 0) {
		ledger_destroy(&ledger);
		return r;
	}
	exporter->ledger = ledger;
	memcpy(exporter->uuid, info->uuid, sizeof(exporter->uuid));
	return 0;
}

/* ---- telling ------------------------------------------------------------- */

static int send_one(void *user, const char *datagram, size_t len)
{
	struct exporter *exporter = user;

	return sender_send(exporter->sender, datagram, len);
}

static void add(struct flush_result *sum, const struct flush_result *part)
{
	sum->lines += part->lines;
	sum->datagrams += part->datagrams;
	sum->failed += part->failed;
	sum->too_long += part->too_long;
	if (part->error)
		sum->error = part->error;
}

/* The rest of a runtime that was replaced; what cannot be told now never is. */
static int tell_predecessor(struct exporter *exporter, struct flush_result *result)
{
	const struct snp_snapshot *snap = snp_target_predecessor(exporter->target);
	struct flush_result part;
	int r;

	if (!snap || !exporter->ledger)
		return 0;
	flush_begin(exporter->flush);
	r = flush_snapshot(exporter->flush, snap, exporter->ledger, FLUSH_LASTING);
	if (flush_end(exporter->flush, &part) < 0)
		r = -ENOMEM;
	add(result, &part);
	return r;
}

static void tell_own(struct exporter *exporter)
{
	struct flush *flush = exporter->flush;

	flush_own_gauge(flush, "snakepit.up", snp_target_is_up(exporter->target));
	flush_own_counter(flush, "snakepit.statsd.packets.sent", exporter->sent.value,
			  &exporter->sent.told);
	flush_own_counter(flush, "snakepit.statsd.packets.dropped",
			  exporter->dropped.value, &exporter->dropped.told);
	flush_own_counter(flush, "snakepit.statsd.lines.dropped",
			  exporter->too_long.value, &exporter->too_long.told);
}

static int tell_present(struct exporter *exporter, struct flush_result *result)
{
	const struct snp_snapshot *snap = snp_target_snapshot(exporter->target);
	struct flush_result part;
	int r = 0;

	flush_begin(exporter->flush);
	tell_own(exporter);
	if (snap && exporter->ledger)
		r = flush_snapshot(exporter->flush, snap, exporter->ledger,
				   snp_target_state(exporter->target) == SNP_TARGET_LIVE
				       ? FLUSH_ALL
				       : FLUSH_LASTING);
	if (flush_end(exporter->flush, &part) < 0)
		r = -ENOMEM;
	add(result, &part);
	return r;
}

static void log_sending(struct exporter *exporter, const struct flush_result *result)
{
	const char *receiver = sender_name(exporter->sender);
	bool fails = result->error != 0;

	if (result->too_long > 0 && !exporter->too_long_logged) {
		exporter->too_long_logged = true;
		snp_log_line(SNP_LOG_WARN,
			     "%llu lines do not fit into a datagram and are left out",
			     (unsigned long long)result->too_long);
	}
	if (fails && exporter->sending != SENDING_FAILS)
		snp_log_line(SNP_LOG_WARN,
			     "cannot send to %s: %s; counters are kept and sent later",
			     receiver, strerror(-result->error));
	else if (!fails && exporter->sending == SENDING_FAILS)
		snp_log_line(SNP_LOG_INFO,
			     "sending to %s again, %llu datagrams were dropped",
			     receiver,
			     (unsigned long long)(exporter->dropped.value -
						  exporter->dropped_before));
	else if (!fails && exporter->sending == SENDING_UNKNOWN)
		snp_log_line(SNP_LOG_INFO, "sending to %s", receiver);
	if (!fails)
		exporter->dropped_before = exporter->dropped.value;
	exporter->sending = fails ? SENDING_FAILS : SENDING_WELL;
}

void exporter_flush(struct exporter *exporter, struct flush_result *ret_result)
{
	struct flush_result result = {0};
	uint64_t late = sender_late_losses(exporter->sender);
	int r, later;

	/* What keeps it from being opened is what sending then fails with. */
	(void)sender_begin(exporter->sender, snp_mono_now());
	(void)snp_target_poll(exporter->target);
	snp_news_tell(&exporter->news, exporter->target);
	r = tell_predecessor(exporter, &result);
	later = keep_ledger(exporter);
	if (r == 0)
		r = later;
	later = tell_present(exporter, &result);
	if (r == 0)
		r = later;
	if (r < 0 && result.error == 0)
		result.error = r;
	exporter->sent.value += result.datagrams;
	exporter->dropped.value +=
	    result.failed + sender_late_losses(exporter->sender) - late;
	exporter->too_long.value += result.too_long;
	log_sending(exporter, &result);
	*ret_result = result;
}

/* ---- lifetime ------------------------------------------------------------ */

int exporter_create(const struct exporter_options *options,
		    struct exporter **ret_exporter)
{
	struct exporter *exporter = calloc(1, sizeof(*exporter));
	int r;

	if (!exporter)
		return -ENOMEM;
	exporter->started = snp_mono_now();
	r = snp_target_create(options->instance, &exporter->target);
	if (r == 0)
		r = sender_create(&options->address, &exporter->sender);
	if (r == 0)
		r = flush_create(&options->flush, send_one, exporter, &exporter->flush);
	if (r == 0) {
		(void)snp_target_poll(exporter->target);
		snp_news_tell(&exporter->news, exporter->target);
		r = keep_ledger(exporter);
	}
	if (r < 0)
		exporter_destroy(&exporter);
	else
		*ret_exporter = exporter;
	return r;
}

void exporter_destroy(struct exporter **exporter)
{
	if (!*exporter)
		return;
	ledger_destroy(&(*exporter)->ledger);
	flush_destroy(&(*exporter)->flush);
	sender_destroy(&(*exporter)->sender);
	snp_target_destroy(&(*exporter)->target);
	free(*exporter);
	*exporter = NULL;
}

enum snp_target_state exporter_target_state(const struct exporter *exporter)
{
	return snp_target_state(exporter->target);
}

const char *exporter_target_error(const struct exporter *exporter)
{
	return snp_target_error(exporter->target)->msg;
}

const char *exporter_receiver(const struct exporter *exporter)
{
	return sender_name(exporter->sender);
}
