/* SPDX-License-Identifier: Apache-2.0 */
/* libsnakepit with real workers, in programs that make it hard. */
#include "snp_test.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>

#include "snakepit/read.h"
#include "snakepit/runtime.h"
#include "snakepit/testing.h"
#include "snakepit/time.h"

#define TIMEOUT_MS SNP_TEST_DEADLINE_MS

static struct snp_test_runtime shared; /* whose directory the others use, too */

/* ---- helpers ------------------------------------------------------------- */

/* The caller frees it. */
static char *configuration(const char *instance, const char *more)
{
	char *config = NULL;

	assert_true(asprintf(&config,
			     "instance: %s\n"
			     "pools:\n"
			     "  - name: default\n"
			     "    adapter: fault_adapter.FaultAdapter\n"
			     "    workers: 1\n"
			     "    queue: {timeout_ms: %d}\n"
			     "    pythonpath: [tests/integration/adapters]\n"
			     "%s",
			     instance, TIMEOUT_MS, more) > 0);
	return config;
}

static struct snp_runtime *create(const char *instance, const char *more)
{
	char *config = configuration(instance, more);
	const struct snp_runtime_options options = {.config_text = config,
						    .programs = "build/bin"};
	struct snp_runtime *rt = NULL;
	struct snp_err err = {0};

	if (snp_runtime_create(&options, &rt, &err) < 0)
		fail_msg("%s", err.msg);
	free(config);
	assert_string_equal(snp_runtime_instance(rt), instance);
	return rt;
}

#define TRACEPARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static struct snp_runtime *start(const char *instance)
{
	struct snp_runtime *rt = create(instance, "");

	assert_int_equal(snp_runtime_start(rt, NULL), 0);
	return rt;
}

static struct snp_reply *run(struct snp_runtime *rt, const char *tool,
			     const char *argument, const char *json)
{
	const struct snp_pair pair = {argument, json, json ? strlen(json) : 0};
	const struct snp_request request = {
	    .tool = tool,
	    .arguments = &pair,
	    .arguments_nr = json ? 1 : 0,
	    .correlation_id = "embed-4711",
	    .timeout_ms = TIMEOUT_MS,
	    .traceparent = TRACEPARENT,
	    .tracestate = "a=1",
	    .baggage = "user=7",
	};
	struct snp_reply *reply = NULL;
	struct snp_err err = {0};

	if (snp_runtime_execute(rt, &request, &reply, &err) < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(reply->correlation_id, "embed-4711");
	return reply;
}

/* The pid of the worker that answers. */
static pid_t answering(struct snp_runtime *rt)
{
	struct snp_reply *reply = run(rt, "echo", NULL, NULL);
	const char *at = strstr(reply->result_json, "\"pid\":");
	pid_t pid = at ? (pid_t)strtol(at + strlen("\"pid\":"), NULL, 10) : 0;

	if (reply->kind != SNP_REPLY_RESULT)
		fail_msg("%s: %s", reply->status_name, reply->message);
	assert_true(pid > 0);
	snp_reply_destroy(&reply);
	return pid;
}

static void wait_until_set(const atomic_int *number, int least)
{
	snp_mono_t end = snp_mono_add_ms(snp_mono_now(), TIMEOUT_MS);

	while (atomic_load(number) < least) {
		assert_true(snp_mono_now().ns < end.ns);
		(void)usleep(1000);
	}
}

/* Its worker killed, a runtime has another soon. */
static void assert_survives_a_kill(struct snp_runtime *rt)
{
	pid_t before = answering(rt), after;
	snp_mono_t end = snp_mono_add_ms(snp_mono_now(), TIMEOUT_MS);

	assert_int_equal(kill(before, SIGKILL), 0);
	do {
		struct snp_reply *reply = run(rt, "echo", NULL, NULL);

		after = reply->kind == SNP_REPLY_RESULT ? answering(rt) : before;
		snp_reply_destroy(&reply);
		assert_true(snp_mono_now().ns < end.ns);
	} while (after == before);
}

/* ---- one runtime --------------------------------------------------------- */

static void execute_returns_what_the_tool_did(void **state)
{
	struct snp_runtime *rt = *state;
	struct snp_reply *reply = run(rt, "echo", "text", "\"caf\xC3\xA9\"");

	assert_int_equal(reply->kind, SNP_REPLY_RESULT);
	assert_non_null(strstr(reply->result_json, "caf\xC3\xA9"));
	assert_int_equal(reply->status, 0);
	assert_string_equal(reply->worker_id, "default/0#1");
	assert_true(reply->service_ns > 0);
	snp_reply_destroy(&reply);
	assert_null(reply);

	reply = run(rt, "fail", "message", "\"no luck\"");
	assert_int_equal(reply->kind, SNP_REPLY_TOOL_ERROR);
	assert_string_equal(reply->error_type, "ValueError");
	assert_string_equal(reply->message, "no luck");
	assert_non_null(strstr(reply->error_json, "traceback"));
	snp_reply_destroy(&reply);

	reply = run(rt, "no_such_tool", NULL, NULL);
	assert_int_equal(reply->kind, SNP_REPLY_FAILED);
	assert_string_equal(reply->status_name, "NOT_FOUND");
	assert_non_null(strstr(reply->message, "no_such_tool"));
	assert_string_equal(reply->error_type, "worker_status");
	snp_reply_destroy(&reply);
}

static void execute_is_a_span_of_the_program_itself(void **state)
{
	struct snp_reply *reply = run(*state, "echo", NULL, NULL);
	struct snp_span span = {0};
	struct snp_err err = {0};

	snp_reply_destroy(&reply);
	if (snp_test_span(shared.segment, "embed-4711", TIMEOUT_MS, &span, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(span.method, SNP_SPAN_METHOD_C_API);
}

static void execute_counts_by_tool(void **state)
{
	static const char requests[] = "snakepit.requests";
	struct snp_reply *reply;
	struct snp_err err = {0};
	double before = -1;

	if (snp_test_value(shared.segment, requests, "method=echo", &before, &err) < 0)
		fail_msg("%s", err.msg);
	reply = run(*state, "echo", NULL, NULL);
	snp_reply_destroy(&reply);
	if (snp_test_rises(shared.segment, requests, "method=echo", before + 1,
			   TIMEOUT_MS, &err) < 0)
		fail_msg("%s", err.msg);
}

static void reply_names_the_kind_of_a_failure(void **state)
{
	const struct snp_request request = {.pool = "nowhere", .tool = "echo"};
	struct snp_reply *reply = NULL;

	assert_int_equal(snp_runtime_execute(*state, &request, &reply, NULL), 0);
	assert_int_equal(reply->kind, SNP_REPLY_FAILED);
	assert_string_equal(reply->error_type, "pool_not_found");
	assert_non_null(strstr(reply->message, "nowhere"));
	snp_reply_destroy(&reply);
}

static void execute_refuses_what_cannot_be_sent(void **state)
{
	struct snp_request request = {.tool = "echo", .correlation_id = "a b"};
	struct snp_reply *reply = NULL;
	struct snp_err err = {0};

	assert_int_equal(snp_runtime_execute(*state, &request, &reply, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "correlation_id"));
	assert_null(reply);
	assert_int_equal(snp_runtime_start(*state, NULL), -EALREADY);
}

static void execute_ends_with_its_deadline(void **state)
{
	const struct snp_pair seconds = {"seconds", "20", 2};
	const struct snp_request request = {.tool = "sleep",
					    .arguments = &seconds,
					    .arguments_nr = 1,
					    .timeout_ms = 200};
	struct snp_runtime *rt = start("deadline");
	struct snp_reply *reply = NULL;

	(void)state;
	assert_true(answering(rt) > 0);
	assert_int_equal(snp_runtime_execute(rt, &request, &reply, NULL), 0);
	assert_int_equal(reply->kind, SNP_REPLY_FAILED);
	assert_string_equal(reply->status_name, "DEADLINE_EXCEEDED");
	snp_reply_destroy(&reply);
	snp_runtime_destroy(&rt);
}

struct tally {
	atomic_int ended, good;
};

static void count_reply(void *user, struct snp_reply *take_reply)
{
	struct tally *tally = user;

	atomic_fetch_add(&tally->good, take_reply->kind == SNP_REPLY_RESULT);
	snp_reply_destroy(&take_reply);
	atomic_fetch_add(&tally->ended, 1);
}

static void submit_replies_once_to_each(void **state)
{
	const struct snp_request request = {.tool = "echo", .timeout_ms = TIMEOUT_MS};
	struct tally tally = {0};

	for (int i = 0; i < 50; i++)
		assert_int_equal(
		    snp_runtime_submit(*state, &request, count_reply, &tally, NULL), 0);
	wait_until_set(&tally.ended, 50);
	assert_true(answering(*state) > 0); /* anything more would have come by now */
	assert_int_equal(atomic_load(&tally.ended), 50);
	assert_int_equal(atomic_load(&tally.good), 50);
}

static int take_three(void *user, const struct snp_chunk *chunk)
{
	unsigned *count = user;

	assert_true(chunk->is_final || chunk->len > 0);
	return ++*count == 3;
}

static int take_all(void *user, const struct snp_chunk *chunk)
{
	unsigned *count = user;

	*count += !chunk->is_final;
	return 0;
}

static int refuse_the_final(void *user, const struct snp_chunk *chunk)
{
	++*(unsigned *)user;
	return chunk->is_final;
}

static void stream_gives_chunks_until_it_is_ended(void **state)
{
	const struct snp_pair to = {"to", "1000", 4};
	struct snp_request request = {.tool = "count",
				      .arguments = &to,
				      .arguments_nr = 1,
				      .timeout_ms = TIMEOUT_MS};
	struct snp_reply *reply = NULL;
	unsigned count = 0;

	assert_int_equal(
	    snp_runtime_stream(*state, &request, take_three, &count, &reply, NULL), 0);
	assert_int_equal(count, 3);
	assert_int_equal(reply->kind, SNP_REPLY_FAILED);
	assert_string_equal(reply->status_name, "CANCELLED");
	snp_reply_destroy(&reply);

	count = 0;
	assert_int_equal(
	    snp_runtime_stream(*state, &request, take_all, &count, &reply, NULL), 0);
	assert_int_equal(reply->kind, SNP_REPLY_RESULT);
	assert_int_equal(count, 1000);
	snp_reply_destroy(&reply);
}

static void stream_that_is_ended_last_of_all_is_cancelled_too(void **state)
{
	const struct snp_pair to = {"to", "2", 1};
	const struct snp_request request = {.tool = "count",
					    .arguments = &to,
					    .arguments_nr = 1,
					    .timeout_ms = TIMEOUT_MS};
	struct snp_reply *reply = NULL;
	unsigned count = 0;

	assert_int_equal(snp_runtime_stream(*state, &request, refuse_the_final, &count,
					    &reply, NULL),
			 0);
	assert_int_equal(count, 3);
	assert_int_equal(reply->kind, SNP_REPLY_FAILED);
	assert_string_equal(reply->status_name, "CANCELLED");
	snp_reply_destroy(&reply);
}

/* ---- life ---------------------------------------------------------------- */

static void create_refuses_a_bad_configuration(void **state)
{
	struct snp_runtime_options options = {.config_text =
						  "pools:\n  - workers: 0\n"};
	struct snp_runtime *rt = NULL;
	struct snp_err err = {0};

	(void)state;
	assert_int_equal(snp_runtime_create(&options, &rt, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "config_text:2:"));
	options.config_file = "also.yaml";
	assert_int_equal(snp_runtime_create(&options, &rt, &err), -EINVAL);
	assert_null(rt);
}

static void requests_before_start_and_after_stop_are_refused(void **state)
{
	const struct snp_request request = {.tool = "echo"};
	struct snp_runtime *rt = create("idle", "");
	struct snp_reply *reply = NULL;
	struct snp_err err = {0};

	(void)state;
	assert_int_equal(snp_runtime_execute(rt, &request, &reply, &err), -ESHUTDOWN);
	assert_non_null(strstr(err.msg, "idle"));
	assert_int_equal(snp_runtime_start(rt, NULL), 0);
	assert_true(answering(rt) > 0);
	assert_int_equal(snp_runtime_stop(rt, 0), 0);
	assert_int_equal(snp_runtime_stop(rt, 0), 0);
	assert_int_equal(snp_runtime_execute(rt, &request, &reply, NULL), -ESHUTDOWN);
	snp_runtime_destroy(&rt);
	rt = create("idle", "");
	snp_runtime_destroy(&rt); /* never started */
}

static void *stop_it(void *runtime)
{
	assert_int_equal(snp_runtime_stop(runtime, 0), 0);
	return NULL;
}

/* The first request makes the connection, and here it meets listeners that close. */
static void requests_during_a_stop_have_an_end(void **state)
{
	const struct snp_request request = {.tool = "echo"};
	struct snp_runtime *rt = start("leaving");
	struct tally tally = {0};
	pthread_t stopper;
	int accepted = 0, rc;

	(void)state;
	assert_int_equal(snp_runtime_submit(rt, &request, count_reply, &tally, NULL),
			 0);
	accepted++;
	assert_int_equal(pthread_create(&stopper, NULL, stop_it, rt), 0);
	while ((rc = snp_runtime_submit(rt, &request, count_reply, &tally, NULL)) == 0)
		accepted++;
	assert_int_equal(rc, -ESHUTDOWN);
	assert_int_equal(pthread_join(stopper, NULL), 0);
	wait_until_set(&tally.ended, accepted);
	snp_runtime_destroy(&rt);
	assert_int_equal(atomic_load(&tally.ended), accepted);
}

static int see_chunk(void *user, const struct snp_chunk *chunk)
{
	(void)chunk;
	atomic_fetch_add((atomic_int *)user, 1);
	return 0;
}

struct long_stream {
	struct snp_runtime *rt;
	atomic_int chunks;
	enum snp_reply_kind end;
};

static void *read_long_stream(void *arg)
{
	static const struct snp_pair arguments[] = {{"to", "1000", 4},
						    {"delay_s", "0.05", 4}};
	const struct snp_request request = {
	    .tool = "count",
	    .arguments = arguments,
	    .arguments_nr = 2,
	    .timeout_ms = TIMEOUT_MS,
	};
	struct long_stream *stream = arg;
	struct snp_reply *reply = NULL;

	assert_int_equal(snp_runtime_stream(stream->rt, &request, see_chunk,
					    &stream->chunks, &reply, NULL),
			 0);
	stream->end = reply->kind;
	snp_reply_destroy(&reply);
	return NULL;
}

static void stop_is_cut_short_when_time_is_over(void **state)
{
	struct long_stream stream = {.rt = start("hurry")};
	pthread_t reader;
	snp_mono_t begin;

	(void)state;
	assert_int_equal(pthread_create(&reader, NULL, read_long_stream, &stream), 0);
	wait_until_set(&stream.chunks, 1);
	begin = snp_mono_now();
	assert_int_equal(snp_runtime_stop(stream.rt, 300), -ETIMEDOUT);
	assert_true(snp_mono_since_ns(snp_mono_now(), begin) < 8 * SNP_NS_PER_S);
	assert_int_equal(pthread_join(reader, NULL), 0);
	assert_int_equal(stream.end, SNP_REPLY_FAILED);
	snp_runtime_destroy(&stream.rt);
}

static void two_runtimes_live_side_by_side(void **state)
{
	struct snp_runtime *other = start("other");
	struct snp_runtime *rt = *state;
	pid_t here = answering(rt), there = answering(other);

	assert_int_not_equal(here, there);
	snp_runtime_destroy(&other);
	assert_int_equal(answering(rt), here);
	assert_int_equal(kill(there, 0), -1);
}

static void *create_and_leave(void *arg)
{
	*(struct snp_runtime **)arg = start("thread");
	return NULL;
}

static void workers_outlive_the_thread_that_made_the_runtime(void **state)
{
	struct snp_runtime *rt = NULL;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, create_and_leave, &rt), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(answering(rt), answering(rt));
	snp_runtime_destroy(&rt);
}

/* ---- tools for Python ---------------------------------------------------- */

static void double_it(struct snp_host_call *call, void *user)
{
	atomic_int *calls = user;
	size_t len;
	const char *text = snp_host_call_argument(call, "number", &len);
	char number[16] = "", result[32];

	atomic_fetch_add(calls, 1);
	if (!text || len >= sizeof(number)) {
		snp_host_call_fail(call, "KeyError", "number?");
		return;
	}
	memcpy(number, text, len);
	(void)snprintf(result, sizeof(result), "%ld", 2 * strtol(number, NULL, 10));
	assert_string_equal(snp_host_call_correlation(call), "embed-4711");
	assert_string_equal(snp_host_call_traceparent(call), TRACEPARENT);
	assert_string_equal(snp_host_call_tracestate(call), "a=1");
	assert_string_equal(snp_host_call_baggage(call), "user=7");
	snp_host_call_finish(call, result);
}

static void python_calls_tools_of_the_host(void **state)
{
	atomic_int calls = 0;
	const struct snp_host_tool tool = {
	    .name = "double_it", .fn = double_it, .user = &calls};
	struct snp_runtime *rt = create("tools", "");
	struct snp_reply *reply;

	(void)state;
	assert_int_equal(snp_runtime_offer(rt, &tool, NULL), 0);
	assert_int_equal(snp_runtime_offer(rt, &tool, NULL), -EEXIST);
	assert_int_equal(snp_runtime_start(rt, NULL), 0);
	reply = run(rt, "host_double", "number", "21");
	assert_string_equal(reply->result_json, "42");
	snp_reply_destroy(&reply);
	reply = run(rt, "host_double", NULL, NULL);
	assert_int_equal(reply->kind, SNP_REPLY_TOOL_ERROR);
	assert_non_null(strstr(reply->message, "number?"));
	snp_reply_destroy(&reply);
	assert_int_equal(atomic_load(&calls), 2);
	snp_runtime_destroy(&rt);
}

/* ---- hosts of their own mind --------------------------------------------- */

static void a_host_that_ignores_sigchld_changes_nothing(void **state)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;

	assert_int_equal(sigaction(SIGCHLD, &ignore, &before), 0);
	assert_survives_a_kill(*state);
	assert_int_equal(sigaction(SIGCHLD, &before, &ignore), 0);
	assert_ptr_equal(ignore.sa_handler, SIG_IGN); /* still the host's own */
}

static atomic_bool reaping;

static void *reap_everything(void *arg)
{
	(void)arg;
	while (atomic_load(&reaping)) {
		(void)waitpid(-1, NULL, WNOHANG);
		(void)usleep(100);
	}
	return NULL;
}

static void a_host_that_reaps_everything_changes_nothing(void **state)
{
	pthread_t thread;

	atomic_store(&reaping, true);
	assert_int_equal(pthread_create(&thread, NULL, reap_everything, NULL), 0);
	assert_survives_a_kill(*state);
	atomic_store(&reaping, false);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static atomic_int sigchlds;

static void on_signal(int number)
{
	atomic_fetch_add(&sigchlds, number == SIGCHLD);
}

/* The signals that a thread blocks, all if it has ended: no thread and no signals are
 * counted then. Its name is for one that reads of a failure. */
static uint64_t blocked_by(const char *task, char ret_name[32])
{
	uint64_t mask = UINT64_MAX;
	char path[64], line[128];
	unsigned threads = 0;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%.16s/status", task);
	file = fopen(path, "re");
	if (!file)
		return UINT64_MAX;
	while (fgets(line, sizeof(line), file)) {
		(void)sscanf(line, "Name: %31s", ret_name);
		(void)sscanf(line, "Threads: %u", &threads);
		(void)sscanf(line, "SigBlk: %" SCNx64, &mask);
	}
	(void)fclose(file);
	return threads ? mask : UINT64_MAX;
}

/* Asked of each thread: the kernel gives signals to the main thread if it can. */
static void assert_only_this_thread_hears(int number)
{
	DIR *tasks = opendir("/proc/self/task");
	const struct dirent *task;
	char name[32] = "";
	unsigned others = 0;

	assert_non_null(tasks);
	while ((task = readdir(tasks))) {
		if (*task->d_name == '.' || atoi(task->d_name) == getpid())
			continue;
		others++;
		if (!(blocked_by(task->d_name, name) >> (number - 1) & 1))
			fail_msg("thread %s (%s) does not block signal %d",
				 task->d_name, name, number);
	}
	(void)closedir(tasks);
	assert_true(others > 0);
}

static void children_and_signals_of_the_host_stay_its_own(void **state)
{
	struct sigaction mine = {.sa_handler = on_signal}, before;
	int status = 0;
	pid_t child;

	assert_int_equal(sigaction(SIGCHLD, &mine, &before), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(7);
	assert_survives_a_kill(*state);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), 7);
	assert_true(atomic_load(&sigchlds) > 0);
	assert_only_this_thread_hears(SIGUSR2);
	assert_int_equal(sigaction(SIGCHLD, &before, NULL), 0);
}

static void a_fork_of_the_host_leaves_the_runtime_to_the_parent(void **state)
{
	struct snp_runtime *rt = *state;
	int status = 0;
	pid_t child, worker = answering(rt);

	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		snp_runtime_destroy(&rt);
		_exit(rt == NULL ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(answering(rt), worker);
}

static atomic_bool logging;

static void *set_log(void *arg)
{
	(void)arg;
	while (atomic_load(&logging))
		snp_runtime_log(-1);
	return NULL;
}

/* Whatever another thread was in the middle of. */
static void a_fork_can_always_forget(void **state)
{
	struct snp_runtime *rt = *state;
	pthread_t thread;
	int status = 0;

	atomic_store(&logging, true);
	assert_int_equal(pthread_create(&thread, NULL, set_log, NULL), 0);
	for (int i = 0; i < 50 && status == 0; i++) {
		pid_t child = fork();

		assert_true(child >= 0);
		if (child == 0) {
			(void)alarm(TIMEOUT_MS / 1000);
			snp_runtime_destroy(&rt);
			_exit(0);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
	}
	atomic_store(&logging, false);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(status, 0);
}

/* ---- set-up -------------------------------------------------------------- */

static int set_up(void **state)
{
	char *config = configuration("shared", "");
	const struct snp_runtime_options options = {.config_text = config,
						    .programs = "build/bin"};
	struct snp_err err = {0};
	int rc;

	snp_runtime_log(-1);
	rc = snp_test_start(&options, &shared, &err);
	if (rc < 0)
		print_error("%s\n", err.msg);
	free(config);
	*state = shared.runtime;
	return rc;
}

static int tear_down(void **state)
{
	(void)state;
	return snp_test_stop(&shared); /* fails when something was left behind */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(execute_returns_what_the_tool_did),
	    cmocka_unit_test(execute_is_a_span_of_the_program_itself),
	    cmocka_unit_test(execute_counts_by_tool),
	    cmocka_unit_test(reply_names_the_kind_of_a_failure),
	    cmocka_unit_test(execute_refuses_what_cannot_be_sent),
	    cmocka_unit_test(execute_ends_with_its_deadline),
	    cmocka_unit_test(submit_replies_once_to_each),
	    cmocka_unit_test(stream_gives_chunks_until_it_is_ended),
	    cmocka_unit_test(stream_that_is_ended_last_of_all_is_cancelled_too),
	    cmocka_unit_test(create_refuses_a_bad_configuration),
	    cmocka_unit_test(requests_before_start_and_after_stop_are_refused),
	    cmocka_unit_test(requests_during_a_stop_have_an_end),
	    cmocka_unit_test(stop_is_cut_short_when_time_is_over),
	    cmocka_unit_test(two_runtimes_live_side_by_side),
	    cmocka_unit_test(workers_outlive_the_thread_that_made_the_runtime),
	    cmocka_unit_test(python_calls_tools_of_the_host),
	    cmocka_unit_test(a_host_that_ignores_sigchld_changes_nothing),
	    cmocka_unit_test(a_host_that_reaps_everything_changes_nothing),
	    cmocka_unit_test(children_and_signals_of_the_host_stay_its_own),
	    cmocka_unit_test(a_fork_of_the_host_leaves_the_runtime_to_the_parent),
	    cmocka_unit_test(a_fork_can_always_forget),
	};

	return cmocka_run_group_tests_name("embed", tests, set_up, tear_down);
}
