/* SPDX-License-Identifier: Apache-2.0 */
#include "pools_hist.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Which quantile of which histogram is which number of a pool. */
static const struct {
	enum snp_look_hist hist;
	double q;
	size_t at; /* a uint64_t of struct snp_pool_stat */
} quantiles[] = {
    {SNP_LOOK_DURATION, 0.50, offsetof(struct snp_pool_stat, p50_ns)},
    {SNP_LOOK_DURATION, 0.95, offsetof(struct snp_pool_stat, p95_ns)},
    {SNP_LOOK_DURATION, 0.99, offsetof(struct snp_pool_stat, p99_ns)},
    {SNP_LOOK_HEARTBEAT, 0.50, offsetof(struct snp_pool_stat, heartbeat_p50_ns)},
    {SNP_LOOK_HEARTBEAT, 0.99, offsetof(struct snp_pool_stat, heartbeat_p99_ns)},
    {SNP_LOOK_QUEUE_WAIT, 0.95, offsetof(struct snp_pool_stat, queue_wait_p95_ns)},
    {SNP_LOOK_STARTUP, 0.95, offsetof(struct snp_pool_stat, startup_p95_ns)},
};
#define QUANTILES (sizeof(quantiles) / sizeof(*quantiles))

static uint64_t *hist_of(const struct snp_look *look, size_t pool,
			 enum snp_look_hist which)
{
	return look->hist + (pool * SNP_LOOK_HISTS + which) * look->hist_words;
}

const uint64_t *snp_look_hist(const struct snp_look *look, size_t pool,
			      enum snp_look_hist which)
{
	return hist_of(look, pool, which);
}

static void read_one(struct snp_look *look, const struct snp_snapshot *snap,
		     const struct snp_metric *metric, enum snp_look_hist which)
{
	uint32_t rows = snp_snapshot_rows_nr(snap, metric->row_kind);

	for (uint32_t i = 0; i < rows; i++) {
		/* Of a pool, or of a tool, whose pool is what people ask about. */
		const struct snp_row *row = snp_snapshot_row(snap, metric->row_kind, i);
		const struct snp_pool_stat *pool =
		    row ? snp_look_pool_by_row(look, row->pool) : NULL;
		const uint64_t *words =
		    pool ? snp_snapshot_hist(snap, metric, i, 0) : NULL;
		uint64_t *sum;

		if (!words)
			continue;
		sum = hist_of(look, (size_t)(pool - look->pools), which);
		for (size_t k = 0; k < look->hist_words; k++)
			sum[k] += words[k];
	}
}

void look_hists_read(struct snp_look *look, const struct snp_snapshot *snap,
		     const struct look_hists *hists)
{
	if (look->pools_nr == 0 || look->hist_words == 0)
		return;
	memset(look->hist, 0,
	       look->pools_nr * SNP_LOOK_HISTS * look->hist_words *
		   sizeof(*look->hist));
	for (unsigned i = 0; i < SNP_LOOK_HISTS; i++)
		if (hists->metric[i] &&
		    hists->metric[i]->nbuckets + 2 == look->hist_words)
			read_one(look, snap, hists->metric[i], i);
}

/* ---- quantiles ----------------------------------------------------------- */

const struct snp_pool_stat *look_same_pool(const struct snp_look *look,
					   const struct snp_pool_stat *p)
{
	const struct snp_pool_stat *was = snp_look_pool_by_row(look, p->row);

	return was && was->uid == p->uid ? was : NULL;
}

/* `delta` becomes now - then; false when a bucket fell. */
static bool hist_delta(uint64_t *delta, const uint64_t *now, const uint64_t *then,
		       size_t n)
{
	for (size_t k = 0; k < n; k++) {
		if (now[k] < then[k])
			return false;
		delta[k] = now[k] - then[k];
	}
	return true;
}

static void put_quantiles(struct snp_pool_stat *p, const struct snp_metric *metric,
			  enum snp_look_hist which, const uint64_t *words)
{
	if (snp_hist_count(metric, words) == 0)
		return;
	for (size_t i = 0; i < QUANTILES; i++) {
		uint64_t ns;

		if (quantiles[i].hist != which)
			continue;
		ns = snp_hist_quantile_ns(metric, words, quantiles[i].q);
		memcpy((char *)p + quantiles[i].at, &ns, sizeof(ns));
	}
}

/* One histogram of all pools; `room` is for twice its words. */
static void quantiles_of(struct snp_look *look, const struct snp_metric *metric,
			 enum snp_look_hist which, const struct snp_look *window,
			 uint64_t *room)
{
	size_t n = look->hist_words;
	uint64_t *delta = room, *sum = room + n;

	memset(room, 0, 2 * n * sizeof(*room));
	for (size_t i = 0; i < look->pools_nr; i++) {
		struct snp_pool_stat *p = &look->pools[i];
		const struct snp_pool_stat *was = look_same_pool(window, p);

		if (which == SNP_LOOK_STARTUP)
			memcpy(delta, hist_of(look, i, which), n * sizeof(*delta));
		else if (!was ||
			 !hist_delta(
			     delta, hist_of(look, i, which),
			     hist_of(window, (size_t)(was - window->pools), which), n))
			continue;
		put_quantiles(p, metric, which, delta);
		for (size_t k = 0; k < n; k++)
			sum[k] += delta[k];
	}
	put_quantiles(&look->total, metric, which, sum);
}

int look_quantiles(struct snp_look *look, const struct look_hists *hists,
		   const struct snp_look *window)
{
	size_t n = look->hist_words;
	uint64_t *room;

	if (n == 0 || window->hist_words != n)
		return 0;
	room = calloc(2 * n, sizeof(*room));
	if (!room)
		return -ENOMEM;
	for (unsigned i = 0; i < SNP_LOOK_HISTS; i++)
		if (hists->metric[i] && hists->metric[i]->nbuckets + 2 == n)
			quantiles_of(look, hists->metric[i], i, window, room);
	free(room);
	return 0;
}
