/* SPDX-License-Identifier: Apache-2.0 */
#include "columns.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "format.h"
#include "model/csv.h"
#include "model/number.h"
#include "model/query.h"

#define HIDDEN TOP_RANK_HIDDEN

const struct top_column top_columns[TOP_COLUMN_NR] = {
#define TOP_COLUMN(table, field, title, width, rank, unit, value, help)                \
	{#field, title, help, TOP_TABLE_##table, width, rank, TOP_UNIT_##unit},
#include "columns.def"
#undef TOP_COLUMN
};

/* ---- values -------------------------------------------------------------- */

static struct top_value text_value(const char *text)
{
	return (struct top_value){.known = text[0] != '\0', .text = text};
}

static struct top_value uint_value(uint64_t u)
{
	return (struct top_value){.known = u != SNP_UNKNOWN, .u = u};
}

static struct top_value pid_value(pid_t pid)
{
	return (struct top_value){.known = pid > 0, .u = pid > 0 ? (uint64_t)pid : 0};
}

static struct top_value double_value(double d)
{
	return (struct top_value){.known = !isnan(d), .d = d};
}

static struct top_value status_value(unsigned status)
{
	return (struct top_value){.known = status < SNP_WORKER_STATUS_NR, .u = status};
}

static double percent_of(uint64_t part, uint64_t whole)
{
	if (part == SNP_UNKNOWN || whole == SNP_UNKNOWN || whole == 0)
		return NAN;
	return 100.0 * (double)part / (double)whole;
}

#define VALUE_NAME(x)	 text_value(x)
#define VALUE_TEXT(x)	 text_value(x)
#define VALUE_WORKER(x)	 uint_value(x)
#define VALUE_STATUS(x)	 status_value(x)
#define VALUE_PID(x)	 pid_value(x)
#define VALUE_COUNT(x)	 uint_value(x)
#define VALUE_ALARM(x)	 uint_value(x)
#define VALUE_BYTES(x)	 uint_value(x)
#define VALUE_LATENCY(x) uint_value(x)
#define VALUE_AGE(x)	 uint_value(x)
#define VALUE_UPTIME(x)	 uint_value(x)
#define VALUE_RATE(x)	 double_value(x)
#define VALUE_PERCENT(x) double_value(x)
#define VALUE_SHARE(x)	 double_value(x)

struct top_value top_column_value(enum top_column_id id,
				  const struct snp_pool_stat *pool,
				  const struct snp_worker_stat *worker)
{
	const struct snp_pool_stat *p = pool;
	const struct snp_worker_stat *w = worker;

	switch (id) {
#define TOP_COLUMN(table, field, title, width, rank, unit, value, help)                \
	case TOP_COLUMN_##table##_##field:                                             \
		return VALUE_##unit(value);
#include "columns.def"
#undef TOP_COLUMN
	case TOP_COLUMN_NR:
		break;
	}
	return (struct top_value){.known = false};
}

/* ---- names --------------------------------------------------------------- */

bool top_column_ascends(enum top_column_id id)
{
	return top_unit_is_text(top_columns[id].unit) ||
	       top_columns[id].unit == TOP_UNIT_PID;
}

int top_column_find(enum top_table table, const char *field)
{
	/* Exact names win over those without their unit. */
	for (int id = 0; id < TOP_COLUMN_NR; id++)
		if (top_columns[id].table == table &&
		    strcmp(top_columns[id].field, field) == 0)
			return id;
	for (int id = 0; id < TOP_COLUMN_NR; id++)
		if (top_columns[id].table == table &&
		    snp_query_is_short(top_columns[id].field, field))
			return id;
	return -1;
}

/* ---- workers' condition -------------------------------------------------- */

struct top_status top_worker_status(const struct snp_worker_stat *worker)
{
	const char *state = worker->state_name;
	const char *status =
	    snp_enum_text(SNP_ENUM_TABLE_WORKER_STATUS, worker->status);

	switch (worker->status) {
	case SNP_WORKER_STATUS_BUSY:
	case SNP_WORKER_STATUS_IDLE:
		if (worker->heartbeat_missed > 0)
			return (struct top_status){status, "!", TOP_WARN};
		return (struct top_status){
		    status, "",
		    worker->status == SNP_WORKER_STATUS_BUSY ? TOP_GOOD : TOP_NORMAL};
	case SNP_WORKER_STATUS_DOWN:
		if (worker->state == SNP_WORKER_STATE_STOPPING ||
		    worker->state == SNP_WORKER_STATE_KILLING)
			return (struct top_status){state, "!", TOP_WARN};
		return (struct top_status){state, "!!", TOP_BAD};
	default:
		return (struct top_status){state, "", TOP_ACCENT};
	}
}

/* ---- on the screen ------------------------------------------------------- */

#define STATUS_BYTES 32

/* The suffix is what must survive a narrow column. */
static void format_status(char out[STATUS_BYTES], const struct top_status *status,
			  int width)
{
	int room = width - (int)strlen(status->suffix);

	(void)snprintf(out, STATUS_BYTES, "%.*s%s", room > 0 ? room : 0, status->text,
		       status->suffix);
}

static void format_number(char out[TOP_FORMAT_BYTES], unsigned unit,
			  const struct top_value *value, int width)
{
	switch (unit) {
	case TOP_UNIT_PID:
		(void)snprintf(out, TOP_FORMAT_BYTES, "%" PRIu64, value->u);
		break;
	case TOP_UNIT_BYTES:
		top_format_bytes(out, value->u, width);
		break;
	case TOP_UNIT_LATENCY:
		top_format_latency(out, value->u, width);
		break;
	case TOP_UNIT_AGE:
		top_format_age(out, value->u, width);
		break;
	case TOP_UNIT_UPTIME:
		top_format_uptime(out, value->u, width);
		break;
	case TOP_UNIT_RATE:
		top_format_rate(out, value->d, width);
		break;
	case TOP_UNIT_PERCENT:
		top_format_percent(out, value->d, width);
		break;
	default:
		top_format_count(out, value->u, width);
		break;
	}
}

void top_column_format(char out[TOP_FORMAT_BYTES], enum top_column_id id,
		       const struct top_value *value, int width)
{
	unsigned unit = top_columns[id].unit;

	format_number(out, unit == TOP_UNIT_SHARE ? TOP_UNIT_PERCENT : unit, value,
		      width);
}

/* Zeros and unknowns step back, so that what happens stands out. */
static enum top_style number_style(unsigned unit, const struct top_value *value)
{
	if (!value->known)
		return TOP_DIM;
	if (top_unit_is_double(unit))
		return value->d > 0 ? TOP_NORMAL : TOP_DIM;
	if (value->u == 0)
		return TOP_DIM;
	return unit == TOP_UNIT_ALARM ? TOP_BAD : TOP_NORMAL;
}

#define SHARE_HIGH_PERCENT 80.0

/* " 88%! ###." : the mark says what the colour says. */
static void draw_share(const struct top_place *at, const struct top_value *value)
{
	bool high = value->known && value->d >= SHARE_HIGH_PERCENT;
	enum top_style style = high ? TOP_WARN : TOP_GOOD;
	int bar = at->width - 5, full;
	char text[16];

	if (!value->known) {
		(void)top_grid_put(at->grid, at->row, at->col + 2, 1, TOP_DIM, "-");
		return;
	}
	(void)snprintf(text, sizeof(text), "%3.0f%%%s",
		       value->d > 999 ? 999.0 : value->d, high ? "!" : " ");
	(void)top_grid_put(at->grid, at->row, at->col, at->width,
			   high ? TOP_WARN : TOP_NORMAL, text);
	if (bar < 2)
		return;
	full = (int)lround(fmax(fmin(value->d, 100.0), 0.0) / 100.0 * bar);
	top_grid_fill(at->grid, at->row, at->col + 5, full, style,
		      at->grid->ascii ? '#' : 0x2588);
	top_grid_fill(at->grid, at->row, at->col + 5 + full, bar - full, TOP_DIM,
		      at->grid->ascii ? '.' : 0x2591);
}

static void draw_worker_name(const struct top_place *at,
			     const struct snp_pool_stat *pool,
			     const struct snp_worker_stat *worker)
{
	char slot[16];
	int room, used;

	(void)snprintf(slot, sizeof(slot), "/%" PRIu32, worker->slot);
	room = at->width - (int)strlen(slot);
	used = top_grid_put(at->grid, at->row, at->col, room, TOP_NORMAL, pool->name);
	(void)top_grid_put(at->grid, at->row, at->col + used, at->width - used,
			   TOP_NORMAL, slot);
}

void top_column_draw(const struct top_place *place, enum top_column_id id,
		     const struct snp_pool_stat *pool,
		     const struct snp_worker_stat *worker)
{
	const struct top_column *column = &top_columns[id];
	struct top_value value = top_column_value(id, pool, worker);
	struct top_status status;
	char text[STATUS_BYTES] = "-";
	int width;

	switch (column->unit) {
	case TOP_UNIT_WORKER:
		draw_worker_name(place, pool, worker);
		return;
	case TOP_UNIT_STATUS:
		status = top_worker_status(worker);
		format_status(text, &status, place->width);
		(void)top_grid_put(place->grid, place->row, place->col, place->width,
				   status.style, text);
		return;
	case TOP_UNIT_NAME:
	case TOP_UNIT_TEXT:
		(void)top_grid_put(place->grid, place->row, place->col, place->width,
				   value.known ? TOP_NORMAL : TOP_DIM,
				   value.known ? value.text : "-");
		return;
	case TOP_UNIT_SHARE:
		draw_share(place, &value);
		return;
	default:
		break;
	}
	if (value.known)
		format_number(text, column->unit, &value, place->width);
	width = (int)strlen(text);
	width = width > place->width ? place->width : width;
	(void)top_grid_put(place->grid, place->row, place->col + place->width - width,
			   width, number_style(column->unit, &value), text);
}

/* ---- as JSON ------------------------------------------------------------- */

static void json_value(struct snp_json *json, enum top_column_id id,
		       const struct snp_pool_stat *pool,
		       const struct snp_worker_stat *worker)
{
	struct top_value value = top_column_value(id, pool, worker);
	unsigned unit = top_columns[id].unit;
	char name[SNP_POOL_NAME_BYTES + 16];

	if (!value.known && (!top_unit_is_text(unit) || unit == TOP_UNIT_STATUS)) {
		snp_json_null(json);
	} else if (unit == TOP_UNIT_WORKER) {
		(void)snprintf(name, sizeof(name), "%s/%" PRIu32, pool->name,
			       worker->slot);
		snp_json_string(json, name);
	} else if (unit == TOP_UNIT_STATUS) {
		snp_json_string(json,
				snp_enum_text(SNP_ENUM_TABLE_WORKER_STATUS, value.u));
	} else if (top_unit_is_text(unit)) {
		snp_json_string(json, value.text);
	} else if (top_unit_is_double(unit)) {
		snp_json_double(json, value.d);
	} else {
		snp_json_u64(json, value.u);
	}
}

void top_column_csv(struct snp_buf *out, enum top_column_id id,
		    const struct snp_pool_stat *pool,
		    const struct snp_worker_stat *worker)
{
	struct top_value value = top_column_value(id, pool, worker);
	unsigned unit = top_columns[id].unit;
	char name[SNP_POOL_NAME_BYTES + 16];
	char number[SNP_NUMBER_BYTES] = "";

	if (!value.known) {
		return;
	} else if (unit == TOP_UNIT_WORKER) {
		(void)snprintf(name, sizeof(name), "%s/%" PRIu32, pool->name,
			       worker->slot);
		snp_csv_put(out, name);
	} else if (unit == TOP_UNIT_STATUS) {
		snp_csv_put(out, snp_enum_text(SNP_ENUM_TABLE_WORKER_STATUS, value.u));
	} else if (top_unit_is_text(unit)) {
		snp_csv_put(out, value.text);
	} else if (top_unit_is_double(unit)) {
		snp_buf_put(out, number, snp_number_double(number, value.d));
	} else {
		snp_buf_u64(out, value.u);
	}
}

void top_columns_json(struct snp_json *json, enum top_table table,
		      const struct snp_pool_stat *pool,
		      const struct snp_worker_stat *worker)
{
	for (int id = 0; id < TOP_COLUMN_NR; id++) {
		if (top_columns[id].table != table)
			continue;
		snp_json_key(json, top_columns[id].field);
		json_value(json, (enum top_column_id)id, pool, worker);
	}
}
