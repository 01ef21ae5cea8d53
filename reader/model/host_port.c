/* SPDX-License-Identifier: Apache-2.0 */
#include "model/host_port.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORT_MAX 65535

static bool is_port(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits > 0 && digits < SNP_PORT_BYTES && text[digits] == '\0' &&
	       strtoul(text, NULL, 10) <= PORT_MAX;
}

bool snp_host_port_split(const char *text, char ret_host[SNP_HOST_BYTES],
			 char ret_port[SNP_PORT_BYTES])
{
	const char *colon = strrchr(text, ':');
	size_t len;

	if (!colon || !is_port(colon + 1))
		return false;
	len = (size_t)(colon - text);
	if (*text == '[') {
		if (len < 3 || text[len - 1] != ']')
			return false;
		text++;
		len -= 2;
	} else if (memchr(text, ':', len)) {
		return false;
	}
	if (len >= SNP_HOST_BYTES)
		return false;
	memcpy(ret_host, text, len);
	ret_host[len] = '\0';
	(void)snprintf(ret_port, SNP_PORT_BYTES, "%s", colon + 1);
	return true;
}
