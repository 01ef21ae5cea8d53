/* SPDX-License-Identifier: Apache-2.0 */
/* The two forms of `snakepit status`: text for people, JSON for programs. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/table.h"
#include "model/json_out.h"
#include "status.h"

/* ---- text ---------------------------------------------------------------- */

static void print_header(const struct status *status)
{
	const struct snp_segment_info *info = snp_segment_info(status->inst->seg);
	char up[CLI_DURATION_BYTES], age[CLI_DURATION_BYTES];
	bool alive = status->inst->verdict == SNP_WRITER_ALIVE;
	char name[sizeof(info->instance)];

	(void)snprintf(name, sizeof(name), "%s", info->instance);
	(void)printf("%s  %s  pid %d  up %s", cli_strip_controls(name),
		     instance_word(status->inst), (int)info->pid,
		     cli_duration(status->inst->uptime_ns, up));
	if (!alive && status->inst->verdict != SNP_WRITER_OLD)
		(void)printf("  last heard of %s ago",
			     cli_duration(status->inst->age_ns, age));
	(void)printf("  %s\n", info->path);
	if (*status->why)
		(void)printf("%s\n", status->why);
}

/* In plain lines a first cell says what the line is of; `align` has it, too. */
static void begin_row(struct cli_table *table, const char *kind)
{
	if (table->style == CLI_TABLE_TABS)
		cli_table_cell(table, "%s", kind);
}

static struct cli_table table_begin(const struct status *status, const char *align,
				    const char *const *heads)
{
	bool plain = status->style == CLI_TABLE_TABS;
	struct cli_table table = {.align = plain ? align : align + 1,
				  .style = status->style};

	for (size_t i = 0; !plain && i < strlen(table.align); i++)
		cli_table_cell(&table, "%s", heads[i]);
	return table;
}

static int table_end(struct cli_table *table)
{
	if (table->style != CLI_TABLE_TABS)
		(void)putchar('\n');
	return cli_table_print(table, stdout);
}

static int print_pools(const struct status *status)
{
	static const char *const heads[] = {"POOL",	"WORKERS",  "IDLE",    "BUSY",
					    "STARTING", "DRAINING", "DOWN",    "QUEUED",
					    "REQUESTS", "ERRORS",   "RESTARTS"};
	struct cli_table table = table_begin(status, "llrrrrrrrrrr", heads);

	for (size_t i = 0; i < status->inst->look.pools_nr; i++) {
		const struct snp_pool_stat *pool = &status->inst->look.pools[i];
		const uint64_t numbers[] = {
		    pool->workers,
		    pool->by_status[SNP_WORKER_STATUS_IDLE],
		    pool->by_status[SNP_WORKER_STATUS_BUSY],
		    pool->by_status[SNP_WORKER_STATUS_STARTING],
		    pool->by_status[SNP_WORKER_STATUS_DRAINING],
		    pool->by_status[SNP_WORKER_STATUS_DOWN],
		    pool->queue_depth,
		    pool->requests,
		    pool->errors,
		    pool->restarts,
		};

		if (!status_shows_pool(status, i))
			continue;
		begin_row(&table, "pool");
		cli_table_cell(&table, "%s", pool->name);
		for (size_t k = 0; k < sizeof(numbers) / sizeof(numbers[0]); k++)
			cli_table_cell(&table, "%" PRIu64, numbers[k]);
	}
	return table_end(&table);
}

/* What is out of the ordinary with a pool. */
static void print_trouble(const struct status *status)
{
	for (size_t i = 0; i < status->inst->look.pools_nr; i++) {
		const struct snp_pool_stat *pool = &status->inst->look.pools[i];
		char name[sizeof(pool->name)];

		if (!status_shows_pool(status, i))
			continue;
		(void)snprintf(name, sizeof(name), "%s", pool->name);
		(void)cli_strip_controls(name);
		if (pool->admission == SNP_ADMISSION_DRAINED)
			(void)printf("\n%s: drained by an operator: no new requests\n",
				     name);
		if (pool->admission == SNP_ADMISSION_DOWN)
			(void)printf("\n%s: down: requests fail at once\n", name);
		if (pool->breaker != SNP_BREAKER_CLOSED)
			(void)printf("\n%s: its workers keep dying: the breaker is %s, "
				     "one is tried from time to time\n",
				     name, pool->breaker_name);
	}
}

static void worker_cells(struct cli_table *table, const struct status *status,
			 const struct snp_worker_stat *worker)
{
	char up[CLI_DURATION_BYTES];

	begin_row(table, "worker");
	cli_table_cell(table, "%s/%u", status->inst->look.pools[worker->pool].name,
		       worker->slot);
	cli_table_cell(table, "%s",
		       snp_enum_text(SNP_ENUM_TABLE_WORKER_STATUS, worker->status));
	cli_table_cell(table, "%s", worker->state_name);
	cli_table_cell(table, "%s", worker->health_name);
	cli_table_cell(table, "%" PRIu64, worker->generation);
	if (worker->pid > 0)
		cli_table_cell(table, "%d", (int)worker->pid);
	else
		cli_table_cell(table, "-");
	if (worker->uptime_ns != SNP_UNKNOWN)
		cli_table_cell(table, "%s", cli_duration(worker->uptime_ns, up));
	else
		cli_table_cell(table, "-");
	cli_table_cell(table, "%" PRIu64, worker->requests);
	cli_table_cell(table, "%" PRIu64, worker->errors);
	cli_table_cell(table, "%" PRIu64, worker->restarts);
	if (!*worker->last_exit)
		cli_table_cell(table, "-");
	else
		cli_table_cell(table, "%s (%u)", worker->last_exit,
			       worker->last_exit_status);
}

static int print_workers(const struct status *status)
{
	static const char *const heads[] = {
	    "WORKER", "STATUS",	  "STATE",  "HEALTH",	"GEN",	    "PID",
	    "UP",     "REQUESTS", "ERRORS", "RESTARTS", "LAST EXIT"};
	struct cli_table table = table_begin(status, "lllllrrrrrrl", heads);

	for (size_t i = 0; i < status->inst->look.workers_nr; i++) {
		const struct snp_worker_stat *worker = &status->inst->look.workers[i];

		if (status_shows_pool(status, worker->pool))
			worker_cells(&table, status, worker);
	}
	return table_end(&table);
}

static void print_failed_starts(const struct status *status)
{
	for (size_t i = 0; i < status->inst->look.workers_nr; i++) {
		const struct snp_worker_stat *worker = &status->inst->look.workers[i];
		const char *text = status_last_error(status, worker);
		char pool[sizeof(status->inst->look.pools->name)];

		if (!*text || !status_shows_pool(status, worker->pool))
			continue;
		(void)snprintf(pool, sizeof(pool), "%s",
			       status->inst->look.pools[worker->pool].name);
		(void)printf("\n%s/%u: the last start that failed ended with\n",
			     cli_strip_controls(pool), worker->slot);
		cli_lines_print(text, "  | ", stdout);
	}
}

/* The header, in one plain line. */
static int print_instance(const struct status *status)
{
	const struct snp_segment_info *info = snp_segment_info(status->inst->seg);
	struct cli_table table = {.align = "llllll", .style = status->style};
	char up[CLI_DURATION_BYTES];

	begin_row(&table, "instance");
	cli_table_cell(&table, "%s", info->instance);
	cli_table_cell(&table, "%s", instance_word(status->inst));
	cli_table_cell(&table, "%d", (int)info->pid);
	cli_table_cell(&table, "%s", cli_duration(status->inst->uptime_ns, up));
	cli_table_cell(&table, "%s", status->why);
	return cli_table_print(&table, stdout);
}

int status_print_text(const struct status *status)
{
	bool plain = status->style == CLI_TABLE_TABS;
	int r = 0;

	if (plain)
		r = print_instance(status);
	else
		print_header(status);
	if (r == 0)
		r = print_pools(status);
	if (r == 0 && !plain)
		print_trouble(status);
	if (r == 0)
		r = print_workers(status);
	if (r == 0 && !plain)
		print_failed_starts(status);
	return r;
}

/* ---- JSON ---------------------------------------------------------------- */

static void kv_known(struct snp_json *json, const char *key, uint64_t value)
{
	snp_json_key(json, key);
	if (value == SNP_UNKNOWN)
		snp_json_null(json);
	else
		snp_json_u64(json, value);
}

static void json_worker(struct snp_json *json, const struct status *status,
			const struct snp_worker_stat *worker)
{
	snp_json_object_begin(json);
	snp_json_kv_u64(json, "slot", worker->slot);
	snp_json_kv_string(json, "status",
			   snp_enum_text(SNP_ENUM_TABLE_WORKER_STATUS, worker->status));
	snp_json_kv_string(json, "state", worker->state_name);
	snp_json_kv_string(json, "health", worker->health_name);
	snp_json_kv_u64(json, "generation", worker->generation);
	snp_json_kv_u64(json, "pid", (uint64_t)worker->pid);
	snp_json_kv_u64(json, "incarnation", worker->incarnation);
	kv_known(json, "uptime_ns", worker->uptime_ns);
	kv_known(json, "heartbeat_age_ns", worker->heartbeat_age_ns);
	snp_json_kv_u64(json, "heartbeat_missed", worker->heartbeat_missed);
	snp_json_kv_u64(json, "active", worker->active);
	snp_json_kv_u64(json, "requests", worker->requests);
	snp_json_kv_u64(json, "errors", worker->errors);
	snp_json_kv_u64(json, "restarts", worker->restarts);
	snp_json_kv_u64(json, "memory_bytes", worker->rss_bytes);
	snp_json_kv_string(json, "python", worker->python);
	snp_json_kv_string(json, "last_exit", worker->last_exit);
	snp_json_kv_u64(json, "last_exit_status", worker->last_exit_status);
	snp_json_kv_string(json, "last_error", status_last_error(status, worker));
	snp_json_object_end(json);
}

static void json_pool(struct snp_json *json, const struct status *status, size_t index)
{
	const struct snp_look *look = &status->inst->look;
	const struct snp_pool_stat *pool = &look->pools[index];

	snp_json_object_begin(json);
	snp_json_kv_string(json, "name", pool->name);
	snp_json_kv_string(json, "adapter", pool->adapter);
	snp_json_kv_bool(json, "serves", instance_pool_serves(status->inst, index));
	snp_json_kv_string(json, "admission", pool->admission_name);
	snp_json_kv_string(json, "breaker", pool->breaker_name);
	snp_json_kv_u64(json, "generation", pool->generation);
	snp_json_key(json, "workers_by_status");
	snp_json_object_begin(json);
	for (unsigned s = 0; s < SNP_WORKER_STATUS_NR; s++)
		snp_json_kv_u64(json, snp_enum_text(SNP_ENUM_TABLE_WORKER_STATUS, s),
				pool->by_status[s]);
	snp_json_object_end(json);
	snp_json_kv_u64(json, "active", pool->active);
	snp_json_kv_u64(json, "queue_depth", pool->queue_depth);
	snp_json_kv_u64(json, "queue_limit", pool->queue_limit);
	snp_json_kv_u64(json, "requests", pool->requests);
	snp_json_kv_u64(json, "ok", pool->ok);
	snp_json_kv_u64(json, "errors", pool->errors);
	snp_json_kv_u64(json, "restarts", pool->restarts);
	snp_json_key(json, "workers");
	snp_json_array_begin(json);
	for (size_t i = 0; i < look->workers_nr; i++) {
		if (look->workers[i].pool == index)
			json_worker(json, status, &look->workers[i]);
	}
	snp_json_array_end(json);
	snp_json_object_end(json);
}

int status_print_json(const struct status *status)
{
	const struct snp_segment_info *info = snp_segment_info(status->inst->seg);
	struct snp_buf out = {0};
	struct snp_json json;
	int r;

	snp_json_init(&json, &out);
	snp_json_object_begin(&json);
	snp_json_kv_u64(&json, "schema", 1);
	snp_json_kv_string(&json, "instance", info->instance);
	snp_json_kv_string(&json, "status", instance_word(status->inst));
	snp_json_kv_string(&json, "verdict",
			   snp_writer_verdict_name(status->inst->verdict));
	snp_json_kv_i64(&json, "exit_code", status->exit_code);
	snp_json_kv_string(&json, "why", status->why);
	snp_json_kv_string(&json, "path", info->path);
	snp_json_kv_u64(&json, "pid", (uint64_t)info->pid);
	snp_json_kv_u64(&json, "incarnation", info->incarnation);
	snp_json_kv_u64(&json, "uptime_ns", status->inst->uptime_ns);
	snp_json_key(&json, "pools");
	snp_json_array_begin(&json);
	for (size_t i = 0; i < status->inst->look.pools_nr; i++) {
		if (status_shows_pool(status, i))
			json_pool(&json, status, i);
	}
	snp_json_array_end(&json);
	snp_json_object_end(&json);
	snp_buf_putc(&out, '\n');
	r = snp_buf_write_fd(&out, STDOUT_FILENO);
	snp_buf_fini(&out);
	return r;
}
