/* SPDX-License-Identifier: Apache-2.0 */
/* What differs between two configurations, in words, and what it takes. */
#include "config/diff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define POOL "pools:\n  - adapter: a.B\n"

#define LIVE	SNP_CFG_NEEDS_LIVE
#define ROLL	SNP_CFG_NEEDS_ROLL
#define RESTART SNP_CFG_NEEDS_RESTART

struct expected {
	enum snp_cfg_needs needs;
	const char *text;
};

struct row {
	const char *from, *to;
	struct expected changes[4]; /* up to the first without a text */
};

static struct snp_config *parse(const char *text)
{
	struct snp_config *cfg = NULL;
	struct snp_err err = {0};

	if (snp_config_parse(text, strlen(text), "c.yaml", &cfg, &err) < 0)
		fail_msg("%s\n%s", err.msg, text);
	return cfg;
}

static void assert_diff(const char *started_text, const struct row *row)
{
	struct snp_config *started = parse(started_text);
	struct snp_config *from = parse(row->from), *to = parse(row->to);
	struct snp_cfg_diff diff;
	size_t n = 0;

	assert_int_equal(snp_config_diff(started, from, to, &diff), 0);
	for (; n < diff.nr && n < 4 && row->changes[n].text; n++) {
		assert_string_equal(diff.changes[n].text, row->changes[n].text);
		assert_int_equal(diff.changes[n].needs, row->changes[n].needs);
	}
	if (n < diff.nr)
		fail_msg("also: %s", diff.changes[n].text);
	if (n < 4 && row->changes[n].text)
		fail_msg("missing: %s", row->changes[n].text);
	snp_config_diff_fini(&diff);
	snp_config_destroy(&started);
	snp_config_destroy(&from);
	snp_config_destroy(&to);
}

static const struct row rows[] = {
    {POOL, POOL, {{0}}},
    /* written or implied is the same */
    {POOL, POOL "log: {level: info}\n", {{0}}},
    {POOL,
     POOL "log: {level: debug}\nreaders: {prometheus: {enabled: true}}\n",
     {{LIVE, "readers.prometheus.enabled: false -> true"},
      {LIVE, "log.level: info -> debug"}}},
    {POOL, POOL "    workers: 2\n", {{LIVE, "pools.default.workers: 4 -> 2"}}},
    {POOL "    lifecycle: {jitter: 0.5}\n",
     POOL,
     {{LIVE, "pools.default.lifecycle.jitter: 0.5 -> 0.1"}}},
    {POOL,
     POOL "    script: x.py\n    pythonpath: [a, \"b c\"]\n",
     {{ROLL, "pools.default.script: null -> x.py"},
      {ROLL, "pools.default.pythonpath: [examples/adapters] -> [a, \"b c\"]"}}},
    {POOL "    env: [TOKEN=old]\n",
     POOL "    env: [TOKEN=new]\n",
     {{ROLL, "pools.default.env: changed (not shown)"}}},
    {POOL,
     "instance: other\n" POOL,
     {{RESTART, "instance: demo -> other"},
      /* whose default contains the name */
      {RESTART, "listen: [unix:${SNAKEPIT_DIR}/demo.sock] -> "
		"[unix:${SNAKEPIT_DIR}/other.sock]"}}},
    {POOL "segment: {max_tool_rows: 9}\n",
     POOL,
     {{RESTART, "segment.max_tool_rows: 9 -> 512"}}},
    /* pools go by name */
    {"pools: [{name: a, adapter: x.Y}, {name: b, adapter: x.Y}]",
     "pools: [{name: b, adapter: x.Y, workers: 1}, {name: a, adapter: x.Y}]",
     {{RESTART, "pools: in another order"}, {LIVE, "pools.b.workers: 4 -> 1"}}},
    {"pools: [{name: a, adapter: x.Y}, {name: b, adapter: x.Y}]",
     "pools: [{name: b, adapter: x.Z}, {name: c, adapter: x.Y}]",
     {{RESTART, "pools.a: removed"},
      {ROLL, "pools.b.adapter: x.Y -> x.Z"},
      {RESTART, "pools.c: added"}}},
};

static void diff_names_each_changed_key_and_what_it_needs(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_diff(rows[i].from, &rows[i]);
}

static void diff_names_an_inherited_key_once(void **state)
{
	static const struct row inherited = {POOL "heartbeat: {timeout_ms: 7}\n",
					     POOL "heartbeat: {timeout_ms: 8}\n",
					     {{LIVE, "heartbeat.timeout_ms: 7 -> 8"}}};
	static const struct row overridden = {
	    POOL "    heartbeat: {timeout_ms: 5}\nheartbeat: {timeout_ms: 7}\n",
	    POOL "    heartbeat: {timeout_ms: 6}\nheartbeat: {timeout_ms: 8}\n",
	    {{LIVE, "pools.default.heartbeat.timeout_ms: 5 -> 6"},
	     {LIVE, "heartbeat.timeout_ms: 7 -> 8"}}};

	(void)state;
	assert_diff(POOL, &inherited);
	assert_diff(POOL, &overridden);
}

/* The segment has places for as many requests a worker as the largest worker of the
 * start takes. */
static void diff_wants_a_restart_for_larger_workers_than_there_is_room_for(void **state)
{
	static const struct row too_wide = {
	    POOL "    profile: thread\n    threads_per_worker: 2\n",
	    POOL "    profile: thread\n    threads_per_worker: 3\n",
	    {{RESTART, "pools.default.threads_per_worker: 2 -> 3"}}};
	static const struct row threads = {
	    POOL,
	    POOL "    profile: thread\n",
	    {{RESTART, "pools.default.profile: process -> thread"}}};
	static const struct row back_again = {
	    POOL "    profile: thread\n    threads_per_worker: 2\n",
	    POOL "    profile: thread\n",
	    {{ROLL, "pools.default.threads_per_worker: 2 -> 10"}}};
	static const struct row not_in_use = {
	    POOL,
	    POOL "    threads_per_worker: 99\n",
	    {{ROLL, "pools.default.threads_per_worker: 10 -> 99"}}};

	(void)state;
	assert_diff(too_wide.from, &too_wide);
	assert_diff(POOL, &threads);
	assert_diff(POOL "    profile: thread\n", &back_again);
	assert_diff(POOL, &not_in_use);
}

static void diff_wants_a_restart_for_more_workers_than_there_is_room_for(void **state)
{
	static const struct row too_many = {
	    POOL,
	    POOL "    workers: 8\n",
	    {{RESTART, "pools.default.workers: 4 -> 8"}}};
	static const struct row back_again = {
	    POOL "    workers: 2\n", POOL, {{LIVE, "pools.default.workers: 2 -> 4"}}};
	static const struct row within = {POOL "    max_workers: 8\n",
					  POOL "    max_workers: 8\n    workers: 8\n",
					  {{LIVE, "pools.default.workers: 4 -> 8"}}};

	(void)state;
	assert_diff(POOL, &too_many);
	assert_diff(POOL, &back_again);
	assert_diff(POOL "    max_workers: 8\n", &within);
}

static void first_and_rolls_find_what_a_reload_asks_for(void **state)
{
	struct snp_config *from =
	    parse("pools: [{name: a, adapter: x.Y}, {name: b, adapter: x.Y}]");
	struct snp_config *to =
	    parse("pools: [{name: a, adapter: x.Y}, {name: b, adapter: x.Z}]");
	struct snp_cfg_diff diff;

	(void)state;
	assert_int_equal(snp_config_diff(from, from, to, &diff), 0);
	assert_null(snp_config_diff_first(&diff, RESTART));
	assert_ptr_equal(snp_config_diff_first(&diff, ROLL), diff.changes);
	assert_false(snp_config_diff_rolls(&diff, 0));
	assert_true(snp_config_diff_rolls(&diff, 1));
	assert_string_equal(snp_cfg_needs_name(ROLL), "new workers");
	snp_config_diff_fini(&diff);
	snp_config_destroy(&from);
	snp_config_destroy(&to);
}

static void rolls_is_true_of_every_pool_for_a_key_of_all(void **state)
{
	struct snp_config *from = parse(POOL);
	struct snp_config *to = parse(POOL "telemetry: {events: {enabled: true}}\n");
	struct snp_cfg_diff diff;

	(void)state;
	assert_int_equal(snp_config_diff(from, from, to, &diff), 0);
	assert_int_equal(diff.nr, 1);
	assert_true(snp_config_diff_rolls(&diff, 0));
	snp_config_diff_fini(&diff);
	snp_config_destroy(&from);
	snp_config_destroy(&to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(diff_names_each_changed_key_and_what_it_needs),
	    cmocka_unit_test(diff_names_an_inherited_key_once),
	    cmocka_unit_test(
		diff_wants_a_restart_for_larger_workers_than_there_is_room_for),
	    cmocka_unit_test(
		diff_wants_a_restart_for_more_workers_than_there_is_room_for),
	    cmocka_unit_test(first_and_rolls_find_what_a_reload_asks_for),
	    cmocka_unit_test(rolls_is_true_of_every_pool_for_a_key_of_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
