/* SPDX-License-Identifier: Apache-2.0 */
/*
 * place.h - where the runtime listens, and whether there is one.
 *
 * The segment knows: it tells a living writer from a dead one without a connection, so
 * a dead runtime is reported at once and as such. One thread at a time.
 */
#ifndef CLIENT_PLACE_H
#define CLIENT_PLACE_H

#include "snakepit/err.h"
#include "snakepit/read.h"

struct place {
	char address[SNP_PATH_BYTES];
	struct snp_segment *seg; /* NULL when the user gave an address */
};

/* Fill in the address: the one given, else the socket beside the instance's segment.
 * The result is an exit code: SNP_EXIT_OK, or err says why not. */
int place_find(const char *instance, const char *address, struct place *ret,
	       struct snp_err *err);

/* Whether the runtime is known to have gone since. */
bool place_is_gone(const struct place *place);

void place_fini(struct place *place);

#endif
