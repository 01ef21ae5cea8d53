/* SPDX-License-Identifier: Apache-2.0 */
#include "stdout.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "snakepit/check.h"
#include "snakepit/time.h"

#define LOOK_MS 100 /* between two looks at the time: nobody wakes us */

struct otlp_transport {
	struct snp_buf lines; /* what was loaded last */
};

/* There is one standard output, and a sender for each signal. */
static struct {
	pthread_mutex_t mutex;
	pthread_cond_t given_back;
	bool taken; /* under the mutex; who has set it has the output */
	bool cut;   /* a line was not finished: no other may follow. Of who has it. */
} output = {.mutex = PTHREAD_MUTEX_INITIALIZER, .given_back = PTHREAD_COND_INITIALIZER};

static int stdout_open(enum otlp_signal signal, const struct otlp_endpoint *endpoint,
		       struct otlp_transport **ret_transport, struct snp_err *err)
{
	(void)signal;
	(void)endpoint;
	*ret_transport = calloc(1, sizeof(**ret_transport));
	return *ret_transport ? 0 : snp_err_set(err, -ENOMEM, "out of memory");
}

static void stdout_close(struct otlp_transport *transport)
{
	snp_buf_fini(&transport->lines);
	free(transport);
}

/* ---- lines --------------------------------------------------------------- */

static int put_line(struct otlp_transport *transport, const ProtobufCMessage *message)
{
	int r = otlp_json_write(message, &transport->lines);

	snp_buf_putc(&transport->lines, '\n');
	return r;
}

static int stdout_load(struct otlp_transport *transport, const struct otlp_batch *batch)
{
	snp_buf_reset(&transport->lines);
	return put_line(transport, batch->request);
}

/* The repeated messages of a message: of the three levels request, resource and scope
 * each has one list, of the level below. */
static const ProtobufCFieldDescriptor *list_of(const ProtobufCMessage *message)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;

	for (unsigned i = 0; i < type->n_fields; i++)
		if (type->fields[i].label == PROTOBUF_C_LABEL_REPEATED)
			return &type->fields[i];
	return NULL;
}

#define LEVELS 3

/* Each item below `message`, `levels` down. */
static int put_items(struct otlp_transport *transport, const ProtobufCMessage *message,
		     unsigned levels)
{
	const ProtobufCFieldDescriptor *list;
	ProtobufCMessage *const *items;
	size_t nr;
	int r = 0;

	if (levels == 0)
		return put_line(transport, message);
	list = list_of(message);
	SNP_CHECK(list);
	nr = *(const size_t *)((const char *)message + list->quantifier_offset);
	items =
	    *(ProtobufCMessage *const *const *)((const char *)message + list->offset);
	for (size_t i = 0; i < nr && r == 0; i++)
		r = put_items(transport, items[i], levels - 1);
	return r;
}

static int console_load(struct otlp_transport *transport,
			const struct otlp_batch *batch)
{
	snp_buf_reset(&transport->lines);
	return put_items(transport, batch->request, LEVELS);
}

/* ---- writing ------------------------------------------------------------- */

static bool is_over(const _Atomic uint64_t *until)
{
	return snp_mono_now().ns >= atomic_load_explicit(until, memory_order_relaxed);
}

/* False: another signal's lines wait for their reader, and it is `until`. */
static bool take_output(const _Atomic uint64_t *until)
{
	bool is_ours;

	(void)pthread_mutex_lock(&output.mutex);
	while (output.taken && !is_over(until)) {
		const uint64_t look = snp_mono_add_ms(snp_mono_now(), LOOK_MS).ns;
		const struct timespec when = {.tv_sec = (time_t)(look / SNP_NS_PER_S),
					      .tv_nsec = (long)(look % SNP_NS_PER_S)};

		(void)pthread_cond_clockwait(&output.given_back, &output.mutex,
					     CLOCK_MONOTONIC, &when);
	}
	is_ours = !output.taken;
	output.taken = true;
	(void)pthread_mutex_unlock(&output.mutex);
	return is_ours;
}

static void give_output_back(void)
{
	(void)pthread_mutex_lock(&output.mutex);
	output.taken = false;
	(void)pthread_cond_signal(&output.given_back);
	(void)pthread_mutex_unlock(&output.mutex);
}

/* In pieces that a pipe with any room takes without a wait. -ETIMEDOUT: there was none,
 * and it is `until`. */
static int write_lines(const struct snp_buf *lines, const _Atomic uint64_t *until)
{
	struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
	size_t done = 0;

	while (done < lines->len && !output.cut) {
		const size_t left = lines->len - done;
		ssize_t n;

		if (poll(&out, 1, LOOK_MS) <= 0) {
			output.cut = is_over(until);
			continue;
		}
		n = write(STDOUT_FILENO, lines->data + done,
			  left < PIPE_BUF ? left : PIPE_BUF);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	return output.cut ? -ETIMEDOUT : 0;
}

static void stdout_attempt(struct otlp_transport *transport,
			   const _Atomic uint64_t *until,
			   struct otlp_answer *ret_answer)
{
	int r = transport->lines.failed ? -ENOMEM : -ETIMEDOUT;

	if (r == -ETIMEDOUT && take_output(until)) {
		r = write_lines(&transport->lines, until);
		give_output_back();
	}
	*ret_answer = (struct otlp_answer){.outcome = OTLP_TAKEN};
	if (r == 0)
		return;
	ret_answer->outcome = OTLP_REFUSED;
	(void)snprintf(ret_answer->error, sizeof(ret_answer->error), "stdout");
	(void)snprintf(ret_answer->text, sizeof(ret_answer->text), "%s",
		       r == -ETIMEDOUT ? "nobody reads it" : strerror(-r));
}

const struct otlp_transport_ops otlp_transport_stdout = {
    .open = stdout_open,
    .close = stdout_close,
    .load = stdout_load,
    .attempt = stdout_attempt,
};

const struct otlp_transport_ops otlp_transport_console = {
    .open = stdout_open,
    .close = stdout_close,
    .load = console_load,
    .attempt = stdout_attempt,
};
