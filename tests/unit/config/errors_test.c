/* SPDX-License-Identifier: Apache-2.0 */
/* What a user reads when the configuration is wrong: the exact line, for each kind. */
#include "config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* A pool that is right, in front of or behind what is wrong. */
#define POOL "pools:\n  - adapter: a.B\n"

#define REPEAT_10(x)   x x x x x x x x x x
#define REPEAT_1000(x) REPEAT_10(REPEAT_10(REPEAT_10(x)))

struct error_case {
	const char *text;
	const char *expected; /* behind "c.yaml:" */
};

static void expect_errors(const struct error_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct snp_config *cfg = NULL;
		struct snp_err err = {0};
		char expected[SNP_ERR_MSG_BYTES];
		int rc = snp_config_parse(cases[i].text, strlen(cases[i].text),
					  "c.yaml", &cfg, &err);

		(void)snprintf(expected, sizeof(expected), "c.yaml:%s",
			       cases[i].expected);
		assert_string_equal(err.msg, expected);
		assert_int_equal(rc, -EINVAL);
		assert_int_equal(err.code, -EINVAL);
		assert_null(cfg);
	}
}

#define EXPECT_ERRORS(cases) expect_errors(cases, sizeof(cases) / sizeof((cases)[0]))

static void parse_not_yaml_says_where(void **state)
{
	static const struct error_case cases[] = {
	    {"", "1:1: the file is empty; expected at least a list of `pools`"},
	    {"# nothing\n\n",
	     "1:1: the file is empty; expected at least a list of `pools`"},
	    {"---\n", "1:1: the file is empty; expected at least a list of `pools`"},
	    {"word", "1:1: the file is \"word\"; expected a mapping of keys to values"},
	    {"- a\n", "1:1: the file is a list; expected a mapping of keys to values"},
	    {POOL "\tworkers: 3\n", "3:1: a tab indents this line; expected spaces"},
	    {"pools:\n  - adapter: a.B\n  \tworkers: 3\n",
	     "3:3: a tab indents this line; expected spaces"},
	    {POOL "    workers: 3\n   queue: 3\n",
	     "4:4: not valid YAML: did not find expected '-' indicator, while parsing "
	     "a "
	     "block collection that began at 2:3"},
	    {"pools: [\n  {adapter: a.B", "3:1: not valid YAML: did not find expected "
					  "',' or '}', while parsing a flow "
					  "mapping that began at 2:3"},
	    {"instance: \"a\n",
	     "2:1: not valid YAML: found unexpected end of stream, while "
	     "scanning a quoted scalar that began at 1:11"},
	    {"instance: a: b\n",
	     "1:12: not valid YAML: mapping values are not allowed in "
	     "this context"},
	    {POOL "---\na: 1\n", "3:1: a second document; expected one in a file"},
	    {POOL "pools: []\n", "3:1: key \"pools\" given twice; expected it once, "
				 "the first is on line 1"},
	    {"pools: [{adapter: a.B, queue: {limit: 1, limit: 2}}]",
	     "1:42: key \"limit\" given twice; expected it once, the first is on line "
	     "1"},
	    {"? [a]\n: b\n", "1:3: a key cannot be a list; expected a word"},
	    {"? {a: b}\n: b\n", "1:3: a key cannot be a mapping; expected a word"},
	    {"instance: &x demo\n",
	     "1:11: anchor \"x\"; expected the value without one, "
	     "aliases are not supported"},
	    {"pools: &x [*x]\n",
	     "1:8: anchor \"x\"; expected the value without one, aliases "
	     "are not supported"},
	    {POOL "log: *x\n",
	     "3:6: aliases are not supported; expected the value itself"},
	    {"instance: !!str 5\n",
	     "1:11: tag \"tag:yaml.org,2002:str\"; expected the value without one"},
	    {"instance: \"a\\0b\"\n", "1:11: a NUL character; expected text"},
	    {"a: [\n1" REPEAT_1000(",1") "]",
	     "2:2001: too many items; expected at most 1000"},
	    {"a: [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]",
	     "1:19: nested too deeply; expected at most 16 levels"},
	};

	(void)state;
	EXPECT_ERRORS(cases);
}

static void parse_not_text_says_where(void **state)
{
	static const struct error_case cases[] = {
	    {"\xff\xfe", "1:1: byte 0xff is not UTF-8; expected a text file in UTF-8"},
	    {"# \xc3\xbc \xc3\n",
	     "1:5: byte 0xc3 is not UTF-8; expected a text file in UTF-8"},
	    {"a: 1\nb: \xed\xa0\x80\n",
	     "2:4: byte 0xed is not UTF-8; expected a text file in UTF-8"},
	    {"a: \x01", "1:4: control character U+0001; expected a text file in UTF-8"},
	    {"a: \xc2\x9b",
	     "1:4: control character U+009B; expected a text file in UTF-8"},
	};

	(void)state;
	EXPECT_ERRORS(cases);
}

static void parse_nul_byte_is_an_error(void **state)
{
	static const char text[] = "instance: a\0b\n";
	struct snp_config *cfg = NULL;
	struct snp_err err = {0};

	(void)state;
	assert_int_equal(snp_config_parse(text, sizeof(text) - 1, "c", &cfg, &err),
			 -EINVAL);
	assert_string_equal(
	    err.msg, "c:1:12: control character U+0000; expected a text file in UTF-8");
}

static void parse_unknown_key_suggests_the_nearest(void **state)
{
	static const struct error_case cases[] = {
	    {"pool: []\n", "1:1: unknown key \"pool\"; did you mean \"pools\"?"},
	    {POOL "    worker: 3\n",
	     "3:5: unknown key \"worker\" in pools[0]; did you mean \"workers\"?"},
	    {"pools:\n- {adapter: a.B}\n- {adapter: a.B, queue: {}, ulimit: 3}\n",
	     "3:29: unknown key \"ulimit\" in pools[1]; expected one of name, adapter, "
	     "workers, max_workers, profile, threads_per_worker, bridge, script, "
	     "python, "
	     "pythonpath, env, "
	     "queue, request_timeout_ms, stream_timeout_ms, affinity, sessions, "
	     "idempotent_tools, max_tools, "
	     "startup, "
	     "lifecycle, restart, heartbeat"},
	    {POOL "    queue:\n      timeout: 3\n",
	     "4:7: unknown key \"timeout\" in pools[0].queue; did you mean "
	     "\"timeout_ms\"?"},
	    {POOL "    heartbeat: {max_missed_heartbaets: 3}\n",
	     "3:17: unknown key \"max_missed_heartbaets\" in pools[0].heartbeat; did "
	     "you mean "
	     "\"max_missed_heartbeats\"?"},
	    {"Instance: x\n",
	     "1:1: unknown key \"Instance\"; did you mean \"instance\"?"},
	    {"log: {level: info, zzz: 1}\n",
	     "1:20: unknown key \"zzz\" in log; expected one of level, format, "
	     "python_output"},
	    {"\"\": 1\n",
	     "1:1: unknown key \"\"; expected one of instance, data_dir, listen, "
	     "listen_insecure, tls, limits, pools, heartbeat, shutdown, segment, "
	     "telemetry, readers, log"},
	    {"log: {\"a\\e[31m\": 1}\n",
	     "1:7: unknown key \"a\\x1b[31m\" in log; expected one of level, format, "
	     "python_output"},
	    {"telemetry: {traces: {sampeler: x}}\n",
	     "1:22: unknown key \"sampeler\" in telemetry.traces; did you mean "
	     "\"sampler\"?"},
	};

	(void)state;
	EXPECT_ERRORS(cases);
}

static void parse_wrong_type_says_what_is_expected(void **state)
{
	static const struct error_case cases[] = {
	    {"pools: x\n", "1:8: pools is \"x\"; expected a list of mappings"},
	    {"pools:\n", "1:7: pools is null; expected a list of mappings"},
	    {"pools: {a: b}\n", "1:8: pools is a mapping; expected a list of mappings"},
	    {"pools:\n  - x\n",
	     "2:5: pools[0] is \"x\"; expected a mapping of keys to values"},
	    {"pools:\n  - adapter: a.B\n  - [x]\n",
	     "3:5: pools[1] is a list; expected a mapping of keys to values"},
	    {POOL "    workers: lots\n", "3:14: pools[0].workers is \"lots\"; expected "
					 "a whole number from 1 to 1000"},
	    {POOL "    workers: [1]\n", "3:14: pools[0].workers is a list; expected a "
					"whole number from 1 to 1000"},
	    {POOL "    workers: ~\n",
	     "3:14: pools[0].workers is null; expected a whole number from 1 to 1000"},
	    {POOL "    workers: 010\n", "3:14: pools[0].workers is \"010\"; expected a "
					"whole number from 1 to 1000"},
	    {POOL "    workers: 1e3\n", "3:14: pools[0].workers is \"1e3\"; expected a "
					"whole number from 1 to 1000"},
	    {POOL "    workers: 0x10\n", "3:14: pools[0].workers is \"0x10\"; expected "
					 "a whole number from 1 to 1000"},
	    {POOL "    workers: ' 5'\n", "3:14: pools[0].workers is \" 5\"; expected a "
					 "whole number from 1 to 1000"},
	    {POOL "    workers: 4294967297\n",
	     "3:14: pools[0].workers is \"4294967297\"; expected a whole number from 1 "
	     "to "
	     "1000"},
	    {POOL "    queue: [1]\n",
	     "3:12: pools[0].queue is a list; expected a mapping of keys to values"},
	    {POOL "    queue: {limit: {a: b}}\n",
	     "3:20: pools[0].queue.limit is a mapping; expected a whole number from 1 "
	     "to "
	     "1000000"},
	    {POOL "    env: A=b\n", "3:10: pools[0].env is \"A=b\"; expected a list, "
				    "each item \"NAME=value\""},
	    {POOL "    env: [A=b, [c]]\n",
	     "3:16: pools[0].env[1] is a list; expected \"NAME=value\""},
	    {POOL "heartbeat: {enabled: yes}\n",
	     "3:22: heartbeat.enabled is \"yes\"; expected false or true"},
	    {POOL "    heartbeat: {strict: 1}\n",
	     "3:25: pools[0].heartbeat.strict is \"1\"; expected false or true"},
	    {POOL "    profile: threads\n",
	     "3:14: pools[0].profile is \"threads\"; expected process or thread"},
	    {POOL "    affinity: 0\n",
	     "3:15: pools[0].affinity is \"0\"; expected hint, strict_queue or "
	     "strict_fail_fast"},
	    {POOL "log: {level: warn}\n",
	     "3:14: log.level is \"warn\"; expected debug, info, warning or error"},
	    {POOL "telemetry: {traces: {ratio: nan}}\n",
	     "3:29: telemetry.traces.ratio is \"nan\"; expected a number from 0 to 1"},
	    {POOL "telemetry: {traces: {ratio: half}}\n",
	     "3:29: telemetry.traces.ratio is \"half\"; expected a number from 0 to 1"},
	    {"instance: \"g\xc3\xbcnstig\"\nlog: []\n" POOL,
	     "2:6: log is a list; expected a mapping of keys to values"},
	};

	(void)state;
	EXPECT_ERRORS(cases);
}

/* A table of cases is as long as there are cases. */
/* NOLINTNEXTLINE(readability-function-size) */
static void parse_wrong_value_says_what_is_expected(void **state)
{
	static const struct error_case cases[] = {
	    {"pools: []\n", "1:8: pools is an empty list; expected at least one item"},
	    {"instance: x\n",
	     "1:1: the file has no \"pools\"; expected a list of mappings"},
	    {"pools:\n  - name: x\n",
	     "2:5: pools[0] has no \"adapter\"; expected the path of a class such as "
	     "package.module.Class"},
	    {POOL "    workers: 0\n",
	     "3:14: pools[0].workers is \"0\"; expected a whole number from 1 to 1000"},
	    {POOL "    workers: 1001\n", "3:14: pools[0].workers is \"1001\"; expected "
					 "a whole number from 1 to 1000"},
	    {POOL "    threads_per_worker: 257\n",
	     "3:25: pools[0].threads_per_worker is \"257\"; expected a whole number "
	     "from 1 to "
	     "256"},
	    {POOL "    queue: {limit: 1000001}\n",
	     "3:20: pools[0].queue.limit is \"1000001\"; expected a whole number from "
	     "1 to "
	     "1000000"},
	    {POOL "    request_timeout_ms: 0\n",
	     "3:25: pools[0].request_timeout_ms is \"0\"; expected a whole number from "
	     "1 to "
	     "86400000"},
	    {"heartbeat: {max_missed_heartbeats: 0}\n" POOL,
	     "1:36: heartbeat.max_missed_heartbeats is \"0\"; expected a whole number "
	     "from 1 "
	     "to 1000"},
	    {POOL "segment: {max_worker_slots: 0}\n",
	     "3:29: segment.max_worker_slots is \"0\"; expected a whole number from 1 "
	     "to 65535"},
	    {POOL "segment: {max_tool_rows: 65536}\n",
	     "3:26: segment.max_tool_rows is \"65536\"; expected a whole number from 1 "
	     "to 65535"},
	    {POOL "segment: {history_seconds: 0}\n",
	     "3:28: segment.history_seconds is \"0\"; expected a whole number from 1 "
	     "to "
	     "86400"},
	    {POOL "segment: {history_seconds: 86401}\n",
	     "3:28: segment.history_seconds is \"86401\"; expected a whole number from "
	     "1 to 86400"},
	    {POOL "    lifecycle: {jitter: 1.5}\n",
	     "3:25: pools[0].lifecycle.jitter is \"1.5\"; expected a number from 0 to "
	     "1"},
	    {POOL "    lifecycle: {max_unavailable: -0.1}\n",
	     "3:34: pools[0].lifecycle.max_unavailable is \"-0.1\"; expected a number "
	     "from 0 "
	     "to 1"},
	    {POOL "    name: a/b\n", "3:11: pools[0].name is \"a/b\"; expected 1 to 63 "
				     "letters, digits, '_', '.' or "
				     "'-'"},
	    {"instance: ''\n" POOL, "1:11: instance is \"\"; expected 1 to 63 letters, "
				    "digits, '_', '.' or '-'"},
	    {"instance: "
	     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	     "aaaaaaa"
	     "aaaaaaaaaaaaaaaa\n" POOL,
	     "1:11: instance is "
	     "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	     "aaaaaaaa"
	     "aaaaaaaa...\"; expected 1 to 63 letters, digits, '_', '.' or '-'"},
	    {"pools: [{adapter: Foo}]\n",
	     "1:19: pools[0].adapter is \"Foo\"; expected the path of a class such as "
	     "package.module.Class"},
	    {"pools: [{adapter: a..B}]\n",
	     "1:19: pools[0].adapter is \"a..B\"; expected the path of a class such as "
	     "package.module.Class"},
	    {POOL "    env: [A=b, 3x=4]\n",
	     "3:16: pools[0].env[1] is \"3x=4\"; expected \"NAME=value\""},
	    {POOL "    script: ''\n", "3:13: pools[0].script is \"\"; expected a path"},
	    {POOL "listen: []\n",
	     "3:9: listen is an empty list; expected at least one item"},
	    {POOL "readers: {prometheus: {listen: 9568}}\n",
	     "3:32: readers.prometheus.listen is \"9568\"; expected HOST:PORT with a "
	     "port from "
	     "1 to 65535"},
	    {POOL "readers: {otlp: {endpoint: localhost}}\n",
	     "3:28: readers.otlp.endpoint is \"localhost\"; expected a URL such as "
	     "http://host:4318"},
	};

	(void)state;
	EXPECT_ERRORS(cases);
}

static void parse_values_that_disagree_say_where(void **state)
{
	static const struct error_case cases[] = {
	    {POOL "  - adapter: b.C\n",
	     "3:5: pools[1].name is \"default\", as on line 2; expected each once"},
	    {"pools:\n- {name: x, adapter: a.B}\n- {name: y, adapter: a.B}\n"
	     "- {adapter: a.B, name: x}\n",
	     "4:24: pools[2].name is \"x\", as on line 2; expected each once"},
	    {POOL "listen: [a:1, a:1]\n",
	     "3:15: listen[1] is \"a:1\", as on line 3; expected each once"},
	    {"segment: {max_worker_slots: 6}\npools:\n- {name: x, adapter: a.B}\n"
	     "- {name: y, adapter: a.B, workers: 3}\n",
	     "4:36: 7 workers in the pools up to this one; expected at most "
	     "segment.max_worker_slots, which is 6"},
	    {"segment: {max_tool_rows: 1}\npools:\n- {name: x, adapter: a.B}\n"
	     "- {adapter: a.B, name: y}\n",
	     "4:24: 2 pools; expected at most segment.max_tool_rows, which is 1"},
	    {POOL "    max_workers: 3\n",
	     "3:18: max_workers is 3 and workers is 4; expected the maximum not to be "
	     "the smaller one"},
	    {POOL "    idempotent_tools: [\"a\\tb\"]\n",
	     "3:24: pools[0].idempotent_tools[0] is \"a\\x09b\"; expected the name of "
	     "a tool: 1 to "
	     "128 printable characters"},
	    {POOL "    restart: {backoff_max_ms: 5}\n",
	     "3:31: backoff_max_ms is 5 and backoff_min_ms is 200; expected the "
	     "maximum not "
	     "to be the smaller one"},
	    {POOL "    restart: {backoff_min_ms: 40000}\n",
	     "3:31: backoff_max_ms is 30000 and backoff_min_ms is 40000; expected the "
	     "maximum "
	     "not to be the smaller one"},
	};

	(void)state;
	EXPECT_ERRORS(cases);
}

static void parse_variable_errors_name_it_and_say_where(void **state)
{
	static const struct error_case cases[] = {
	    {POOL "instance: ${SNP_TEST_UNSET}\n",
	     "3:11: the environment variable SNP_TEST_UNSET is not set; set it or "
	     "write "
	     "${SNP_TEST_UNSET:-default}"},
	    {POOL "    script: ${SNAKEPIT_DIR}/x\n",
	     "3:13: the environment variable SNAKEPIT_DIR is not set; set it or write "
	     "${SNAKEPIT_DIR:-default}"},
	    {POOL "listen:\n  - a:1\n  - unix:${SNP_TEST_UNSET}/x\n",
	     "5:5: the environment variable SNP_TEST_UNSET is not set; set it or write "
	     "${SNP_TEST_UNSET:-default}"},
	    {POOL "instance: ${HOME\n", "3:11: \"${HOME\" has no closing brace; "
					"expected ${NAME} or ${NAME:-default}, or "
					"$${ for the characters themselves"},
	    {POOL "instance: ${9}\n", "3:11: \"${9}\" is no variable; expected ${NAME} "
				      "or ${NAME:-default}, or $${ for "
				      "the characters themselves"},
	    {POOL "instance: ${HOME:x}\n", "3:11: \"${HOME:x}\" is no variable; "
					   "expected ${NAME} or ${NAME:-default}, or "
					   "$${ for the characters themselves"},
	    {POOL "instance: ${A:-${B}}\n",
	     "3:11: the default of ${A} contains ${; expected plain text"},
	    {POOL "instance: ${SNP_TEST_LATIN1}\n",
	     "3:11: the environment variable SNP_TEST_LATIN1 is not valid UTF-8"},
	    {POOL "    workers: ${SNP_TEST_WORD}\n",
	     "3:14: pools[0].workers is \"a: [b, &c\"; expected a whole number from 1 "
	     "to "
	     "1000"},
	    {POOL "${SNP_TEST_WORD}: 1\n",
	     "3:1: unknown key \"${SNP_TEST_WORD}\"; "
	     "expected one of instance, data_dir, "
	     "listen, listen_insecure, tls, limits, pools, heartbeat, shutdown, "
	     "segment, telemetry, readers, log"},
	};

	(void)state;
	(void)unsetenv("SNAKEPIT_DIR");
	(void)unsetenv("SNP_TEST_UNSET");
	(void)setenv("SNP_TEST_LATIN1", "gr\xfcn", 1);
	(void)setenv("SNP_TEST_WORD", "a: [b, &c", 1);
	EXPECT_ERRORS(cases);
}

static void listen_addresses_are_checked(void **state)
{
	static const char *const good[] = {
	    "127.0.0.1:50051",	"localhost:1",	    "'[::1]:65535'",	    "'[::]:80'",
	    "unix:/run/x.sock", "a.b-c.example:80", "unix:/run/with space",
	};
	static const char *const bad[] = {
	    "''",
	    "localhost",
	    ":80",
	    "a:0",
	    "a:65536",
	    "a:080",
	    "a:-1",
	    "a:80x",
	    "::1:80",
	    "'[::1]'",
	    "'[::1:80'",
	    "'[x]:80'",
	    "unix:",
	    "unix:/",
	    "unix:rel",
	    "unix:${SNAKEPIT_DIR}x",
	    "http://a:80",
	    "a b:80",
	    "unix:${SNAKEPIT_DIR}/a/$${SNAKEPIT_DIR}",
	};
	char text[256];

	(void)state;
	(void)unsetenv("SNAKEPIT_DIR");
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct snp_config *cfg = NULL;
		struct snp_err err = {0};

		(void)snprintf(text, sizeof(text), POOL "listen: [\n  %s\n]\n",
			       good[i]);
		(void)snp_config_parse(text, strlen(text), "c", &cfg, &err);
		assert_string_equal(err.msg, "");
		snp_config_destroy(&cfg);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct snp_config *cfg = NULL;
		struct snp_err err = {0};

		(void)snprintf(text, sizeof(text), POOL "listen:\n  - %s\n", bad[i]);
		assert_int_equal(snp_config_parse(text, strlen(text), "c", &cfg, &err),
				 -EINVAL);
		assert_memory_equal(err.msg, "c:4:5: listen[0] is ", 20);
	}
}

static void unix_path_over_107_bytes_is_refused(void **state)
{
	(void)state;
	for (int n = 106; n <= 109; n++) {
		struct snp_config *cfg = NULL;
		char text[256];
		int rc;

		(void)snprintf(text, sizeof(text), POOL "listen:\n  - unix:/%0*d\n",
			       n - 1, 0);
		rc = snp_config_parse(text, strlen(text), "c", &cfg, NULL);
		assert_int_equal(rc, n <= 107 ? 0 : -EINVAL);
		snp_config_destroy(&cfg);
	}
}

static void parse_over_one_mib_is_refused(void **state)
{
	size_t len = SNP_CONFIG_MAX_BYTES + 1;
	char *text = malloc(len);
	struct snp_config *cfg = NULL;
	struct snp_err err = {0};

	(void)state;
	assert_non_null(text);
	memset(text, '#', len);
	assert_int_equal(snp_config_parse(text, len, "c", &cfg, &err), -EFBIG);
	assert_string_equal(err.msg, "c: over 1048576 bytes; expected a smaller file");
	assert_int_equal(snp_config_parse(text, len - 1, "c", &cfg, &err), -EINVAL);
	free(text);
}

static void load_names_the_file_that_cannot_be_read(void **state)
{
	struct snp_config *cfg = NULL;
	struct snp_err err = {0};

	(void)state;
	assert_int_equal(snp_config_load("/nonexistent/c.yaml", &cfg, &err), -ENOENT);
	assert_string_equal(err.msg, "cannot open the configuration file "
				     "/nonexistent/c.yaml: No such file or directory");
	assert_int_equal(snp_config_load("/tmp", &cfg, &err), -EISDIR);
	assert_string_equal(err.msg, "/tmp is a directory; expected a YAML file");
	assert_int_equal(snp_config_load("/proc/self/mem", &cfg, &err), -EIO);
	assert_string_equal(err.msg,
			    "cannot read the configuration file /proc/self/mem: "
			    "Input/output error");
	assert_null(cfg);
}

static void load_long_path_keeps_the_position_in_the_message(void **state)
{
	char name[1000];
	struct snp_config *cfg = NULL;
	struct snp_err err = {0};

	(void)state;
	memset(name, 'd', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(snp_config_parse("x: 1", 4, name, &cfg, &err), -EINVAL);
	assert_memory_equal(err.msg, "...ddd", 6);
	assert_non_null(strstr(err.msg, "d:1:1: unknown key \"x\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parse_not_yaml_says_where),
	    cmocka_unit_test(parse_not_text_says_where),
	    cmocka_unit_test(parse_nul_byte_is_an_error),
	    cmocka_unit_test(parse_unknown_key_suggests_the_nearest),
	    cmocka_unit_test(parse_wrong_type_says_what_is_expected),
	    cmocka_unit_test(parse_wrong_value_says_what_is_expected),
	    cmocka_unit_test(parse_values_that_disagree_say_where),
	    cmocka_unit_test(parse_variable_errors_name_it_and_say_where),
	    cmocka_unit_test(listen_addresses_are_checked),
	    cmocka_unit_test(unix_path_over_107_bytes_is_refused),
	    cmocka_unit_test(parse_over_one_mib_is_refused),
	    cmocka_unit_test(load_names_the_file_that_cannot_be_read),
	    cmocka_unit_test(load_long_path_keeps_the_position_in_the_message),
	};

	return cmocka_run_group_tests_name("config/errors", tests, NULL, NULL);
}
