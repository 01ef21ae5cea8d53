/* SPDX-License-Identifier: Apache-2.0 */
/*
 * History: what the current half of SNAP says, each second of pools and each five of
 * workers, as one record of the row's ring.
 */
#include <stdlib.h>
#include <string.h>

#include "ring_write.h"
#include "words.h"
#include "writer_private.h"

/* What the last sample of a tool row said, and of which life of the row. */
struct tool_before {
	uint64_t uid;
	uint64_t octave[SNP_HIST_OCTAVES]; /* observations since the row began */
};

struct snp__history {
	snp_mono_t pools_due, workers_due;
	struct tool_before *tools;	      /* by tool row */
	uint32_t (*octave)[SNP_HIST_OCTAVES]; /* by pool row: of the sample being taken
					       */
};

/* ---- the half ------------------------------------------------------------ */

struct half {
	const unsigned char *base;
	const struct snp_fmt_snap_table *table;
};

/* A row's entry in the half; NULL where the row is not there. */
static const unsigned char *entry_of(const struct half *half, unsigned kind,
				     uint64_t index)
{
	const struct snp_fmt_snap_table *t = &half->table[kind];
	const unsigned char *entry = half->base + t->off + index * t->stride;

	return index < t->count && snp__load(entry, 0) != SNP_GEN_FREE ? entry : NULL;
}

static uint64_t field(const unsigned char *entry, size_t offset)
{
	return snp__load(entry, offset);
}

static bool is_live(const unsigned char *entry)
{
	return entry &&
	       field(entry, offsetof(struct snp_fmt_row, gen)) % 4 == SNP_GEN_LIVE;
}

static uint64_t uid_of(const unsigned char *entry)
{
	return field(entry, offsetof(struct snp_fmt_row, uid));
}

/* A cell of ROWC, by its place there. */
static uint64_t cell(const struct half *half, const unsigned char *entry, unsigned kind,
		     size_t offset)
{
	return field(entry,
		     half->table[kind].cells + offset - sizeof(struct snp_fmt_latch));
}

/* ---- durations by octave ------------------------------------------------- */

/* Eight buckets an octave; the last octave also has what lies beyond it. */
static unsigned octave_of(unsigned word)
{
	unsigned octave = (word + (1U << SNP_HIST_SCALE) - 1) >> SNP_HIST_SCALE;

	return octave < SNP_HIST_OCTAVES ? octave : SNP_HIST_OCTAVES - 1;
}

/* Add what a tool's requests took since the last sample to its pool's octaves. */
static void add_tool(struct snp__history *h, const struct half *half, uint32_t index)
{
	const unsigned char *entry = entry_of(half, SNP_ROW_TOOL, index);
	struct tool_before *before = &h->tools[index];
	uint64_t now[SNP_HIST_OCTAVES] = {0}, parent, at;

	if (!entry)
		return;
	parent = field(entry, offsetof(struct snp_fmt_row, parent));
	if (!is_live(entry_of(half, SNP_ROW_POOL, parent)))
		return;
	if (before->uid != uid_of(entry))
		*before = (struct tool_before){.uid = uid_of(entry)};
	at = half->table[SNP_ROW_TOOL].sums + offsetof(struct snp_tool_cells, duration);
	for (unsigned i = 0; i < SNP_HIST_WORDS; i++)
		now[octave_of(i)] += snp__load(entry, at + sizeof(uint64_t) * i);
	for (unsigned i = 0; i < SNP_HIST_OCTAVES; i++)
		h->octave[parent][i] += (uint32_t)(now[i] - before->octave[i]);
	memcpy(before->octave, now, sizeof(now));
}

/* ---- samples ------------------------------------------------------------- */

#define LEDGER(member) offsetof(struct snp_pool_ledger, member)

static void sample_pool(struct snp_writer *w, const struct half *half, uint32_t index,
			snp_mono_t now)
{
	const unsigned char *entry = entry_of(half, SNP_ROW_POOL, index);
	const uint32_t *octave = w->history->octave[index];
	uint64_t ledger = half->table[SNP_ROW_POOL].record;
	SNP__RECORD(snp_fmt_pool_sample, words);

	if (!is_live(entry))
		return;
	words[SNP__WORD(snp_fmt_pool_sample, mono_ns)] = now.ns;
	words[SNP__WORD(snp_fmt_pool_sample, uid)] = uid_of(entry);
	words[SNP__WORD(snp_fmt_pool_sample, queue_depth)] =
	    field(entry, ledger + LEDGER(queue_depth));
	words[SNP__WORD(snp_fmt_pool_sample, active)] =
	    field(entry, ledger + LEDGER(active));
	words[SNP__WORD(snp_fmt_pool_sample, requests)] =
	    field(entry, ledger + LEDGER(pool_requests));
	words[SNP__WORD(snp_fmt_pool_sample, failures)] =
	    field(entry, ledger + LEDGER(outcomes[SNP_OUTCOME_ERROR]));
	for (unsigned i = 0; i < SNP_HIST_OCTAVES; i++)
		words[SNP__WORD(snp_fmt_pool_sample, octave) + i / 2] |=
		    (uint64_t)octave[i] << 32 * (i % 2);
	snp__ring_append(snp__block(w, PLACE_HIST_POOL, index),
			 w->layout.region[PLACE_HIST_POOL].count, words,
			 SNP__RECORD_WORDS(snp_fmt_pool_sample));
}

static void sample_pools(struct snp_writer *w, const struct half *half, snp_mono_t now)
{
	struct snp__history *h = w->history;

	memset(h->octave, 0, sizeof(*h->octave) * w->options.pools_max);
	for (uint32_t i = 0; i < half->table[SNP_ROW_TOOL].count; i++)
		add_tool(h, half, i);
	for (uint32_t i = 0; i < half->table[SNP_ROW_POOL].count; i++)
		sample_pool(w, half, i, now);
}

#define WORKER(member) offsetof(struct snp_worker_row, member)

static void sample_worker(struct snp_writer *w, const struct half *half, uint32_t index,
			  snp_mono_t now)
{
	const unsigned char *entry = entry_of(half, SNP_ROW_WORKER, index);
	SNP__RECORD(snp_fmt_worker_sample, words);

	if (!is_live(entry))
		return;
	words[SNP__WORD(snp_fmt_worker_sample, mono_ns)] = now.ns;
	words[SNP__WORD(snp_fmt_worker_sample, uid)] = uid_of(entry);
	words[SNP__WORD(snp_fmt_worker_sample, state)] =
	    cell(half, entry, SNP_ROW_WORKER, WORKER(sup.state));
	words[SNP__WORD(snp_fmt_worker_sample, requests)] =
	    cell(half, entry, SNP_ROW_WORKER, WORKER(hot.worker_requests));
	words[SNP__WORD(snp_fmt_worker_sample, busy_ns)] =
	    cell(half, entry, SNP_ROW_WORKER, WORKER(hot.worker_busy));
	words[SNP__WORD(snp_fmt_worker_sample, rss_bytes)] =
	    cell(half, entry, SNP_ROW_WORKER, WORKER(sup.memory));
	snp__ring_append(snp__block(w, PLACE_HIST_WORKER, index),
			 w->layout.region[PLACE_HIST_WORKER].count, words,
			 SNP__RECORD_WORDS(snp_fmt_worker_sample));
}

/* Whether a sample is due; then when the next one is. In step with the clock, so that a
 * ring of n seconds holds n seconds, but without making up for a long stop. */
static bool is_due(snp_mono_t *due, snp_mono_t now, uint64_t period_s)
{
	const uint64_t period_ns = period_s * SNP_NS_PER_S;

	if (due->ns > now.ns)
		return false;
	if (now.ns - due->ns >= period_ns)
		due->ns = now.ns;
	due->ns += period_ns;
	return true;
}

/* ---- public -------------------------------------------------------------- */

void snp__history_free(struct snp__history **history)
{
	struct snp__history *h = *history;

	*history = NULL;
	if (!h)
		return;
	free(h->tools);
	free(h->octave);
	free(h);
}

static struct snp__history *history_make(const struct snp_writer *w)
{
	struct snp__history *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->tools = calloc(w->options.tools_max, sizeof(*h->tools));
	h->octave = calloc(w->options.pools_max, sizeof(*h->octave));
	if (!h->tools || !h->octave)
		snp__history_free(&h);
	return h;
}

/* Without memory there is no history; everything else goes on. */
void snp_writer_sample(struct snp_writer *w, snp_mono_t now)
{
	uint64_t seq = snp_get(&w->header->snap_seq);
	struct half half;

	if (!w->history)
		w->history = history_make(w);
	if (!w->history || seq == 0)
		return;
	half.base = snp__block(w, PLACE_SNAP, seq & 1);
	half.table = ((const struct snp_fmt_snap *)(const void *)half.base)->table;
	if (is_due(&w->history->pools_due, now, 1))
		sample_pools(w, &half, now);
	if (is_due(&w->history->workers_due, now, SNP__WORKER_SAMPLE_S))
		for (uint32_t i = 0; i < half.table[SNP_ROW_WORKER].count; i++)
			sample_worker(w, &half, i, now);
}
