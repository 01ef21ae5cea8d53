/* SPDX-License-Identifier: Apache-2.0 */
#include "lookup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "model/host_port.h"

struct lookup {
	char host[SNP_HOST_BYTES], port[SNP_PORT_BYTES];
	struct addrinfo hints;
	struct gaicb request; /* the C library's while it is pending */
	bool pending;
};

int lookup_create(const char *host, const char *port, struct lookup **ret_lookup)
{
	struct lookup *lookup = calloc(1, sizeof(*lookup));

	if (!lookup)
		return -ENOMEM;
	lookup->hints.ai_socktype = SOCK_DGRAM;
	lookup->hints.ai_flags = AI_NUMERICSERV;
	(void)snprintf(lookup->host, sizeof(lookup->host), "%s", host);
	(void)snprintf(lookup->port, sizeof(lookup->port), "%s", port);
	lookup->request.ar_name = lookup->host;
	lookup->request.ar_service = lookup->port;
	lookup->request.ar_request = &lookup->hints;
	*ret_lookup = lookup;
	return 0;
}

void lookup_destroy(struct lookup **lookup)
{
	struct lookup *l = *lookup;

	*lookup = NULL;
	if (!l)
		return;
	if (l->pending && gai_cancel(&l->request) == EAI_NOTCANCELED)
		return; /* a thread of the C library has it, to the end of the program
			 */
	if (l->pending && l->request.ar_result)
		freeaddrinfo(l->request.ar_result);
	free(l);
}

static int begin(struct lookup *lookup)
{
	struct gaicb *const list[] = {&lookup->request};
	int gai;

	lookup->request.ar_result = NULL;
	gai = getaddrinfo_a(GAI_NOWAIT, (struct gaicb **)list, 1, NULL);
	lookup->pending = gai == 0;
	return gai == 0 ? 0 : -EHOSTUNREACH;
}

int lookup_get(struct lookup *lookup, unsigned wait_ms, struct addrinfo **ret_list)
{
	const struct timespec wait = {.tv_sec = wait_ms / 1000,
				      .tv_nsec = (long)(wait_ms % 1000) * 1000000L};
	const struct gaicb *const list[] = {&lookup->request};
	struct addrinfo numeric = lookup->hints;
	int r;

	numeric.ai_flags |= AI_NUMERICHOST;
	if (!lookup->pending &&
	    getaddrinfo(lookup->request.ar_name, lookup->request.ar_service, &numeric,
			ret_list) == 0)
		return 0;
	r = lookup->pending ? 0 : begin(lookup);
	if (r < 0)
		return r;
	/* Ends early for reasons of its own too: what counts is the state. */
	(void)gai_suspend(list, 1, &wait);
	r = gai_error(&lookup->request);
	if (r == EAI_INPROGRESS)
		return -EINPROGRESS;
	lookup->pending = false;
	if (r != 0)
		return -EHOSTUNREACH; /* errno was that of another thread */
	*ret_list = lookup->request.ar_result;
	return 0;
}
