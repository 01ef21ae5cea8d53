/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/carrier.h"

enum { PARENT, STATE, BAGGAGE, KEYS_NR };

static const struct rpc_str keys[KEYS_NR] = {
    [PARENT] = {RPC_MD_TRACEPARENT, sizeof(RPC_MD_TRACEPARENT) - 1},
    [STATE] = {RPC_MD_TRACESTATE, sizeof(RPC_MD_TRACESTATE) - 1},
    [BAGGAGE] = {RPC_MD_BAGGAGE, sizeof(RPC_MD_BAGGAGE) - 1},
};

struct entries {
	unsigned nr;
	struct rpc_str first, last;
};

/* Everything at once: a call has few pairs, and most calls none of these. */
static void find(const struct rpc_md_in *md, struct entries ret_found[KEYS_NR])
{
	size_t count = rpc_md_in_count(md);

	memset(ret_found, 0, KEYS_NR * sizeof(ret_found[0]));
	for (size_t i = 0; i < count; i++) {
		struct rpc_md pair = rpc_md_in_at(md, i);

		for (int k = 0; k < KEYS_NR; k++) {
			if (!rpc_str_equal(pair.key, keys[k]))
				continue;
			if (ret_found[k].nr++ == 0)
				ret_found[k].first = pair.value;
			ret_found[k].last = pair.value;
			break;
		}
	}
}

void trace_incoming(const struct rpc_md_in *md, struct trace_context *ret_parent)
{
	struct entries found[KEYS_NR];

	find(md, found);
	if (found[PARENT].nr != 1 ||
	    !trace_context_parse(found[PARENT].first, ret_parent))
		*ret_parent = (struct trace_context){0};
}

/* What is legal in metadata that came is legal in metadata that goes, and there is room
 * for the few pairs a call begins with. */
static void add(struct rpc_md_list *list, int key, struct rpc_str value)
{
	(void)rpc_md_add(list, keys[key].data, value);
}

/* Value number *at or later of that key; *at moves behind it. The absent string at the
 * end. */
static struct rpc_str next_value(const struct rpc_md_in *md, int key, size_t *at)
{
	while (*at < rpc_md_in_count(md)) {
		struct rpc_md pair = rpc_md_in_at(md, (*at)++);

		if (rpc_str_equal(pair.key, keys[key]))
			return pair.value;
	}
	return (struct rpc_str){0};
}

static void add_state(char text[TRACE_STATE_MAX], const struct rpc_md_in *md,
		      struct rpc_md_list *list)
{
	struct trace_state state;
	struct rpc_str value;
	size_t at = 0, len;

	trace_state_init(&state);
	while ((value = next_value(md, STATE, &at)).data)
		trace_state_add(&state, value);
	len = trace_state_write(&state, text);
	if (len)
		add(list, STATE, (struct rpc_str){text, len});
}

static struct rpc_str join_baggage(char text[TRACE_BAGGAGE_MAX],
				   const struct rpc_md_in *md)
{
	struct trace_baggage_room room;
	struct rpc_str value;
	size_t at = 0, len = 0;

	trace_baggage_room_init(&room);
	while ((value = next_value(md, BAGGAGE, &at)).data) {
		struct rpc_str taken = trace_baggage_take(&room, value);

		if (!taken.len)
			continue;
		memcpy(text + len, taken.data, taken.len);
		len += taken.len;
		if (room.bytes)
			text[len++] = ',';
		room.bytes -= room.bytes > 0;
	}
	return (struct rpc_str){text, len && text[len - 1] == ',' ? len - 1 : len};
}

static void add_baggage(struct trace_buffers *buffers, const struct rpc_md_in *md,
			const struct entries *found, struct rpc_md_list *list)
{
	struct rpc_str value = found->first;

	if (found->nr == 0)
		return;
	if (found->nr > 1)
		value = join_baggage(buffers->baggage, md);
	add(list, BAGGAGE, value);
}

void trace_outgoing(struct trace_buffers *buffers, const struct rpc_md_in *md,
		    const struct trace_context *parent,
		    const struct trace_context *span, struct rpc_md_list *list)
{
	struct entries found[KEYS_NR];

	find(md, found);
	trace_context_format(span, buffers->parent);
	add(list, PARENT, (struct rpc_str){buffers->parent, TRACE_PARENT_LEN});
	if (parent->span && found[STATE].nr)
		add_state(buffers->state, md, list);
	add_baggage(buffers, md, &found[BAGGAGE], list);
}

void trace_forward(struct trace_buffers *buffers, const struct rpc_md_in *md,
		   struct rpc_md_list *list)
{
	struct entries found[KEYS_NR];

	find(md, found);
	if (found[PARENT].nr)
		add(list, PARENT, found[PARENT].first);
	if (found[PARENT].nr > 1)
		add(list, PARENT, found[PARENT].last);
	if (found[STATE].nr == 1)
		add(list, STATE, found[STATE].first);
	else if (found[STATE].nr > 1)
		add_state(buffers->state, md, list);
	add_baggage(buffers, md, &found[BAGGAGE], list);
}
