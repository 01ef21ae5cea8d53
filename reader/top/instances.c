/* SPDX-License-Identifier: Apache-2.0 */
#include "instances.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "columns.h"
#include "model/terminal.h"

/* ---- finding ------------------------------------------------------------- */

static void drop(struct top_instances *all, size_t index)
{
	top_source_destroy(&all->at[index]->source);
	free(all->at[index]);
	all->nr--;
	for (; index < all->nr; index++)
		all->at[index] = all->at[index + 1];
}

void top_instances_fini(struct top_instances *all)
{
	while (all->nr > 0)
		drop(all, all->nr - 1);
	free(all->at);
	*all = (struct top_instances){0};
}

static int add(struct top_instances *all, const char *name, const char *path)
{
	struct top_instance *instance = calloc(1, sizeof(*instance));
	void *bigger =
	    reallocarray(all->at, all->nr + 1, sizeof(struct top_instance *));

	if (bigger)
		all->at = bigger;
	if (!instance || !bigger || top_source_live(path, &instance->source) < 0) {
		free(instance);
		return -ENOMEM;
	}
	(void)snprintf(instance->name, sizeof(instance->name), "%s", name);
	(void)snprintf(instance->path, sizeof(instance->path), "%s", path);
	instance->listed = true;
	all->at[all->nr++] = instance;
	return 0;
}

static int found(const char *name, const char *path, void *user)
{
	struct top_instances *all = user;

	for (size_t i = 0; i < all->nr; i++) {
		if (strcmp(all->at[i]->path, path) != 0)
			continue;
		all->at[i]->listed = true;
		return 0;
	}
	return add(all, name, path);
}

static int by_name(const void *a, const void *b)
{
	const struct top_instance *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

int top_instances_tick(struct top_instances *all, const struct top_source *keep,
		       struct snp_err *err)
{
	int rc;

	for (size_t i = 0; i < all->nr; i++)
		all->at[i]->listed = false;
	rc = snp_segment_list(found, all, err);
	if (rc < 0)
		return rc == -ENOMEM ? snp_err_set(err, rc, "out of memory") : rc;
	for (size_t i = all->nr; i-- > 0;)
		if (!all->at[i]->listed && all->at[i]->source != keep)
			drop(all, i);
	if (all->nr > 1)
		qsort(all->at, all->nr, sizeof(struct top_instance *), by_name);
	for (size_t i = 0; i < all->nr; i++) {
		(void)top_source_tick(all->at[i]->source);
		all->at[i]->frame = top_source_frame(all->at[i]->source);
	}
	return 0;
}

/* ---- printing ------------------------------------------------------------ */

/* What is said of an instance in one row, beside its name and state. */
static const enum top_column_id told[] = {
    TOP_COLUMN_POOL_workers,	  TOP_COLUMN_POOL_workers_busy,
    TOP_COLUMN_POOL_workers_down, TOP_COLUMN_POOL_active,
    TOP_COLUMN_POOL_queue_depth,  TOP_COLUMN_POOL_req_s,
    TOP_COLUMN_POOL_err_s,	  TOP_COLUMN_POOL_p99_ns,
    TOP_COLUMN_POOL_restarts,	  TOP_COLUMN_POOL_rss_bytes,
};
#define TOLD	  (sizeof(told) / sizeof(*told))
#define NAME_COLS 18
#define CELL_COLS 7

static void put_row(const struct top_instance *instance, struct snp_buf *out)
{
	const struct top_frame *f = instance->frame;
	size_t begin = out->len;

	snp_terminal_put(out, instance->name);
	do
		snp_buf_putc(out, ' ');
	while (!out->failed && out->len - begin < NAME_COLS);
	snp_buf_printf(out, "%-10s %8jd", top_verdict_name(f->verdict),
		       (intmax_t)f->pid);
	for (size_t i = 0; i < TOLD; i++) {
		struct top_value value =
		    top_column_value(told[i], &f->look.total, NULL);
		char text[TOP_FORMAT_BYTES] = "-";

		if (value.known && f->generation > 0)
			top_column_format(text, told[i], &value, CELL_COLS - 1);
		snp_buf_printf(out, " %*s", CELL_COLS - 1, text);
	}
	snp_buf_putc(out, '\n');
}

int top_instances_text(const struct top_instances *all, struct snp_buf *out)
{
	snp_buf_printf(out, "%-*s%-10s %8s", NAME_COLS, "INSTANCE", "STATE", "PID");
	for (size_t i = 0; i < TOLD; i++)
		snp_buf_printf(out, " %*s", CELL_COLS - 1, top_columns[told[i]].title);
	snp_buf_putc(out, '\n');
	for (size_t i = 0; i < all->nr; i++)
		put_row(all->at[i], out);
	return out->failed ? -ENOMEM : 0;
}

int top_instances_json(const struct top_instances *all, struct snp_buf *out)
{
	struct snp_json json;

	snp_json_init(&json, out);
	snp_json_object_begin(&json);
	snp_json_kv_u64(&json, "schema", 1);
	snp_json_key(&json, "instances");
	snp_json_array_begin(&json);
	for (size_t i = 0; i < all->nr; i++) {
		const struct top_frame *f = all->at[i]->frame;

		snp_json_object_begin(&json);
		snp_json_kv_string(&json, "instance", all->at[i]->name);
		snp_json_kv_string(&json, "path", all->at[i]->path);
		top_batch_verdict(&json, f->verdict);
		snp_json_kv_string(&json, "problem", f->problem);
		snp_json_kv_i64(&json, "pid", f->pid);
		snp_json_kv_u64(&json, "uptime_ns", f->uptime_ns);
		snp_json_key(&json, "total");
		if (f->generation == 0) {
			snp_json_null(&json);
		} else {
			snp_json_object_begin(&json);
			top_columns_json(&json, TOP_TABLE_POOL, &f->look.total, NULL);
			snp_json_object_end(&json);
		}
		snp_json_object_end(&json);
	}
	snp_json_array_end(&json);
	snp_json_object_end(&json);
	snp_buf_putc(out, '\n');
	return out->failed ? -ENOMEM : 0;
}
