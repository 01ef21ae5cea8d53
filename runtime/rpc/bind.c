/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who owns a unix path is decided by a lock file beside it, because the socket itself
 * cannot tell a dead owner from a live one without a race. The lock file is removed at
 * the end; so whoever locks one checks that what it locked is still what the name
 * means.
 */
#include "bind.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "snakepit/check.h"

#define BACKLOG	       512
#define LOCK_SUFFIX    ".lock"
#define LOCK_PATH_SIZE (RPC_UNIX_PATH_MAX + sizeof(LOCK_SUFFIX))

static void close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

/* ---- Unix ---------------------------------------------------------------- */

static int check_directory(const char *path, struct snp_err *err)
{
	char dir[RPC_UNIX_PATH_MAX + 1];
	size_t len = (size_t)(strrchr(path, '/') - path);
	struct stat st;

	if (len == 0)
		len = 1; /* the root itself */
	memcpy(dir, path, len);
	dir[len] = '\0';
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return snp_err_errno(err, "cannot make directory \"%s\"", dir);
	if (stat(dir, &st) < 0)
		return snp_err_errno(err, "cannot examine directory \"%s\"", dir);
	if (!S_ISDIR(st.st_mode))
		return snp_err_set(err, -ENOTDIR, "\"%s\" is not a directory", dir);
	if ((st.st_uid != geteuid() && st.st_uid != 0) || (st.st_mode & 022))
		return snp_err_set(err, -EPERM,
				   "directory \"%s\" must belong to this user and be "
				   "writable by nobody "
				   "else (owner %u, mode %03o)",
				   dir, st.st_uid, st.st_mode & 0777);
	return 0;
}

static void lock_path_of(const char *path, char ret_lock[LOCK_PATH_SIZE])
{
	(void)snprintf(ret_lock, LOCK_PATH_SIZE, "%s" LOCK_SUFFIX, path);
}

/* 1: the lock is ours. 0: its file was removed under us, try again. */
static int try_lock(const char *lock_path, int *ret_fd, struct snp_err *err)
{
	int fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct stat locked, named;
	int rc;

	if (fd < 0)
		return snp_err_errno(err, "cannot open lock file \"%s\"", lock_path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		rc = errno == EWOULDBLOCK
			 ? snp_err_set(err, -EADDRINUSE,
				       "another process holds \"%s\" and serves there",
				       lock_path)
			 : snp_err_errno(err, "cannot lock \"%s\"", lock_path);
		(void)close(fd);
		return rc;
	}
	if (fstat(fd, &locked) < 0 || stat(lock_path, &named) < 0 ||
	    locked.st_ino != named.st_ino || locked.st_dev != named.st_dev) {
		(void)close(fd);
		return 0;
	}
	*ret_fd = fd;
	return 1;
}

static struct sockaddr_un unix_address(const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	memcpy(sun.sun_path, path, strlen(path) + 1);
	return sun;
}

/* True if somebody accepts connections on the path: a program that knows no lock. */
static bool is_served(const char *path)
{
	struct sockaddr_un sun = unix_address(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool is_refused;

	if (fd < 0)
		return true;
	/* A full backlog is EAGAIN: that is somebody, too. */
	is_refused = connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0 &&
		     errno == ECONNREFUSED;
	(void)close(fd);
	return !is_refused;
}

static int remove_stale(const char *path, struct snp_err *err)
{
	struct stat st;

	if (lstat(path, &st) < 0) {
		if (errno == ENOENT)
			return 0;
		return snp_err_errno(err, "cannot examine \"%s\"", path);
	}
	if (!S_ISSOCK(st.st_mode))
		return snp_err_set(
		    err, -EEXIST,
		    "\"%s\" exists and is not a socket; remove it or choose "
		    "another path",
		    path);
	if (is_served(path))
		return snp_err_set(err, -EADDRINUSE, "another process serves \"%s\"",
				   path);
	if (unlink(path) < 0)
		return snp_err_errno(err, "cannot remove the stale socket \"%s\"",
				     path);
	return 0;
}

static int listen_unix(const char *path, int *ret_fd, struct snp_err *err)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un sun = unix_address(path);
	int rc = 0;

	if (fd < 0)
		return snp_err_errno(err, "cannot make a socket");
	/* Before bind the mode goes to the file bind makes: it is never open to others.
	 */
	if (fchmod(fd, 0600) < 0 ||
	    bind(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0) {
		rc = snp_err_errno(err, "cannot bind \"%s\"", path);
	} else if (listen(fd, BACKLOG) < 0) {
		rc = snp_err_errno(err, "cannot listen on \"%s\"", path);
		(void)unlink(path);
	}
	if (rc < 0)
		close_fd(&fd);
	else
		*ret_fd = fd;
	return rc;
}

static int bind_unix(const char *path, struct rpc__bound *bound, struct snp_err *err)
{
	char lock_path[LOCK_PATH_SIZE];
	int rc;

	if (path[0] != '/' || strlen(path) > RPC_UNIX_PATH_MAX)
		return snp_err_set(
		    err, -EINVAL,
		    "unix socket path \"%s\" must be absolute and at most %d "
		    "bytes long (it has %zu)",
		    path, RPC_UNIX_PATH_MAX, strlen(path));
	rc = check_directory(path, err);
	if (rc < 0)
		return rc;
	lock_path_of(path, lock_path);
	do {
		rc = try_lock(lock_path, &bound->lock_fd, err);
	} while (rc == 0);
	if (rc < 0)
		return rc;
	rc = remove_stale(path, err);
	if (rc == 0)
		rc = listen_unix(path, &bound->fd, err);
	if (rc < 0) {
		(void)unlink(lock_path);
		close_fd(&bound->lock_fd);
		return rc;
	}
	bound->family = RPC__UNIX;
	(void)snprintf(bound->address, sizeof(bound->address), "unix:%s", path);
	return 0;
}

/* ---- TCP ----------------------------------------------------------------- */

static bool is_loopback(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *sin =
		    (const struct sockaddr_in *)(const void *)sa;

		return (ntohl(sin->sin_addr.s_addr) >> 24) == 127;
	}
	return sa->sa_family == AF_INET6 &&
	       IN6_IS_ADDR_LOOPBACK(
		   &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr);
}

/* "127.0.0.1:0", "[::1]:4000" or "localhost:4000"; no resolver is asked. */
static int parse_tcp(const char *address, enum rpc_listen_reach reach,
		     struct sockaddr_storage *ret_sa, socklen_t *ret_len,
		     struct snp_err *err)
{
	const struct addrinfo hints = {
	    .ai_socktype = SOCK_STREAM,
	    .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
	};
	char host[RPC__ADDRESS_BYTES];
	const char *colon = strrchr(address, ':');
	struct addrinfo *info = NULL;
	size_t len;
	bool is_ok;

	if (!colon || colon == address || colon[1] == '\0' ||
	    (size_t)(colon - address) >= sizeof(host))
		return snp_err_set(err, -EINVAL,
				   "\"%s\" is neither unix:/path nor address:port",
				   address);
	len = (size_t)(colon - address);
	memcpy(host, address, len);
	host[len] = '\0';
	if (host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		memmove(host, host + 1, len - 1);
	} else if (strcmp(host, "localhost") == 0) {
		(void)snprintf(host, sizeof(host), "127.0.0.1");
	}
	if (getaddrinfo(host, colon + 1, &hints, &info) != 0)
		return snp_err_set(err, -EINVAL,
				   "\"%s\" has no numeric address and port", address);
	is_ok = reach == RPC_LISTEN_ANYWHERE || is_loopback(info->ai_addr);
	memcpy(ret_sa, info->ai_addr, info->ai_addrlen);
	*ret_len = info->ai_addrlen;
	freeaddrinfo(info);
	if (!is_ok)
		return snp_err_set(
		    err, -EINVAL,
		    "\"%s\" is not a loopback address, and connections to it would "
		    "not be encrypted; configure tls, or say listen_insecure: true",
		    address);
	return 0;
}

static void format_tcp(int fd, char ret_address[RPC__ADDRESS_BYTES])
{
	struct sockaddr_storage sa = {0};
	socklen_t len = sizeof(sa);
	char host[INET6_ADDRSTRLEN], port[8];

	SNP_CHECK(getsockname(fd, (struct sockaddr *)&sa, &len) == 0);
	SNP_CHECK(getnameinfo((struct sockaddr *)&sa, len, host, sizeof(host), port,
			      sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) == 0);
	(void)snprintf(ret_address, RPC__ADDRESS_BYTES,
		       sa.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

static int bind_tcp(const char *address, enum rpc_listen_reach reach,
		    struct rpc__bound *bound, struct snp_err *err)
{
	struct sockaddr_storage sa = {0};
	socklen_t len = 0;
	const int on = 1;
	int fd, rc = parse_tcp(address, reach, &sa, &len, err);

	if (rc < 0)
		return rc;
	fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return snp_err_errno(err, "cannot make a socket for \"%s\"", address);
	/* Re-use after a restart, but never SO_REUSEPORT: two daemons on one port is a
	 * mistake that must show. */
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&sa, len) < 0 || listen(fd, BACKLOG) < 0) {
		rc = snp_err_errno(err, "cannot listen on \"%s\"", address);
		(void)close(fd);
		return rc;
	}
	bound->fd = fd;
	bound->family = RPC__TCP;
	format_tcp(fd, bound->address);
	return 0;
}

static bool is_unix(const char *address)
{
	return strncmp(address, "unix:", 5) == 0;
}

int rpc_listener_check(const char *address, enum rpc_listen_reach reach,
		       struct snp_err *err)
{
	struct sockaddr_storage sa;
	socklen_t len;

	return is_unix(address) ? 0 : parse_tcp(address, reach, &sa, &len, err);
}

int rpc__bind(const char *address, enum rpc_listen_reach reach,
	      struct rpc__bound *ret_bound, struct snp_err *err)
{
	struct rpc__bound bound = {.fd = -1, .lock_fd = -1};
	int rc = is_unix(address) ? bind_unix(address + 5, &bound, err)
				  : bind_tcp(address, reach, &bound, err);

	if (rc == 0)
		*ret_bound = bound;
	return rc;
}

void rpc__unbind(struct rpc__bound *bound)
{
	char lock_path[LOCK_PATH_SIZE];

	close_fd(&bound->fd);
	if (bound->lock_fd < 0)
		return;
	lock_path_of(bound->address + 5, lock_path);
	(void)unlink(bound->address + 5);
	(void)unlink(lock_path);
	close_fd(&bound->lock_fd);
}
