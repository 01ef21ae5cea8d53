/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lookup.h - the addresses of a name, asked for without waiting for the answer.
 *
 * A resolver that gets no answer takes many seconds, in which a flush, and the last one
 * at the end, would have to wait. Numbers are known at once. One thread at a time.
 */
#ifndef SNP_STATSD_LOOKUP_H
#define SNP_STATSD_LOOKUP_H

#include <netdb.h>
#include <stdbool.h>

struct lookup;

/* Texts as of snp_host_port_split(). -ENOMEM. */
int lookup_create(const char *host, const char *port, struct lookup **ret_lookup);
void lookup_destroy(struct lookup **lookup);

/* The answer, for freeaddrinfo(). Asks if nobody did, and waits for at most `wait_ms`.
 * -EINPROGRESS: not yet, try again; -EHOSTUNREACH: there is none. */
int lookup_get(struct lookup *lookup, unsigned wait_ms, struct addrinfo **ret_list);

#endif
