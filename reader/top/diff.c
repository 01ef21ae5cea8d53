/* SPDX-License-Identifier: Apache-2.0 */
#include "diff.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/terminal.h"

static const enum top_column_id usual[] = {
    TOP_COLUMN_POOL_workers,	  TOP_COLUMN_POOL_workers_down,
    TOP_COLUMN_POOL_req_s,	  TOP_COLUMN_POOL_err_s,
    TOP_COLUMN_POOL_timeout_s,	  TOP_COLUMN_POOL_refused_s,
    TOP_COLUMN_POOL_p50_ns,	  TOP_COLUMN_POOL_p95_ns,
    TOP_COLUMN_POOL_p99_ns,	  TOP_COLUMN_POOL_queue_depth,
    TOP_COLUMN_POOL_busy_percent, TOP_COLUMN_POOL_cpu_percent,
    TOP_COLUMN_POOL_rss_bytes,
};

/* ---- sides --------------------------------------------------------------- */

static struct top_diff_pool *pool_of(struct top_diff_side *side, const char *name)
{
	struct top_diff_pool *bigger;

	for (size_t i = 0; i < side->nr; i++)
		if (strcmp(side->pools[i].name, name) == 0)
			return &side->pools[i];
	bigger = reallocarray(side->pools, side->nr + 1, sizeof(*bigger));
	if (!bigger)
		return NULL;
	side->pools = bigger;
	bigger += side->nr++;
	memset(bigger, 0, sizeof(*bigger));
	(void)snprintf(bigger->name, sizeof(bigger->name), "%s", name);
	return bigger;
}

static int add_pool(struct top_diff_side *side, const char *name,
		    const struct snp_pool_stat *p)
{
	struct top_diff_pool *pool = pool_of(side, name);

	if (!pool)
		return -ENOMEM;
	for (int id = 0; id < TOP_COLUMN_NR; id++) {
		struct top_value value;

		if (top_columns[id].table != TOP_TABLE_POOL ||
		    top_unit_is_text(top_columns[id].unit))
			continue;
		value = top_column_value((enum top_column_id)id, p, NULL);
		if (!value.known)
			continue;
		pool->sum[id] += top_unit_is_double(top_columns[id].unit)
				     ? value.d
				     : (double)value.u;
		pool->known[id]++;
	}
	return 0;
}

int top_diff_add(struct top_diff_side *side, const struct top_frame *frame)
{
	int rc = add_pool(side, "", &frame->look.total);

	for (size_t i = 0; i < frame->look.pools_nr && rc == 0; i++)
		rc = add_pool(side, frame->look.pools[i].name, &frame->look.pools[i]);
	side->frames++;
	return rc;
}

void top_diff_fini(struct top_diff_side *side)
{
	free(side->pools);
	*side = (struct top_diff_side){0};
}

/* ---- the table ----------------------------------------------------------- */

/* NaN where it was never known. */
static double mean(const struct top_diff_pool *pool, enum top_column_id id)
{
	return pool && pool->known[id] ? pool->sum[id] / (double)pool->known[id] : NAN;
}

static double change_percent(double before, double after)
{
	return before > 0 ? 100.0 * (after - before) / before : NAN;
}

static void put_value(struct snp_buf *out, enum top_column_id id, double value)
{
	char text[TOP_FORMAT_BYTES] = "-";

	if (!isnan(value))
		top_column_format(text, id,
				  &(struct top_value){.known = true,
						      .u = (uint64_t)llround(value),
						      .d = value},
				  10);
	snp_buf_printf(out, " %10s", text);
}

static void put_change(struct snp_buf *out, double before, double after)
{
	double percent = change_percent(before, after);

	if (isnan(before) || isnan(after))
		snp_buf_printf(out, " %9s\n", "-");
	else if (before == after)
		snp_buf_printf(out, " %9s\n", "=");
	else if (isnan(percent))
		snp_buf_printf(out, " %9s\n", "new");
	else
		snp_buf_printf(out, " %+8.1f%%\n", percent);
}

static void put_line(struct snp_buf *out, const char *pool, enum top_column_id id,
		     double before, double after)
{
	size_t begin = out->len;

	snp_terminal_put(out, *pool ? pool : "(all)");
	do
		snp_buf_putc(out, ' ');
	while (!out->failed && out->len - begin < 17);
	snp_buf_printf(out, "%-18s", top_columns[id].field);
	put_value(out, id, before);
	put_value(out, id, after);
	put_change(out, before, after);
}

static void put_json(struct snp_json *json, const char *pool, enum top_column_id id,
		     double before, double after)
{
	snp_json_object_begin(json);
	snp_json_key(json, "pool");
	if (*pool)
		snp_json_string(json, pool);
	else
		snp_json_null(json);
	snp_json_kv_string(json, "column", top_columns[id].field);
	snp_json_kv_double(json, "before", before);
	snp_json_kv_double(json, "after", after);
	snp_json_kv_double(json, "change_percent", change_percent(before, after));
	snp_json_object_end(json);
}

static const struct top_diff_pool *find(const struct top_diff_side *side,
					const char *name)
{
	for (size_t i = 0; i < side->nr; i++)
		if (strcmp(side->pools[i].name, name) == 0)
			return &side->pools[i];
	return NULL;
}

struct table {
	const struct top_diff_side *before, *after;
	const enum top_column_id *columns;
	size_t columns_nr;
	struct snp_buf *out;
	struct snp_json *json; /* NULL = text */
};

static void put_pool(const struct table *t, const char *name)
{
	const struct top_diff_pool *before = find(t->before, name);
	const struct top_diff_pool *after = find(t->after, name);

	for (size_t i = 0; i < t->columns_nr; i++) {
		enum top_column_id id = t->columns[i];
		double was = mean(before, id), is = mean(after, id);

		if (t->json)
			put_json(t->json, name, id, was, is);
		else if (!isnan(was) || !isnan(is))
			put_line(t->out, name, id, was, is);
	}
}

/* Pools of the first side in its order, then those that only the second has. */
static void put_pools(const struct table *t)
{
	for (size_t i = 0; i < t->before->nr; i++)
		put_pool(t, t->before->pools[i].name);
	for (size_t i = 0; i < t->after->nr; i++)
		if (!find(t->before, t->after->pools[i].name))
			put_pool(t, t->after->pools[i].name);
}

int top_diff_print(const struct top_diff_side *before,
		   const struct top_diff_side *after, const enum top_column_id *columns,
		   size_t columns_nr, bool json, struct snp_buf *out)
{
	struct snp_json writer;
	struct table table = {before, after, columns, columns_nr, out, NULL};

	if (columns_nr == 0) {
		table.columns = usual;
		table.columns_nr = sizeof(usual) / sizeof(*usual);
	}
	if (json) {
		snp_json_init(&writer, out);
		table.json = &writer;
		snp_json_object_begin(&writer);
		snp_json_kv_u64(&writer, "schema", 1);
		snp_json_kv_u64(&writer, "frames_before", before->frames);
		snp_json_kv_u64(&writer, "frames_after", after->frames);
		snp_json_key(&writer, "changes");
		snp_json_array_begin(&writer);
	} else {
		snp_buf_printf(out, "%-17s%-18s %10s %10s %9s\n", "POOL", "COLUMN",
			       "BEFORE", "AFTER", "CHANGE");
	}
	put_pools(&table);
	if (json) {
		snp_json_array_end(&writer);
		snp_json_object_end(&writer);
		snp_buf_putc(out, '\n');
	}
	return out->failed ? -ENOMEM : 0;
}
