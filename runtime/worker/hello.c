/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/hello.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define CAPACITY_MAX 256

static int check(json_t *root, struct hello *ret, struct snp_err *err)
{
	const json_t *ready = json_object_get(root, "ready");
	const json_t *pid = json_object_get(root, "pid");
	const json_t *python = json_object_get(root, "python");
	const json_t *protocol = json_object_get(root, "protocol");
	const json_t *capacity = json_object_get(root, "capacity");

	if (!json_is_true(ready) || !json_is_integer(pid) || !json_is_string(python) ||
	    !json_is_integer(protocol) || !json_is_integer(capacity))
		return snp_err_set(
		    err, -EBADMSG,
		    "the worker's hello lacks ready, pid, python, protocol or "
		    "capacity");
	if (json_integer_value(protocol) != HELLO_PROTOCOL)
		return snp_err_set(
		    err, -EPROTO,
		    "the worker speaks protocol %lld, this runtime %d; use the "
		    "grpc_server.py that came with it",
		    (long long)json_integer_value(protocol), HELLO_PROTOCOL);
	if (json_integer_value(pid) <= 0 || json_integer_value(pid) > INT32_MAX ||
	    json_integer_value(capacity) < 1 ||
	    json_integer_value(capacity) > CAPACITY_MAX)
		return snp_err_set(err, -EBADMSG,
				   "the worker's hello has pid %lld and capacity %lld",
				   (long long)json_integer_value(pid),
				   (long long)json_integer_value(capacity));
	ret->pid = (pid_t)json_integer_value(pid);
	ret->capacity = (uint32_t)json_integer_value(capacity);
	(void)snprintf(ret->python, sizeof(ret->python), "%s",
		       json_string_value(python));
	return 0;
}

int hello_parse(const char *line, size_t len, struct hello *ret_hello,
		struct snp_err *err)
{
	struct hello hello;
	json_error_t json_err = {.text = "it contains a NUL"};
	json_t *root = NULL;
	int rc;

	if (!memchr(line, '\0', len)) /* jansson would take one for the end */
		root = json_loadb(line, len, JSON_REJECT_DUPLICATES, &json_err);
	if (!root)
		return snp_err_set(err, -EBADMSG, "the worker's hello is not JSON: %s",
				   json_err.text);
	rc = check(root, &hello, err);
	json_decref(root);
	if (rc == 0)
		*ret_hello = hello;
	return rc;
}

int hello_check(const struct hello *hello, pid_t pid, uint32_t capacity,
		struct snp_err *err)
{
	if (hello->pid != pid)
		return snp_err_set(
		    err, -EPROTO,
		    "the hello is of process %d, but %d was started; a wrapper around "
		    "the worker must exec it",
		    (int)hello->pid, (int)pid);
	if (hello->capacity != capacity)
		return snp_err_set(err, -EPROTO,
				   "the worker takes %u calls at a time, but was "
				   "started for %u",
				   hello->capacity, capacity);
	return 0;
}
