/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record.h - a span or an event as it was in a ring, with the names its numbers stand
 * for.
 *
 * Names and wall times are of the segment, which may be replaced before the record is
 * sent: so they are taken when it is read.
 */
#ifndef SNP_OTLP_RECORD_H
#define SNP_OTLP_RECORD_H

#include <stdlib.h>

#include "signals.h"
#include "marks.h"
#include "model/event.h"
#include "model/pools.h"
#include "resource.h"
#include "snakepit/read.h"

struct otlp_span_record {
	struct snp_span span;
	snp_wall_t start, end;
	/* "": of none, or not known. */
	char pool[SNP_POOL_NAME_BYTES], tool[SNP_POOL_NAME_BYTES];
	struct otlp_mark *marks; /* malloc()ed; NULL = none, as most have */
	unsigned marks_nr;
};

struct otlp_event_record {
	struct snp_told_event told;
	snp_wall_t observed;
};

struct otlp_record {
	enum otlp_signal signal;
	struct otlp_resource *resource; /* held: of the runtime that recorded it */
	union {
		struct otlp_span_record span;	/* OTLP_TRACES */
		struct otlp_event_record event; /* OTLP_LOGS */
	};
};

static inline void otlp_record_fini(struct otlp_record *record)
{
	if (record->signal == OTLP_TRACES)
		free(record->span.marks);
	otlp_resource_drop(&record->resource);
}

#endif
