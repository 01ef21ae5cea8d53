/* SPDX-License-Identifier: Apache-2.0 */
/* libsnakepit in the hands of who has not read its header: every function of it. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "snakepit/runtime.h"
#include "snakepit/time.h"

#define TIMEOUT_MS 120000 /* a worker may be slow to start */
#define CONFIG                                                                         \
	"instance: misused\n"                                                          \
	"pools:\n"                                                                     \
	"  - name: default\n"                                                          \
	"    adapter: fault_adapter.FaultAdapter\n"                                    \
	"    workers: 1\n"                                                             \
	"    queue: {timeout_ms: 120000}\n"                                            \
	"    pythonpath: [tests/integration/adapters]\n"

static char dir[] = "/dev/shm/snp-misuse-XXXXXX";
static const struct snp_request echo = {.tool = "echo", .timeout_ms = TIMEOUT_MS};

/* ---- what was walked ----------------------------------------------------- */

/* Every function of the header that takes anything has a case in this file. */
static const char *const walked[] = {
    "snp_runtime_log",		 "snp_runtime_create",
    "snp_runtime_start",	 "snp_runtime_stop",
    "snp_runtime_destroy",	 "snp_runtime_instance",
    "snp_reply_destroy",	 "snp_runtime_execute",
    "snp_runtime_submit",	 "snp_runtime_stream",
    "snp_runtime_offer",	 "snp_host_call_argument",
    "snp_host_call_session",	 "snp_host_call_correlation",
    "snp_host_call_traceparent", "snp_host_call_tracestate",
    "snp_host_call_baggage",	 "snp_host_call_finish",
    "snp_host_call_fail",
};

static bool is_walked(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(walked) / sizeof(*walked); i++)
		if (strlen(walked[i]) == len && memcmp(walked[i], name, len) == 0)
			return true;
	return false;
}

/* A declaration begins in the first column; examples and comments do not. */
static void header_has_no_function_that_is_not_walked(void **state)
{
	FILE *header = fopen("runtime/embed/include/snakepit/runtime.h", "re");
	char line[256];
	size_t found = 0;

	(void)state;
	assert_non_null(header);
	while (fgets(line, sizeof(line), header)) {
		const char *name = strstr(line, "snp_"), *end = strchr(line, '(');

		if (strchr(" \t/#}", line[0]) || strncmp(line, "typedef", 7) == 0)
			continue;
		for (const char *next = name; end && next && next < end;
		     next = strstr(name + 1, "snp_"))
			name = next;
		if (!name || !end || name > end)
			continue;
		found++;
		if (!is_walked(name, (size_t)(end - name)))
			fail_msg("no case for %s", line);
	}
	assert_int_equal(fclose(header), 0);
	assert_int_equal(found, sizeof(walked) / sizeof(*walked));
}

/* ---- nothing where something is expected --------------------------------- */

static void assert_refused(int rc, int wanted, struct snp_err *err)
{
	assert_int_equal(rc, wanted);
	assert_true(*err->msg);
	*err = (struct snp_err){0};
}

static void nothing_is_refused(void **state)
{
	const struct snp_runtime_options options = {.config_text = CONFIG};
	struct snp_runtime *rt = *state, *none = NULL;
	struct snp_reply *reply = NULL;
	struct snp_err err = {0};

	snp_runtime_log(-1);
	assert_refused(snp_runtime_create(NULL, &none, &err), -EINVAL, &err);
	assert_refused(snp_runtime_create(&options, NULL, &err), -EINVAL, &err);
	assert_refused(
	    snp_runtime_create(&(struct snp_runtime_options){0}, &none, &err), -EINVAL,
	    &err);
	assert_null(none);
	assert_refused(snp_runtime_start(NULL, &err), -EINVAL, &err);
	assert_refused(snp_runtime_start(rt, &err), -EALREADY, &err);
	assert_int_equal(snp_runtime_stop(NULL, 1), -EINVAL);
	assert_string_equal(snp_runtime_instance(NULL), "");
	assert_refused(snp_runtime_execute(NULL, &echo, &reply, &err), -EINVAL, &err);
	assert_refused(snp_runtime_execute(rt, NULL, &reply, &err), -EINVAL, &err);
	assert_refused(snp_runtime_execute(rt, &echo, NULL, &err), -EINVAL, &err);
	assert_int_equal(snp_runtime_execute(NULL, NULL, NULL, NULL), -EINVAL);
	assert_null(reply);
	snp_runtime_destroy(NULL);
	snp_runtime_destroy(&none);
	snp_reply_destroy(NULL);
	snp_reply_destroy(&reply);
}

static void no_reply(void *user, struct snp_reply *reply)
{
	(void)user;
	snp_reply_destroy(&reply);
	fail();
}

static int no_chunk(void *user, const struct snp_chunk *chunk)
{
	(void)user;
	(void)chunk;
	fail();
	return 1;
}

static void no_function_is_refused(void **state)
{
	struct snp_runtime *rt = *state;
	struct snp_reply *reply = NULL;
	struct snp_err err = {0};

	assert_refused(snp_runtime_submit(NULL, &echo, no_reply, NULL, &err), -EINVAL,
		       &err);
	assert_refused(snp_runtime_submit(rt, NULL, no_reply, NULL, &err), -EINVAL,
		       &err);
	assert_refused(snp_runtime_submit(rt, &echo, NULL, NULL, &err), -EINVAL, &err);
	assert_refused(snp_runtime_stream(NULL, &echo, no_chunk, NULL, &reply, &err),
		       -EINVAL, &err);
	assert_refused(snp_runtime_stream(rt, NULL, no_chunk, NULL, &reply, &err),
		       -EINVAL, &err);
	assert_refused(snp_runtime_stream(rt, &echo, NULL, NULL, &reply, &err), -EINVAL,
		       &err);
	assert_refused(snp_runtime_stream(rt, &echo, no_chunk, NULL, NULL, &err),
		       -EINVAL, &err);
	assert_null(reply);
}

/* ---- requests that point nowhere ----------------------------------------- */

static void requests_that_point_nowhere_are_refused(void **state)
{
	const struct snp_pair nameless = {.data = "1", .len = 1};
	const struct snp_pair hollow = {.name = "n", .len = 1};
	const struct snp_request bad[] = {
	    {.tool = "echo", .arguments_nr = 1},
	    {.tool = "echo", .binary_nr = 1},
	    {.tool = "echo", .metadata_nr = 1},
	    {.tool = "echo", .arguments = &nameless, .arguments_nr = 1},
	    {.tool = "echo", .binary = &hollow, .binary_nr = 1},
	    {.tool = "echo", .correlation_id = "not one"},
	    {.tool = "echo", .traceparent = "00-1-2-01"},
	    {.tool = "echo", .tracestate = "a=\t"},
	    {.tool = "echo", .baggage = "a=\n"},
	};
	struct snp_reply *reply = NULL;
	struct snp_err err = {0};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_refused(snp_runtime_execute(*state, &bad[i], &reply, &err),
			       -EINVAL, &err);
	assert_null(reply);
}

static void request_without_a_tool_is_answered(void **state)
{
	const struct snp_request nothing = {.timeout_ms = UINT64_MAX};
	struct snp_reply *reply = NULL;

	assert_int_equal(snp_runtime_execute(*state, &nothing, &reply, NULL), 0);
	assert_int_equal(reply->kind, SNP_REPLY_FAILED);
	assert_string_equal(reply->error_type, "invalid_request");
	snp_reply_destroy(&reply);
}

/* ---- tools that are none ------------------------------------------------- */

/* Ends its call with nothing, having asked for everything there is not. */
static void answer_nothing(struct snp_host_call *call, void *user)
{
	size_t len = 1;

	(void)user;
	assert_null(snp_host_call_argument(NULL, "n", &len));
	assert_int_equal(len, 0);
	assert_null(snp_host_call_argument(call, NULL, NULL));
	assert_null(snp_host_call_argument(call, "n", NULL));
	assert_string_equal(snp_host_call_session(NULL), "");
	assert_string_equal(snp_host_call_correlation(NULL), "");
	assert_string_equal(snp_host_call_traceparent(NULL), "");
	assert_string_equal(snp_host_call_tracestate(NULL), "");
	assert_string_equal(snp_host_call_baggage(NULL), "");
	snp_host_call_finish(NULL, "1");
	snp_host_call_fail(NULL, "Error", "");
	snp_host_call_finish(call, NULL);
}

static void fail_for_nothing(struct snp_host_call *call, void *user)
{
	(void)user;
	snp_host_call_fail(call, NULL, NULL);
}

static struct snp_reply *call_tool_of_host(struct snp_runtime *rt, const char *name)
{
	char json[32];
	struct snp_pair pair = {.name = "tool_name", .data = json};
	struct snp_request request = {.tool = "call_host",
				      .session_id = "misused",
				      .arguments = &pair,
				      .arguments_nr = 1,
				      .timeout_ms = TIMEOUT_MS};
	struct snp_reply *reply = NULL;

	pair.len = (size_t)snprintf(json, sizeof(json), "\"%s\"", name);
	assert_int_equal(snp_runtime_execute(rt, &request, &reply, NULL), 0);
	return reply;
}

static void tools_that_point_nowhere_are_refused(void **state)
{
	const struct snp_host_parameter nameless = {.type = "string"};
	const struct snp_host_tool bad[] = {
	    {.name = "x"},
	    {.fn = answer_nothing},
	    {.name = "x", .fn = answer_nothing, .parameters_nr = 1},
	    {.name = "x",
	     .fn = answer_nothing,
	     .parameters = &nameless,
	     .parameters_nr = 1},
	};
	struct snp_err err = {0};

	assert_refused(snp_runtime_offer(NULL, &bad[0], &err), -EINVAL, &err);
	assert_refused(snp_runtime_offer(*state, NULL, &err), -EINVAL, &err);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_refused(snp_runtime_offer(*state, &bad[i], &err), -EINVAL, &err);
}

static void calls_that_end_with_nothing_end(void **state)
{
	const struct snp_host_tool quiet = {.name = "quiet", .fn = answer_nothing};
	const struct snp_host_tool sour = {.name = "sour", .fn = fail_for_nothing};
	struct snp_reply *reply;

	assert_int_equal(snp_runtime_offer(*state, &quiet, NULL), 0);
	assert_int_equal(snp_runtime_offer(*state, &sour, NULL), 0);
	reply = call_tool_of_host(*state, "quiet");
	assert_int_equal(reply->kind, SNP_REPLY_RESULT);
	assert_string_equal(reply->result_json, "null");
	snp_reply_destroy(&reply);
	reply = call_tool_of_host(*state, "sour");
	assert_int_equal(reply->kind, SNP_REPLY_TOOL_ERROR);
	snp_reply_destroy(&reply);
}

/* ---- in a callback ------------------------------------------------------- */

/* What is refused to it, by its errno; a callback must not fail on its own thread. */
struct asked {
	struct snp_runtime *rt;
	int execute, stream, stop, submit;
	bool survived; /* destroy() has left the runtime alone */
	atomic_int done;
};

static void forget_reply(void *user, struct snp_reply *reply)
{
	struct asked *asked = user;

	snp_reply_destroy(&reply);
	atomic_fetch_add(&asked->done, 1);
}

static void ask_to_end(struct asked *asked)
{
	struct snp_runtime *rt = asked->rt;

	asked->stop = snp_runtime_stop(rt, 0);
	snp_runtime_destroy(&rt);
	asked->survived = rt == asked->rt;
}

static void ask_in_reply(void *user, struct snp_reply *reply)
{
	struct asked *asked = user;
	struct snp_reply *none = NULL;

	snp_reply_destroy(&reply);
	asked->execute = snp_runtime_execute(asked->rt, &echo, &none, NULL);
	asked->stream =
	    snp_runtime_stream(asked->rt, &echo, no_chunk, NULL, &none, NULL);
	ask_to_end(asked);
	asked->submit = snp_runtime_submit(asked->rt, &echo, forget_reply, asked, NULL);
	atomic_fetch_add(&asked->done, 1);
}

static int ask_in_chunk(void *user, const struct snp_chunk *chunk)
{
	(void)chunk;
	ask_to_end(user);
	return 0;
}

static void ask_in_tool(struct snp_host_call *call, void *user)
{
	ask_to_end(user);
	snp_host_call_finish(call, "null");
}

static void wait_done(const struct asked *asked, int least)
{
	snp_mono_t end = snp_mono_add_ms(snp_mono_now(), TIMEOUT_MS);

	while (atomic_load(&asked->done) < least) {
		assert_true(snp_mono_now().ns < end.ns);
		(void)usleep(1000);
	}
}

static void callbacks_of_replies_may_submit_and_not_wait(void **state)
{
	struct asked asked = {.rt = *state};

	assert_int_equal(snp_runtime_submit(*state, &echo, ask_in_reply, &asked, NULL),
			 0);
	wait_done(&asked, 2);
	assert_int_equal(asked.execute, -EDEADLK);
	assert_int_equal(asked.stream, -EDEADLK);
	assert_int_equal(asked.stop, -EDEADLK);
	assert_true(asked.survived);
	assert_int_equal(asked.submit, 0);
}

static void callbacks_of_chunks_and_tools_may_not_stop(void **state)
{
	const struct snp_pair to = {"to", "1", 1};
	const struct snp_request count = {.tool = "count",
					  .arguments = &to,
					  .arguments_nr = 1,
					  .timeout_ms = TIMEOUT_MS};
	static struct asked in_tool;
	const struct snp_host_tool tool = {
	    .name = "stopper", .fn = ask_in_tool, .user = &in_tool};
	struct asked in_chunk = {.rt = *state};
	struct snp_reply *reply = NULL;

	assert_int_equal(
	    snp_runtime_stream(*state, &count, ask_in_chunk, &in_chunk, &reply, NULL),
	    0);
	assert_int_equal(reply->kind, SNP_REPLY_RESULT);
	snp_reply_destroy(&reply);
	assert_int_equal(in_chunk.stop, -EDEADLK);
	assert_true(in_chunk.survived);
	in_tool.rt = *state;
	assert_int_equal(snp_runtime_offer(*state, &tool, NULL), 0);
	reply = call_tool_of_host(*state, "stopper");
	assert_int_equal(reply->kind, SNP_REPLY_RESULT);
	snp_reply_destroy(&reply);
	assert_int_equal(in_tool.stop, -EDEADLK);
	assert_true(in_tool.survived);
}

/* ---- in another process -------------------------------------------------- */

/* The number of the first that was not refused; 0: all were. */
static int try_all(struct snp_runtime *rt)
{
	const struct snp_host_tool tool = {.name = "late", .fn = fail_for_nothing};
	struct snp_reply *reply = NULL;

	if (snp_runtime_start(rt, NULL) != -EPERM)
		return 1;
	if (snp_runtime_execute(rt, &echo, &reply, NULL) != -EPERM)
		return 2;
	if (snp_runtime_submit(rt, &echo, no_reply, NULL, NULL) != -EPERM)
		return 3;
	if (snp_runtime_stream(rt, &echo, no_chunk, NULL, &reply, NULL) != -EPERM)
		return 4;
	if (snp_runtime_offer(rt, &tool, NULL) != -EPERM)
		return 5;
	return snp_runtime_stop(rt, 0) == -EPERM ? 0 : 6;
}

static void a_forks_calls_are_refused(void **state)
{
	struct snp_reply *reply = NULL;
	int status = -1;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		(void)alarm(TIMEOUT_MS / 1000);
		_exit(try_all(*state));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(snp_runtime_execute(*state, &echo, &reply, NULL), 0);
	assert_int_equal(reply->kind, SNP_REPLY_RESULT);
	snp_reply_destroy(&reply);
}

/* ---- set-up -------------------------------------------------------------- */

static int set_up(void **state)
{
	const struct snp_runtime_options options = {.config_text = CONFIG,
						    .programs = "build/bin"};
	struct snp_runtime *rt = NULL;

	if (!mkdtemp(dir) || setenv("SNAKEPIT_DIR", dir, 1) < 0)
		return -1;
	if (snp_runtime_create(&options, &rt, NULL) < 0)
		return -1;
	*state = rt;
	return snp_runtime_start(rt, NULL);
}

static int tear_down(void **state)
{
	struct snp_runtime *rt = *state;

	snp_runtime_destroy(&rt);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(header_has_no_function_that_is_not_walked),
	    cmocka_unit_test(nothing_is_refused),
	    cmocka_unit_test(no_function_is_refused),
	    cmocka_unit_test(requests_that_point_nowhere_are_refused),
	    cmocka_unit_test(request_without_a_tool_is_answered),
	    cmocka_unit_test(tools_that_point_nowhere_are_refused),
	    cmocka_unit_test(calls_that_end_with_nothing_end),
	    cmocka_unit_test(callbacks_of_replies_may_submit_and_not_wait),
	    cmocka_unit_test(callbacks_of_chunks_and_tools_may_not_stop),
	    cmocka_unit_test(a_forks_calls_are_refused),
	};

	return cmocka_run_group_tests_name("embed/misuse", tests, set_up, tear_down);
}
