/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/context.h"

#include <endian.h>

#include "ows.h"

/* version "-" trace id "-" parent id "-" flags, in lower-case hexadecimal digits */
enum {
	VERSION_AT = 0,
	TRACE_ID_AT = 3,
	PARENT_AT = 36,
	FLAGS_AT = 53,
	VERSION_INVALID = 0xff,
};

static bool parse_hex(const char *text, unsigned digits, uint64_t *ret)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < digits; i++) {
		char c = text[i];

		if (c >= '0' && c <= '9')
			value = value << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value << 4 | (uint64_t)(c - 'a' + 10);
		else
			return false;
	}
	*ret = value;
	return true;
}

bool trace_context_parse(struct rpc_str text, struct trace_context *ret_context)
{
	uint64_t version, id[2], parent, flags;
	const char *s;

	text = trace_trim(text);
	s = text.data;
	if (text.len < TRACE_PARENT_LEN || s[TRACE_ID_AT - 1] != '-' ||
	    s[PARENT_AT - 1] != '-' || s[FLAGS_AT - 1] != '-')
		return false;
	if (!parse_hex(s + VERSION_AT, 2, &version) ||
	    !parse_hex(s + TRACE_ID_AT, 16, &id[0]) ||
	    !parse_hex(s + TRACE_ID_AT + 16, 16, &id[1]) ||
	    !parse_hex(s + PARENT_AT, 16, &parent) ||
	    !parse_hex(s + FLAGS_AT, 2, &flags))
		return false;
	/* Versions to come may add fields, behind another dash. */
	if (version == VERSION_INVALID ||
	    (text.len > TRACE_PARENT_LEN &&
	     (version == 0 || s[TRACE_PARENT_LEN] != '-')))
		return false;
	if ((id[0] | id[1]) == 0 || parent == 0)
		return false;
	*ret_context = (struct trace_context){
	    .id = {id[0], id[1]},
	    .span = parent,
	    .flags = (unsigned)flags & TRACE_FLAGS_KNOWN,
	    .is_remote = true,
	};
	return true;
}

/* Eight digits at once: a digit in each byte, then to all that are above 9 the distance
 * from behind '9' to 'a'. This runs for each attempt. */
static void format_hex32(char *text, uint32_t value)
{
	const uint64_t each = UINT64_C(0x0101010101010101);
	uint64_t v = value;

	v = (v << 16 | v) & UINT64_C(0x0000ffff0000ffff);
	v = (v << 8 | v) & UINT64_C(0x00ff00ff00ff00ff);
	v = (v << 4 | v) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	v += each * '0' + (((v + each * 6) >> 4) & each) * ('a' - '9' - 1);
	v = htobe64(v);
	memcpy(text, &v, sizeof(v));
}

static void format_hex64(char *text, uint64_t value)
{
	format_hex32(text, (uint32_t)(value >> 32));
	format_hex32(text + 8, (uint32_t)value);
}

void trace_context_format(const struct trace_context *context,
			  char ret_text[TRACE_PARENT_BYTES])
{
	memcpy(ret_text, "00-", TRACE_ID_AT);
	format_hex64(ret_text + TRACE_ID_AT, context->id[0]);
	format_hex64(ret_text + TRACE_ID_AT + 16, context->id[1]);
	ret_text[PARENT_AT - 1] = '-';
	format_hex64(ret_text + PARENT_AT, context->span);
	memcpy(ret_text + FLAGS_AT - 1, "-0", 2);
	ret_text[FLAGS_AT + 1] = (char)('0' + (context->flags & TRACE_FLAGS_KNOWN));
	ret_text[TRACE_PARENT_LEN] = '\0';
}

void trace_context_root(struct trace_context *ret_context, uint64_t high, uint64_t low)
{
	*ret_context =
	    (struct trace_context){.id = {high, low}, .flags = TRACE_FLAG_RANDOM};
}

struct trace_context trace_context_child(const struct trace_context *parent,
					 uint64_t span)
{
	struct trace_context child = *parent;

	child.span = span;
	child.is_remote = false;
	return child;
}
