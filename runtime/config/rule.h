/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule.h - what a string in the configuration may be, with the words for saying so.
 * Pure functions.
 */
#ifndef SNP_CONFIG_RULE_H
#define SNP_CONFIG_RULE_H

#include <stdbool.h>

/* Longest path of a unix socket: sockaddr_un.sun_path less its NUL. */
#define UNIX_PATH_MAX_BYTES 107

/* Stands in `listen` for the runtime's directory until that is known. */
#define DIR_PLACEHOLDER "${SNAKEPIT_DIR}"

/* X(ID, test in rule.c, what is expected) */
#define RULES(X)                                                                       \
	X(NAME, is_name, "1 to 63 letters, digits, '_', '.' or '-'")                   \
	X(ADAPTER, is_adapter, "the path of a class such as package.module.Class")     \
	X(PATH, is_path, "a path")                                                     \
	X(ENV, is_env, "\"NAME=value\"")                                               \
	X(LISTEN, is_listen, "HOST:PORT or unix:/absolute/path of at most 107 bytes")  \
	X(HOST_PORT, is_host_port, "HOST:PORT with a port from 1 to 65535")            \
	X(URL, is_url, "a URL such as http://host:4318")                               \
	X(TOOL, is_tool, "the name of a tool: 1 to 128 printable characters")          \
	X(DATAGRAM, is_datagram,                                                       \
	  "HOST:PORT or unix:/absolute/path of at most 107 bytes")

enum rule {
#define X(id, accepts, expected) RULE_##id,
	RULES(X)
#undef X
};

bool snp__rule_accepts(enum rule rule, const char *text);

/* Completes "expected ". */
const char *snp__rule_expected(enum rule rule);

#endif
