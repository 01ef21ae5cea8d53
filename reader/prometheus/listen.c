/* SPDX-License-Identifier: Apache-2.0 */
#include "listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 128

static bool port_ok(const char *text)
{
	size_t digits = strspn(text, "0123456789");
	unsigned port = 0;

	if (digits == 0 || digits > 5 || text[digits] != '\0')
		return false;
	for (; *text; text++)
		port = port * 10 + (unsigned)(*text - '0');
	return port <= 65535;
}

int listen_parse(const char *text, struct listen_address *ret_address,
		 struct snp_err *err)
{
	struct listen_address address = {0};
	const char *colon = strrchr(text, ':');
	const char *host = text;
	size_t host_len;

	if (!colon || !port_ok(colon + 1))
		goto invalid;
	host_len = (size_t)(colon - text);
	if (*host == '[') {
		if (host_len < 3 || host[host_len - 1] != ']')
			goto invalid;
		host++;
		host_len -= 2;
	} else if (memchr(host, ':', host_len)) {
		goto invalid; /* an IPv6 address without brackets has no port */
	}
	if (host_len >= sizeof(address.host))
		goto invalid;
	memcpy(address.host, host, host_len);
	(void)snprintf(address.port, sizeof(address.port), "%s", colon + 1);
	*ret_address = address;
	return 0;
invalid:
	return snp_err_set(err, -EINVAL,
			   "'%s' is not an address to listen on: expected HOST:PORT, "
			   "[IPV6]:PORT or :PORT",
			   text);
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

static int name_of(int fd, char ret_name[LISTEN_NAME_BYTES])
{
	struct sockaddr_storage addr = {0};
	socklen_t len = sizeof(addr);
	char host[NI_MAXHOST], port[NI_MAXSERV];

	if (getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
		return -errno;
	if (getnameinfo((struct sockaddr *)&addr, len, host, sizeof(host), port,
			sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return -EINVAL;
	(void)snprintf(ret_name, LISTEN_NAME_BYTES,
		       addr.ss_family == AF_INET6 ? "[%.200s]:%.8s" : "%.200s:%.8s",
		       host, port);
	return 0;
}

int listen_open(const struct listen_address *address, char ret_name[LISTEN_NAME_BYTES],
		struct snp_err *err)
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
	if (fd < 0)
		return snp_err_set(err, fd,
				   "cannot listen on '%s:%s': %s; choose another with "
				   "--web.listen-address",
				   address->host, address->port, strerror(-fd));
	r = name_of(fd, ret_name);
	if (r < 0) {
		(void)close(fd);
		return snp_err_set(err, r, "cannot tell the address of '%s:%s'",
				   address->host, address->port);
	}
	return fd;
}
