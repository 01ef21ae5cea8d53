/* SPDX-License-Identifier: Apache-2.0 */
/* options.h - the command line of snakepit-exec. Strings point into argv. */
#ifndef EXEC_OPTIONS_H
#define EXEC_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/options.h"
#include "rpc/channel.h"
#include "snakepit/err.h"

#define EXEC_BINARY_MAX 16

struct exec_binary {
	const char *key; /* not NUL-terminated: ends at the '=' */
	int key_len;
	const char *file;
};

struct exec_options {
	const char *pool, *tool;
	const char *json; /* as given: text, "-" or "@file"; NULL: no arguments */
	const char *instance, *address;
	struct rpc_tls_client_files tls; /* ca NULL: no TLS */
	const char *correlation_id, *session_id;
	const char *traceparent, *tracestate; /* both NULL: in no trace */
	const char *binary_out;
	struct exec_binary binary[EXEC_BINARY_MAX];
	int binary_nr;
	uint64_t timeout_ms; /* 0 = the pool's own */
	bool stream, raw, verbose;
};

enum exec_parsed {
	EXEC_RUN,
	EXEC_HELP,
	EXEC_VERSION,
};

/* -EINVAL: wrong usage, err says what. */
int exec_options_parse(int argc, char **argv, struct exec_options *ret,
		       enum exec_parsed *ret_what, struct snp_err *err);

extern const struct cli_command exec_command;

#endif
