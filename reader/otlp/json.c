/* SPDX-License-Identifier: Apache-2.0 */
#include "json.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "model/json_out.h"
#include "snakepit/check.h"

#define NAME_BYTES 64
#define TEXT_BYTES 1024 /* of bytes as text: ids, details of a status */

static void put_message(struct snp_json *json, const ProtobufCMessage *message);

/* ---- scalars ------------------------------------------------------------- */

static bool is_id(const char *name)
{
	return strcmp(name, "trace_id") == 0 || strcmp(name, "span_id") == 0 ||
	       strcmp(name, "parent_span_id") == 0;
}

static void put_hex(struct snp_json *json, const ProtobufCBinaryData *bytes)
{
	static const char digits[] = "0123456789abcdef";
	char text[TEXT_BYTES];

	SNP_CHECK(bytes->len <= sizeof(text) / 2);
	for (size_t i = 0; i < bytes->len; i++) {
		text[2 * i] = digits[bytes->data[i] >> 4];
		text[2 * i + 1] = digits[bytes->data[i] & 15];
	}
	snp_json_string_n(json, text, 2 * bytes->len);
}

static void put_base64(struct snp_json *json, const ProtobufCBinaryData *bytes)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvw"
				     "xyz0123456789+/";
	char text[TEXT_BYTES];
	size_t len = 0;

	SNP_CHECK(bytes->len <= sizeof(text) / 4 * 3);
	for (size_t i = 0; i < bytes->len; i += 3) {
		size_t left = bytes->len - i;
		unsigned word = (unsigned)bytes->data[i] << 16 |
				(left > 1 ? (unsigned)bytes->data[i + 1] << 8 : 0) |
				(left > 2 ? (unsigned)bytes->data[i + 2] : 0);

		text[len++] = digits[word >> 18];
		text[len++] = digits[word >> 12 & 63];
		text[len++] = left > 1 ? digits[word >> 6 & 63] : '=';
		text[len++] = left > 2 ? digits[word & 63] : '=';
	}
	snp_json_string_n(json, text, len);
}

static void put_double(struct snp_json *json, double value)
{
	if (isfinite(value))
		snp_json_double(json, value);
	else if (isnan(value))
		snp_json_string(json, "NaN");
	else
		snp_json_string(json, value > 0 ? "Infinity" : "-Infinity");
}

static void put_u64(struct snp_json *json, uint64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRIu64, value);
	snp_json_string(json, text);
}

static void put_i64(struct snp_json *json, int64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRId64, value);
	snp_json_string(json, text);
}

/* The types that OTLP has; others are a change of proto/otlp that belongs here too. */
static void put_value(struct snp_json *json, const ProtobufCFieldDescriptor *field,
		      const void *at)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_STRING:
		snp_json_string(json, *(const char *const *)at);
		return;
	case PROTOBUF_C_TYPE_BYTES:
		if (is_id(field->name))
			put_hex(json, at);
		else
			put_base64(json, at);
		return;
	case PROTOBUF_C_TYPE_MESSAGE:
		put_message(json, *(const ProtobufCMessage *const *)at);
		return;
	case PROTOBUF_C_TYPE_BOOL:
		snp_json_bool(json, *(const protobuf_c_boolean *)at);
		return;
	case PROTOBUF_C_TYPE_DOUBLE:
		put_double(json, *(const double *)at);
		return;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		put_u64(json, *(const uint64_t *)at);
		return;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		put_i64(json, *(const int64_t *)at);
		return;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		snp_json_u64(json, *(const uint32_t *)at);
		return;
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_ENUM:
		snp_json_i64(json, *(const int32_t *)at);
		return;
	default:
		SNP_CHECK(!"a type that OTLP does not have");
	}
}

static size_t size_of(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_ENUM:
		return 4;
	default:
		return 8;
	}
}

/* ---- fields -------------------------------------------------------------- */

static bool is_zero(const void *at, size_t bytes)
{
	static const char zeros[8];

	return memcmp(at, zeros, bytes) == 0;
}

/* A field that is not repeated: whether it has something to say. */
static bool is_present(const ProtobufCMessage *message,
		       const ProtobufCFieldDescriptor *field, const void *at)
{
	if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
		return *(const uint32_t *)((const char *)message +
					   field->quantifier_offset) == field->id;
	if (field->type == PROTOBUF_C_TYPE_STRING)
		return *(const char *const *)at && **(const char *const *)at;
	if (field->type == PROTOBUF_C_TYPE_BYTES)
		return ((const ProtobufCBinaryData *)at)->len > 0;
	return !is_zero(at, size_of(field->type));
}

/* snake_case to lowerCamelCase. */
static void put_key(struct snp_json *json, const char *name)
{
	char key[NAME_BYTES];
	size_t len = 0;

	SNP_CHECK(strlen(name) < sizeof(key));
	for (; *name; name++) {
		if (*name == '_' && name[1] >= 'a' && name[1] <= 'z')
			key[len++] = (char)(*++name - 'a' + 'A');
		else
			key[len++] = *name;
	}
	key[len] = '\0';
	snp_json_key(json, key);
}

static void put_repeated(struct snp_json *json, const ProtobufCMessage *message,
			 const ProtobufCFieldDescriptor *field)
{
	size_t nr = *(const size_t *)((const char *)message + field->quantifier_offset);
	const char *list =
	    *(const char *const *)((const char *)message + field->offset);

	if (nr == 0)
		return;
	put_key(json, field->name);
	snp_json_array_begin(json);
	for (size_t i = 0; i < nr; i++)
		put_value(json, field, list + i * size_of(field->type));
	snp_json_array_end(json);
}

static void put_message(struct snp_json *json, const ProtobufCMessage *message)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;

	snp_json_object_begin(json);
	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &type->fields[i];
		const void *at = (const char *)message + field->offset;

		if (field->label == PROTOBUF_C_LABEL_REPEATED) {
			put_repeated(json, message, field);
		} else if (is_present(message, field, at)) {
			put_key(json, field->name);
			put_value(json, field, at);
		}
	}
	snp_json_object_end(json);
}

int otlp_json_write(const ProtobufCMessage *message, struct snp_buf *out)
{
	struct snp_json json;

	snp_json_init(&json, out);
	put_message(&json, message);
	return out->failed ? -ENOMEM : 0;
}
