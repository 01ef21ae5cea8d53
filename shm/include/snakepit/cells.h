/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cells.h - the cells of rows and banks as C structs, generated from metrics.def.
 *
 * For writers and for the code that builds descriptors. Readers do not need it: they
 * find every cell through the descriptors in the segment.
 */
#ifndef SNP_SHM_CELLS_H
#define SNP_SHM_CELLS_H

#include "snakepit/format.h"

/* One member a metric, an array of as many cells as its enum table has values. */
#define SNP__CELL_COUNTER(id, n)	_Atomic uint64_t id[n];
#define SNP__CELL_GAUGE(id, n)		_Atomic uint64_t id[n];
#define SNP__CELL_UPDOWN(id, n)		_Atomic uint64_t id[n];
#define SNP__CELL_NS_COUNTER(id, n)	_Atomic uint64_t id[n];
#define SNP__CELL_MONO_TIME(id, n)	_Atomic uint64_t id[n];
#define SNP__CELL_WALL_TIME(id, n)	_Atomic uint64_t id[n];
#define SNP__CELL_STATE(id, n)		_Atomic uint64_t id[1];
#define SNP__CELL_HISTOGRAM(id, n)	struct snp_fmt_hist id[n];
#define SNP__CELL_HISTOGRAM_LONG(id, n) struct snp_fmt_hist id[n];
#define SNP__CELL(type, id, table)	SNP__CELL_##type(id, SNP_##table##_NR)

#define SNP__IN_PROC_BANK(x)
#define SNP__IN_POOL_BANK(x)
#define SNP__IN_TOOL_BANK(x)
#define SNP__IN_POOL_LEDGER(x)
#define SNP__IN_POOL_HEADS(x)
#define SNP__IN_POOL_ROW(x)
#define SNP__IN_WORKER_HOT(x)
#define SNP__IN_WORKER_SUP(x)
#define SNP__IN_WORKER_INFO(x)
#define SNP__IN_DERIVED(x)
#define SNP__IN_HEADER(x)
#define SNP_METRIC(group, type, id, table, level, otel, prom, unit, bounds, help)      \
	SNP__IN_##group(SNP__CELL(type, id, table))

/* Cells of a thread's bank: process, pool and tool. */
struct snp_proc_cells {
#undef SNP__IN_PROC_BANK
#define SNP__IN_PROC_BANK(x) x
#include "metrics.def"
#undef SNP__IN_PROC_BANK
#define SNP__IN_PROC_BANK(x)
};

struct snp_pool_cells {
#undef SNP__IN_POOL_BANK
#define SNP__IN_POOL_BANK(x) x
#include "metrics.def"
#undef SNP__IN_POOL_BANK
#define SNP__IN_POOL_BANK(x)
};

struct snp_tool_cells {
#undef SNP__IN_TOOL_BANK
#define SNP__IN_TOOL_BANK(x) x
#include "metrics.def"
#undef SNP__IN_TOOL_BANK
#define SNP__IN_TOOL_BANK(x)
};

/* Words of a pool's ledger, in the order of the table: the payload of its latch. */
struct snp_pool_ledger {
#undef SNP__IN_POOL_LEDGER
#define SNP__IN_POOL_LEDGER(x) x
#include "metrics.def"
#undef SNP__IN_POOL_LEDGER
#define SNP__IN_POOL_LEDGER(x)
};
static_assert(sizeof(struct snp_pool_ledger) <= sizeof(uint64_t) * SNP_LATCH_WORDS,
	      "ledger fits its latch");

/* Words of a pool's headcount, likewise: who was started, who ended, who lives. */
struct snp_pool_heads {
#undef SNP__IN_POOL_HEADS
#define SNP__IN_POOL_HEADS(x) x
#include "metrics.def"
#undef SNP__IN_POOL_HEADS
#define SNP__IN_POOL_HEADS(x)
};
static_assert(sizeof(struct snp_pool_heads) <= sizeof(uint64_t) * SNP_LATCH_WORDS,
	      "headcount fits its latch");

/* A pool's row: the ledger of the thread that owns its queue, then the supervisor's. */
struct snp_pool_row {
	struct snp_fmt_latch ledger;
	_Alignas(SNP_FMT_LINE)
#undef SNP__IN_POOL_ROW
#define SNP__IN_POOL_ROW(x) x
#include "metrics.def"
#undef SNP__IN_POOL_ROW
#define SNP__IN_POOL_ROW(x)
};

/* Cells of a worker row that the event loop owning the worker writes. */
struct snp_worker_hot {
#undef SNP__IN_WORKER_HOT
#define SNP__IN_WORKER_HOT(x) x
#include "metrics.def"
#undef SNP__IN_WORKER_HOT
#define SNP__IN_WORKER_HOT(x)
};

/* Cells of a worker row that the supervisor writes. */
struct snp_worker_sup {
#undef SNP__IN_WORKER_SUP
#define SNP__IN_WORKER_SUP(x) x
#include "metrics.def"
#undef SNP__IN_WORKER_SUP
#define SNP__IN_WORKER_SUP(x)
};

/* A worker slot's row: process record and supervisor cells, then the loop's own lines.
 * The process record comes first so that latched words share one rule (SNP_ST_LATCH).
 */
struct snp_worker_row {
	struct snp_fmt_latch proc; /* writer: supervisor; words SNP_PROC_* */
	_Alignas(SNP_FMT_LINE) struct snp_worker_sup sup;
	_Alignas(2 * SNP_FMT_LINE) struct snp_worker_hot hot;
};

#undef SNP_METRIC
#undef SNP__IN_PROC_BANK
#undef SNP__IN_POOL_BANK
#undef SNP__IN_TOOL_BANK
#undef SNP__IN_POOL_LEDGER
#undef SNP__IN_POOL_HEADS
#undef SNP__IN_POOL_ROW
#undef SNP__IN_WORKER_HOT
#undef SNP__IN_WORKER_SUP
#undef SNP__IN_WORKER_INFO
#undef SNP__IN_DERIVED
#undef SNP__IN_HEADER

/* Rows a multiple of 4 KiB apart fall into one cache set: 27 times slower. */
static_assert(sizeof(struct snp_worker_row) % SNP_FMT_PAGE != 0, "worker row stride");
static_assert(sizeof(struct snp_pool_row) % SNP_FMT_PAGE != 0, "pool row stride");
static_assert(sizeof(struct snp_tool_cells) % SNP_FMT_PAGE != 0, "tool block stride");

#endif
