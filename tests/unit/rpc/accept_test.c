/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static struct temp_dir dir;
static char address[96];
#define PATH (address + 5)

static int accepted_fds[256];
static unsigned n_accepted;

static void keep_fd(void *user, int fd)
{
	(void)user;
	accepted_fds[n_accepted++] = fd;
}

static const struct rpc_listener_opts keep = {.on_connection = keep_fd};

static int set_up(void **state)
{
	(void)state;
	temp_dir_make(&dir);
	snprintf(address, sizeof(address), "unix:%s/sock", dir.path);
	n_accepted = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (unsigned i = 0; i < n_accepted; i++)
		close(accepted_fds[i]);
	temp_dir_remove(&dir);
	return 0;
}

static struct rpc_listener *create(const char *where,
				   const struct rpc_listener_opts *opts)
{
	struct rpc_listener *listener = NULL;
	struct snp_err err = {0};

	if (rpc_listener_create(where, opts, &listener, &err) < 0)
		fail_msg("%s", err.msg);
	return listener;
}

static int create_fails(const char *where, const char *text)
{
	struct rpc_listener *listener = NULL;
	struct snp_err err = {0};
	int rc = rpc_listener_create(where, &keep, &listener, &err);

	assert_true(rc < 0);
	assert_null(listener);
	if (!strstr(err.msg, text))
		fail_msg("\"%s\" does not say \"%s\"", err.msg, text);
	return rc;
}

static int connect_unix(const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strncpy(sun.sun_path, path, sizeof(sun.sun_path) - 1);
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* One turn of the owner's epoll. */
static void turn(struct rpc_listener *listener)
{
	struct pollfd pfd = {.fd = rpc_listener_fd(listener), .events = POLLIN};

	assert_int_equal(poll(&pfd, 1, WAIT_MS), 1);
	rpc_listener_on_readable(listener);
}

static struct rpc_listener_stats stats_of(const struct rpc_listener *listener)
{
	struct rpc_listener_stats stats;

	rpc_listener_stats(listener, &stats);
	return stats;
}

static bool is_closed_by_peer(int fd)
{
	char c;

	return read(fd, &c, 1) == 0;
}

/* ---- Unix paths ---------------------------------------------------------- */

static void unix_socket_is_private_and_leaves_nothing(void **state)
{
	struct rpc_listener *listener = create(address, &keep);
	struct stat st;
	char lock[128];
	int fd;

	(void)state;
	snprintf(lock, sizeof(lock), "%s.lock", PATH);
	assert_int_equal(stat(PATH, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(lock, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_string_equal(rpc_listener_address(listener), address);
	fd = connect_unix(PATH);
	assert_true(fd >= 0);
	turn(listener);
	assert_int_equal(n_accepted, 1);
	assert_true(fcntl(accepted_fds[0], F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(accepted_fds[0], F_GETFL) & O_NONBLOCK);
	rpc_listener_destroy(&listener);
	assert_null(listener);
	assert_int_equal(access(PATH, F_OK), -1);
	assert_int_equal(access(lock, F_OK), -1);
	/* the connection handed out lives on */
	assert_int_equal(write(accepted_fds[0], "x", 1), 1);
	close(fd);
}

static void unix_missing_directory_is_made_private(void **state)
{
	char where[128], made[128];
	struct rpc_listener *listener;
	struct stat st;

	(void)state;
	snprintf(made, sizeof(made), "%s/new", dir.path);
	snprintf(where, sizeof(where), "unix:%s/new/sock", dir.path);
	listener = create(where, &keep);
	assert_int_equal(stat(made, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	rpc_listener_destroy(&listener);
	assert_int_equal(rmdir(made), 0);
}

static void unix_directory_writable_by_others_is_refused(void **state)
{
	(void)state;
	assert_int_equal(chmod(dir.path, 0777), 0);
	assert_int_equal(create_fails(address, "writable by nobody else"), -EPERM);
	assert_int_equal(chmod(dir.path, 0750), 0);
	{
		struct rpc_listener *listener = create(address, &keep);

		rpc_listener_destroy(&listener);
	}
}

static void unix_live_path_is_not_stolen(void **state)
{
	struct rpc_listener *first = create(address, &keep);
	int fd;

	(void)state;
	assert_int_equal(create_fails(address, "another process"), -EADDRINUSE);
	fd = connect_unix(PATH); /* still the first one's */
	assert_true(fd >= 0);
	turn(first);
	assert_int_equal(n_accepted, 1);
	close(fd);
	rpc_listener_destroy(&first);
}

/* A program that knows nothing of lock files serves the path. */
static void unix_live_path_without_a_lock_is_not_stolen(void **state)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/sock", dir.path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(create_fails(address, "another process serves"), -EADDRINUSE);
	close(fd);
	/* now it is dead, and what it left is replaced */
	assert_int_equal(access(PATH, F_OK), 0);
	{
		struct rpc_listener *listener = create(address, &keep);

		fd = connect_unix(PATH);
		assert_true(fd >= 0);
		close(fd);
		rpc_listener_destroy(&listener);
	}
}

/* The lock file of a dead process is there, unlocked. */
static void unix_stale_lock_and_socket_are_taken_over(void **state)
{
	struct rpc_listener *listener;
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), lock_fd;
	char lock[128];

	(void)state;
	snprintf(lock, sizeof(lock), "%s.lock", PATH);
	lock_fd = open(lock, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	assert_true(lock_fd >= 0);
	close(lock_fd);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/sock", dir.path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	close(fd);
	listener = create(address, &keep);
	fd = connect_unix(PATH);
	assert_true(fd >= 0);
	close(fd);
	rpc_listener_destroy(&listener);
}

static void unix_foreign_file_is_left_alone(void **state)
{
	int fd = open(PATH, O_CREAT | O_RDWR | O_CLOEXEC, 0600);

	(void)state;
	assert_int_equal(write(fd, "precious", 8), 8);
	assert_int_equal(create_fails(address, "is not a socket"), -EEXIST);
	assert_int_equal(lseek(fd, 0, SEEK_END), 8);
	close(fd);
	assert_int_equal(unlink(PATH), 0);
}

static void malformed_addresses_are_refused(void **state)
{
	char longest[160];

	(void)state;
	assert_int_equal(create_fails("unix:relative", "absolute"), -EINVAL);
	assert_int_equal(create_fails("", "neither"), -EINVAL);
	assert_int_equal(create_fails("127.0.0.1", "neither"), -EINVAL);
	assert_int_equal(create_fails("127.0.0.1:", "neither"), -EINVAL);
	assert_int_equal(create_fails("127.0.0.1:http", "numeric"), -EINVAL);
	assert_int_equal(create_fails("example.org:80", "numeric"), -EINVAL);
	assert_int_equal(create_fails("0.0.0.0:0", "not a loopback"), -EINVAL);
	assert_int_equal(create_fails("[::]:0", "not a loopback"), -EINVAL);
	assert_int_equal(create_fails("192.0.2.1:0", "not a loopback"), -EINVAL);
	memset(longest, 'a', sizeof(longest));
	memcpy(longest, "unix:/", 6);
	longest[5 + RPC_UNIX_PATH_MAX + 1] = '\0';
	assert_int_equal(create_fails(longest, "107"), -EINVAL);
}

static void beyond_loopback_takes_a_listener_that_may(void **state)
{
	const struct rpc_listener_opts opts = {.reach = RPC_LISTEN_ANYWHERE};
	struct rpc_listener *listener = NULL;
	struct snp_err err = {0};

	(void)state;
	assert_int_equal(rpc_listener_check("0.0.0.0:80", RPC_LISTEN_LOOPBACK, &err),
			 -EINVAL);
	assert_int_equal(rpc_listener_check("0.0.0.0:80", RPC_LISTEN_ANYWHERE, &err),
			 0);
	assert_int_equal(rpc_listener_check("127.9.9.9:80", RPC_LISTEN_LOOPBACK, &err),
			 0);
	assert_int_equal(
	    rpc_listener_check("example.org:80", RPC_LISTEN_ANYWHERE, &err), -EINVAL);
	assert_int_equal(rpc_listener_check("unix:/x", RPC_LISTEN_LOOPBACK, &err), 0);
	assert_int_equal(rpc_listener_create("0.0.0.0:0", &opts, &listener, &err), 0);
	assert_true(strncmp(rpc_listener_address(listener), "0.0.0.0:", 8) == 0);
	rpc_listener_destroy(&listener);
}

static void unix_longest_path_works(void **state)
{
	struct rpc_listener *listener;
	char where[5 + RPC_UNIX_PATH_MAX + 1];
	size_t n = (size_t)snprintf(where, sizeof(where), "unix:%s/", dir.path);
	int fd;

	(void)state;
	memset(where + n, 'p', sizeof(where) - 1 - n);
	where[sizeof(where) - 1] = '\0';
	listener = create(where, &keep);
	fd = connect_unix(where + 5);
	assert_true(fd >= 0);
	close(fd);
	rpc_listener_destroy(&listener);
}

/* ---- TCP ----------------------------------------------------------------- */

static void tcp_reports_the_port_it_got(void **state)
{
	struct rpc_listener *listener = create("127.0.0.1:0", &keep);
	struct sockaddr_in sin = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), nodelay = 0;
	socklen_t len = sizeof(nodelay);
	unsigned port = 0;

	(void)state;
	assert_int_equal(sscanf(rpc_listener_address(listener), "127.0.0.1:%u", &port),
			 1);
	assert_true(port > 0);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sin.sin_port = htons((uint16_t)port);
	assert_int_equal(connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	turn(listener);
	assert_int_equal(n_accepted, 1);
	assert_int_equal(
	    getsockopt(accepted_fds[0], IPPROTO_TCP, TCP_NODELAY, &nodelay, &len), 0);
	assert_true(nodelay);
	assert_int_equal(create_fails(rpc_listener_address(listener), "cannot listen"),
			 -EADDRINUSE);
	close(fd);
	rpc_listener_destroy(&listener);
}

/* ---- Connections --------------------------------------------------------- */

static void connections_over_the_cap_are_closed_until_there_is_room(void **state)
{
	struct rpc_listener_opts opts = {.on_connection = keep_fd,
					 .max_connections = 3};
	struct rpc_listener *listener = create(address, &opts);
	int fds[5];

	(void)state;
	for (int i = 0; i < 5; i++)
		fds[i] = connect_unix(PATH);
	while (stats_of(listener).accepted + stats_of(listener).refused_cap < 5)
		turn(listener);
	assert_int_equal(stats_of(listener).accepted, 3);
	assert_int_equal(stats_of(listener).refused_cap, 2);
	assert_int_equal(stats_of(listener).live, 3);
	assert_true(is_closed_by_peer(fds[3]));
	assert_true(is_closed_by_peer(fds[4]));

	close(fds[0]); /* the client goes: there is room again */
	while (stats_of(listener).live == 3)
		turn(listener);
	close(fds[3]);
	fds[3] = connect_unix(PATH);
	while (stats_of(listener).accepted < 4)
		turn(listener);
	assert_int_equal(stats_of(listener).live, 3);
	for (int i = 1; i < 5; i++)
		close(fds[i]);
	rpc_listener_destroy(&listener);
}

/* What gRPC does at the end of a connection: our duplicate must not keep it open. */
static void shutdown_by_the_server_reaches_the_client_and_is_counted(void **state)
{
	struct rpc_listener *listener = create(address, &keep);
	int fd = connect_unix(PATH);

	(void)state;
	while (n_accepted == 0)
		turn(listener);
	assert_int_equal(shutdown(accepted_fds[0], SHUT_RDWR), 0);
	close(accepted_fds[0]);
	n_accepted = 0;
	assert_true(is_closed_by_peer(fd));
	while (stats_of(listener).live > 0)
		turn(listener);
	close(fd);
	rpc_listener_destroy(&listener);
}

static void idle_listener_is_not_readable(void **state)
{
	struct rpc_listener *listener = create(address, &keep);
	struct pollfd pfd = {.fd = rpc_listener_fd(listener), .events = POLLIN};

	(void)state;
	assert_int_equal(poll(&pfd, 1, 0), 0);
	rpc_listener_on_readable(listener); /* harmless */
	assert_int_equal(n_accepted, 0);
	rpc_listener_destroy(&listener);
}

static void create_and_destroy_leaves_no_descriptor(void **state)
{
	int before = open("/dev/null", O_RDONLY | O_CLOEXEC), after;

	(void)state;
	close(before);
	for (int i = 0; i < 50; i++) {
		struct rpc_listener *listener = create(address, &keep);
		int fd = connect_unix(PATH);

		turn(listener);
		close(fd);
		rpc_listener_destroy(&listener);
		close(accepted_fds[--n_accepted]);
		(void)create_fails("unix:relative", "absolute");
	}
	after = open("/dev/null", O_RDONLY | O_CLOEXEC);
	close(after);
	assert_int_equal(after, before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define ACCEPT_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    ACCEPT_TEST(unix_socket_is_private_and_leaves_nothing),
	    ACCEPT_TEST(unix_missing_directory_is_made_private),
	    ACCEPT_TEST(unix_directory_writable_by_others_is_refused),
	    ACCEPT_TEST(unix_live_path_is_not_stolen),
	    ACCEPT_TEST(unix_live_path_without_a_lock_is_not_stolen),
	    ACCEPT_TEST(unix_stale_lock_and_socket_are_taken_over),
	    ACCEPT_TEST(unix_foreign_file_is_left_alone),
	    ACCEPT_TEST(unix_longest_path_works),
	    ACCEPT_TEST(malformed_addresses_are_refused),
	    ACCEPT_TEST(beyond_loopback_takes_a_listener_that_may),
	    ACCEPT_TEST(tcp_reports_the_port_it_got),
	    ACCEPT_TEST(connections_over_the_cap_are_closed_until_there_is_room),
	    ACCEPT_TEST(shutdown_by_the_server_reaches_the_client_and_is_counted),
	    ACCEPT_TEST(idle_listener_is_not_readable),
	    ACCEPT_TEST(create_and_destroy_leaves_no_descriptor),
	};

	return cmocka_run_group_tests_name("rpc/accept", tests, NULL, NULL);
}
