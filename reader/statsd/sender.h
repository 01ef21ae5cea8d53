/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sender.h - hand datagrams to a receiver that may go, come back and move.
 *
 * Never blocks for long: a unix socket whose queue is full is waited for, but all such
 * waits between two calls of sender_begin() together take at most SENDER_WAIT_MS. A
 * unix socket that was replaced is opened again at once. A name is looked up again
 * every SENDER_RESOLVE_MS, and after a refusal, which also tries its next address; what
 * was found before serves until there is an answer, and where there is nothing yet,
 * SENDER_WAIT_MS are waited for it.
 *
 * UDP is what it is: that a receiver on this machine is not there is known at once, of
 * others only sometimes and later (sender_late_losses()), and what a receiver's full
 * buffer drops nobody learns.
 *
 * One thread at a time.
 */
#ifndef SNP_STATSD_SENDER_H
#define SNP_STATSD_SENDER_H

#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "snakepit/err.h"
#include "snakepit/time.h"

#define SENDER_WAIT_MS	  200
#define SENDER_RESOLVE_MS 60000

struct sender;

/* Opens nothing yet. `address` is copied. -ENOMEM. */
int sender_create(const struct address *address, struct sender **ret_sender);
void sender_destroy(struct sender **sender);

/* Before a number of datagrams: look where the receiver is now. A failure is no reason
 * not to send: sender_send() then says the same. */
int sender_begin(struct sender *sender, snp_mono_t now);

/* 0, or a negative errno when the datagram was certainly not delivered: -ECONNREFUSED,
 * -ENOENT nobody is there, -EAGAIN the receiver does not keep up, -EMSGSIZE, ... */
int sender_send(struct sender *sender, const char *datagram, size_t len);

/* Datagrams handed over of which it became known later that they were not delivered,
 * since the sender was created: at least so many. */
uint64_t sender_late_losses(const struct sender *sender);

/* "udp 127.0.0.1:8125" or "unix /run/dsd.socket", as far as it is known now. */
#define SENDER_NAME_BYTES 320
const char *sender_name(const struct sender *sender);

#endif
