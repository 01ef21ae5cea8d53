/* SPDX-License-Identifier: Apache-2.0 */
#include "model/exemplars.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The metric whose observations the spans are. */
#define METRIC "snakepit.request.duration"

/* So long a slow request stays before any other takes its place. */
#define LATELY_NS (UINT64_C(60) * 1000000000)

#define SPANS_AT_ONCE	  64
#define W3C_FLAGS_SAMPLED 1U

/* Of a tool's row: the buckets of one life of it. */
struct tool {
	uint64_t uid;
	struct snp_exemplar *buckets;
};

struct snp_exemplars {
	enum snp_exemplar_filter filter;
	struct snp_ring_cursor cursor;
	struct tool *tools;
	uint32_t tools_nr;
};

int snp_exemplars_create(enum snp_exemplar_filter filter,
			 struct snp_exemplars **ret_exemplars)
{
	*ret_exemplars = calloc(1, sizeof(**ret_exemplars));
	if (!*ret_exemplars)
		return -ENOMEM;
	(*ret_exemplars)->filter = filter;
	return 0;
}

void snp_exemplars_destroy(struct snp_exemplars **exemplars)
{
	if (!*exemplars)
		return;
	for (uint32_t i = 0; i < (*exemplars)->tools_nr; i++)
		free((*exemplars)->tools[i].buckets);
	free((*exemplars)->tools);
	free(*exemplars);
	*exemplars = NULL;
}

static bool grow(struct snp_exemplars *exemplars, uint32_t rows)
{
	struct tool *tools;

	if (rows <= exemplars->tools_nr)
		return true;
	tools = reallocarray(exemplars->tools, rows, sizeof(*tools));
	if (!tools)
		return false;
	memset(tools + exemplars->tools_nr, 0,
	       (rows - exemplars->tools_nr) * sizeof(*tools));
	exemplars->tools = tools;
	exemplars->tools_nr = rows;
	return true;
}

/* The buckets of a row's present life. */
static struct snp_exemplar *buckets_of(struct tool *tool,
				       const struct snp_metric *metric, uint64_t uid)
{
	size_t bytes = (metric->bounds_nr + 1) * sizeof(*tool->buckets);

	if (!tool->buckets)
		tool->buckets = calloc(1, bytes);
	else if (tool->uid != uid)
		memset(tool->buckets, 0, bytes);
	tool->uid = uid;
	return tool->buckets;
}

/* Slower than the one there, or that one is old. Never back in time: a server takes the
 * exemplars of a series in order alone. */
static bool is_better(const struct snp_exemplar *there, uint64_t value_ns,
		      snp_wall_t ended)
{
	return ended.ns > there->ended.ns &&
	       (value_ns >= there->value_ns || ended.ns - there->ended.ns > LATELY_NS);
}

static void take(struct snp_exemplars *exemplars, const struct snp_snapshot *snap,
		 const struct snp_metric *metric, const struct snp_span *span)
{
	const struct snp_row *row = snp_snapshot_row(snap, SNP_ROW_TOOL, span->tool);
	uint64_t value_ns = snp_mono_since_ns(span->end, span->start);
	snp_wall_t ended = snp_snapshot_wall(snap, span->end);
	struct snp_exemplar *buckets;
	uint32_t i = 0;

	if (span->kind != SNP_SPAN_KIND_REQUEST ||
	    !(span->trace_id[0] | span->trace_id[1]))
		return;
	if (exemplars->filter == SNP_EXEMPLARS_SAMPLED &&
	    !(span->flags & W3C_FLAGS_SAMPLED))
		return;
	/* The span may be of a tool that was there before. */
	if (!row || row->uid != span->tool_uid)
		return;
	buckets = buckets_of(&exemplars->tools[span->tool], metric, row->uid);
	if (!buckets)
		return;
	while (i < metric->bounds_nr && value_ns > metric->bounds_ns[i])
		i++;
	if (is_better(&buckets[i], value_ns, ended))
		buckets[i] = (struct snp_exemplar){
		    .trace_id = {span->trace_id[0], span->trace_id[1]},
		    .span_id = span->span_id,
		    .value_ns = value_ns,
		    .ended = ended,
		};
}

static bool is_ours(const struct snp_metric *metric)
{
	return metric->kind == SNP_KIND_HISTOGRAM && metric->row_kind == SNP_ROW_TOOL &&
	       strcmp(metric->name, METRIC) == 0;
}

void snp_exemplars_look(struct snp_exemplars *exemplars, struct snp_segment *seg,
			const struct snp_snapshot *snap)
{
	const struct snp_metric *metric = snp_snapshot_metric_find(snap, METRIC);
	struct snp_span spans[SPANS_AT_ONCE];
	size_t nr;

	if (!metric || !is_ours(metric) ||
	    !grow(exemplars, snp_snapshot_rows_nr(snap, SNP_ROW_TOOL)))
		return;
	do {
		nr = snp_segment_spans(seg, &exemplars->cursor, spans, SPANS_AT_ONCE);
		for (size_t i = 0; i < nr; i++)
			take(exemplars, snap, metric, &spans[i]);
	} while (nr == SPANS_AT_ONCE);
}

const struct snp_exemplar *snp_exemplars_of(const struct snp_exemplars *exemplars,
					    const struct snp_snapshot *snap,
					    const struct snp_series *series)
{
	const struct snp_row *row;
	const struct tool *tool;

	if (series->row >= exemplars->tools_nr || !is_ours(series->metric))
		return NULL;
	tool = &exemplars->tools[series->row];
	row = snp_snapshot_row(snap, SNP_ROW_TOOL, series->row);
	return row && row->uid == tool->uid ? tool->buckets : NULL;
}

/* ---- ids as text --------------------------------------------------------- */

static void hex(char *dst, uint64_t value)
{
	for (int i = 15; i >= 0; i--, value >>= 4)
		dst[i] = "0123456789abcdef"[value & 15];
}

void snp_exemplar_trace_hex(const struct snp_exemplar *exemplar, char ret_hex[32])
{
	hex(ret_hex, exemplar->trace_id[0]);
	hex(ret_hex + 16, exemplar->trace_id[1]);
}

void snp_exemplar_span_hex(const struct snp_exemplar *exemplar, char ret_hex[16])
{
	hex(ret_hex, exemplar->span_id);
}
