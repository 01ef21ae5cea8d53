/* SPDX-License-Identifier: Apache-2.0 */
#include "arguments.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "model/buf.h"
#include "rpc/channel.h"

#define READ_BYTES 65536

static int read_all(int fd, const char *name, struct snp_buf *ret, struct snp_err *err)
{
	for (;;) {
		char *at = snp_buf_reserve(ret, READ_BYTES);
		ssize_t got;

		if (!at)
			return snp_err_set(err, -ENOMEM, "out of memory for %s", name);
		got = read(fd, at, READ_BYTES);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return snp_err_errno(err, "cannot read %s", name);
		if (got == 0)
			return 0;
		snp_buf_commit(ret, (size_t)got);
		if (ret->len > RPC_MESSAGE_BYTES_DEFAULT)
			return snp_err_set(
			    err, -EFBIG, "%s is larger than a message may be (%u MiB)",
			    name, RPC_MESSAGE_BYTES_DEFAULT >> 20);
	}
}

static int read_file(const char *path, struct snp_buf *ret, struct snp_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return snp_err_errno(err, "cannot read %s", path);
	r = read_all(fd, path, ret, err);
	(void)close(fd);
	return r;
}

/* ---- the JSON object ----------------------------------------------------- */

static int read_json_text(const char *given, struct snp_buf *ret, const char **ret_name,
			  struct snp_err *err)
{
	if (strcmp(given, "-") == 0) {
		*ret_name = "standard input";
		return read_all(STDIN_FILENO, *ret_name, ret, err);
	}
	if (given[0] == '@') {
		*ret_name = given + 1;
		return read_file(given + 1, ret, err);
	}
	*ret_name = "the arguments";
	snp_buf_puts(ret, given);
	return ret->failed ? snp_err_set(err, -ENOMEM, "out of memory") : 0;
}

static const char *kind_of(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_NULL:
		return "null";
	case JSON_TRUE:
	case JSON_FALSE:
		return "a boolean";
	default:
		return "a number";
	}
}

static int pair_add(struct rpc_pairs *pairs, const char *key, size_t key_len,
		    char *value, size_t value_len)
{
	char *name = strndup(key, key_len);

	if (!name || !value) {
		free(name);
		free(value);
		return -ENOMEM;
	}
	pairs->v[pairs->n++] = (struct rpc_pair){name, {value, value_len}};
	return 0;
}

static int object_to_pairs(json_t *object, struct rpc_pairs *pairs)
{
	const char *key;
	json_t *value;

	pairs->v = calloc(json_object_size(object) + 1, sizeof(*pairs->v));
	if (!pairs->v)
		return -ENOMEM;
	json_object_foreach(object, key, value)
	{
		char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY |
						   JSON_REAL_PRECISION(17));
		int r =
		    pair_add(pairs, key, strlen(key), text, text ? strlen(text) : 0);

		if (r < 0)
			return r;
	}
	return 0;
}

static int parse_json(const char *name, const struct snp_buf *text,
		      struct rpc_pairs *pairs, struct snp_err *err)
{
	json_error_t error;
	json_t *root = json_loadb(text->len ? text->data : "", text->len,
				  JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
	int r = 0;

	if (!root)
		return snp_err_set(
		    err, -EINVAL,
		    "%s: line %d, column %d: %s; expected one JSON object "
		    "like {\"path\": \"/etc/services\"}",
		    name, error.line, error.column, error.text);
	if (!json_is_object(root))
		r = snp_err_set(err, -EINVAL,
				"%s: %s; expected one JSON object like "
				"{\"path\": \"/etc/services\"}",
				name, kind_of(root));
	else if (object_to_pairs(root, pairs) < 0)
		r = snp_err_set(err, -ENOMEM, "out of memory");
	json_decref(root);
	return r;
}

static int read_json(const char *given, struct rpc_pairs *pairs, struct snp_err *err)
{
	struct snp_buf text = {0};
	const char *name = "";
	int r = read_json_text(given, &text, &name, err);

	if (r == 0)
		r = parse_json(name, &text, pairs, err);
	snp_buf_fini(&text);
	return r;
}

/* ---- binary arguments ---------------------------------------------------- */

static int read_binary(const struct exec_options *options, struct arguments *arguments,
		       struct snp_err *err)
{
	arguments->binary.v =
	    calloc((size_t)options->binary_nr + 1, sizeof(*arguments->binary.v));
	if (!arguments->binary.v)
		return snp_err_set(err, -ENOMEM, "out of memory");
	for (int i = 0; i < options->binary_nr; i++) {
		const struct exec_binary *binary = &options->binary[i];
		struct snp_buf bytes = {0};
		int r = read_file(binary->file, &bytes, err);

		if (r < 0) {
			snp_buf_fini(&bytes);
			return r;
		}
		/* The buffer's memory moves into the pair. */
		r = pair_add(&arguments->binary, binary->key, (size_t)binary->key_len,
			     bytes.data, bytes.len);
		if (r < 0)
			return snp_err_set(err, r, "out of memory");
		if (rpc_pairs_get(&arguments->json, arguments->binary.v[i].key).data)
			return snp_err_set(
			    err, -EINVAL,
			    "argument '%s' is given twice: as JSON and as "
			    "bytes",
			    arguments->binary.v[i].key);
	}
	return 0;
}

int arguments_read(const struct exec_options *options, struct arguments *ret,
		   struct snp_err *err)
{
	struct arguments arguments = {0};
	int r = 0;

	if (options->json)
		r = read_json(options->json, &arguments.json, err);
	if (r == 0)
		r = read_binary(options, &arguments, err);
	if (r < 0)
		arguments_fini(&arguments);
	else
		*ret = arguments;
	return r;
}

static void pairs_fini(struct rpc_pairs *pairs)
{
	for (size_t i = 0; i < pairs->n; i++) {
		free((void *)pairs->v[i].key);
		free((void *)pairs->v[i].value.data);
	}
	free(pairs->v);
	*pairs = (struct rpc_pairs){0};
}

void arguments_fini(struct arguments *arguments)
{
	pairs_fini(&arguments->json);
	pairs_fini(&arguments->binary);
}
