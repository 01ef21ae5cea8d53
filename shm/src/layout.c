/* SPDX-License-Identifier: Apache-2.0 */
#include "layout.h"

#include <string.h>

static uint64_t round_up(uint64_t v, uint64_t to)
{
	return (v + to - 1) / to * to;
}

static void place(struct snp__layout *l, enum snp__place p,
		  struct snp_fmt_region region)
{
	region.version = 1;
	region.len = region.stride * region.count;
	region.outer_count = region.outer_count ? region.outer_count : 1;
	region.off = round_up(l->total_bytes, SNP_FMT_PAGE);
	l->total_bytes = region.off + region.len;
	l->region[p] = region;
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

static void place_rows(struct snp__layout *l, const struct snp_writer_options *o)
{
	const uint64_t rows[] = {o->pools_max, o->workers_max, o->tools_max};

	for (uint32_t i = 0; i < 3; i++)
		place(l, PLACE_ROWD_POOL + i,
		      (struct snp_fmt_region){.type = SNP_REGION_ROWD,
					      .kind = SNP_ROW_POOL + i,
					      .stride = sizeof(struct snp_fmt_row),
					      .count = rows[i]});
	place(l, PLACE_ROWC_POOL,
	      (struct snp_fmt_region){.type = SNP_REGION_ROWC,
				      .kind = SNP_ROW_POOL,
				      .stride = sizeof(struct snp_pool_row),
				      .count = o->pools_max});
	place(l, PLACE_ROWC_WORKER,
	      (struct snp_fmt_region){.type = SNP_REGION_ROWC,
				      .kind = SNP_ROW_WORKER,
				      .stride = sizeof(struct snp_worker_row),
				      .count = o->workers_max});
	place(l, PLACE_TEXT_WORKER,
	      (struct snp_fmt_region){.type = SNP_REGION_TEXT,
				      .kind = SNP_ROW_WORKER,
				      .stride = sizeof(struct snp_fmt_text),
				      .count = o->workers_max});
}

static void place_schema(struct snp__layout *l, const struct snp_writer_options *o)
{
	/* Room for two names of 128 bytes a row beside the schema's own strings. */
	uint64_t names = ((uint64_t)o->pools_max * 2 + o->tools_max) * 144;

	place(l, PLACE_DESC,
	      (struct snp_fmt_region){.type = SNP_REGION_DESC,
				      .stride = sizeof(struct snp_fmt_desc),
				      .count = SNP__DESC_MAX});
	place(l, PLACE_STRT,
	      (struct snp_fmt_region){
		  .type = SNP_REGION_STRT,
		  .stride = 1,
		  .count = round_up(SNP__STRT_BYTES_MIN + names, SNP_FMT_PAGE)});
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

void snp__layout_compute(const struct snp_writer_options *options,
			 struct snp__layout *ret_layout)
{
	struct snp__layout *l = ret_layout;
	uint64_t ring_bytes = sizeof(struct snp_fmt_ring) +
			      options->events_per_ring * sizeof(struct snp_fmt_event);

	memset(l, 0, sizeof(*l));
	l->total_bytes =
	    SNP_FMT_DIR_OFF + SNP_FMT_DIR_MAX * sizeof(struct snp_fmt_region);
	place_schema(l, options);
	place_rows(l, options);
	place_banks(l, options);
	l->region[PLACE_EVNT] = (struct snp_fmt_region){
	    .type = SNP_REGION_EVNT,
	    .off = l->total_bytes,
	    .len = ring_bytes,
	    .stride = sizeof(struct snp_fmt_event),
	    .count = options->events_per_ring,
	    .outer_stride = round_up(ring_bytes, SNP_FMT_PAGE),
	    .outer_count = options->banks_max,
	    .version = 1,
	};
	l->total_bytes += round_up(ring_bytes, SNP_FMT_PAGE) * options->banks_max;
}
