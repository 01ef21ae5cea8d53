/* SPDX-License-Identifier: Apache-2.0 */
#include "layout.h"

#include <string.h>

#include "snap_layout.h"

/* Rows a multiple of 4 KiB apart would fall into one cache set; cells.h asserts it of
 * the rows of cells. */
static_assert(sizeof(struct snp_fmt_row) % SNP_FMT_PAGE != 0, "row directory stride");
static_assert(sizeof(struct snp_fmt_text) % SNP_FMT_PAGE != 0, "text stride");
static_assert(sizeof(struct snp_fmt_thread) % SNP_FMT_PAGE != 0, "thread stride");

static uint64_t round_up(uint64_t v, uint64_t to)
{
	return (v + to - 1) / to * to;
}

/* From row to row where a row has a block of `bytes` of its own: whole pairs of lines,
 * because processors fetch them in pairs, and never a multiple of a page. */
static uint64_t row_stride(uint64_t bytes)
{
	uint64_t stride = round_up(bytes, 2 * SNP_FMT_LINE);

	return stride % SNP_FMT_PAGE ? stride : stride + 2 * SNP_FMT_LINE;
}

/* Give the region its place behind all others. `len` 0: entries and nothing else. */
static void place(struct snp__layout *l, enum snp__place p,
		  struct snp_fmt_region region)
{
	region.version = 1;
	region.len = region.len ? region.len : region.stride * region.count;
	region.outer_count = region.outer_count ? region.outer_count : 1;
	region.off = round_up(l->total_bytes, SNP_FMT_PAGE);
	l->total_bytes =
	    region.off + region.outer_stride * (region.outer_count - 1) + region.len;
	l->region[p] = region;
}

/* Rings, one a block; `outer_stride` 0: there is one. */
static void place_rings(struct snp__layout *l, enum snp__place p,
			struct snp_fmt_region region)
{
	region.len = sizeof(struct snp_fmt_ring) + region.stride * region.count;
	if (region.outer_count)
		region.outer_stride = region.type == SNP_REGION_HIST
					  ? row_stride(region.len)
					  : round_up(region.len, SNP_FMT_PAGE);
	place(l, p, region);
}

/* The three blocks of a bank, for all banks: bank-major, each bank page-aligned, so
 * that no two threads share a line. */
static void place_banks(struct snp__layout *l, const struct snp_writer_options *o)
{
	static const struct {
		enum snp__place place;
		uint32_t kind;
		uint64_t stride;
	} blocks[] = {
	    {PLACE_BANK_PROC, SNP_ROW_PROC, sizeof(struct snp_proc_cells)},
	    {PLACE_BANK_POOL, SNP_ROW_POOL, sizeof(struct snp_pool_cells)},
	    {PLACE_BANK_TOOL, SNP_ROW_TOOL, sizeof(struct snp_tool_cells)},
	};
	const uint64_t rows[] = {1, o->pools_max, o->tools_max};
	uint64_t base = round_up(l->total_bytes, SNP_FMT_PAGE), bank_bytes = 0;
	size_t i;

	for (i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
		l->region[blocks[i].place] = (struct snp_fmt_region){
		    .type = SNP_REGION_BANK,
		    .kind = blocks[i].kind,
		    .off = base + bank_bytes,
		    .len = blocks[i].stride * rows[i],
		    .stride = blocks[i].stride,
		    .count = rows[i],
		    .outer_count = o->banks_max,
		    .version = 1,
		};
		bank_bytes += round_up(blocks[i].stride * rows[i], SNP_FMT_LINE);
	}
	bank_bytes = round_up(bank_bytes, SNP_FMT_PAGE);
	for (i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++)
		l->region[blocks[i].place].outer_stride = bank_bytes;
	l->total_bytes = base + bank_bytes * o->banks_max;
}

static uint64_t pool_bytes(const struct snp_writer_options *o)
{
	return row_stride(snp__adapter_hist_off(o) +
			  sizeof(struct snp_fmt_hist) * snp__adapter_hists(o));
}

static uint64_t worker_bytes(const struct snp_writer_options *o)
{
	return row_stride(sizeof(struct snp_worker_row) +
			  sizeof(uint64_t) * o->adapter_metrics_max);
}

static void place_rows(struct snp__layout *l, const struct snp_writer_options *o)
{
	const uint64_t rows[] = {o->pools_max, o->workers_max, o->tools_max};
	uint64_t requests = sizeof(struct snp_fmt_inflight) * o->inflight_per_worker;

	for (uint32_t i = 0; i < 3; i++)
		place(l, PLACE_ROWD_POOL + i,
		      (struct snp_fmt_region){.type = SNP_REGION_ROWD,
					      .kind = SNP_ROW_POOL + i,
					      .stride = sizeof(struct snp_fmt_row),
					      .count = rows[i]});
	place(l, PLACE_ROWC_POOL,
	      (struct snp_fmt_region){.type = SNP_REGION_ROWC,
				      .kind = SNP_ROW_POOL,
				      .stride = pool_bytes(o),
				      .count = o->pools_max});
	place(l, PLACE_ROWC_WORKER,
	      (struct snp_fmt_region){.type = SNP_REGION_ROWC,
				      .kind = SNP_ROW_WORKER,
				      .stride = worker_bytes(o),
				      .count = o->workers_max});
	place(l, PLACE_LEDG_POOL,
	      (struct snp_fmt_region){.type = SNP_REGION_LEDG,
				      .kind = SNP_ROW_POOL,
				      .stride = sizeof(struct snp_fmt_latch),
				      .count = o->pools_max});
	place(l, PLACE_TEXT_WORKER,
	      (struct snp_fmt_region){.type = SNP_REGION_TEXT,
				      .kind = SNP_ROW_WORKER,
				      .stride = sizeof(struct snp_fmt_text),
				      .count = o->workers_max});
	place(l, PLACE_INFL_WORKER,
	      (struct snp_fmt_region){.type = SNP_REGION_INFL,
				      .kind = SNP_ROW_WORKER,
				      .stride = sizeof(struct snp_fmt_inflight),
				      .count = o->inflight_per_worker,
				      .outer_stride = row_stride(requests),
				      .outer_count = o->workers_max});
}

static void place_schema(struct snp__layout *l)
{
	place(l, PLACE_DESC,
	      (struct snp_fmt_region){.type = SNP_REGION_DESC,
				      .stride = sizeof(struct snp_fmt_desc),
				      .count = SNP__DESC_MAX});
	place(l, PLACE_STRT,
	      (struct snp_fmt_region){
		  .type = SNP_REGION_STRT, .stride = 1, .count = SNP__STRT_BYTES});
	place(l, PLACE_KEYS,
	      (struct snp_fmt_region){.type = SNP_REGION_KEYS,
				      .stride = sizeof(struct snp_fmt_key),
				      .count = SNP_KEY_NR});
	place(l, PLACE_ENUM,
	      (struct snp_fmt_region){.type = SNP_REGION_ENUM,
				      .stride = sizeof(uint32_t),
				      .count = SNP__ENUM_WORDS});
	place(l, PLACE_BNDS,
	      (struct snp_fmt_region){.type = SNP_REGION_BNDS,
				      .stride = sizeof(uint64_t),
				      .count = SNP__BNDS_WORDS});
	place(l, PLACE_JSON,
	      (struct snp_fmt_region){
		  .type = SNP_REGION_JSON, .stride = 1, .count = SNP__JSON_BYTES});
}

static void place_records(struct snp__layout *l, const struct snp_writer_options *o)
{
	uint64_t worker_samples = o->history_seconds / SNP__WORKER_SAMPLE_S;

	place_rings(l, PLACE_EVNT,
		    (struct snp_fmt_region){.type = SNP_REGION_EVNT,
					    .stride = sizeof(struct snp_fmt_event),
					    .count = o->events_per_ring,
					    .outer_count = o->banks_max});
	place_rings(l, PLACE_SPAN,
		    (struct snp_fmt_region){.type = SNP_REGION_SPAN,
					    .stride = sizeof(struct snp_fmt_span),
					    .count = o->spans_per_ring,
					    .outer_count = o->banks_max});
	place_rings(l, PLACE_EVID,
		    (struct snp_fmt_region){.type = SNP_REGION_EVID,
					    .stride = sizeof(struct snp_fmt_evidence),
					    .count = o->evidence_max});
	place_rings(
	    l, PLACE_HIST_POOL,
	    (struct snp_fmt_region){.type = SNP_REGION_HIST,
				    .kind = SNP_ROW_POOL,
				    .stride = sizeof(struct snp_fmt_pool_sample),
				    .count = o->history_seconds,
				    .outer_count = o->pools_max});
	place_rings(
	    l, PLACE_HIST_WORKER,
	    (struct snp_fmt_region){.type = SNP_REGION_HIST,
				    .kind = SNP_ROW_WORKER,
				    .stride = sizeof(struct snp_fmt_worker_sample),
				    .count = worker_samples ? worker_samples : 1,
				    .outer_count = o->workers_max});
	place(l, PLACE_THRD,
	      (struct snp_fmt_region){.type = SNP_REGION_THRD,
				      .stride = sizeof(struct snp_fmt_thread),
				      .count = o->banks_max});
}

/* Last, because a half has room for all rows of all regions before it. */
static void place_snap(struct snp__layout *l, const struct snp_writer_options *o)
{
	const uint64_t rows[SNP_ROW_KINDS] = {[SNP_ROW_PROC] = 1,
					      [SNP_ROW_POOL] = o->pools_max,
					      [SNP_ROW_WORKER] = o->workers_max,
					      [SNP_ROW_TOOL] = o->tools_max};
	struct snp_fmt_snap_table tables[SNP_ROW_KINDS];
	uint64_t half =
	    snp__snap_tables(SNP__IMAGE_SNAP, l->region, PLACE_SNAP, rows, tables);

	place(l, PLACE_SNAP,
	      (struct snp_fmt_region){.type = SNP_REGION_SNAP,
				      .stride = half,
				      .count = 1,
				      .outer_stride = round_up(half, SNP_FMT_PAGE),
				      .outer_count = 2});
}

void snp__layout_compute(const struct snp_writer_options *options,
			 struct snp__layout *ret_layout)
{
	struct snp__layout *l = ret_layout;

	memset(l, 0, sizeof(*l));
	l->total_bytes =
	    SNP_FMT_DIR_OFF + SNP_FMT_DIR_MAX * sizeof(struct snp_fmt_region);
	place_schema(l);
	place_rows(l, options);
	place_banks(l, options);
	place_records(l, options);
	place_snap(l, options);
	l->total_bytes = round_up(l->total_bytes, SNP_FMT_PAGE);
}
