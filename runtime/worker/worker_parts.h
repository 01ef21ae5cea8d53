/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker_parts.h - what the files that make up a worker have of each other; nobody
 * else includes it.
 */
#ifndef SNAKEPIT_RUNTIME_WORKER_PARTS_H
#define SNAKEPIT_RUNTIME_WORKER_PARTS_H

#include "worker/worker.h"

/* worker.c: let the machine say what follows, and go there. False: nothing changed. */
bool worker_event(struct worker *worker, enum machine_event event,
		  enum snp_enum_MOVE_REASON reason);
/* Publish who runs in the slot, if anybody. */
void worker_publish_process(struct worker *worker);
/* Into BACKOFF, by FAILED or CRASHED: how long, by how often it failed in a row. */
void worker_back_off(struct worker *worker, enum machine_event event);

/* boot.c: listen for the hello, and see to it that it comes in time. */
int boot_begin(struct worker *worker, int ready_fd);
void boot_end(struct worker *worker);
void boot_deadline(struct worker *worker, snp_mono_t now);

/* ending.c: hear of the end. */
int ending_begin(struct worker *worker, int pidfd);
/* Take the worker out of its pool. Requests on it end by themselves. */
void ending_withdraw(struct worker *worker);
void ending_close_pipes(struct worker *worker);

#endif
