/* SPDX-License-Identifier: Apache-2.0 */
#include "core/trace.h"

/* version "-" trace id "-" parent id "-" flags, in lower-case hexadecimal digits */
enum {
	VERSION_AT = 0,
	TRACE_ID_AT = 3,
	PARENT_AT = 36,
	FLAGS_AT = 53,
	LENGTH = 55,
	VERSION_INVALID = 0xff,
};

static bool hex(const char *text, unsigned digits, uint64_t *ret)
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

bool trace_parse(struct rpc_str text, struct trace *ret_trace)
{
	uint64_t version, id[2], parent, flags;
	const char *s = text.data;

	if (!s || text.len < LENGTH || s[TRACE_ID_AT - 1] != '-' ||
	    s[PARENT_AT - 1] != '-' || s[FLAGS_AT - 1] != '-')
		return false;
	if (!hex(s + VERSION_AT, 2, &version) || !hex(s + TRACE_ID_AT, 16, &id[0]) ||
	    !hex(s + TRACE_ID_AT + 16, 16, &id[1]) ||
	    !hex(s + PARENT_AT, 16, &parent) || !hex(s + FLAGS_AT, 2, &flags))
		return false;
	/* Versions to come may add fields, behind another dash. */
	if (version == VERSION_INVALID ||
	    (text.len > LENGTH && (version == 0 || s[LENGTH] != '-')))
		return false;
	if ((id[0] | id[1]) == 0 || parent == 0)
		return false;
	ret_trace->id[0] = id[0];
	ret_trace->id[1] = id[1];
	ret_trace->parent_span = parent;
	ret_trace->flags = (unsigned)flags & TRACE_FLAGS;
	return true;
}

void trace_begin(struct trace *trace, struct rpc_str traceparent, struct prng *prng)
{
	if (!trace_parse(traceparent, trace)) {
		trace->id[0] = prng_next(prng);
		trace->id[1] = prng_next_nonzero(prng);
		trace->parent_span = 0;
		trace->flags = 0;
	}
	trace->span = prng_next_nonzero(prng);
}
