/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packer.h - fill a datagram with lines, none of them ever split.
 *
 * A record is one line, or several that mean something only together and in order; the
 * lines of a datagram are separated by newlines, and there is none at its end. Pure.
 */
#ifndef SNP_STATSD_PACKER_H
#define SNP_STATSD_PACKER_H

#include <stddef.h>

struct packer {
	char *data; /* the caller's, of max_bytes */
	size_t len, max_bytes;
};

enum packer_verdict {
	PACKER_TAKEN,
	PACKER_FULL,	 /* send what is there, empty it, add the record again */
	PACKER_TOO_LONG, /* does not fit into an empty datagram either */
};

/* Add a record of `len` > 0 bytes, which has no newline at its end. */
enum packer_verdict packer_add(struct packer *packer, const char *record, size_t len);

static inline void packer_reset(struct packer *packer)
{
	packer->len = 0;
}

#endif
