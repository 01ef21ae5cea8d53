/* SPDX-License-Identifier: Apache-2.0 */
/* words.h - what spans and log records call workers and events alike. Pure. */
#ifndef SNP_OTLP_WORDS_H
#define SNP_OTLP_WORDS_H

#include "message.h"

/* The attribute SEMCONV_WORKER: "pool/slot#incarnation", as in the runtime's log. */
void otlp_attr_worker(struct otlp_maker *maker, struct otlp_attrs *attrs,
		      const char *pool, uint32_t slot, uint64_t incarnation);

/* Of a lifecycle event; NULL once the maker has failed. */
char *otlp_event_name(struct otlp_maker *maker, const char *kind);

#endif
