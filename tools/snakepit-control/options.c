/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 60000

static int parse_u32(const char *text, uint32_t *ret, struct snp_err *err,
		     const char *what)
{
	char *end;
	unsigned long long number;

	errno = 0;
	number = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || number > UINT32_MAX)
		return snp_err_set(err, -EINVAL, "'%s' is no %s", text, what);
	*ret = (uint32_t)number;
	return 0;
}

/* POOL or POOL/SLOT; a pool's name has no slash. */
static int parse_pool(struct request *request, const char *text, char pool[POOL_BYTES],
		      struct snp_err *err)
{
	const char *slash = request->verb->flags & VERB_SLOT ? strchr(text, '/') : NULL;
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	uint32_t slot = 0;
	int rc;

	if (len == 0 || len >= POOL_BYTES)
		return snp_err_set(err, -EINVAL, "'%s' is no pool", text);
	memcpy(pool, text, len);
	pool[len] = '\0';
	request->pool = pool;
	if (!slash)
		return 0;
	rc = parse_u32(slash + 1, &slot, err, "number of a slot");
	if (rc == 0)
		request->slot = slot;
	return rc;
}

static int parse_operand(struct request *request, const char *text,
			 char pool[POOL_BYTES], unsigned *operands, struct snp_err *err)
{
	unsigned at = (*operands)++;

	if (at == 0 && (request->verb->flags & VERB_POOL))
		return parse_pool(request, text, pool, err);
	if (at == 1 && (request->verb->flags & VERB_WORKERS))
		return parse_u32(text, &request->workers, err, "number of workers");
	return snp_err_set(err, -EINVAL, "too many arguments at '%s'", text);
}

static int apply(struct request *request, int option, const char *value,
		 struct snp_err *err)
{
	if (option == OPT_INSTANCE)
		request->instance = value;
	else if (option == OPT_ADDRESS)
		request->address = value;
	else if (option == OPT_TIMEOUT)
		return cli_seconds("timeout", value, &request->timeout_ms, err);
	request->json |= option == OPT_JSON;
	request->wait |= option == OPT_WAIT;
	request->force |= option == OPT_FORCE;
	return 0;
}

static int check(const struct request *request, unsigned operands, struct snp_err *err)
{
	if ((request->verb->flags & VERB_WORKERS) && operands < 2)
		return snp_err_set(err, -EINVAL,
				   "needs a pool and a number of workers");
	if (request->instance && request->address)
		return snp_err_set(err, -EINVAL,
				   "--instance and --address exclude each other");
	if (request->wait && request->address)
		return snp_err_set(err, -EINVAL,
				   "--wait looks at the instance's segment; name it "
				   "with --instance, not by --address");
	return 0;
}

int options_parse(const struct verb *verb, int argc, char **argv,
		  struct request *ret_request, char pool[POOL_BYTES],
		  struct snp_err *err)
{
	struct cli_args args = {
	    .argc = argc, .argv = argv, .command = &verb->command, .next = 1};
	struct request request = {
	    .verb = verb, .pool = "", .slot = -1, .timeout_ms = TIMEOUT_MS};
	unsigned operands = 0;
	const char *value;
	int got;

	while ((got = cli_next(&args, &value, err)) != CLI_END) {
		if (got == OPT_HELP || got == OPT_VERSION)
			return got == OPT_HELP ? PARSED_HELP : PARSED_VERSION;
		if (got == CLI_OPERAND)
			got = parse_operand(&request, value, pool, &operands, err);
		else if (got >= 0)
			got = apply(&request, got, value, err);
		if (got < 0)
			return got;
	}
	*ret_request = request;
	got = check(&request, operands, err);
	return got < 0 ? got : PARSED_RUN;
}
