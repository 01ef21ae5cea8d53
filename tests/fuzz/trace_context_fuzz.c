/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer target (T03): what clients and the environment may say of traces. The input
 * is cut at its zero bytes into entries of one header, and each part is tried as every
 * header. What is read and written again must read as the same, and what is passed on
 * must pass unchanged through the next runtime.
 * `make fuzz TARGET=trace_context TIME=60` builds and runs it.
 */
#include <stdlib.h>
#include <string.h>

#include "snakepit/check.h"
#include "trace/baggage.h"
#include "trace/context.h"
#include "trace/sampler.h"
#include "trace/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_context(struct rpc_str entry)
{
	struct trace_context a, b;
	char text[TRACE_PARENT_BYTES], again[TRACE_PARENT_BYTES];

	if (!trace_context_parse(entry, &a))
		return;
	SNP_CHECK(a.span && (a.id[0] | a.id[1]) && a.flags <= TRACE_FLAGS_KNOWN);
	trace_context_format(&a, text);
	SNP_CHECK(strlen(text) == TRACE_PARENT_LEN);
	SNP_CHECK(trace_context_parse(rpc_str_of(text), &b));
	SNP_CHECK(b.id[0] == a.id[0] && b.id[1] == a.id[1] && b.span == a.span &&
		  b.flags == a.flags);
	trace_context_format(&b, again);
	SNP_CHECK(strcmp(text, again) == 0);
}

/* What one writes the next one must pass on as it is. */
static void try_state(struct trace_state *state)
{
	char text[TRACE_STATE_MAX], again[TRACE_STATE_MAX];
	size_t len = trace_state_write(state, text);

	SNP_CHECK(len <= TRACE_STATE_MAX);
	trace_state_init(state);
	trace_state_add(state, (struct rpc_str){text, len});
	SNP_CHECK(!state->invalid);
	SNP_CHECK(trace_state_write(state, again) == len);
	SNP_CHECK(memcmp(text, again, len) == 0);
}

static void try_baggage(struct trace_baggage_room *room, struct rpc_str entry)
{
	struct trace_baggage_room before = *room;
	struct rpc_str taken = trace_baggage_take(room, entry);

	SNP_CHECK(taken.data == entry.data && taken.len <= entry.len);
	SNP_CHECK(taken.len <= before.bytes && room->bytes <= before.bytes);
	/* Whole members: it ends where the entry ends, or before a comma. */
	SNP_CHECK(taken.len == 0 || taken.len == entry.len ||
		  entry.data[taken.len] == ',');
}

static void try_sampler(const char *name, const char *arg)
{
	const struct snp_cfg_traces cfg = {.ratio = 1};
	struct trace_sampler sampler;

	(void)trace_sampler_init(&sampler, &cfg, name, arg);
	SNP_CHECK(!sampler.all || sampler.bound == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trace_baggage_room room;
	struct trace_state state;
	const char *previous = NULL;
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	trace_state_init(&state);
	trace_baggage_room_init(&room);
	for (const char *at = text; at <= text + size; at += strlen(at) + 1) {
		try_context(rpc_str_of(at));
		trace_state_add(&state, rpc_str_of(at));
		try_baggage(&room, rpc_str_of(at));
		try_sampler(previous, at);
		previous = at;
	}
	try_state(&state);
	free(text);
	return 0;
}
