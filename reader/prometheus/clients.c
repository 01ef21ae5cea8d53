/* SPDX-License-Identifier: Apache-2.0 */
#include "clients.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

int clients_init(struct clients *clients, size_t crowd)
{
	clients->first = NULL;
	clients->nr = 0;
	clients->crowd = crowd;
	return -pthread_mutex_init(&clients->lock, NULL);
}

void clients_fini(struct clients *clients)
{
	(void)pthread_mutex_destroy(&clients->lock);
}

/* Whether the next move is ours: it has sent what we have not read, or has room for
 * what we have not sent. */
static bool waits_for_us(const struct client *client)
{
	struct pollfd fd = {.fd = client->fd,
			    .events =
				client->step == CLIENT_LISTENS ? POLLOUT : POLLIN};

	return poll(&fd, 1, 0) > 0 && fd.revents & fd.events;
}

static void end_locked(struct client *client)
{
	(void)shutdown(client->fd, SHUT_RDWR);
	client->due.ns = UINT64_MAX; /* once is enough */
	client->step = CLIENT_ASKS;
}

/* All rest equally long, so who is due first has rested longest. */
static void make_room_locked(struct clients *clients)
{
	struct client *longest = NULL;

	if (clients->nr <= clients->crowd)
		return;
	for (struct client *c = clients->first; c; c = c->next)
		if (c->step == CLIENT_RESTS &&
		    (!longest || c->due.ns < longest->due.ns) && !waits_for_us(c))
			longest = c;
	if (longest)
		end_locked(longest);
}

struct client *clients_add(struct clients *clients, int fd, snp_mono_t due)
{
	struct client *client = calloc(1, sizeof(*client));

	if (!client)
		return NULL;
	client->fd = fd;
	client->due = due;
	(void)pthread_mutex_lock(&clients->lock);
	client->next = clients->first;
	if (client->next)
		client->next->previous = client;
	clients->first = client;
	clients->nr++;
	make_room_locked(clients);
	(void)pthread_mutex_unlock(&clients->lock);
	return client;
}

void clients_remove(struct clients *clients, struct client **client)
{
	struct client *dead = *client;

	if (!dead)
		return;
	(void)pthread_mutex_lock(&clients->lock);
	clients->nr--;
	if (dead->previous)
		dead->previous->next = dead->next;
	else
		clients->first = dead->next;
	if (dead->next)
		dead->next->previous = dead->previous;
	(void)pthread_mutex_unlock(&clients->lock);
	free(dead);
	*client = NULL;
}

void clients_expect(struct clients *clients, struct client *client,
		    enum client_step step, snp_mono_t due)
{
	(void)pthread_mutex_lock(&clients->lock);
	client->step = step;
	client->due = due;
	(void)pthread_mutex_unlock(&clients->lock);
}

void clients_hasten(struct clients *clients, struct client *client, snp_mono_t due)
{
	(void)pthread_mutex_lock(&clients->lock);
	if (due.ns < client->due.ns)
		client->due = due;
	client->step = CLIENT_ASKS;
	(void)pthread_mutex_unlock(&clients->lock);
}

size_t clients_sweep(struct clients *clients, snp_mono_t now)
{
	size_t late = 0;

	(void)pthread_mutex_lock(&clients->lock);
	for (struct client *c = clients->first; c; c = c->next) {
		if (c->due.ns > now.ns || waits_for_us(c))
			continue;
		end_locked(c);
		late++;
	}
	(void)pthread_mutex_unlock(&clients->lock);
	return late;
}
