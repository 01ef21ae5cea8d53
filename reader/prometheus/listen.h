/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listen.h - listening sockets, from addresses as Prometheus programs take them or from
 * systemd.
 *
 * HOST:PORT, [IPV6]:PORT, or :PORT for every address of both families. Port 0 lets the
 * kernel choose. vsock://:PORT is for what runs on the same machine's other virtual
 * machines, and on its host. No state.
 */
#ifndef SNP_PROMETHEUS_LISTEN_H
#define SNP_PROMETHEUS_LISTEN_H

#include <stdbool.h>

#include "model/host_port.h"
#include "snakepit/err.h"

/* Room for "[host]:65535". */
#define LISTEN_NAME_BYTES (SNP_HOST_BYTES + 16)

struct listen_address {
	bool vsock;
	char host[SNP_HOST_BYTES];     /* "" = every address */
	char port[SNP_PORT_BYTES + 4]; /* that of vsock is longer */
};

/* -EINVAL, saying what is expected, when `text` is none of the above. */
int listen_parse(const char *text, struct listen_address *ret_address,
		 struct snp_err *err);

/* Bind and listen; the descriptor is the caller's. *ret_name is where it really
 * listens, "127.0.0.1:43211". Fails with what the system says, -EADDRINUSE first of
 * all. */
int listen_open(const struct listen_address *address, char ret_name[LISTEN_NAME_BYTES],
		struct snp_err *err);

/* What systemd hands over (sd_listen_fds(3)): descriptors LISTEN_FDS_FIRST and up.
 * Returns how many, made fit for this program: close-on-exec and not blocking. -ENOENT
 * when there are none for this process, -EINVAL when one of them is not a listening
 * stream socket. At most once, before there are threads: it takes the variables out of
 * the environment. */
#define LISTEN_FDS_FIRST 3
int listen_from_systemd(struct snp_err *err);

/* Where a socket listens, as listen_open() says it. */
int listen_name(int fd, char ret_name[LISTEN_NAME_BYTES]);

#endif
