/* SPDX-License-Identifier: Apache-2.0 */
/* What a right configuration becomes: defaults, inheritance, variables, round trips. */
#include "config/config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define POOL "pools:\n  - adapter: a.B\n"

/* ---- Helpers ------------------------------------------------------------- */

static struct snp_config *parse(const char *text)
{
	struct snp_config *cfg = NULL;
	struct snp_err err = {0};
	int rc = snp_config_parse(text, strlen(text), "c.yaml", &cfg, &err);

	assert_string_equal(err.msg, "");
	assert_int_equal(rc, 0);
	assert_non_null(cfg);
	return cfg;
}

/* The text a printer writes; the caller frees it. */
static char *printed(const struct snp_config *cfg)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	assert_int_equal(
	    cfg ? snp_config_show(out, cfg) : snp_config_default_print(out), 0);
	assert_int_equal(fclose(out), 0);
	return text;
}

/* snp_config_show() writes every member, so equal text is an equal configuration. */
static void assert_config_equal(const struct snp_config *a, const struct snp_config *b)
{
	char *text_a = printed(a), *text_b = printed(b);

	assert_string_equal(text_a, text_b);
	free(text_a);
	free(text_b);
}

static char *read_file(const char *path)
{
	char *text = calloc(1, SNP_CONFIG_MAX_BYTES);
	FILE *in = fopen(path, "r");

	assert_non_null(text);
	assert_non_null(in);
	assert_true(fread(text, 1, SNP_CONFIG_MAX_BYTES - 1, in) > 0);
	(void)fclose(in);
	return text;
}

static int clean_environment(void **state)
{
	(void)state;
	return unsetenv("SNAKEPIT_DIR") | unsetenv("SNP_TEST_A") |
	       unsetenv("SNP_TEST_B");
}

/* ---- Defaults ------------------------------------------------------------ */

static void assert_heartbeat_is_default(const struct snp_cfg_heartbeat *hb)
{
	assert_false(hb->enabled);
	assert_int_equal(hb->ping_interval_ms, 2000);
	assert_int_equal(hb->timeout_ms, 10000);
	assert_int_equal(hb->max_missed_heartbeats, 3);
	assert_int_equal(hb->initial_delay_ms, 0);
	assert_int_equal(hb->jitter_ms, 200);
	assert_true(hb->dependent);
	assert_true(hb->enforce);
	assert_false(hb->strict);
}

static void parse_least_file_gives_pool_defaults(void **state)
{
	struct snp_config *cfg = parse(POOL);
	const struct snp_cfg_pool *pool = cfg->pools;

	(void)state;
	assert_int_equal(cfg->pools_count, 1);
	assert_string_equal(pool->name, "default");
	assert_string_equal(pool->adapter, "a.B");
	assert_int_equal(pool->workers, 4);
	assert_int_equal(pool->profile, SNP_CFG_PROFILE_PROCESS);
	assert_int_equal(pool->threads_per_worker, 10);
	assert_int_equal(pool->bridge, SNP_CFG_BRIDGE_NATIVE);
	assert_null(pool->script);
	assert_null(pool->python);
	assert_int_equal(pool->pythonpath_count, 1);
	assert_string_equal(pool->pythonpath[0], "examples/adapters");
	assert_int_equal(pool->env_count, 0);
	assert_int_equal(pool->queue.limit, 1000);
	assert_int_equal(pool->queue.timeout_ms, 10000);
	assert_int_equal(pool->request_timeout_ms, 30000);
	assert_int_equal(pool->stream_timeout_ms, 300000);
	assert_int_equal(pool->affinity, SNP_CFG_AFFINITY_HINT);
	assert_int_equal(pool->max_tools, 64);
	assert_int_equal(pool->startup.exec_timeout_ms, 10000);
	assert_int_equal(pool->startup.boot_timeout_ms, 60000);
	assert_int_equal(pool->startup.answer_timeout_ms, 15000);
	assert_int_equal(pool->startup.batch_size, 8);
	assert_int_equal(pool->startup.batch_delay_ms, 0);
	assert_int_equal(pool->lifecycle.worker_ttl_s, 0);
	assert_int_equal(pool->lifecycle.worker_max_requests, 0);
	assert_int_equal(pool->lifecycle.memory_soft_mb, 0);
	assert_int_equal(pool->lifecycle.memory_hard_mb, 0);
	assert_true(pool->lifecycle.jitter == 0.1);
	assert_true(pool->lifecycle.max_unavailable == 0.25);
	assert_int_equal(pool->restart.backoff_min_ms, 200);
	assert_int_equal(pool->restart.backoff_max_ms, 30000);
	assert_int_equal(pool->restart.breaker_deaths, 5);
	assert_int_equal(pool->restart.breaker_window_s, 60);
	assert_heartbeat_is_default(&pool->heartbeat);
	snp_config_destroy(&cfg);
	assert_null(cfg);
}

static void parse_least_file_gives_global_defaults(void **state)
{
	struct snp_config *cfg = parse(POOL);

	(void)state;
	assert_string_equal(cfg->instance, "demo");
	assert_null(cfg->data_dir);
	assert_int_equal(cfg->listen_count, 1);
	assert_string_equal(cfg->listen[0], "unix:${SNAKEPIT_DIR}/demo.sock");
	assert_null(cfg->tls);
	assert_heartbeat_is_default(&cfg->heartbeat);
	assert_int_equal(cfg->shutdown.drain_timeout_ms, 10000);
	assert_int_equal(cfg->shutdown.stop_timeout_ms, 6000);
	assert_int_equal(cfg->shutdown.kill_timeout_ms, 2000);
	assert_true(cfg->segment.required);
	assert_int_equal(cfg->segment.max_worker_slots, 256);
	assert_int_equal(cfg->segment.max_tool_rows, 512);
	assert_int_equal(cfg->segment.max_adapter_metrics, 32);
	assert_int_equal(cfg->segment.history_seconds, 600);
	assert_false(cfg->segment.allow_disk);
	assert_false(cfg->telemetry.traces.enabled);
	assert_int_equal(cfg->telemetry.traces.sampler,
			 SNP_CFG_SAMPLER_PARENTBASED_ALWAYS_ON);
	assert_true(cfg->telemetry.traces.ratio == 1.0);
	assert_false(cfg->telemetry.python.otel);
	assert_true(cfg->telemetry.correlation.accept_from_clients);
	assert_false(cfg->readers.prometheus.enabled);
	assert_string_equal(cfg->readers.prometheus.listen, "127.0.0.1:9568");
	assert_false(cfg->readers.otlp.enabled);
	assert_string_equal(cfg->readers.otlp.endpoint, "http://localhost:4318");
	assert_int_equal(cfg->readers.otlp.protocol,
			 SNP_CFG_OTLP_PROTOCOL_HTTP_PROTOBUF);
	assert_int_equal(cfg->readers.otlp.exporter, SNP_CFG_OTLP_EXPORTER_OTLP);
	assert_false(cfg->readers.statsd.enabled);
	assert_string_equal(cfg->readers.statsd.address, "127.0.0.1:8125");
	assert_int_equal(cfg->readers.statsd.tags, SNP_CFG_STATSD_TAGS_DOGSTATSD);
	assert_int_equal(cfg->log.level, LOG_LEVEL_INFO);
	assert_int_equal(cfg->log.format, LOG_FORMAT_JSON);
	assert_true(cfg->log.python_output);
	snp_config_destroy(&cfg);
}

/* The file existing users know: every key of it is ours, with the default it shows. */
static void load_known_example_gives_the_defaults(void **state)
{
	struct snp_config *cfg = NULL,
			  *least = parse(
			      "pools: [{adapter: demo_adapters.text.TextAdapter}]");
	struct snp_err err = {0};

	(void)state;
	(void)snp_config_load("tests/unit/config/example.yaml", &cfg, &err);
	assert_string_equal(err.msg, "");
	assert_config_equal(cfg, least);
	snp_config_destroy(&cfg);
	snp_config_destroy(&least);
}

static void null_and_empty_sections_mean_the_default(void **state)
{
	struct snp_config *a = parse(POOL);
	struct snp_config *b = parse(
	    "data_dir: ~\nlisten:\ntls:\nheartbeat:\nlog: {}\nreaders:\n  otlp:\n" POOL
	    "    queue:\n    env:\n    script: null\n    heartbeat:\n"
	    "    lifecycle: {worker_ttl_s: null, memory_soft_mb: ~}\n");

	(void)state;
	assert_config_equal(a, b);
	snp_config_destroy(&a);
	snp_config_destroy(&b);
}

/* ---- Values -------------------------------------------------------------- */

static void parse_takes_what_is_given(void **state)
{
	struct snp_config *cfg =
	    parse("instance: prod-1\ndata_dir: /run/x\nlisten: [127.0.0.1:50051, "
		  "'unix:/a/b']\n"
		  "pools:\n"
		  "- {name: one, adapter: a.B, workers: 250, profile: thread}\n"
		  "- name: two\n  adapter: x.y.Z\n  threads_per_worker: 256\n"
		  "  pythonpath: []\n  env: [A=, \"B=x y\\n${SNP_TEST_A:-z}\"]\n"
		  "segment: {allow_disk: true, max_worker_slots: 254, required: false, "
		  "history_seconds: 60}\n"
		  "telemetry: {traces: {sampler: traceidratio, ratio: 1.5e-1}}\n"
		  "log: {level: error, format: logfmt, python_output: false}\n");

	(void)state;
	assert_string_equal(cfg->instance, "prod-1");
	assert_string_equal(cfg->data_dir, "/run/x");
	assert_int_equal(cfg->listen_count, 2);
	assert_string_equal(cfg->listen[1], "unix:/a/b");
	assert_int_equal(cfg->pools_count, 2);
	assert_int_equal(cfg->pools[0].workers, 250);
	assert_int_equal(cfg->pools[0].profile, SNP_CFG_PROFILE_THREAD);
	assert_string_equal(snp_cfg_profile_name(cfg->pools[0].profile), "thread");
	assert_string_equal(snp_cfg_bridge_name(cfg->pools[0].bridge), "native");
	assert_string_equal(snp_cfg_affinity_name(cfg->pools[0].affinity), "hint");
	assert_string_equal(cfg->pools[1].adapter, "x.y.Z");
	assert_int_equal(cfg->pools[1].threads_per_worker, 256);
	assert_int_equal(cfg->pools[1].pythonpath_count, 0);
	assert_int_equal(cfg->pools[1].env_count, 2);
	assert_string_equal(cfg->pools[1].env[0], "A=");
	assert_string_equal(cfg->pools[1].env[1], "B=x y\nz");
	assert_true(cfg->segment.allow_disk);
	assert_false(cfg->segment.required);
	assert_int_equal(cfg->segment.history_seconds, 60);
	assert_int_equal(cfg->telemetry.traces.sampler, SNP_CFG_SAMPLER_TRACEIDRATIO);
	assert_true(cfg->telemetry.traces.ratio == 0.15);
	assert_int_equal(cfg->log.level, LOG_LEVEL_ERROR);
	assert_int_equal(cfg->log.format, LOG_FORMAT_LOGFMT);
	assert_false(cfg->log.python_output);
	snp_config_destroy(&cfg);
}

static void pool_heartbeat_overrides_global_key_by_key(void **state)
{
	struct snp_config *cfg = parse(
	    "pools:\n"
	    "- {name: a, adapter: a.B}\n"
	    "- {name: b, adapter: a.B, heartbeat: {timeout_ms: 7, dependent: true}}\n"
	    "heartbeat: {enabled: true, timeout_ms: 5, jitter_ms: 1, dependent: "
	    "false}\n");
	const struct snp_cfg_heartbeat *a = &cfg->pools[0].heartbeat;
	const struct snp_cfg_heartbeat *b = &cfg->pools[1].heartbeat;

	(void)state;
	assert_memory_equal(a, &cfg->heartbeat, sizeof(*a));
	assert_true(a->enabled);
	assert_int_equal(a->timeout_ms, 5);
	assert_false(a->dependent);
	assert_true(b->enabled);
	assert_int_equal(b->timeout_ms, 7);
	assert_int_equal(b->jitter_ms, 1);
	assert_true(b->dependent);
	assert_int_equal(b->ping_interval_ms, 2000);
	snp_config_destroy(&cfg);
}

/* ---- Variables ----------------------------------------------------------- */

static void variables_expand_in_values_only(void **state)
{
	static const struct {
		const char *written, *value;
	} cases[] = {
	    {"${SNP_TEST_A}", "one"},
	    {"x${SNP_TEST_A}y${SNP_TEST_A}z", "xoneyonez"},
	    {"'${SNP_TEST_A}'", "one"},
	    {"\"${SNP_TEST_A}\"", "one"},
	    {"${SNP_TEST_NO:-d e}", "d e"},
	    {"${SNP_TEST_A:-d}", "one"},
	    {"${SNP_TEST_B:-empty counts as unset}", "empty counts as unset"},
	    {"a${SNP_TEST_B}b", "ab"},
	    {"a${SNP_TEST_NO:-}b", "ab"},
	    {"$${SNP_TEST_A}", "${SNP_TEST_A}"},
	    {"$$${SNP_TEST_A}", "$${SNP_TEST_A}"},
	    {"$SNP_TEST_A $", "$SNP_TEST_A $"},
	    {"${SNP_TEST_YAML}", "]: {a, \"b\n# *x"},
	    {"${SNP_TEST_VAR}", "${SNP_TEST_A}"},
	    {"${SNP_TEST_NULL}", "null"},
	};

	(void)state;
	(void)setenv("SNP_TEST_A", "one", 1);
	(void)setenv("SNP_TEST_B", "", 1);
	(void)setenv("SNP_TEST_YAML", "]: {a, \"b\n# *x", 1);
	(void)setenv("SNP_TEST_VAR", "${SNP_TEST_A}", 1);
	(void)setenv("SNP_TEST_NULL", "null", 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct snp_config *cfg;
		char text[256], expected[64];

		/* An environment entry: a place where any text is right. */
		if (strchr("'\"", cases[i].written[0]))
			(void)snprintf(text, sizeof(text), POOL "    env: [%cE=%s]\n",
				       cases[i].written[0], cases[i].written + 1);
		else
			(void)snprintf(text, sizeof(text),
				       POOL "    env:\n    - E=%s\n", cases[i].written);
		cfg = parse(text);
		(void)snprintf(expected, sizeof(expected), "E=%s", cases[i].value);
		assert_string_equal(cfg->pools[0].env[0], expected);
		snp_config_destroy(&cfg);
	}
}

static void variables_may_be_numbers_but_not_null(void **state)
{
	struct snp_config *cfg;

	(void)state;
	(void)setenv("SNP_TEST_A", "7", 1);
	(void)setenv("SNP_TEST_B", "null", 1);
	cfg = parse(POOL "    workers: ${SNP_TEST_A}\n    script: ${SNP_TEST_B}\n");
	assert_int_equal(cfg->pools[0].workers, 7);
	assert_string_equal(cfg->pools[0].script, "null");
	snp_config_destroy(&cfg);
}

/* ---- The directory ------------------------------------------------------- */

static void resolve_dir_settles_the_default_listener(void **state)
{
	struct snp_config *cfg = parse("instance: x\n" POOL);

	(void)state;
	assert_int_equal(snp_config_resolve_dir(cfg, "/run/s", NULL), 0);
	assert_string_equal(cfg->listen[0], "unix:/run/s/x.sock");
	snp_config_destroy(&cfg);
}

static void snakepit_dir_in_listen_comes_from_environment_or_resolve(void **state)
{
	static const char text[] = POOL "listen: ['unix:${SNAKEPIT_DIR}/f', a:1]\n";
	struct snp_config *cfg = parse(text);

	(void)state;
	assert_int_equal(snp_config_resolve_dir(cfg, "/run/s", NULL), 0);
	assert_string_equal(cfg->listen[0], "unix:/run/s/f");
	assert_string_equal(cfg->listen[1], "a:1");
	snp_config_destroy(&cfg);
	(void)setenv("SNAKEPIT_DIR", "/e", 1);
	cfg = parse(text);
	assert_int_equal(snp_config_resolve_dir(cfg, "/run/s", NULL), 0);
	assert_string_equal(cfg->listen[0], "unix:/e/f");
	snp_config_destroy(&cfg);
}

static void resolve_dir_too_long_leaves_config_alone(void **state)
{
	struct snp_config *cfg = parse(POOL);
	struct snp_err err = {0};
	char dir[200];

	(void)state;
	memset(dir, '/', sizeof(dir) - 1);
	dir[sizeof(dir) - 1] = '\0';
	assert_int_equal(snp_config_resolve_dir(cfg, dir, &err), -ENAMETOOLONG);
	assert_non_null(strstr(err.msg, "at most 107 bytes"));
	assert_string_equal(cfg->listen[0], "unix:${SNAKEPIT_DIR}/demo.sock");
	dir[107 - strlen("/demo.sock")] = '\0';
	assert_int_equal(snp_config_resolve_dir(cfg, dir, &err), 0);
	assert_int_equal(strlen(cfg->listen[0]), strlen("unix:") + 107);
	snp_config_destroy(&cfg);
}

/* ---- Printing ------------------------------------------------------------ */

static void default_print_parses_to_the_defaults(void **state)
{
	char *text = printed(NULL);
	struct snp_config *cfg = parse(text);
	struct snp_config *least =
	    parse("pools: [{adapter: demo_adapters.text.TextAdapter}]");

	(void)state;
	assert_config_equal(cfg, least);
	snp_config_destroy(&cfg);
	snp_config_destroy(&least);
	free(text);
}

static void default_print_explains_every_key(void **state)
{
	char *text = printed(NULL);
	const char *before = "", *line;
	unsigned keys = 0;
	char *rest = text;

	(void)state;
	while ((line = strsep(&rest, "\n")) != NULL) {
		const char *start = line + strspn(line, " ");

		if (*start && *start != '#' && *start != '-') {
			assert_non_null(strstr(before, "# "));
			keys++;
		}
		before = line;
	}
	assert_true(keys > 70);
	free(text);
}

static void show_then_parse_gives_an_equal_config(void **state)
{
	struct snp_config *cfg = parse(
	    "instance: x\ndata_dir: '/with space/$${HOME}'\n"
	    "listen: ['unix:${SNAKEPIT_DIR}/a', 'unix:/b c', '[::1]:80']\n"
	    "pools:\n"
	    "- {name: '1', adapter: a.B, workers: 7, script: 'null', python: "
	    "\"q\\\"\\\\\"}\n"
	    "- name: 'NULL'\n  adapter: x.y.Z\n  profile: thread\n  pythonpath: []\n"
	    "  env: [A=, \"B=x: y\\n\\t# $${C}\", 'D=gr\xc3\xbc\xc3\x9f', "
	    "\"E=\\e\\x7f\"]\n"
	    "  heartbeat: {enabled: true}\n"
	    "telemetry: {traces: {sampler: always_off, ratio: 0.30000000000000004}}\n"
	    "log: {level: debug}\n");
	char *text = printed(cfg);
	struct snp_config *again = parse(text);

	(void)state;
	assert_config_equal(cfg, again);
	assert_string_equal(again->data_dir, "/with space/${HOME}");
	assert_string_equal(again->pools[0].script, "null");
	assert_string_equal(again->pools[0].python, "q\"\\");
	assert_string_equal(again->pools[1].env[1], "B=x: y\n\t# ${C}");
	assert_string_equal(again->pools[1].env[3], "E=\x1b\x7f");
	assert_true(again->telemetry.traces.ratio == cfg->telemetry.traces.ratio);
	free(text);
	snp_config_destroy(&cfg);
	snp_config_destroy(&again);
}

static void show_to_full_device_is_an_error(void **state)
{
	struct snp_config *cfg = parse(POOL);
	FILE *full = fopen("/dev/full", "w");

	(void)state;
	assert_non_null(full);
	assert_int_equal(snp_config_show(full, cfg), -ENOSPC);
	(void)fclose(full);
	snp_config_destroy(&cfg);
}

/* ---- What the repository shows ------------------------------------------- */

static void example_file_is_the_default_file(void **state)
{
	char *file = read_file("examples/snakepit.yaml");
	char *text = printed(NULL);

	(void)state;
	assert_string_equal(file, text);
	free(file);
	free(text);
}

/* ---- Where keys stand ---------------------------------------------------- */

static void locate_finds_the_value_or_its_section(void **state)
{
	static const char text[] = "instance: a\n"
				   "pools:\n"
				   "  - adapter: x.Y\n"
				   "    queue: {limit: 5}\n"
				   "  - name: b.c\n"
				   "    adapter: x.Y\n"
				   "    workers: 7\n";
	static const struct {
		const char *key;
		size_t line, column;
	} rows[] = {
	    {"instance", 1, 11},
	    {"pools", 3, 3},
	    {"pools.default.queue.limit", 4, 20},
	    {"pools.b.c.workers", 7, 14},
	    {"pools.b.c", 5, 5},
	    {"pools.b.c.max_workers", 5, 5}, /* implied */
	    {"segment.max_tool_rows", 1, 1},
	    {"pools.gone", 0, 0},
	    {"pools.b", 0, 0},
	};
	char path[] = "/tmp/snp-locate-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t line = 0, column = 0;

		assert_int_equal(snp_config_locate(path, rows[i].key, &line, &column),
				 rows[i].line ? 0 : -ENOENT);
		assert_int_equal(line, rows[i].line);
		assert_int_equal(column, rows[i].column);
	}
	(void)unlink(path);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, clean_environment)
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(locate_finds_the_value_or_its_section),
	    T(parse_least_file_gives_pool_defaults),
	    T(parse_least_file_gives_global_defaults),
	    T(load_known_example_gives_the_defaults),
	    T(null_and_empty_sections_mean_the_default),
	    T(parse_takes_what_is_given),
	    T(pool_heartbeat_overrides_global_key_by_key),
	    T(variables_expand_in_values_only),
	    T(variables_may_be_numbers_but_not_null),
	    T(resolve_dir_settles_the_default_listener),
	    T(snakepit_dir_in_listen_comes_from_environment_or_resolve),
	    T(resolve_dir_too_long_leaves_config_alone),
	    T(default_print_parses_to_the_defaults),
	    T(default_print_explains_every_key),
	    T(show_then_parse_gives_an_equal_config),
	    T(show_to_full_device_is_an_error),
	    T(example_file_is_the_default_file),
	};
#undef T

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
