/* SPDX-License-Identifier: Apache-2.0 */
/* What a service manager hears, over a socket that we hold in its place. */
#include "snp_test.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "core/notify.h"

#define MS UINT64_C(1000000)

static struct notify notify;
static int manager = -1;
static char dir[64];

static void listen_on(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len = strlen(name);

	memcpy(address.sun_path, name, len);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(manager >= 0);
	assert_int_equal(
	    bind(manager, (struct sockaddr *)&address,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
	    0);
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
}

/* The next datagram, "" if there is none. */
static const char *heard(void)
{
	static char text[512];
	ssize_t n = recv(manager, text, sizeof(text) - 1, 0);

	if (n < 0)
		assert_int_equal(errno, EAGAIN);
	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static void turn(uint64_t ms, bool serving, uint32_t ready)
{
	const struct notify_state state = {
	    .serving = serving, .workers_ready = ready, .workers_wanted = 2};

	notify_turn(&notify, &state, (snp_mono_t){ms * MS});
}

static int set_up(void **state)
{
	(void)state;
	snp_test_tmpdir_make(dir, sizeof(dir));
	(void)unsetenv("NOTIFY_SOCKET");
	(void)unsetenv("WATCHDOG_USEC");
	(void)unsetenv("WATCHDOG_PID");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	notify_close(&notify);
	if (manager >= 0)
		close(manager);
	manager = -1;
	snp_test_tmpdir_remove(dir);
	return 0;
}

static void open_says_ready_once_when_every_pool_serves(void **state)
{
	char path[80], ready[64];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/notify", dir);
	listen_on(path);
	assert_int_equal(notify_open(&notify, NULL), 0);
	/* Workers do not inherit it. */
	assert_null(getenv("NOTIFY_SOCKET"));
	turn(1, false, 0);
	assert_string_equal(heard(), "STATUS=0 of 2 workers ready\n");
	turn(2, false, 1);
	assert_string_equal(heard(), "STATUS=1 of 2 workers ready\n");
	turn(3, true, 2);
	assert_string_equal(heard(), "STATUS=2 of 2 workers ready\n");
	(void)snprintf(ready, sizeof(ready), "READY=1\nMAINPID=%d\n", (int)getpid());
	assert_string_equal(heard(), ready);
	turn(4, true, 2);
	turn(5, false, 2);
	assert_string_equal(heard(), "");
	assert_int_equal(notify_next(&notify).ns, UINT64_MAX);
}

static void open_on_an_abstract_socket_reloads_and_stops(void **state)
{
	char name[64];

	(void)state;
	(void)snprintf(name, sizeof(name), "@snp-notify-%d", (int)getpid());
	listen_on(name);
	assert_int_equal(notify_open(&notify, NULL), 0);
	notify_reloading(&notify, (snp_mono_t){7 * MS});
	notify_reloaded(&notify);
	assert_string_equal(heard(), ""); /* not before it was ready */
	turn(1, true, 0);
	(void)heard();
	(void)heard();
	notify_reloading(&notify, (snp_mono_t){7 * MS});
	assert_string_equal(heard(), "RELOADING=1\nMONOTONIC_USEC=7000\n");
	notify_reloaded(&notify);
	assert_string_equal(heard(), "READY=1\n");
	notify_stopping(&notify, 9);
	assert_string_equal(heard(),
			    "STOPPING=1\nSTATUS=stopping\nEXTEND_TIMEOUT_USEC=9000\n");
}

static void turn_gives_signs_of_life_at_half_the_watchdogs_time(void **state)
{
	char name[64], pid[16];

	(void)state;
	(void)snprintf(name, sizeof(name), "@snp-notify-%d", (int)getpid());
	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	listen_on(name);
	assert_int_equal(setenv("WATCHDOG_USEC", "100000", 1), 0);
	assert_int_equal(setenv("WATCHDOG_PID", pid, 1), 0);
	assert_int_equal(notify_open(&notify, NULL), 0);
	notify_turn(&notify, NULL, (snp_mono_t){1000 * MS});
	assert_string_equal(heard(), "WATCHDOG=1\n");
	assert_int_equal(notify_next(&notify).ns, 1050 * MS);
	notify_turn(&notify, NULL, (snp_mono_t){1049 * MS});
	assert_string_equal(heard(), "");
	notify_turn(&notify, NULL, (snp_mono_t){1050 * MS});
	assert_string_equal(heard(), "WATCHDOG=1\n");
}

static void open_ignores_a_watchdog_of_another_process(void **state)
{
	char name[64];

	(void)state;
	(void)snprintf(name, sizeof(name), "@snp-notify-%d", (int)getpid());
	listen_on(name);
	assert_int_equal(setenv("WATCHDOG_USEC", "100000", 1), 0);
	assert_int_equal(setenv("WATCHDOG_PID", "1", 1), 0);
	assert_int_equal(notify_open(&notify, NULL), 0);
	assert_int_equal(notify_next(&notify).ns, UINT64_MAX);
}

static void ready_is_said_again_until_it_is_heard(void **state)
{
	char name[64];

	(void)state;
	(void)snprintf(name, sizeof(name), "@snp-notify-%d", (int)getpid());
	listen_on(name);
	assert_int_equal(notify_open(&notify, NULL), 0);
	errno = 0;
	for (uint32_t i = 1; errno != EAGAIN && i < 100000; i++)
		turn(1, false, i);
	assert_int_equal(errno, EAGAIN); /* its queue is full */
	turn(1, true, 0);
	while (*heard())
		;
	turn(2, true, 0);
	assert_memory_equal(heard(), "READY=1\n", 8);
}

static void without_a_socket_nothing_happens(void **state)
{
	(void)state;
	assert_int_equal(notify_open(&notify, NULL), 0);
	turn(1, true, 2);
	notify_stopping(&notify, 1);
	assert_int_equal(notify_next(&notify).ns, UINT64_MAX);
	notify_turn(NULL, NULL, (snp_mono_t){1});
	assert_int_equal(notify_next(NULL).ns, UINT64_MAX);
}

static void open_refuses_what_makes_no_sense(void **state)
{
	static const struct {
		const char *socket, *watchdog, *message;
	} rows[] = {
	    {"relative", NULL,
	     "NOTIFY_SOCKET=relative: expected /path or @name of a unix socket"},
	    {"@", NULL, "NOTIFY_SOCKET=@: expected /path or @name of a unix socket"},
	    {"/x", "-5", "WATCHDOG_USEC=-5: expected a number"},
	    {"/x", "5s", "WATCHDOG_USEC=5s: expected a number"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct snp_err err = {0};

		assert_int_equal(setenv("NOTIFY_SOCKET", rows[i].socket, 1), 0);
		if (rows[i].watchdog)
			assert_int_equal(setenv("WATCHDOG_USEC", rows[i].watchdog, 1),
					 0);
		assert_int_equal(notify_open(&notify, &err), -EINVAL);
		assert_string_equal(err.msg, rows[i].message);
		assert_int_equal(notify.fd, -1);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(open_says_ready_once_when_every_pool_serves),
	    TEST(open_on_an_abstract_socket_reloads_and_stops),
	    TEST(turn_gives_signs_of_life_at_half_the_watchdogs_time),
	    TEST(open_ignores_a_watchdog_of_another_process),
	    TEST(ready_is_said_again_until_it_is_heard),
	    TEST(without_a_socket_nothing_happens),
	    TEST(open_refuses_what_makes_no_sense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
