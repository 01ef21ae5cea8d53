/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "buf_internal.h"
#include "utf8.h"

/* What unpacking may take: a copy of the payload, and for small fields the structs and
 * pointers around them, which outweigh their few bytes many times. */
#define MEMORY_FACTOR ((size_t)4)
#define MEMORY_BASE   ((size_t)4 << 20)

enum wire_type {
	WIRE_VARINT = 0,
	WIRE_FIXED64 = 1,
	WIRE_BYTES = 2,
	WIRE_FIXED32 = 5,
};

#define FIELD_NUMBER_MAX ((UINT64_C(1) << 29) - 1)

struct cursor {
	const uint8_t *p, *end;
};

struct field {
	uint64_t number;
	enum wire_type type;
	struct cursor bytes; /* WIRE_BYTES: the contents */
};

static bool read_varint(struct cursor *c, uint64_t *ret_value)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 70; shift += 7) {
		uint8_t byte;

		if (c->p == c->end)
			return false;
		byte = *c->p++;
		/* The tenth byte has room for one bit. */
		if (shift == 63 && byte > 1)
			return false;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret_value = value;
			return true;
		}
	}
	return false;
}

static bool skip(struct cursor *c, uint64_t n)
{
	if (n > (uint64_t)(c->end - c->p))
		return false;
	c->p += n;
	return true;
}

static bool read_contents(struct cursor *c, struct field *field)
{
	uint64_t value;

	switch (field->type) {
	case WIRE_VARINT:
		return read_varint(c, &value);
	case WIRE_FIXED64:
		return skip(c, 8);
	case WIRE_FIXED32:
		return skip(c, 4);
	case WIRE_BYTES:
		if (!read_varint(c, &value))
			return false;
		field->bytes.p = c->p;
		if (!skip(c, value))
			return false;
		field->bytes.end = c->p;
		return true;
	}
	return false; /* groups, and what never was a type */
}

static bool read_field(struct cursor *c, struct field *field)
{
	uint64_t tag;

	if (!read_varint(c, &tag) || tag >> 3 == 0 || tag >> 3 > FIELD_NUMBER_MAX)
		return false;
	field->number = tag >> 3;
	field->type = (enum wire_type)(tag & 7);
	return read_contents(c, field);
}

static int check_text(const ProtobufCMessageDescriptor *descriptor,
		      const ProtobufCFieldDescriptor *field, const struct cursor *text,
		      struct snp_err *err)
{
	if (rpc__utf8_is_text((const char *)text->p, (size_t)(text->end - text->p)))
		return 0;
	return snp_err_set(err, -EBADMSG, "field \"%s\" of %s is not UTF-8 text",
			   field->name, descriptor->short_name);
}

/* Recursion is bounded by `depth_left`. */
static int check_message(const ProtobufCMessageDescriptor *descriptor, struct cursor c,
			 unsigned depth_left, struct snp_err *err)
{
	if (depth_left == 0)
		return snp_err_set(err, -EBADMSG, "%s is nested deeper than %d levels",
				   descriptor->short_name, RPC__WIRE_DEPTH_MAX);
	while (c.p < c.end) {
		const ProtobufCFieldDescriptor *known;
		struct field field = {0};
		int rc = 0;

		if (!read_field(&c, &field))
			return snp_err_set(err, -EBADMSG, "%s is malformed",
					   descriptor->short_name);
		known = protobuf_c_message_descriptor_get_field(descriptor,
								(unsigned)field.number);
		if (!known || field.type != WIRE_BYTES)
			continue;
		if (known->type == PROTOBUF_C_TYPE_STRING)
			rc = check_text(descriptor, known, &field.bytes, err);
		else if (known->type == PROTOBUF_C_TYPE_MESSAGE)
			rc = check_message(known->descriptor, field.bytes,
					   depth_left - 1, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int rpc__wire_check(const ProtobufCMessageDescriptor *descriptor, const uint8_t *data,
		    size_t len, struct snp_err *err)
{
	struct cursor all = {.p = data, .end = data ? data + len : NULL};

	return check_message(descriptor, all, RPC__WIRE_DEPTH_MAX, err);
}

/* ---- Unpacking ----------------------------------------------------------- */

struct budget {
	struct rpc_arena *arena;
	size_t left;
	int failure; /* why an allocation was refused, or 0 */
};

static void *budget_alloc(void *data, size_t size)
{
	struct budget *budget = data;
	void *p;

	if (size > budget->left) {
		budget->failure = -ENOBUFS;
		return NULL;
	}
	budget->left -= size;
	p = rpc_arena_alloc(budget->arena, size);
	if (!p)
		budget->failure = -ENOMEM;
	return p;
}

static void budget_free(void *data, void *p)
{
	(void)data; /* the arena goes as a whole */
	(void)p;
}

static int unpack_flat(const ProtobufCMessageDescriptor *descriptor,
		       const struct rpc__flat *flat, struct rpc_arena *arena,
		       ProtobufCMessage **ret_message, struct snp_err *err)
{
	struct budget budget = {
	    .arena = arena,
	    .left = MEMORY_BASE + flat->len * MEMORY_FACTOR,
	};
	ProtobufCAllocator allocator = {
	    .alloc = budget_alloc,
	    .free = budget_free,
	    .allocator_data = &budget,
	};
	ProtobufCMessage *message;
	int rc = rpc__wire_check(descriptor, flat->data, flat->len, err);

	if (rc < 0)
		return rc;
	message =
	    protobuf_c_message_unpack(descriptor, &allocator, flat->len, flat->data);
	if (message) {
		*ret_message = message;
		return 0;
	}
	if (budget.failure)
		return snp_err_set(err, budget.failure,
				   "%s of %zu bytes needs too much memory",
				   descriptor->short_name, flat->len);
	return snp_err_set(err, -EBADMSG, "%s is malformed", descriptor->short_name);
}

int rpc__unpack(const ProtobufCMessageDescriptor *descriptor, const struct rpc_buf *buf,
		struct rpc_arena *arena, ProtobufCMessage **ret_message,
		struct snp_err *err)
{
	struct rpc__flat flat;
	int rc = rpc__buf_flatten(buf, &flat);

	if (rc < 0)
		return snp_err_set(err, rc, "out of memory for a message of %zu bytes",
				   rpc_buf_len(buf));
	rc = unpack_flat(descriptor, &flat, arena, ret_message, err);
	rpc__flat_release(&flat);
	return rc;
}
