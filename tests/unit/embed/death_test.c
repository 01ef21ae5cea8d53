/* SPDX-License-Identifier: Apache-2.0 */
/* A host is killed, and a child that it forked lives on: nothing of the runtime does.
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
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

#define CONFIG                                                                         \
	"instance: mortal\n"                                                           \
	"pools:\n"                                                                     \
	"  - name: default\n"                                                          \
	"    adapter: fault_adapter.FaultAdapter\n"                                    \
	"    workers: 1\n"                                                             \
	"    queue: {timeout_ms: 120000}\n"                                            \
	"    pythonpath: [tests/integration/adapters]\n"
#define TIMEOUT_MS 120000 /* a worker may be slow to start */

static char dir[] = "/dev/shm/snp-death-XXXXXX";

/* A running runtime's worker, through `tool`; 0: it did not work. */
static pid_t start(struct snp_runtime **ret_rt)
{
	const struct snp_runtime_options options = {.config_text = CONFIG,
						    .programs = "build/bin"};
	const struct snp_request request = {.tool = "echo", .timeout_ms = TIMEOUT_MS};
	struct snp_reply *reply = NULL;
	struct snp_err err = {0};
	const char *at = NULL;
	pid_t pid = 0;

	if (snp_runtime_create(&options, ret_rt, &err) < 0 ||
	    snp_runtime_start(*ret_rt, &err) < 0 ||
	    snp_runtime_execute(*ret_rt, &request, &reply, &err) < 0)
		print_error("%s\n", err.msg);
	if (reply)
		at = strstr(reply->result_json, "\"pid\":");
	if (at)
		pid = (pid_t)strtol(at + strlen("\"pid\":"), NULL, 10);
	snp_reply_destroy(&reply);
	return pid;
}

struct news {
	pid_t worker, child;
};

/* The host: it has a runtime, and a child that does nothing but live. The child says so
 * itself: until it has run, it has had no chance to let go of what it has copies of. */
static void be_host(int out, int keep)
{
	struct snp_runtime *rt = NULL;
	struct news news = {.worker = start(&rt)};
	char byte;

	if (fork() == 0) {
		news.child = getpid();
		(void)!write(out, &news, sizeof(news));
		(void)close(out);
		(void)!read(keep, &byte, 1); /* until the test is over */
		_exit(0);
	}
	for (;;)
		(void)pause();
}

static int is_alive(pid_t pid)
{
	char path[32], state = 'X';
	FILE *stat;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	stat = fopen(path, "r");
	if (!stat)
		return 0;
	if (fscanf(stat, "%*d (%*[^)]) %c", &state) != 1)
		state = 'X';
	(void)fclose(stat);
	return state != 'Z' && state != 'X';
}

static void assert_gone(pid_t pid)
{
	snp_mono_t end = snp_mono_add_ms(snp_mono_now(), TIMEOUT_MS);

	while (is_alive(pid)) {
		assert_true(snp_mono_now().ns < end.ns);
		(void)usleep(1000);
	}
}

static void a_childs_copies_keep_nothing_of_a_killed_host_alive(void **state)
{
	struct snp_runtime *rt = NULL;
	struct news news = {0};
	int out[2], keep[2];
	pid_t host;

	(void)state;
	assert_int_equal(pipe(out), 0);
	assert_int_equal(pipe(keep), 0);
	host = fork();
	assert_true(host >= 0);
	if (host == 0) {
		(void)close(keep[1]);
		be_host(out[1], keep[0]);
	}
	assert_int_equal(read(out[0], &news, sizeof(news)), (ssize_t)sizeof(news));
	assert_true(news.worker > 0);
	assert_int_equal(kill(host, SIGKILL), 0);
	assert_int_equal(waitpid(host, NULL, 0), host);
	assert_gone(news.worker);
	assert_true(is_alive(news.child));
	assert_true(start(&rt) > 0); /* nobody holds the instance's lock */
	snp_runtime_destroy(&rt);
	(void)close(keep[1]);
	assert_gone(news.child);
}

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(dir) && setenv("SNAKEPIT_DIR", dir, 1) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	char path[64];

	(void)state;
	/* What the killed one showed last is kept for who asks why. */
	(void)snprintf(path, sizeof(path), "%s/mortal.prev.seg", dir);
	if (unlink(path) < 0)
		return -1;
	return rmdir(dir); /* fails when something else was left behind */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_childs_copies_keep_nothing_of_a_killed_host_alive),
	};

	return cmocka_run_group_tests_name("embed/death", tests, set_up, tear_down);
}
