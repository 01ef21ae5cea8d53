/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout.h - where the writer puts the regions of a segment of given limits.
 *
 * The formula of the file's size: header and directory 8 KiB, schema regions, rows,
 * texts, requests in flight, then a page-aligned bank and two rings a thread, evidence,
 * history, threads, and two images of everything; each region rounded up to pages.
 * shm/format/segment.md repeats it for people.
 */
#ifndef SNP_SHM_LAYOUT_H
#define SNP_SHM_LAYOUT_H

#include "snakepit/format.h"
#include "snakepit/write.h"

enum snp__place {
	PLACE_DESC,
	PLACE_STRT,
	PLACE_KEYS,
	PLACE_ENUM,
	PLACE_BNDS,
	PLACE_JSON,
	PLACE_ROWD_POOL,
	PLACE_ROWD_WORKER,
	PLACE_ROWD_TOOL,
	PLACE_ROWC_POOL,
	PLACE_ROWC_WORKER,
	PLACE_LEDG_POOL,
	PLACE_TEXT_WORKER,
	PLACE_INFL_WORKER,
	PLACE_BANK_PROC,
	PLACE_BANK_POOL,
	PLACE_BANK_TOOL,
	PLACE_EVNT,
	PLACE_SPAN,
	PLACE_EVID,
	PLACE_HIST_POOL,
	PLACE_HIST_WORKER,
	PLACE_THRD,
	PLACE_SNAP,
	PLACE_NR,
};

#define SNP__STRT_BYTES UINT64_C(65536)
#define SNP__JSON_BYTES UINT64_C(65536)
#define SNP__ENUM_WORDS 1024
#define SNP__BNDS_WORDS 1024
#define SNP__DESC_MAX	192 /* of which SNP_ADAPTER_METRICS_MAX come while it lives */

/* Seconds from one worker sample to the next; pools are sampled each second. */
#define SNP__WORKER_SAMPLE_S 5

struct snp__layout {
	struct snp_fmt_region region[PLACE_NR];
	uint64_t total_bytes;
};

/* Where adapters' metrics are in the entries of ROWC, behind the structs of cells.h:
 * a word a counter and then the histograms in those of pools, a word a gauge in those
 * of workers. */
static inline uint32_t snp__adapter_hists(const struct snp_writer_options *options)
{
	return (options->adapter_metrics_max + SNP_ADAPTER_METRICS_A_HIST - 1) /
	       SNP_ADAPTER_METRICS_A_HIST;
}

static inline uint64_t snp__adapter_hist_off(const struct snp_writer_options *options)
{
	return sizeof(struct snp_pool_row) +
	       sizeof(uint64_t) * options->adapter_metrics_max;
}

/* Pure. `options` has been checked and its zeros replaced by defaults. */
void snp__layout_compute(const struct snp_writer_options *options,
			 struct snp__layout *ret_layout);

#endif
