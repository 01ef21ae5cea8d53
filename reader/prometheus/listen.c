/* SPDX-License-Identifier: Apache-2.0 */
#include "listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Needs the one above. */
#include <linux/vm_sockets.h>

#define BACKLOG 128

#define VSOCK	    "vsock://"
#define VSOCK_COLON (sizeof(VSOCK) - 1)

static bool is_number(const char *text, uint64_t most)
{
	size_t digits = strspn(text, "0123456789");

	return digits > 0 && digits <= 10 && text[digits] == '\0' &&
	       strtoull(text, NULL, 10) <= most;
}

static bool parse_vsock(const char *text, struct listen_address *ret_address)
{
	const char *port = text + VSOCK_COLON + 1;

	/* The highest port means "any" to bind(). */
	if (text[VSOCK_COLON] != ':' || !is_number(port, VMADDR_PORT_ANY - 1))
		return false;
	*ret_address = (struct listen_address){.vsock = true};
	(void)snprintf(ret_address->port, sizeof(ret_address->port), "%s", port);
	return true;
}

int listen_parse(const char *text, struct listen_address *ret_address,
		 struct snp_err *err)
{
	struct listen_address address = {0};
	bool ok;

	if (strncmp(text, VSOCK, VSOCK_COLON) == 0)
		ok = parse_vsock(text, &address);
	else
		ok = snp_host_port_split(text, address.host, address.port);
	if (!ok)
		return snp_err_set(
		    err, -EINVAL,
		    "'%s' is not an address to listen on: expected HOST:PORT, "
		    "[IPV6]:PORT, :PORT or vsock://:PORT",
		    text);
	*ret_address = address;
	return 0;
}

static int open_one(const struct addrinfo *info, bool dual_stack)
{
	const int on = 1;
	const int v6only = !dual_stack;
	int saved;
	int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    (info->ai_family == AF_INET6 &&
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof(v6only)) < 0) ||
	    bind(fd, info->ai_addr, info->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0) {
		saved = errno;
		(void)close(fd);
		return -saved;
	}
	return fd;
}

int listen_name(int fd, char ret_name[LISTEN_NAME_BYTES])
{
	struct sockaddr_storage addr = {0};
	socklen_t len = sizeof(addr);
	char host[NI_MAXHOST], port[NI_MAXSERV];

	if (getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
		return -errno;
	if (addr.ss_family == AF_VSOCK) {
		(void)snprintf(ret_name, LISTEN_NAME_BYTES, "vsock:%u",
			       ((const struct sockaddr_vm *)&addr)->svm_port);
		return 0;
	}
	if (addr.ss_family == AF_UNIX) {
		(void)snprintf(ret_name, LISTEN_NAME_BYTES, "%.107s",
			       ((const struct sockaddr_un *)&addr)->sun_path);
		return 0;
	}
	if (getnameinfo((struct sockaddr *)&addr, len, host, sizeof(host), port,
			sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return -EINVAL;
	(void)snprintf(ret_name, LISTEN_NAME_BYTES,
		       addr.ss_family == AF_INET6 ? "[%.200s]:%.8s" : "%.200s:%.8s",
		       host, port);
	return 0;
}

static int open_vsock(const struct listen_address *address)
{
	const struct sockaddr_vm addr = {
	    .svm_family = AF_VSOCK,
	    .svm_port = (unsigned)strtoul(address->port, NULL, 10),
	    .svm_cid = VMADDR_CID_ANY,
	};
	const struct addrinfo info = {
	    .ai_family = AF_VSOCK,
	    .ai_addr = (struct sockaddr *)(size_t)&addr,
	    .ai_addrlen = sizeof(addr),
	};

	return open_one(&info, false);
}

static int open_ip(const struct listen_address *address, struct snp_err *err)
{
	bool any = address->host[0] == '\0';
	const struct addrinfo hints = {
	    .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
	    .ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *list = NULL;
	int fd = -EADDRNOTAVAIL;
	int r;

	/* "::" with IPv4 mapped into it serves both families with one socket; where
	 * there is no IPv6 the second try is the IPv4 wildcard. */
	r = getaddrinfo(any ? "::" : address->host, address->port, &hints, &list);
	if (r != 0)
		return snp_err_set(err, -EADDRNOTAVAIL, "cannot listen on '%s:%s': %s",
				   address->host, address->port, gai_strerror(r));
	for (const struct addrinfo *info = list; info && fd < 0; info = info->ai_next)
		fd = open_one(info, any);
	freeaddrinfo(list);
	if (any && fd == -EAFNOSUPPORT &&
	    getaddrinfo("0.0.0.0", address->port, &hints, &list) == 0) {
		fd = open_one(list, false);
		freeaddrinfo(list);
	}
	return fd;
}

int listen_open(const struct listen_address *address, char ret_name[LISTEN_NAME_BYTES],
		struct snp_err *err)
{
	struct snp_err unresolved = {0};
	int fd = address->vsock ? open_vsock(address) : open_ip(address, &unresolved);
	int r;

	if (unresolved.code < 0)
		return snp_err_set(err, fd, "%s", unresolved.msg);
	if (fd < 0)
		return snp_err_set(err, fd,
				   "cannot listen on '%s%s:%s': %s; choose another "
				   "with --web.listen-address",
				   address->vsock ? VSOCK : "", address->host,
				   address->port, strerror(-fd));
	r = listen_name(fd, ret_name);
	if (r < 0) {
		(void)close(fd);
		return snp_err_set(err, r, "cannot tell the address of '%s:%s'",
				   address->host, address->port);
	}
	return fd;
}

/* ---- from systemd -------------------------------------------------------- */

/* A number from the environment, -1 when there is none. */
static long variable(const char *name)
{
	const char *text = getenv(name);

	return text && is_number(text, INT32_MAX) ? strtol(text, NULL, 10) : -1;
}

static int prepare_inherited(int fd)
{
	int listening = 0, type = 0, flags;
	socklen_t len = sizeof(listening);

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) < 0)
		return -errno;
	len = sizeof(type);
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
		return -errno;
	if (!listening || type != SOCK_STREAM)
		return -EINVAL;
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	return 0;
}

int listen_from_systemd(struct snp_err *err)
{
	long pid = variable("LISTEN_PID"), count = variable("LISTEN_FDS");
	int r;

	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
	if (pid != getpid() || count < 1)
		return snp_err_set(err, -ENOENT,
				   "systemd has handed over no socket; start this "
				   "through a .socket unit, or leave out "
				   "--web.systemd-socket");
	for (long i = 0; i < count; i++) {
		r = prepare_inherited(LISTEN_FDS_FIRST + (int)i);
		if (r < 0)
			return snp_err_set(err, -EINVAL,
					   "descriptor %ld from systemd is not a "
					   "listening stream socket: %s",
					   LISTEN_FDS_FIRST + i, strerror(-r));
	}
	return (int)count;
}
