/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mailbox.h - hand work to the thread that sleeps in an epoll: the supervisor's inbox.
 *
 *   function       | may run beside   | progress
 *   ---------------+------------------+-----------
 *   mailbox_post   | itself, drain    | lock-free
 *   mailbox_drain  | post             | wait-free; the owning thread only
 *
 * Mail from one thread arrives in the order it was posted, and what was written before
 * the post is visible to fn. Only a post to an empty box makes a system call.
 */
#ifndef SNAKEPIT_RUNTIME_MAILBOX_H
#define SNAKEPIT_RUNTIME_MAILBOX_H

#include "snakepit/err.h"

/* Embed in an object; the box's from post until fn is called, then free to use again.
 */
struct mail {
	void (*fn)(struct mail *mail);
	struct mail *next;
};

struct mailbox {
	_Atomic(struct mail *) newest;
	int fd; /* eventfd: readable when there is mail */
};

int mailbox_init(struct mailbox *box, struct snp_err *err);
void mailbox_fini(struct mailbox *box);
void mailbox_post(struct mailbox *box, struct mail *mail);
/* Run everything that has arrived. */
void mailbox_drain(struct mailbox *box);

#endif
