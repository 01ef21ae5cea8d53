/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output.h - what a worker writes: its log, stdout and stderr, line by line to our log.
 *
 * Reads a non-blocking pipe whenever the supervisor says it is readable. Lines longer
 * than one line of our log can carry come as several. Of stderr the last lines are
 * kept: they say why a worker ended. Supervisor thread only.
 */
#ifndef SNAKEPIT_RUNTIME_OUTPUT_H
#define SNAKEPIT_RUNTIME_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "log/log.h" /* LOG_LINE_MAX */

#define OUTPUT_LINE_BYTES                                                              \
	(LOG_LINE_MAX - 1)     /* of the bridge's log, with its newline                \
				*/
#define OUTPUT_TEXT_BYTES 3000 /* of other text: as a message it fits a line */
#define OUTPUT_TAIL_BYTES 3969 /* one record of evidence and a NUL */

enum output_kind {
	OUTPUT_LOG, /* JSON lines of the bridge, passed on whole */
	OUTPUT_STDOUT,
	OUTPUT_STDERR,
	OUTPUT_NR,
	OUTPUT_READER = OUTPUT_NR /* all that a reader prints; no worker has it */
};

struct output {
	enum output_kind kind;
	int fd; /* -1 = closed; owned */
	const char
	    *worker; /* id for the log, borrowed from the worker; a reader's name */
	bool relay;  /* false: read and drop (log.python_output: false) */
	size_t len;
	char line[OUTPUT_LINE_BYTES];
	size_t tail_len;
	char tail[OUTPUT_TAIL_BYTES]; /* stderr: newest lines, NUL-terminated */
};

void output_init(struct output *out, enum output_kind kind, int take_fd,
		 const char *worker, bool relay);

/* Read what is there, at most a bounded amount. False at end of file or error: the
 * caller stops watching and calls output_fini(). */
bool output_read(struct output *out);

/* Read what is still there, as much as a pipe holds, flush an unfinished line and
 * close. The tail stays readable. */
void output_fini(struct output *out);

/* The last lines of stderr, without a final newline. Borrowed until the next read. */
const char *output_tail(const struct output *out);

/* Of the tail, the newest lines that fit into `size` bytes with a NUL; of a line that
 * is longer its beginning. */
void output_last_lines(const struct output *out, char *ret_text, size_t size);

#endif
