/* SPDX-License-Identifier: Apache-2.0 */
/*
 * standin_hub.c - answers for all stand-in workers (standin_worker.c) of a test: it
 * listens on each address that a worker names, and serves heartbeats and unary calls,
 * whose result is null.
 *
 *   standin_hub PATH     prints "ready" when it can be asked; ends with its stdin
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "rpc/loop.h"
#include "rpc/messages.h"
#include "rpc/server.h"

#define PATH_BYTES 108

static struct rpc_server *server;
static int control_fd, epoll_fd;

static void die(const char *what)
{
	(void)fprintf(stderr, "standin_hub: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- calls ----------------------------------------------------------------- */

static void on_heartbeat(struct rpc_server_call *call, struct rpc_buf *request,
			 void *user)
{
	const struct rpc_heartbeat_response pong = {.server_time = snp_wall_now(),
						    .session = RPC_SESSION_VALID};
	struct rpc_buf *buf = NULL;

	(void)request;
	(void)user;
	if (rpc_bridge_encode_heartbeat_response(&pong, &buf) < 0)
		die("encode");
	rpc_server_call_finish(call, buf, RPC_OK, NULL);
	rpc_buf_unref(buf);
}

static void on_execute(struct rpc_server_call *call, struct rpc_buf *request,
		       void *user)
{
	const struct rpc_execute_response answer = {.outcome = RPC_OUTCOME_RESULT,
						    .result_json = {"null", 4}};
	struct rpc_buf *buf = NULL;

	(void)request;
	(void)user;
	if (rpc_bridge_encode_execute_response(&answer, &buf) < 0)
		die("encode");
	rpc_server_call_finish(call, buf, RPC_OK, NULL);
	rpc_buf_unref(buf);
}

static void start_server(void)
{
	struct snp_err err = {0};
	struct rpc_loop *loop = NULL;

	rpc_init(NULL);
	if (rpc_loop_create("hub", NULL, NULL, &loop, &err) < 0 ||
	    rpc_server_create(NULL, &server, &err) < 0 ||
	    rpc_server_method(server, RPC_METHOD_BRIDGE_HEARTBEAT, on_heartbeat, NULL) <
		0 ||
	    rpc_server_method(server, RPC_METHOD_BRIDGE_EXECUTE, on_execute, NULL) <
		0 ||
	    rpc_server_start(server, &loop, 1, &err) < 0)
		die(err.msg);
}

/* ---- sockets --------------------------------------------------------------- */

static int listen_at(const char *path, int type)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct epoll_event event = {.events = EPOLLIN};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	event.data.fd = fd;
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(fd, SOMAXCONN) < 0 ||
	    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		die(path);
	return fd;
}

/* A worker says where it wants to be served. */
static void on_control(int fd)
{
	char path[PATH_BYTES] = "";

	(void)fcntl(fd, F_SETFL, 0);
	if (recv(fd, path, sizeof(path) - 1, 0) > 0) {
		(void)listen_at(path, SOCK_STREAM);
		(void)send(fd, "", 1, MSG_NOSIGNAL);
	}
	close(fd);
}

/* Workers come and go: their listeners stay, a new one has a new address. */
static void on_event(int fd)
{
	int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (peer < 0)
		return;
	if (fd == control_fd)
		on_control(peer);
	else
		(void)rpc_server_add_fd(server, peer);
}

int main(int argc, char **argv)
{
	struct rlimit files;
	struct epoll_event event = {.events = EPOLLIN, .data.fd = STDIN_FILENO};

	if (argc != 2)
		die("usage: standin_hub PATH");
	(void)getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files);
	start_server();
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &event) < 0)
		die("stdin");
	control_fd = listen_at(argv[1], SOCK_SEQPACKET);
	(void)puts("ready");
	(void)fflush(stdout);
	for (;;) {
		if (epoll_wait(epoll_fd, &event, 1, -1) < 1)
			continue;
		if (event.data.fd == STDIN_FILENO)
			break;
		on_event(event.data.fd);
	}
	/* No farewell to the connections: it ends as a worker does. */
	_exit(0);
}
