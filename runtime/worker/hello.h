/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hello.h - the one line a native worker writes to its ready pipe when it serves:
 * {"ready": true, "pid": 123, "python": "3.11.2", "protocol": 1, "capacity": 1}
 */
#ifndef SNAKEPIT_RUNTIME_HELLO_H
#define SNAKEPIT_RUNTIME_HELLO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "snakepit/err.h"

#define HELLO_LINE_BYTES 1024
#define HELLO_PROTOCOL	 1

struct hello {
	pid_t pid;
	char python[17]; /* version, NUL-terminated, cut to 16 bytes */
	uint32_t capacity;
};

/* Parse one line without its newline. -EBADMSG: not that object, or a value of the
 * wrong type or out of range; -EPROTO: another protocol version. */
int hello_parse(const char *line, size_t len, struct hello *ret_hello,
		struct snp_err *err);

/* Whether it is the process that was started and takes as many calls as it was told.
 * -EPROTO: not; err says what differs. */
int hello_check(const struct hello *hello, pid_t pid, uint32_t capacity,
		struct snp_err *err);

#endif
