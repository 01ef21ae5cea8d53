/* SPDX-License-Identifier: Apache-2.0 */
#include "message.h"

#include <string.h>

#include "snakepit/check.h"

#define SCOPE_NAME "snakepit"

void otlp_maker_reset(struct otlp_maker *maker)
{
	snp_arena_reset(&maker->arena);
	maker->failed = false;
}

void otlp_maker_fini(struct otlp_maker *maker)
{
	snp_arena_fini(&maker->arena);
	*maker = (struct otlp_maker){0};
}

void *otlp_alloc(struct otlp_maker *maker, size_t nr, size_t bytes)
{
	void *at = snp_arena_alloc(&maker->arena, nr * bytes);

	maker->failed |= !at;
	return at;
}

char *otlp_copy(struct otlp_maker *maker, const char *text)
{
	size_t bytes = strlen(text) + 1;
	char *copy = otlp_alloc(maker, 1, bytes);

	return copy ? memcpy(copy, text, bytes) : NULL;
}

/* ---- attributes ---------------------------------------------------------- */

struct otlp_attrs otlp_attrs_new(struct otlp_maker *maker, size_t max)
{
	otlp_attr **list = otlp_alloc(maker, max, sizeof(otlp_attr *));

	return (struct otlp_attrs){.list = list, .max = list ? max : 0};
}

/* The value of one more attribute, NULL once the maker has failed. */
static otlp_value *add(struct otlp_maker *maker, struct otlp_attrs *attrs,
		       const char *key)
{
	struct pair {
		otlp_attr attr;
		otlp_value value;
	} *pair = otlp_alloc(maker, 1, sizeof(*pair));

	if (maker->failed)
		return NULL;
	SNP_CHECK(attrs->nr < attrs->max);
	opentelemetry__proto__common__v1__key_value__init(&pair->attr);
	opentelemetry__proto__common__v1__any_value__init(&pair->value);
	pair->attr.key = otlp_unconst(key);
	pair->attr.value = &pair->value;
	attrs->list[attrs->nr++] = &pair->attr;
	return &pair->value;
}

#define VALUE_CASE(type) OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_##type

void otlp_attr_text(struct otlp_maker *maker, struct otlp_attrs *attrs, const char *key,
		    const char *value)
{
	otlp_value *v = add(maker, attrs, key);

	if (!v)
		return;
	v->value_case = VALUE_CASE(STRING_VALUE);
	v->string_value = otlp_unconst(value);
}

void otlp_attr_int(struct otlp_maker *maker, struct otlp_attrs *attrs, const char *key,
		   int64_t value)
{
	otlp_value *v = add(maker, attrs, key);

	if (!v)
		return;
	v->value_case = VALUE_CASE(INT_VALUE);
	v->int_value = value;
}

void otlp_attr_bool(struct otlp_maker *maker, struct otlp_attrs *attrs, const char *key,
		    bool value)
{
	otlp_value *v = add(maker, attrs, key);

	if (!v)
		return;
	v->value_case = VALUE_CASE(BOOL_VALUE);
	v->bool_value = value;
}

void otlp_attr_double(struct otlp_maker *maker, struct otlp_attrs *attrs,
		      const char *key, double value)
{
	otlp_value *v = add(maker, attrs, key);

	if (!v)
		return;
	v->value_case = VALUE_CASE(DOUBLE_VALUE);
	v->double_value = value;
}

/* ---- ids ----------------------------------------------------------------- */

static void put_big_endian(uint8_t *to, uint64_t value)
{
	for (int i = 7; i >= 0; i--, value >>= 8)
		to[i] = (uint8_t)value;
}

static ProtobufCBinaryData id_bytes(struct otlp_maker *maker, const uint64_t *words,
				    size_t nr)
{
	ProtobufCBinaryData id = {.data = otlp_alloc(maker, nr, sizeof(*words))};

	for (size_t i = 0; id.data && i < nr; i++)
		put_big_endian(id.data + i * sizeof(*words), words[i]);
	if (id.data)
		id.len = nr * sizeof(*words);
	return id;
}

ProtobufCBinaryData otlp_trace_id(struct otlp_maker *maker, const uint64_t id[2])
{
	if (!(id[0] | id[1]))
		return (ProtobufCBinaryData){0};
	return id_bytes(maker, id, 2);
}

ProtobufCBinaryData otlp_span_id(struct otlp_maker *maker, uint64_t id)
{
	return id ? id_bytes(maker, &id, 1) : (ProtobufCBinaryData){0};
}

/* ---- scope --------------------------------------------------------------- */

otlp_scope *otlp_scope_new(struct otlp_maker *maker)
{
	otlp_scope *scope = otlp_alloc(maker, 1, sizeof(*scope));

	if (!scope)
		return NULL;
	opentelemetry__proto__common__v1__instrumentation_scope__init(scope);
	scope->name = otlp_unconst(SCOPE_NAME);
	scope->version = otlp_unconst(SNP_VERSION);
	return scope;
}
