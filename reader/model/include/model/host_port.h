/* SPDX-License-Identifier: Apache-2.0 */
/* host_port.h - an address as users write it: HOST:PORT or [IPV6]:PORT. Pure. */
#ifndef SNP_MODEL_HOST_PORT_H
#define SNP_MODEL_HOST_PORT_H

#include <stdbool.h>
#include <stddef.h>

#define SNP_HOST_BYTES 256
#define SNP_PORT_BYTES 8

/* The host without brackets, perhaps ""; the port a number up to 65535. False: it is
 * not of that form, or too long; an IPv6 address without brackets is not. */
bool snp_host_port_split(const char *text, char ret_host[SNP_HOST_BYTES],
			 char ret_port[SNP_PORT_BYTES]);

#endif
