/* SPDX-License-Identifier: Apache-2.0 */
/* address.h - where datagrams go, as users write it. Pure. */
#ifndef SNP_STATSD_ADDRESS_H
#define SNP_STATSD_ADDRESS_H

#include <sys/un.h>

#include "model/host_port.h"
#include "snakepit/err.h"

struct address {
	char host[SNP_HOST_BYTES]; /* UDP: a name or a number, without brackets */
	char port[SNP_PORT_BYTES];
	/* Unix datagrams; "" = UDP. */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

/* HOST:PORT, [IPV6]:PORT, also after udp://; unix:/PATH or unix:///PATH. -EINVAL. */
int address_parse(const char *text, struct address *ret_address, struct snp_err *err);

#endif
