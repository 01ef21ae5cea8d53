/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_COMPONENT "worker"
#include "worker/output.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "log/log.h"

#define READS_PER_TURN                                                                 \
	16	     /* so that one flooding worker does not hold the supervisor       \
		      */
#define LAST_TURNS 4 /* more than a pipe holds */

static_assert(OUTPUT_TEXT_BYTES < OUTPUT_TAIL_BYTES, "a line fits the tail");

static const char *const stream_names[OUTPUT_NR] = {
    [OUTPUT_LOG] = "log",
    [OUTPUT_STDOUT] = "stdout",
    [OUTPUT_STDERR] = "stderr",
};

void output_init(struct output *out, enum output_kind kind, int take_fd,
		 const char *worker, bool relay)
{
	out->kind = kind;
	out->fd = take_fd;
	out->worker = worker;
	out->relay = relay;
	out->len = 0;
	out->tail_len = 0;
	out->tail[0] = '\0';
}

/* Keep the newest whole lines that fit. */
static void tail_append(struct output *out, const char *text, size_t len)
{
	const size_t room = sizeof(out->tail) - 1;

	while (out->tail_len && len + 1 > room - out->tail_len) {
		const char *newline = memchr(out->tail, '\n', out->tail_len);
		const char *rest = newline ? newline + 1 : out->tail + out->tail_len;

		out->tail_len -= (size_t)(rest - out->tail);
		memmove(out->tail, rest, out->tail_len);
	}
	if (out->tail_len)
		out->tail[out->tail_len++] = '\n';
	memcpy(out->tail + out->tail_len, text, len);
	out->tail_len += len;
	out->tail[out->tail_len] = '\0';
}

static void relay_reader(const struct output *out, const char *text, size_t len)
{
	const struct log_field fields[] = {LOG_STR("reader", out->worker),
					   LOG_STRN("line", text, len),
					   {.type = LOG__END}};

	if (log_enabled(LOG_LEVEL_INFO))
		log_write(LOG_LEVEL_INFO, "reader", "reader says", fields);
}

static void emit(struct output *out, const char *text, size_t len)
{
	if (len && text[len - 1] == '\r')
		len--;
	if (!len)
		return;
	if (out->kind == OUTPUT_STDERR)
		tail_append(out, text, len);
	if (out->kind == OUTPUT_LOG)
		log_relay_json(out->worker, text, len);
	else if (out->kind == OUTPUT_READER)
		relay_reader(out, text, len);
	else if (out->relay)
		log_relay_text(out->worker, stream_names[out->kind], text, len);
}

static size_t longest(const struct output *out)
{
	return out->kind == OUTPUT_LOG ? OUTPUT_LINE_BYTES : OUTPUT_TEXT_BYTES;
}

/* Emit every whole line of the buffer; of a full buffer without a newline what fits
 * into a wrapped line is one too. */
static void split_lines(struct output *out)
{
	char *start = out->line, *end = out->line + out->len, *newline;

	while ((newline = memchr(start, '\n', (size_t)(end - start)))) {
		emit(out, start, (size_t)(newline - start));
		start = newline + 1;
	}
	if ((size_t)(end - start) == longest(out)) {
		emit(out, start, OUTPUT_TEXT_BYTES);
		start += OUTPUT_TEXT_BYTES;
	}
	out->len = (size_t)(end - start);
	memmove(out->line, start, out->len);
}

bool output_read(struct output *out)
{
	for (int i = 0; i < READS_PER_TURN; i++) {
		ssize_t n =
		    read(out->fd, out->line + out->len, longest(out) - out->len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		if (n == 0)
			return false;
		out->len += (size_t)n;
		split_lines(out);
	}
	return true;
}

void output_fini(struct output *out)
{
	if (out->fd < 0)
		return;
	/* Why it ended is what it said last. Bounded, since a descendant may write on.
	 */
	for (int i = 0; i < LAST_TURNS && output_read(out); i++)
		;
	emit(out, out->line, out->len);
	out->len = 0;
	close(out->fd);
	out->fd = -1;
}

const char *output_tail(const struct output *out)
{
	return out->tail;
}

void output_last_lines(const struct output *out, char *ret_text, size_t size)
{
	const char *start = out->tail, *end = out->tail + out->tail_len, *newline;
	size_t len;

	while ((size_t)(end - start) >= size &&
	       (newline = memchr(start, '\n', (size_t)(end - start))))
		start = newline + 1;
	len = (size_t)(end - start) < size ? (size_t)(end - start) : size - 1;
	memcpy(ret_text, start, len);
	ret_text[len] = '\0';
}
