/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listen.h - a listening TCP socket from an address as Prometheus programs take it.
 *
 * HOST:PORT, [IPV6]:PORT, or :PORT for every address of both families. Port 0 lets the
 * kernel choose. No state.
 */
#ifndef SNP_PROMETHEUS_LISTEN_H
#define SNP_PROMETHEUS_LISTEN_H

#include "snakepit/err.h"

#define LISTEN_HOST_BYTES 256
/* Room for "[host]:65535". */
#define LISTEN_NAME_BYTES (LISTEN_HOST_BYTES + 16)

struct listen_address {
	char host[LISTEN_HOST_BYTES]; /* "" = every address */
	char port[8];
};

/* -EINVAL, saying what is expected, when `text` is none of the above. */
int listen_parse(const char *text, struct listen_address *ret_address,
		 struct snp_err *err);

/* Bind and listen; the descriptor is the caller's. *ret_name is where it really
 * listens, "127.0.0.1:43211". Fails with what the system says, -EADDRINUSE first of
 * all. */
int listen_open(const struct listen_address *address, char ret_name[LISTEN_NAME_BYTES],
		struct snp_err *err);

#endif
