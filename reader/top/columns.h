/* SPDX-License-Identifier: Apache-2.0 */
/*
 * columns.h - columns.def as data: fields by name, values of rows, values as text.
 *
 * Values borrow their text from the look they were taken of. Pure functions.
 */
#ifndef SNP_TOP_COLUMNS_H
#define SNP_TOP_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format.h"
#include "grid.h"
#include "model/json_out.h"
#include "model/pools.h"

#define TOP_RANK_HIDDEN 255

enum top_table { TOP_TABLE_POOL, TOP_TABLE_WORKER, TOP_TABLE_NR };

enum top_unit {
	TOP_UNIT_NAME,	 /* text that takes the room there is */
	TOP_UNIT_WORKER, /* "pool/slot" */
	TOP_UNIT_STATUS, /* of a worker, with its suffix */
	TOP_UNIT_TEXT,
	TOP_UNIT_PID, /* 0 is unknown */
	TOP_UNIT_COUNT,
	TOP_UNIT_ALARM, /* a count that should be 0 */
	TOP_UNIT_BYTES,
	TOP_UNIT_LATENCY, /* ns, as are the next two */
	TOP_UNIT_AGE,
	TOP_UNIT_UPTIME,
	TOP_UNIT_RATE, /* per second, as are all that follow: double */
	TOP_UNIT_PERCENT,
	TOP_UNIT_SHARE, /* percent with a bar */
};

enum top_column_id {
#define TOP_COLUMN(table, field, title, width, rank, unit, value, help)                \
	TOP_COLUMN_##table##_##field,
#include "columns.def"
#undef TOP_COLUMN
	TOP_COLUMN_NR
};

struct top_column {
	const char *field, *title, *help;
	uint8_t table, width, rank, unit;
};
extern const struct top_column top_columns[TOP_COLUMN_NR];

/* What a column says about one row. Which member counts follows from the unit. */
struct top_value {
	bool known;
	uint64_t u;
	double d;
	const char *text;
};

/* `worker` is ignored, and may be NULL, for columns of TOP_TABLE_POOL. */
struct top_value top_column_value(enum top_column_id id,
				  const struct snp_pool_stat *pool,
				  const struct snp_worker_stat *worker);

/* The id of a field, whose unit (_ns, _bytes, _percent) may be left out; -1: no such.
 */
int top_column_find(enum top_table table, const char *field);

/* Sorted by this, the small ones come first: names and pids. */
bool top_column_ascends(enum top_column_id id);

static inline bool top_unit_is_double(unsigned unit)
{
	return unit >= TOP_UNIT_RATE;
}

static inline bool top_unit_is_text(unsigned unit)
{
	return unit == TOP_UNIT_NAME || unit == TOP_UNIT_TEXT ||
	       unit == TOP_UNIT_WORKER || unit == TOP_UNIT_STATUS;
}

/* Draw the value into `width` columns: text to the left, numbers to the right. */
struct top_place {
	struct top_grid *grid;
	int row, col, width;
};
void top_column_draw(const struct top_place *place, enum top_column_id id,
		     const struct snp_pool_stat *pool,
		     const struct snp_worker_stat *worker);

/* A known number as text, to be drawn in `width` columns. */
void top_column_format(char out[TOP_FORMAT_BYTES], enum top_column_id id,
		       const struct top_value *value, int width);

/* All columns of the table as members of the JSON object that is open. */
void top_columns_json(struct snp_json *json, enum top_table table,
		      const struct snp_pool_stat *pool,
		      const struct snp_worker_stat *worker);

/* The same value as in JSON, as a column of CSV; nothing where it is not known. */
void top_column_csv(struct snp_buf *out, enum top_column_id id,
		    const struct snp_pool_stat *pool,
		    const struct snp_worker_stat *worker);

/* What people call the worker's condition, with its suffix: "busy", "idle!",
 * "backoff!!". */
struct top_status {
	const char *text, *suffix;
	enum top_style style;
};
struct top_status top_worker_status(const struct snp_worker_stat *worker);

#endif
