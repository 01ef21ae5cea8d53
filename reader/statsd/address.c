/* SPDX-License-Identifier: Apache-2.0 */
#include "address.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool port_ok(const char *text)
{
	size_t digits = strspn(text, "0123456789");
	unsigned port = 0;

	if (digits == 0 || digits > 5 || text[digits] != '\0')
		return false;
	for (; *text; text++)
		port = port * 10 + (unsigned)(*text - '0');
	return port >= 1 && port <= 65535;
}

static bool parse_unix(const char *path, struct address *ret_address)
{
	if (strncmp(path, "//", 2) == 0)
		path += 2;
	if (path[0] != '/' || path[1] == '\0' ||
	    strlen(path) >= sizeof(ret_address->path))
		return false;
	(void)snprintf(ret_address->path, sizeof(ret_address->path), "%s", path);
	return true;
}

static bool parse_udp(const char *host, struct address *ret_address)
{
	const char *colon = strrchr(host, ':');
	size_t len;

	if (!colon || !port_ok(colon + 1))
		return false;
	len = (size_t)(colon - host);
	if (*host == '[') {
		if (len < 3 || host[len - 1] != ']')
			return false;
		host++;
		len -= 2;
	} else if (memchr(host, ':', len)) {
		return false; /* an IPv6 address without brackets has no port */
	}
	if (len == 0 || len >= sizeof(ret_address->host) || memchr(host, '/', len))
		return false;
	memcpy(ret_address->host, host, len);
	(void)snprintf(ret_address->port, sizeof(ret_address->port), "%s", colon + 1);
	return true;
}

int address_parse(const char *text, struct address *ret_address, struct snp_err *err)
{
	struct address address = {0};
	bool ok;

	if (strncmp(text, "unix:", 5) == 0)
		ok = parse_unix(text + 5, &address);
	else
		ok = parse_udp(strncmp(text, "udp://", 6) == 0 ? text + 6 : text,
			       &address);
	if (!ok)
		return snp_err_set(err, -EINVAL,
				   "'%s' is no address for datagrams: expected "
				   "HOST:PORT, [IPV6]:PORT or unix:/PATH",
				   text);
	*ret_address = address;
	return 0;
}
