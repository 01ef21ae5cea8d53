/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/baggage.h"

struct rpc_str trace_baggage_take(struct trace_baggage_room *room, struct rpc_str entry)
{
	struct rpc_str taken = {entry.data, 0};

	for (size_t at = 0; at < entry.len;) {
		const char *comma = memchr(entry.data + at, ',', entry.len - at);
		size_t end = comma ? (size_t)(comma - entry.data) : entry.len;

		if (room->members == 0 || end > room->bytes) {
			*room = (struct trace_baggage_room){0};
			return taken;
		}
		room->members--;
		taken.len = end;
		at = end + 1;
	}
	/* A comma that ends it is part of what came. */
	taken.len = entry.len <= room->bytes ? entry.len : taken.len;
	room->bytes -= taken.len;
	return taken;
}
