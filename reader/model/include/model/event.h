/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event.h - which of an event's fields mean something. Pure, any thread.
 */
#ifndef SNP_MODEL_EVENT_H
#define SNP_MODEL_EVENT_H

#include "snakepit/read.h"

enum snp_event_about {
	SNP_EVENT_ABOUT_RUNTIME, /* pool, slot and incarnation are 0 and mean nothing */
	SNP_EVENT_ABOUT_POOL,	 /* slot and incarnation are 0 and mean nothing */
	SNP_EVENT_ABOUT_WORKER,
};

/* `kind` is an EVENT_KIND; of one that is newer than we are nothing is known. */
enum snp_event_about snp_event_about(unsigned kind);

#endif
