/* SPDX-License-Identifier: Apache-2.0 */
/*
 * embed.c - a program with Python workers of its own.
 *
 * It offers Python a tool, runs two pools, calls a tool of each, reads a stream, and
 * stops. Run it from the top of the repository, which the paths below start from:
 *
 *	cc -D_GNU_SOURCE -Iruntime/embed/include -Ishm/include examples/embed/embed.c \
 *	   -Lbuild/lib -Wl,-rpath,$PWD/build/lib -lsnakepit -o /tmp/embed && /tmp/embed
 *
 * or, where Snakepit is installed:
 *
 *	cc -D_GNU_SOURCE embed.c $(pkg-config --cflags --libs snakepit) -o /tmp/embed
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "snakepit/runtime.h"

/* The first calls wait for the start of the workers, which takes its time where much
 * else goes on. */
static const char config[] = "instance: embed-example\n"
			     "pools:\n"
			     "  - name: text\n"
			     "    adapter: demo_adapters.text.TextAdapter\n"
			     "    workers: 2\n"
			     "    pythonpath: [examples/adapters]\n"
			     "    queue: {timeout_ms: 60000}\n"
			     "  - name: host\n"
			     "    adapter: price_adapter.PriceAdapter\n"
			     "    workers: 1\n"
			     "    pythonpath: [examples/embed]\n"
			     "    queue: {timeout_ms: 60000}\n"
			     "log: {level: warning}\n";

/* What Python gets when it calls the host's tool "price". */
static void price(struct snp_host_call *call, void *user)
{
	const double *factor = user;
	size_t len;
	const char *item = snp_host_call_argument(call, "item", &len);
	char result[64];

	if (!item || *item != '"') {
		snp_host_call_fail(call, "TypeError", "item: a text is expected");
		return;
	}
	/* A JSON string: its length without the quotes stands for a price here. */
	(void)snprintf(result, sizeof(result), "%.2f", *factor * (double)(len - 2));
	snp_host_call_finish(call, result);
}

static int show(const char *what, int rc, struct snp_reply **reply,
		const struct snp_err *err)
{
	int failed = rc < 0 || (*reply)->kind != SNP_REPLY_RESULT;

	if (rc < 0)
		(void)printf("%s: %s\n", what, err->msg);
	else if ((*reply)->kind == SNP_REPLY_TOOL_ERROR)
		(void)printf("%s: raised %s: %s\n", what, (*reply)->error_type,
			     (*reply)->message);
	else if (failed)
		(void)printf("%s: %s: %s\n", what, (*reply)->status_name,
			     (*reply)->message);
	else
		(void)printf("%s: %s\n", what, (*reply)->result_json);
	if (rc == 0)
		snp_reply_destroy(reply);
	return failed;
}

static int call(struct snp_runtime *rt, const char *pool, const char *tool,
		const char *name, const char *json)
{
	const struct snp_pair argument = {name, json, strlen(json)};
	const struct snp_request request = {
	    .pool = pool,
	    .tool = tool,
	    .arguments = &argument,
	    .arguments_nr = 1,
	    .timeout_ms = 30000,
	};
	struct snp_reply *reply = NULL;
	struct snp_err err = {0};
	int rc = snp_runtime_execute(rt, &request, &reply, &err);

	return show(tool, rc, &reply, &err);
}

static int on_chunk(void *user, const struct snp_chunk *chunk)
{
	unsigned *count = user;

	++*count;
	(void)printf("chunk %u: %.*s\n", *count, (int)chunk->len,
		     (const char *)chunk->data);
	return 0;
}

static int stream(struct snp_runtime *rt, const char *path)
{
	const struct snp_pair arguments[] = {{"path", path, strlen(path)},
					     {"every", "60", 2}};
	const struct snp_request request = {.pool = "text",
					    .tool = "stream_lines",
					    .arguments = arguments,
					    .arguments_nr = 2};
	struct snp_reply *reply = NULL;
	struct snp_err err = {0};
	unsigned chunks = 0;
	int rc = snp_runtime_stream(rt, &request, on_chunk, &chunks, &reply, &err);

	return show("stream", rc, &reply, &err);
}

int main(int argc, char **argv)
{
	static double factor = 1.5;
	static const struct snp_host_parameter item = {
	    .name = "item", .type = "string", .is_required = 1};
	const struct snp_host_tool tool = {
	    .name = "price",
	    .description = "The price of an item",
	    .parameters = &item,
	    .parameters_nr = 1,
	    .fn = price,
	    .user = &factor,
	};
	const struct snp_runtime_options options = {.config_text = config};
	struct snp_runtime *rt = NULL;
	struct snp_err err = {0};
	char file[PATH_MAX], path[PATH_MAX + 2];
	int failed;

	/* Workers have no directory of ours. A path without quotes and backslashes is
	 * JSON once it is between quotes. */
	if (!realpath(argc > 1 ? argv[1] : "LICENSE", file)) {
		perror("embed");
		return 2;
	}
	(void)snprintf(path, sizeof(path), "\"%s\"", file);
	snp_runtime_log(STDERR_FILENO);
	if (snp_runtime_create(&options, &rt, &err) < 0 ||
	    snp_runtime_offer(rt, &tool, &err) < 0 || snp_runtime_start(rt, &err) < 0) {
		(void)fprintf(stderr, "embed: %s\n", err.msg);
		snp_runtime_destroy(&rt);
		return 1;
	}
	failed = call(rt, "text", "word_stats", "path", path);
	failed |= call(rt, "host", "ask_price", "item", "\"lamp\"");
	failed |= stream(rt, path);
	failed |= snp_runtime_stop(rt, 0) < 0;
	snp_runtime_destroy(&rt);
	return failed;
}
