/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_error.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* Beyond this a report is not worth the many times larger tree it parses into. */
#define PARSE_MAX ((size_t)1 << 20)

static char *copy_text(struct rpc_arena *arena, const char *text, size_t len)
{
	char *copy = rpc_arena_alloc(arena, len + 1);

	if (!copy)
		return NULL;
	if (len)
		memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

static const char *copy_member(const json_t *object, const char *key,
			       struct rpc_arena *arena)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? copy_text(arena, text, strlen(text)) : "";
}

int rpc__tool_error_parse(const char *text, struct rpc_arena *arena,
			  struct rpc_tool_error *ret)
{
	size_t len = strlen(text);
	json_t *object = len <= PARSE_MAX ? json_loadb(text, len, 0, NULL) : NULL;
	struct rpc_tool_error error = {.type = "", .message = text};

	if (json_is_object(object)) {
		error.type = copy_member(object, "type", arena);
		error.message = copy_member(object, "message", arena);
		error.detail_json = (struct rpc_str){.data = text, .len = len};
	}
	json_decref(object);
	if (!error.type || !error.message)
		return -ENOMEM;
	*ret = error;
	return 0;
}

int rpc__tool_error_format(const struct rpc_tool_error *error, struct rpc_arena *arena,
			   char **ret_text)
{
	json_t *object;
	char *dumped, *text;

	if (error->detail_json.len) {
		text =
		    copy_text(arena, error->detail_json.data, error->detail_json.len);
	} else {
		object = json_pack("{s:s, s:s}", "type", error->type ? error->type : "",
				   "message", error->message ? error->message : "");
		dumped = json_dumps(object, JSON_COMPACT);
		json_decref(object);
		if (!dumped)
			return -ENOMEM;
		text = copy_text(arena, dumped, strlen(dumped));
		free(dumped);
	}
	if (!text)
		return -ENOMEM;
	*ret_text = text;
	return 0;
}
