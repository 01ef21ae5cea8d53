/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clients.h - the open connections, and how long each may take for what it does.
 *
 * The HTTP library ends connections that are silent; one that sends or takes a byte now
 * and then is not. So each has a time by which it has to be done with the present step,
 * and whoever calls clients_sweep() ends those that are late. What it waits for us to
 * do, because we are busy with others, does not make a client late. Where many have
 * come, those that rest between two requests make room for each that comes.
 *
 * Thread-safe. A client belongs to its connection's thread; its step, `due` and place
 * in the list to whoever holds the lock.
 */
#ifndef SNP_PROMETHEUS_CLIENTS_H
#define SNP_PROMETHEUS_CLIENTS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "policy.h"
#include "snakepit/time.h"

enum client_step {
	CLIENT_ASKS,	/* we wait for what it sends */
	CLIENT_RESTS,	/* the same, but it owes us nothing: it is between requests */
	CLIENT_LISTENS, /* we wait until it takes the answer */
};

struct client {
	int fd;
	enum client_step step;
	snp_mono_t due;
	struct client *previous, *next;
	struct policy *handshake; /* whose rules its TLS follows, or NULL */
	struct policy *policy;	  /* of the request at hand, or NULL */
	bool scraping;		  /* counts as one of the scrapes at once */
};

struct clients {
	pthread_mutex_t lock; /* protects: everything below */
	struct client *first;
	size_t nr,
	    crowd; /* how many there are; how many may rest as long as they like */
};

int clients_init(struct clients *clients, size_t crowd);
/* There must be no clients left. */
void clients_fini(struct clients *clients);

/* A connection has begun, and is to be past its first step at `due`; NULL: no memory.
 * `fd` stays open until clients_remove(). In a crowd the one that rests longest ends.
 */
struct client *clients_add(struct clients *clients, int fd, snp_mono_t due);
void clients_remove(struct clients *clients, struct client **client);

/* It has come to its next step. */
void clients_expect(struct clients *clients, struct client *client,
		    enum client_step step, snp_mono_t due);
/* A request begins: it is to be here by then, where it had more time. */
void clients_hasten(struct clients *clients, struct client *client, snp_mono_t due);

/* End the connections that are late at `now`: both directions are shut down, the rest
 * is the library's. Returns how many. */
size_t clients_sweep(struct clients *clients, snp_mono_t now);

#endif
