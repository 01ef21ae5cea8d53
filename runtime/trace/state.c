/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/state.h"

#include "ows.h"

enum {
	KEY_MAX = 256,
	VALUE_MAX = 256,
	LARGE = 128, /* longer members are the first to go */
};

static bool begins_key(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_key(struct rpc_str key)
{
	if (key.len < 1 || key.len > KEY_MAX || !begins_key(key.data[0]))
		return false;
	for (size_t i = 1; i < key.len; i++) {
		char c = key.data[i];

		if (!begins_key(c) && c != '_' && c != '-' && c != '*' && c != '/' &&
		    c != '@')
			return false;
	}
	return true;
}

static bool is_value(struct rpc_str value)
{
	if (value.len < 1 || value.len > VALUE_MAX)
		return false;
	for (size_t i = 0; i < value.len; i++)
		if (value.data[i] < ' ' || value.data[i] > '~' || value.data[i] == '=')
			return false;
	return true;
}

static struct rpc_str key_of(struct rpc_str member)
{
	const char *end = memchr(member.data, '=', member.len);

	return (struct rpc_str){member.data, end ? (size_t)(end - member.data) : 0};
}

static bool is_member(struct rpc_str member)
{
	struct rpc_str key = key_of(member);

	if (!is_key(key))
		return false;
	return is_value(
	    (struct rpc_str){key.data + key.len + 1, member.len - key.len - 1});
}

static bool has_key(const struct trace_state *state, struct rpc_str key)
{
	for (unsigned i = 0; i < state->nr; i++)
		if (rpc_str_equal(key_of(state->members[i]), key))
			return true;
	return false;
}

static void add_member(struct trace_state *state, struct rpc_str member)
{
	if (member.len == 0)
		return;
	if (state->nr == TRACE_STATE_MEMBERS || !is_member(member))
		state->invalid = true;
	else if (!has_key(state, key_of(member)))
		state->members[state->nr++] = member;
}

void trace_state_add(struct trace_state *state, struct rpc_str entry)
{
	while (entry.len && !state->invalid) {
		const char *comma = memchr(entry.data, ',', entry.len);
		size_t len = comma ? (size_t)(comma - entry.data) : entry.len;
		size_t step = comma ? len + 1 : len;

		add_member(state, trace_trim((struct rpc_str){entry.data, len}));
		entry.data += step;
		entry.len -= step;
	}
}

static size_t length(const struct trace_state *state)
{
	size_t len = 0;

	for (unsigned i = 0; i < state->nr; i++)
		len += state->members[i].len + (i > 0);
	return len;
}

static void leave_out(struct trace_state *state, unsigned i)
{
	state->nr--;
	memmove(&state->members[i], &state->members[i + 1],
		(state->nr - i) * sizeof(state->members[0]));
}

static void trim(struct trace_state *state)
{
	for (unsigned i = state->nr; i-- > 0 && length(state) > TRACE_STATE_MAX;)
		if (state->members[i].len > LARGE)
			leave_out(state, i);
	while (length(state) > TRACE_STATE_MAX)
		state->nr--;
}

size_t trace_state_write(struct trace_state *state, char ret_text[TRACE_STATE_MAX])
{
	size_t at = 0;

	if (state->invalid)
		return 0;
	trim(state);
	for (unsigned i = 0; i < state->nr; i++) {
		const struct rpc_str *member = &state->members[i];

		if (i)
			ret_text[at++] = ',';
		memcpy(ret_text + at, member->data, member->len);
		at += member->len;
	}
	return at;
}
