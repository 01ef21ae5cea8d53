/* SPDX-License-Identifier: Apache-2.0 */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "cli/say.h"
#include "model/buf.h"
#include "model/json_out.h"
#include "reformat.h"

static json_t *parse(struct rpc_str text)
{
	return json_loadb(text.len ? text.data : "", text.len,
			  JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL,
			  NULL);
}

/* Text that is JSON comes out as JSON: indented for people, on one line for programs.
 * Anything else becomes a JSON string, so that every line of the output is JSON. */
static void render(const struct exec_options *options, struct rpc_str text,
		   bool indented, struct snp_buf *out)
{
	json_t *value = parse(text);
	struct snp_json json;

	if (options->raw && json_is_string(value)) {
		snp_buf_put(out, json_string_value(value), json_string_length(value));
	} else if (value) {
		reformat(text.data, text.len,
			 indented ? REFORMAT_INDENTED : REFORMAT_ONE_LINE, out);
	} else {
		snp_json_init(&json, out);
		snp_json_string_n(&json, text.len ? text.data : "", text.len);
	}
	snp_buf_putc(out, '\n');
	json_decref(value);
}

static int write_out(const struct snp_buf *out, int fd, const char *name,
		     struct snp_err *err)
{
	int r = snp_buf_write_fd(out, fd);

	if (r < 0)
		return snp_err_set(err, r, "cannot write %s: %s", name, strerror(-r));
	return 0;
}

/* ---- what a tool returned ------------------------------------------------ */

static int write_binary(const char *path, struct rpc_str bytes, struct snp_err *err)
{
	struct snp_buf out = {.data = (char *)bytes.data, .len = bytes.len};
	int fd, r;

	if (strcmp(path, "-") == 0)
		return write_out(&out, STDOUT_FILENO, "the output", err);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		return snp_err_errno(err, "cannot write %s", path);
	r = write_out(&out, fd, path, err);
	if (close(fd) < 0 && r == 0)
		r = snp_err_errno(err, "cannot write %s", path);
	return r;
}

int output_result(const struct exec_options *options,
		  const struct rpc_execute_response *response, struct snp_err *err)
{
	struct snp_buf out = {0};
	int r = 0;

	if (response->result_json.len > 0) {
		render(options, response->result_json, isatty(STDOUT_FILENO) == 1,
		       &out);
		r = write_out(&out, STDOUT_FILENO, "the output", err);
		snp_buf_fini(&out);
	}
	if (r == 0 && options->binary_out)
		r = write_binary(options->binary_out, response->binary_result, err);
	else if (r == 0 && response->binary_result.len > 0)
		(void)fprintf(stderr,
			      "%s: exec: the result has %zu bytes beside the JSON; "
			      "--binary-out FILE keeps them\n",
			      cli_program(), response->binary_result.len);
	return r;
}

int output_chunk(const struct exec_options *options, const struct rpc_chunk *chunk,
		 struct snp_err *err)
{
	struct snp_buf out = {0};
	int r;

	/* The last message of a stream may only say that it is the last. */
	if (chunk->data.len == 0)
		return 0;
	if (options->raw)
		snp_buf_put(&out, chunk->data.data, chunk->data.len);
	else
		render(options, chunk->data, false, &out);
	r = write_out(&out, STDOUT_FILENO, "the output", err);
	snp_buf_fini(&out);
	return r;
}

/* ---- failures ------------------------------------------------------------ */

static void print_traceback(const char *text)
{
	for (; *text; text++) {
		bool control = (unsigned char)*text < 0x20 || *text == 0x7f;

		(void)fputc(control && *text != '\n' ? ' ' : *text, stderr);
	}
}

static void complain_tool(const struct output_call *call, const char *type,
			  const char *message)
{
	cli_complain(
	    "exec: %s/%s failed: %s%s%s; the log has more under correlation id %s",
	    call->options->pool, call->options->tool, type,
	    *type && *message ? ": " : "", message, call->correlation_id);
}

void output_tool_error(const struct output_call *call,
		       const struct rpc_tool_error *error)
{
	json_t *detail = call->options->verbose ? parse(error->detail_json) : NULL;
	const char *traceback = json_string_value(json_object_get(detail, "traceback"));

	if (traceback)
		print_traceback(traceback);
	complain_tool(call, error->type, error->message);
	json_decref(detail);
}

static const char *advice_for(const struct rpc_status *status)
{
	switch (status->code) {
	case RPC_NOT_FOUND:
		return "check the name of the tool";
	case RPC_INVALID_ARGUMENT:
		return "nothing was run";
	case RPC_RESOURCE_EXHAUSTED:
		return "try again later, or raise the pool's queue.limit or workers";
	case RPC_DEADLINE_EXCEEDED:
		return "give it more time with --timeout or request_timeout_ms";
	case RPC_UNAVAILABLE:
		if (status->never_sent)
			return "check with 'snakepit status', or give --address";
		return "it may have run in part: check before you run it again";
	default:
		return "see the runtime's log";
	}
}

void output_status(const struct output_call *call, const struct rpc_status *status)
{
	json_t *report = NULL;

	if (status->message[0] == '{')
		report = parse(rpc_str_of(status->message));
	if (json_is_string(json_object_get(report, "message"))) {
		const char *type = json_string_value(json_object_get(report, "type"));

		complain_tool(call, type ? type : "",
			      json_string_value(json_object_get(report, "message")));
	} else {
		/* The runtime's own messages say what to do, behind a semicolon. */
		bool advised = strchr(status->message, ';') && !status->never_sent;

		cli_complain("exec: %s/%s: %s: %s%s%s (correlation id %s)",
			     call->options->pool, call->options->tool,
			     rpc_code_name(status->code), status->message,
			     advised ? "" : "; ", advised ? "" : advice_for(status),
			     call->correlation_id);
	}
	json_decref(report);
}
