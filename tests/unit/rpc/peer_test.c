/* SPDX-License-Identifier: Apache-2.0 */
/* Peers that are absent, mute, killed, stopped or out of descriptors; and stress. */
#include "rpc_world.h"

#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

/* ---- Lost and absent peers ----------------------------------------------- */

static void never_sent_is_set_when_nobody_listens(void **state)
{
	struct rpc_channel *channel = NULL;
	char address[160];
	struct reply r;
	struct rpc_call_args args;
	struct rpc_buf *request = rpc_buf_from_bytes("x", 1);
	const char *targets[2] = {address, "127.0.0.1:1"};

	(void)state;
	snprintf(address, sizeof(address), "unix:%s/nobody", world.dir.path);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(rpc_channel_create(targets[i], NULL, &channel, NULL),
				 0);
		args = args_for(ECHO, request, &r);
		args.channel = channel;
		start(&args, &r);
		finish(&r);
		assert_int_equal(r.status.code, RPC_UNAVAILABLE);
		assert_true(r.status.never_sent);
		rpc_channel_destroy(&channel);
	}
	rpc_buf_unref(request);
}

static void wait_for_ready_waits_until_the_deadline(void **state)
{
	struct rpc_channel *channel = NULL;
	struct rpc_buf *request = rpc_buf_from_bytes("x", 1);
	struct reply r;
	struct rpc_call_args args;

	(void)state;
	assert_int_equal(rpc_channel_create("127.0.0.1:1", NULL, &channel, NULL), 0);
	args = args_for(ECHO, request, &r);
	args.channel = channel;
	args.flags = RPC_CALL_WAIT_FOR_READY;
	args.deadline = snp_mono_add_ms(snp_mono_now(), 150);
	start(&args, &r);
	finish(&r);
	assert_int_equal(r.status.code, RPC_DEADLINE_EXCEEDED);
	assert_false(r.status.never_sent);
	rpc_channel_destroy(&channel);
	rpc_buf_unref(request);
}

static void mute_peer_fails_after_the_connect_timeout(void **state)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	const struct rpc_channel_opts opts = {.connect_timeout_ms = 200};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct rpc_channel *channel = NULL;
	char address[160];
	struct reply r;
	struct rpc_call_args args;
	struct rpc_buf *request = rpc_buf_from_bytes("x", 1);
	snp_mono_t before = snp_mono_now();

	(void)state;
	/* the kernel connects, nobody ever speaks */
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/mute", world.dir.path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(fd, 8), 0);
	snprintf(address, sizeof(address), "unix:%s", sun.sun_path);
	assert_int_equal(rpc_channel_create(address, &opts, &channel, NULL), 0);
	args = args_for(ECHO, request, &r);
	args.channel = channel;
	start(&args, &r);
	finish(&r);
	assert_int_equal(r.status.code, RPC_UNAVAILABLE);
	assert_true(r.status.never_sent);
	assert_true(snp_mono_since_ns(snp_mono_now(), before) < 10 * SNP_NS_PER_S);
	rpc_channel_destroy(&channel);
	rpc_buf_unref(request);
	close(fd);
	unlink(sun.sun_path);
}

static void channel_create_refuses_malformed_targets(void **state)
{
	static const char *const bad[] = {
	    "", "nohost", ":80", "host:", "h:p", "unix:rel", "host:80x", "unix:"};
	struct rpc_channel *channel = NULL;
	struct snp_err err;
	char path[256];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(rpc_channel_create(bad[i], NULL, &channel, &err),
				 -EINVAL);
	memset(path, 'a', sizeof(path));
	memcpy(path, "unix:/", 6);
	path[5 + RPC_UNIX_PATH_MAX + 1] = '\0';
	assert_int_equal(rpc_channel_create(path, NULL, &channel, &err), -EINVAL);
	assert_null(channel);
}

/* ---- A server in a child process, killed in the middle of a call --------- */

extern char **environ;

static pid_t spawn_child_server(const char *address)
{
	char *argv[] = {(char *)(uintptr_t) "call_test", (char *)(uintptr_t) "--serve",
			(char *)(uintptr_t)address, NULL};
	pid_t pid;

	assert_int_equal(posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ),
			 0);
	return pid;
}

/* Body of the child: serve Hang until killed. */
__attribute__((noreturn)) static int serve_until_killed(const char *address)
{
	snprintf(world.address, sizeof(world.address), "%s", address);
	start_server();
	for (;;)
		pause();
}

static void killed_peer_ends_each_call_once_with_unavailable(void **state)
{
	struct rpc_channel *channel = NULL;
	char address[128], lock[128];
	const char *path = address + strlen("unix:");
	struct rpc_buf *request = rpc_buf_from_bytes("x", 1);
	struct reply unary, stream, ready;
	struct rpc_call_args args;
	pid_t pid;

	(void)state;
	snprintf(lock, sizeof(lock), "%s/child.lock", world.dir.path);
	snprintf(address, sizeof(address), "unix:%s/child", world.dir.path);
	pid = spawn_child_server(address);
	assert_int_equal(rpc_channel_create(address, NULL, &channel, NULL), 0);

	args = args_for(ECHO, request, &ready);
	args.channel = channel;
	args.flags = RPC_CALL_WAIT_FOR_READY;
	args.deadline = snp_mono_add_ms(snp_mono_now(), WAIT_MS);
	start(&args, &ready);
	finish(&ready);
	assert_int_equal(ready.status.code, RPC_OK);

	args = args_for(HANG, request, &unary);
	args.channel = channel;
	start(&args, &unary);
	args = args_for(FLOOD, request, &stream);
	args.channel = channel;
	args.flags = RPC_CALL_SERVER_STREAM;
	start(&args, &stream);
	latch_wait(&stream.messages, 1); /* it is in the middle of it */
	assert_int_equal(kill(pid, SIGKILL), 0);
	finish(&unary);
	finish(&stream);
	assert_int_equal(unary.status.code, RPC_UNAVAILABLE);
	assert_int_equal(stream.status.code, RPC_UNAVAILABLE);
	assert_false(unary.status.never_sent); /* it may have had effects */

	assert_int_equal(waitpid(pid, NULL, 0), pid);
	rpc_channel_destroy(&channel);
	rpc_buf_unref(request);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(unlink(lock), 0);
}

/* ---- Connections: descriptors, restart ----------------------------------- */

static void server_survives_running_out_of_descriptors(void **state)
{
	struct rlimit old, low;
	struct rpc_listener_stats stats;
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fds[64], n = 0, probe;
	struct reply r;

	(void)state;
	call_text(ECHO, "before", &r);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/s", world.dir.path);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	for (; n < 64; n++) {
		fds[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_true(fds[n] >= 0);
	}
	/* nothing above the highest descriptor in use, so accept has none to give */
	probe = fds[63];
	low = (struct rlimit){.rlim_cur = (rlim_t)probe + 1, .rlim_max = old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	for (int i = 0; i < n; i++)
		assert_int_equal(connect(fds[i], (struct sockaddr *)&sun, sizeof(sun)),
				 0);
	do {
		rpc_listener_stats(world.acceptor.listener, &stats);
	} while (stats.pauses == 0);
	for (int i = 0; i < n; i++)
		close(fds[i]);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);

	/* a new connection is served, and the dead ones are counted out */
	rpc_channel_destroy(&world.channel);
	assert_int_equal(rpc_channel_create(world.address, NULL, &world.channel, NULL),
			 0);
	call_text(ECHO, "after", &r);
	assert_int_equal(r.status.code, RPC_OK);
	do {
		rpc_listener_stats(world.acceptor.listener, &stats);
	} while (stats.live != 1);
}

static void server_serves_again_after_a_restart(void **state)
{
	struct reply r;

	(void)state;
	for (int i = 0; i < 5; i++) {
		/* A call that fails fast may still meet the failure before. */
		call_text_with(ECHO, "hi", RPC_CALL_WAIT_FOR_READY, &r);
		assert_int_equal(r.status.code, RPC_OK);
		stop_server();
		call_text(ECHO, "hi", &r);
		assert_int_equal(r.status.code, RPC_UNAVAILABLE);
		start_server();
		rpc_channel_reset_backoff(world.channel);
	}
}

static void shutdown_cancels_what_outlives_the_grace(void **state)
{
	struct rpc_buf *request = rpc_buf_from_bytes("x", 1);
	struct reply r;
	struct rpc_call_args args = args_for(HANG, request, &r);

	(void)state;
	start(&args, &r);
	rpc_buf_unref(request);
	wait_until(atomic_load(&world.handled) == 1);
	stop_server(); /* returns only when every call is gone */
	assert_int_equal(world.cancelled, 1);
	finish(&r);
	assert_int_equal(r.status.code, RPC_UNAVAILABLE);
	start_server();
}

static void count_stopped(void *user)
{
	atomic_fetch_add((atomic_uint *)user, 1);
}

/* The connection is gone, the call is not: its last batch needs the loops. */
static void server_outlives_a_call_that_outlived_its_connection(void **state)
{
	struct rpc_buf *request = rpc_buf_from_bytes("x", 1);
	struct reply r;
	struct rpc_call_args args = args_for(KEEP, request, &r);
	atomic_uint stopped = 0;

	(void)state;
	start(&args, &r);
	rpc_buf_unref(request);
	wait_until(atomic_load(&world.handled) == 1);
	rpc_call_cancel(r.call);
	finish(&r);
	rpc_channel_destroy(&world.channel);
	wait_until(atomic_load(&world.cancelled) == 1);
	acceptor_stop(&world.acceptor);
	rpc_server_shutdown(world.server, 0, count_stopped, &stopped);
	/* Time for a server that would not wait, to say so. */
	for (int i = 0; i < 100 && !atomic_load(&stopped); i++)
		usleep(1000);
	assert_int_equal(stopped, 0);
	rpc_server_call_finish(world.kept, NULL, RPC_CANCELLED, NULL);
	wait_until(atomic_load(&stopped) == 1);
	assert_int_equal(world.done, 1);
	rpc_server_destroy(&world.server);
	for (int i = 0; i < 2; i++)
		rpc_loop_destroy(&world.server_loops[i]);
	start_server();
	assert_int_equal(rpc_channel_create(world.address, NULL, &world.channel, NULL),
			 0);
}

static void create_and_destroy_fifty_times_leaves_nothing(void **state)
{
	struct reply r;

	(void)state;
	for (int i = 0; i < 50; i++) {
		struct rpc_server *unstarted = NULL;

		assert_int_equal(rpc_server_create(NULL, &unstarted, NULL), 0);
		rpc_server_destroy(&unstarted);
		rpc_channel_destroy(&world.channel);
		stop_server();
		start_server();
		assert_int_equal(
		    rpc_channel_create(world.address, NULL, &world.channel, NULL), 0);
		call_text(ECHO, "x", &r);
		assert_int_equal(r.status.code, RPC_OK);
	}
}

/* ---- Stress: random cancels ---------------------------------------------- */

#define STRESS_CALLS  4000
#define STRESS_WINDOW 32

struct stress {
	atomic_uint in_flight, done, bad;
	struct latch over;
};

struct stress_call {
	struct stress *stress;
	atomic_uint dones;
};

static void stress_message(struct rpc_call *call, struct rpc_buf *message)
{
	(void)message;
	rpc_call_read_more(call);
}

static void stress_done(struct rpc_call *call, const struct rpc_status *status)
{
	struct stress_call *s = rpc_call_user(call);

	if (atomic_fetch_add(&s->dones, 1) != 0)
		atomic_fetch_add(&s->stress->bad, 1);
	if (status->code != RPC_OK && status->code != RPC_CANCELLED &&
	    status->code != RPC_DEADLINE_EXCEEDED)
		atomic_fetch_add(&s->stress->bad, 1);
	atomic_fetch_sub(&s->stress->in_flight, 1);
	if (atomic_fetch_add(&s->stress->done, 1) + 1 == STRESS_CALLS)
		latch_up(&s->stress->over);
}

static void unary_stress_message(struct rpc_call *call, struct rpc_buf *message)
{
	(void)call;
	(void)message;
}

static void random_cancels_lose_and_double_nothing(void **state)
{
	static const struct rpc_call_ops stream_ops = {.on_message = stress_message,
						       .on_done = stress_done};
	static const struct rpc_call_ops unary_ops = {
	    .on_message = unary_stress_message, .on_done = stress_done};
	static const char *const methods[] = {ECHO, HANG, ELSEWHERE, STREAM, FLOOD};
	struct stress stress = {.over = LATCH_INIT};
	struct stress_call *calls = calloc(STRESS_CALLS, sizeof(*calls));
	struct rpc_call *handles[STRESS_WINDOW] = {NULL};
	unsigned count = 20, seed = 7;
	struct rpc_buf *request = rpc_buf_from_bytes(&count, sizeof(count));

	(void)state;
	for (unsigned i = 0; i < STRESS_CALLS; i++) {
		unsigned pick = (unsigned)rand_r(&seed) % 5, slot = i % STRESS_WINDOW;
		struct rpc_call_args args = {
		    .channel = world.channel,
		    .loop = world.client_loop,
		    .method = methods[pick],
		    .request = request,
		    .flags = pick >= 3 ? RPC_CALL_SERVER_STREAM : RPC_CALL_UNARY,
		    .ops = pick >= 3 ? &stream_ops : &unary_ops,
		    .deadline = snp_mono_add_ms(snp_mono_now(),
						1 + (uint64_t)(rand_r(&seed) % 100)),
		    .user = &calls[i],
		};

		calls[i].stress = &stress;
		if (handles[slot]) {
			rpc_call_cancel(handles[slot]);
			rpc_call_unref(handles[slot]);
		}
		atomic_fetch_add(&stress.in_flight, 1);
		assert_int_equal(rpc_call_start(&args, &handles[slot]), 0);
		if (rand_r(&seed) % 4 == 0)
			rpc_call_cancel(handles[slot]);
	}
	for (unsigned i = 0; i < STRESS_WINDOW; i++) {
		rpc_call_cancel(handles[i]);
		rpc_call_unref(handles[i]);
	}
	latch_wait(&stress.over, 1);
	assert_int_equal(stress.bad, 0);
	assert_int_equal(stress.in_flight, 0);
	for (unsigned i = 0; i < STRESS_CALLS; i++)
		assert_int_equal(calls[i].dones, 1);
	free(calls);
	rpc_buf_unref(request);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define CALL_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    CALL_TEST(never_sent_is_set_when_nobody_listens),
	    CALL_TEST(wait_for_ready_waits_until_the_deadline),
	    CALL_TEST(mute_peer_fails_after_the_connect_timeout),
	    CALL_TEST(channel_create_refuses_malformed_targets),
	    CALL_TEST(killed_peer_ends_each_call_once_with_unavailable),
	    CALL_TEST(server_survives_running_out_of_descriptors),
	    CALL_TEST(server_serves_again_after_a_restart),
	    CALL_TEST(shutdown_cancels_what_outlives_the_grace),
	    CALL_TEST(server_outlives_a_call_that_outlived_its_connection),
	    CALL_TEST(create_and_destroy_fifty_times_leaves_nothing),
	    CALL_TEST(random_cancels_lose_and_double_nothing),
	};
	int failed;

	rpc_init(log_to_stderr);
	if (argc == 3 && strcmp(argv[1], "--serve") == 0)
		return serve_until_killed(argv[2]);
	failed = cmocka_run_group_tests_name("rpc/peer", tests, NULL, NULL);
	rpc_shutdown();
	return failed;
}
