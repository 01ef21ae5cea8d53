/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lock is for what otlp_sender_stop() touches: the retry state, and `until`. It is
 * not held while an attempt is under way, which looks at `until` by itself.
 */
#include "sender.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "complaint.h"
#include "endpoint.h"
#include "model/log.h"
#include "retry.h"
#include "snakepit/check.h"

struct otlp_sender {
	enum otlp_signal signal;
	const struct otlp_endpoint *endpoint;
	const struct otlp_transport_ops *ops;
	struct otlp_transport *transport;
	struct otlp_complaints complaints;
	bool failing; /* the last attempt did */

	pthread_mutex_t lock;
	pthread_cond_t stopped;
	struct otlp_retry retry;
	bool sending;
	_Atomic uint64_t until; /* of the attempt under way */
};

const char *otlp_drop_word(enum otlp_drop drop)
{
	static const char *const words[] = {
#define X(id, word) [OTLP_DROP_##id] = (word),
	    OTLP_DROPS(X)
#undef X
	};

	SNP_CHECK(drop < OTLP_DROP_NR);
	return words[drop];
}

const struct otlp_transport_ops *otlp_sender_ops(const struct otlp_endpoint *endpoint)
{
	return endpoint->protocol == OTLP_GRPC ? &otlp_transport_grpc
					       : &otlp_transport_http;
}

int otlp_sender_create(enum otlp_signal signal, const struct otlp_endpoint *endpoint,
		       const struct otlp_transport_ops *ops,
		       struct otlp_sender **ret_sender, struct snp_err *err)
{
	struct otlp_sender *sender = calloc(1, sizeof(*sender));
	pthread_condattr_t attr;
	int rc;

	if (!sender)
		return snp_err_set(err, -ENOMEM, "out of memory for a sender");
	rc = ops->open(signal, endpoint, &sender->transport, err);
	if (rc < 0) {
		free(sender);
		return rc;
	}
	sender->signal = signal;
	sender->endpoint = endpoint;
	sender->ops = ops;
	sender->retry.first_wait_ms = endpoint->retry_wait_ms;
	(void)pthread_mutex_init(&sender->lock, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&sender->stopped, &attr);
	(void)pthread_condattr_destroy(&attr);
	*ret_sender = sender;
	return 0;
}

void otlp_sender_destroy(struct otlp_sender **sender_ptr)
{
	struct otlp_sender *sender = *sender_ptr;

	if (!sender)
		return;
	*sender_ptr = NULL;
	sender->ops->close(sender->transport);
	(void)pthread_cond_destroy(&sender->stopped);
	(void)pthread_mutex_destroy(&sender->lock);
	free(sender);
}

/* ---- what is said of it -------------------------------------------------- */

static const char *receiver_of(const struct otlp_sender *sender)
{
	return sender->endpoint->exporter == OTLP_EXPORTER_OTLP ? sender->endpoint->url
								: "standard output";
}

__attribute__((format(printf, 4, 5))) static void complain(struct otlp_sender *sender,
							   enum snp_log_level level,
							   const char *kind,
							   const char *fmt, ...)
{
	const char *to = receiver_of(sender);
	char text[SNP_ERR_MSG_BYTES], times[48] = "";
	uint64_t more;
	va_list ap;

	if (!otlp_complaint_is_due(&sender->complaints, kind, snp_mono_now(), &more))
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (more > 0)
		(void)snprintf(times, sizeof(times), " (and %" PRIu64 " times before)",
			       more);
	snp_log_line(level, "%s to %.*s: %s%s", otlp_signals[sender->signal].name,
		     endpoint_shown(to), to, text, times);
}

static void complain_of_answer(struct otlp_sender *sender,
			       const struct otlp_answer *answer)
{
	const bool again = answer->outcome == OTLP_TRY_AGAIN;

	sender->failing = true;
	complain(sender, again ? SNP_LOG_WARN : SNP_LOG_ERROR, answer->error,
		 "%s%s%s%s", answer->error, *answer->text ? ": " : "", answer->text,
		 again ? "; trying again" : "");
}

static void complain_of_drop(struct otlp_sender *sender, const struct otlp_batch *batch,
			     enum otlp_drop drop)
{
	complain(sender, SNP_LOG_ERROR, otlp_drop_word(drop), "%zu %s dropped: %s",
		 batch->items, otlp_signals[sender->signal].noun, otlp_drop_word(drop));
}

/* ---- sending ------------------------------------------------------------- */

static uint32_t chance(void)
{
	uint32_t number = UINT32_MAX / 2;

	if (getrandom(&number, sizeof(number), GRND_NONBLOCK) < 0)
		return UINT32_MAX / 2;
	return number;
}

static snp_mono_t end_of_attempt(const struct otlp_sender *sender, snp_mono_t now,
				 snp_mono_t give_up)
{
	const snp_mono_t own = snp_mono_add_ms(now, sender->endpoint->timeout_ms);

	if (sender->endpoint->timeout_ms == 0)
		return give_up;
	return own.ns < give_up.ns ? own : give_up;
}

static void wait_until(struct otlp_sender *sender, snp_mono_t until)
{
	const struct timespec ts = {
	    .tv_sec = (time_t)(until.ns / SNP_NS_PER_S),
	    .tv_nsec = (long)(until.ns % SNP_NS_PER_S),
	};

	/* Woken or not, the state is looked at again. */
	(void)pthread_cond_timedwait(&sender->stopped, &sender->lock, &ts);
}

/* Wait until the next attempt is due, and set its end. False: there is none. */
static bool next_attempt(struct otlp_sender *sender)
{
	enum otlp_step step;
	snp_mono_t now, until;

	(void)pthread_mutex_lock(&sender->lock);
	for (;;) {
		now = snp_mono_now();
		step = otlp_retry_next(&sender->retry, now, &until);
		if (step != OTLP_WAIT)
			break;
		wait_until(sender, until);
	}
	if (step == OTLP_ATTEMPT)
		atomic_store_explicit(&sender->until,
				      end_of_attempt(sender, now, until).ns,
				      memory_order_relaxed);
	(void)pthread_mutex_unlock(&sender->lock);
	return step == OTLP_ATTEMPT;
}

static void note_failure(struct otlp_sender *sender, const struct otlp_answer *answer)
{
	(void)pthread_mutex_lock(&sender->lock);
	otlp_retry_failed(&sender->retry, snp_mono_now(), answer->wait_ns, chance());
	(void)pthread_mutex_unlock(&sender->lock);
}

/* Until it is taken, refused, or given up; NONE: taken. */
static enum otlp_drop try_and_try(struct otlp_sender *sender,
				  struct otlp_answer *answer, unsigned *attempts)
{
	while (next_attempt(sender)) {
		++*attempts;
		sender->ops->attempt(sender->transport, &sender->until, answer);
		if (answer->outcome == OTLP_TAKEN)
			return OTLP_DROP_NONE;
		complain_of_answer(sender, answer);
		if (answer->outcome == OTLP_REFUSED)
			return OTLP_DROP_REFUSED;
		note_failure(sender, answer);
	}
	return OTLP_DROP_GIVEN_UP;
}

static void begin(struct otlp_sender *sender)
{
	(void)pthread_mutex_lock(&sender->lock);
	SNP_CHECK(!sender->sending);
	sender->sending = true;
	otlp_retry_begin(&sender->retry, snp_mono_now(), sender->endpoint->budget_ms);
	(void)pthread_mutex_unlock(&sender->lock);
}

/* Returns whether we are stopping. */
static bool end(struct otlp_sender *sender)
{
	bool stopping;

	(void)pthread_mutex_lock(&sender->lock);
	sender->sending = false;
	stopping = sender->retry.stopping;
	(void)pthread_mutex_unlock(&sender->lock);
	return stopping;
}

static void report_taken(struct otlp_sender *sender, const struct otlp_batch *batch,
			 const struct otlp_answer *answer, struct otlp_report *report)
{
	const char *noun = otlp_signals[sender->signal].noun;

	if (sender->failing)
		complain(sender, SNP_LOG_INFO, "recovered", "%s are taken again", noun);
	sender->failing = false;
	report->rejected =
	    answer->rejected < batch->items ? answer->rejected : batch->items;
	report->sent = batch->items - report->rejected;
	if (report->rejected > 0) {
		(void)snprintf(report->error, sizeof(report->error), "rejected");
		complain(sender, SNP_LOG_ERROR, "rejected",
			 "%" PRIu64 " of %zu %s rejected: %s", report->rejected,
			 batch->items, noun, answer->text);
	} else if (*answer->text) {
		complain(sender, SNP_LOG_WARN, "warning", "%s", answer->text);
	}
}

static void report_dropped(struct otlp_sender *sender, const struct otlp_batch *batch,
			   const struct otlp_answer *answer, struct otlp_report *report)
{
	const char *error =
	    *answer->error ? answer->error : otlp_drop_word(report->drop);

	report->dropped = batch->items;
	(void)snprintf(report->error, sizeof(report->error), "%s", error);
	complain_of_drop(sender, batch, report->drop);
}

enum otlp_sent otlp_sender_send(struct otlp_sender *sender,
				const struct otlp_batch *batch,
				struct otlp_report *ret_report)
{
	const snp_mono_t start = snp_mono_now();
	struct otlp_report report = {.drop = OTLP_DROP_NONE};
	struct otlp_answer answer = {.outcome = OTLP_REFUSED};
	int rc;

	begin(sender);
	rc = sender->ops->load(sender->transport, batch);
	if (rc < 0)
		report.drop =
		    rc == -EMSGSIZE ? OTLP_DROP_TOO_LARGE : OTLP_DROP_NO_MEMORY;
	else
		report.drop = try_and_try(sender, &answer, &report.attempts);
	if (end(sender) && report.drop == OTLP_DROP_GIVEN_UP)
		report.drop = OTLP_DROP_STOPPED;
	if (report.drop == OTLP_DROP_NONE)
		report_taken(sender, batch, &answer, &report);
	else
		report_dropped(sender, batch, &answer, &report);
	report.duration_ns = snp_mono_since_ns(snp_mono_now(), start);
	*ret_report = report;
	if (report.drop == OTLP_DROP_NONE)
		return OTLP_SENT;
	return report.drop == OTLP_DROP_STOPPED ? OTLP_STOPPED : OTLP_DROPPED;
}

void otlp_sender_stop(struct otlp_sender *sender, snp_mono_t deadline)
{
	(void)pthread_mutex_lock(&sender->lock);
	otlp_retry_stop(&sender->retry, deadline);
	if (atomic_load_explicit(&sender->until, memory_order_relaxed) > deadline.ns)
		atomic_store_explicit(&sender->until, deadline.ns,
				      memory_order_relaxed);
	(void)pthread_cond_broadcast(&sender->stopped);
	(void)pthread_mutex_unlock(&sender->lock);
	if (sender->ops->wake)
		sender->ops->wake(sender->transport);
}
