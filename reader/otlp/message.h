/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message.h - the pieces that requests of all signals are made of.
 *
 * Messages are built from structs of protobuf-c in an arena, and forgotten all at once.
 * Text is not copied: it must live as long as the message. Where memory runs out the
 * maker has failed, and what was made since its reset is good for nothing; so callers
 * may look once, at the end.
 *
 * One thread at a time.
 */
#ifndef SNP_OTLP_MESSAGE_H
#define SNP_OTLP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/arena.h"
#include "otlp/common.pb-c.h"

typedef Opentelemetry__Proto__Common__V1__AnyValue otlp_value;
typedef Opentelemetry__Proto__Common__V1__KeyValue otlp_attr;
typedef Opentelemetry__Proto__Common__V1__InstrumentationScope otlp_scope;

/* A zeroed struct is a maker that has made nothing. */
struct otlp_maker {
	struct snp_arena arena;
	bool failed;
};

void otlp_maker_reset(struct otlp_maker *maker);
void otlp_maker_fini(struct otlp_maker *maker);

/* Room for `nr` objects, not initialised. NULL, and the maker has failed, when there is
 * no memory. */
void *otlp_alloc(struct otlp_maker *maker, size_t nr, size_t bytes);
/* A copy of the text in the arena, NULL likewise. */
char *otlp_copy(struct otlp_maker *maker, const char *text);

/* Attributes, as the two members of a message that hold them. */
struct otlp_attrs {
	otlp_attr **list;
	size_t nr, max;
};

/* An empty list with room for `max`; more must not be added. */
struct otlp_attrs otlp_attrs_new(struct otlp_maker *maker, size_t max);

/* Each adds one; nothing happens once the maker has failed. */
void otlp_attr_text(struct otlp_maker *maker, struct otlp_attrs *attrs, const char *key,
		    const char *value);
void otlp_attr_int(struct otlp_maker *maker, struct otlp_attrs *attrs, const char *key,
		   int64_t value);
void otlp_attr_bool(struct otlp_maker *maker, struct otlp_attrs *attrs, const char *key,
		    bool value);
void otlp_attr_double(struct otlp_maker *maker, struct otlp_attrs *attrs,
		      const char *key, double value);

/* The ids of a trace as OTLP wants them, 16 bytes, and of a span, 8 bytes; big endian.
 * No bytes, which means "none", for an id of zero. */
ProtobufCBinaryData otlp_trace_id(struct otlp_maker *maker, const uint64_t id[2]);
ProtobufCBinaryData otlp_span_id(struct otlp_maker *maker, uint64_t id);

/* The scope of everything this program sends. */
otlp_scope *otlp_scope_new(struct otlp_maker *maker);

/* Messages point to what they do not change. */
static inline char *otlp_unconst(const char *text)
{
	return (char *)(size_t)text;
}

#endif
