/* SPDX-License-Identifier: Apache-2.0 */
#include "words.h"

#include <inttypes.h>
#include <stdio.h>

#include "model/event.h"
#include "semconv.h"

void otlp_attr_worker(struct otlp_maker *maker, struct otlp_attrs *attrs,
		      const char *pool, uint32_t slot, uint64_t incarnation)
{
	char text[SNP_POOL_NAME_BYTES + 32];

	(void)snprintf(text, sizeof(text), "%s/%" PRIu32 "#%" PRIu64, pool, slot,
		       incarnation);
	otlp_attr_text(maker, attrs, SEMCONV_WORKER, otlp_copy(maker, text));
}

char *otlp_event_name(struct otlp_maker *maker, const char *kind)
{
	char text[sizeof(SEMCONV_EVENT_PREFIX) + SNP_EVENT_WORD_BYTES];

	(void)snprintf(text, sizeof(text), SEMCONV_EVENT_PREFIX "%s", kind);
	return otlp_copy(maker, text);
}
