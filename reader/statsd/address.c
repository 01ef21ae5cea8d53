/* SPDX-License-Identifier: Apache-2.0 */
#include "address.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

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

static bool parse_udp(const char *text, struct address *ret_address)
{
	return snp_host_port_split(text, ret_address->host, ret_address->port) &&
	       ret_address->host[0] != '\0' && !strchr(ret_address->host, '/') &&
	       strspn(ret_address->port, "0") < strlen(ret_address->port);
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
