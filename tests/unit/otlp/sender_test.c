/* SPDX-License-Identifier: Apache-2.0 */
/* What the sender makes of a transport's answers, and how it ends: with a transport
 * that answers as the test says. */
#include "sender.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "snp_test.h"

#define NEVER_MS    UINT64_C(600000)
#define SOON_NS	    (15 * SNP_NS_PER_S) /* the longest wait is drawn from 24 s on */
#define ANSWERS_MAX 8

/* ---- a transport --------------------------------------------------------- */

struct otlp_transport {
	int load_rc;
	struct otlp_answer answers[ANSWERS_MAX]; /* the last one stays */
	unsigned answers_nr, loads, closes;
	bool hangs;	      /* an attempt lasts until its end */
	atomic_uint attempts; /* begun */
	atomic_uint wakes;
};

static struct otlp_transport transport;

static int fake_open(enum otlp_signal signal, const struct otlp_endpoint *endpoint,
		     struct otlp_transport **ret_transport, struct snp_err *err)
{
	(void)signal;
	if (!endpoint->url)
		return snp_err_set(err, -EINVAL, "no url");
	*ret_transport = &transport;
	return 0;
}

static void fake_close(struct otlp_transport *t)
{
	t->closes++;
}

static int fake_load(struct otlp_transport *t, const struct otlp_batch *batch)
{
	(void)batch;
	t->loads++;
	return t->load_rc;
}

static void fake_attempt(struct otlp_transport *t, const _Atomic uint64_t *until,
			 struct otlp_answer *ret_answer)
{
	const struct timespec tick = {.tv_nsec = 1000000};
	unsigned i = atomic_fetch_add(&t->attempts, 1);

	while (t->hangs && snp_mono_now().ns < atomic_load(until))
		(void)nanosleep(&tick, NULL);
	*ret_answer = t->answers[i < t->answers_nr ? i : t->answers_nr - 1];
}

static void fake_wake(struct otlp_transport *t)
{
	atomic_fetch_add(&t->wakes, 1);
}

static const struct otlp_transport_ops fake = {
    .open = fake_open,
    .close = fake_close,
    .load = fake_load,
    .attempt = fake_attempt,
    .wake = fake_wake,
};

/* ---- fixture ------------------------------------------------------------- */

static const struct otlp_answer taken = {.outcome = OTLP_TAKEN};
static const struct otlp_answer later = {.outcome = OTLP_TRY_AGAIN, .error = "503"};
static const struct otlp_answer refused = {.outcome = OTLP_REFUSED, .error = "400"};

static struct otlp_endpoint endpoint;
static struct otlp_sender *sender;
static struct otlp_report report;

static int setup(void **state)
{
	(void)state;
	transport = (struct otlp_transport){.answers = {taken}, .answers_nr = 1};
	endpoint = (struct otlp_endpoint){.url = (char *)(size_t) "http://r",
					  .retry_wait_ms = 1};
	snp_log_set_level(SNP_LOG_NR); /* what is said is not this test's business */
	return otlp_sender_create(OTLP_TRACES, &endpoint, &fake, &sender, NULL);
}

static int teardown(void **state)
{
	(void)state;
	otlp_sender_destroy(&sender);
	return transport.closes == 1 ? 0 : -1;
}

static enum otlp_sent send_batch(size_t items)
{
	const struct otlp_batch batch = {.signal = OTLP_TRACES, .items = items};

	return otlp_sender_send(sender, &batch, &report);
}

static void expect(uint64_t sent, uint64_t rejected, uint64_t dropped)
{
	assert_int_equal(report.sent, sent);
	assert_int_equal(report.rejected, rejected);
	assert_int_equal(report.dropped, dropped);
}

/* ---- sending ------------------------------------------------------------- */

static void send_what_is_taken_is_sent(void **state)
{
	(void)state;
	assert_int_equal(send_batch(5), OTLP_SENT);
	expect(5, 0, 0);
	assert_int_equal(report.attempts, 1);
	assert_int_equal(report.drop, OTLP_DROP_NONE);
	assert_string_equal(report.error, "");
}

static void send_loads_once_and_tries_until_it_is_taken(void **state)
{
	(void)state;
	transport.answers[0] = transport.answers[1] = later;
	transport.answers[2] = taken;
	transport.answers_nr = 3;
	assert_int_equal(send_batch(5), OTLP_SENT);
	assert_int_equal(report.attempts, 3);
	assert_int_equal(transport.loads, 1);
	assert_string_equal(report.error, "");
}

static void send_what_is_refused_is_dropped_at_once(void **state)
{
	(void)state;
	transport.answers[0] = refused;
	assert_int_equal(send_batch(5), OTLP_DROPPED);
	expect(0, 0, 5);
	assert_int_equal(report.attempts, 1);
	assert_int_equal(report.drop, OTLP_DROP_REFUSED);
	assert_string_equal(report.error, "400");
}

static void send_gives_up_when_its_time_is_over(void **state)
{
	(void)state;
	transport.answers[0] = later;
	endpoint.budget_ms = 20;
	assert_int_equal(send_batch(5), OTLP_DROPPED);
	expect(0, 0, 5);
	assert_int_equal(report.drop, OTLP_DROP_GIVEN_UP);
	assert_string_equal(report.error, "503");
}

static void o12_send_counts_no_more_rejected_than_there_are(void **state)
{
	(void)state;
	transport.answers[0].rejected = 3;
	assert_int_equal(send_batch(5), OTLP_SENT);
	expect(2, 3, 0);
	assert_string_equal(report.error, "rejected");
	transport.answers[0].rejected = UINT64_MAX;
	assert_int_equal(send_batch(5), OTLP_SENT);
	expect(0, 5, 0);
}

static void o15_send_does_not_try_what_cannot_be_loaded(void **state)
{
	(void)state;
	transport.load_rc = -EMSGSIZE;
	assert_int_equal(send_batch(5), OTLP_DROPPED);
	expect(0, 0, 5);
	assert_int_equal(report.drop, OTLP_DROP_TOO_LARGE);
	assert_string_equal(report.error, "too_large");
	transport.load_rc = -ENOMEM;
	assert_int_equal(send_batch(5), OTLP_DROPPED);
	assert_int_equal(report.drop, OTLP_DROP_NO_MEMORY);
	assert_int_equal(transport.attempts, 0);
}

static void create_says_what_the_transport_says(void **state)
{
	struct otlp_endpoint nowhere = {0};
	struct otlp_sender *none = NULL;
	struct snp_err err = {0};

	(void)state;
	assert_int_equal(otlp_sender_create(OTLP_LOGS, &nowhere, &fake, &none, &err),
			 -EINVAL);
	assert_string_equal(err.msg, "no url");
	assert_null(none);
}

/* ---- the end ------------------------------------------------------------- */

static void *send_in_thread(void *arg)
{
	*(enum otlp_sent *)arg = send_batch(5);
	return NULL;
}

static bool has_tried(void *user)
{
	(void)user;
	return atomic_load(&transport.attempts) > 0;
}

/* Stop while a send is at its first attempt or in the wait after it. */
static enum otlp_sent stop_while_sending(uint64_t deadline_ms)
{
	enum otlp_sent sent = OTLP_SENT;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, send_in_thread, &sent), 0);
	assert_true(snp_test_wait_until(has_tried, NULL, SNP_TEST_DEADLINE_MS));
	otlp_sender_stop(sender, snp_mono_add_ms(snp_mono_now(), deadline_ms));
	assert_int_equal(pthread_join(thread, NULL), 0);
	return sent;
}

static void o16_stop_ends_a_wait(void **state)
{
	(void)state;
	otlp_sender_destroy(&sender);
	transport.closes = 0;
	endpoint.retry_wait_ms = NEVER_MS;
	transport.answers[0] = later;
	assert_int_equal(
	    otlp_sender_create(OTLP_TRACES, &endpoint, &fake, &sender, NULL), 0);
	assert_int_equal(stop_while_sending(NEVER_MS), OTLP_STOPPED);
	assert_true(report.duration_ns < SOON_NS);
	expect(0, 0, 5);
	assert_int_equal(report.drop, OTLP_DROP_STOPPED);
	assert_string_equal(report.error, "503");
	/* Once more for each that follows. */
	atomic_store(&transport.attempts, 0);
	assert_int_equal(send_batch(5), OTLP_STOPPED);
	assert_int_equal(report.attempts, 1);
}

static void o16_stop_ends_an_attempt_at_the_deadline(void **state)
{
	(void)state;
	transport.hangs = true;
	transport.answers[0] = later;
	assert_int_equal(stop_while_sending(10), OTLP_STOPPED);
	assert_int_equal(transport.wakes, 1);
	assert_true(report.attempts >= 1);
}

static void o16_what_is_left_may_be_sent_until_the_deadline(void **state)
{
	(void)state;
	otlp_sender_stop(sender, snp_mono_add_ms(snp_mono_now(), NEVER_MS));
	assert_int_equal(send_batch(5), OTLP_SENT);
	otlp_sender_stop(sender, snp_mono_now());
	assert_int_equal(send_batch(5), OTLP_STOPPED);
	assert_int_equal(report.attempts, 0);
	assert_string_equal(report.error, "stopped");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	    TEST(send_what_is_taken_is_sent),
	    TEST(send_loads_once_and_tries_until_it_is_taken),
	    TEST(send_what_is_refused_is_dropped_at_once),
	    TEST(send_gives_up_when_its_time_is_over),
	    TEST(o12_send_counts_no_more_rejected_than_there_are),
	    TEST(o15_send_does_not_try_what_cannot_be_loaded),
	    TEST(create_says_what_the_transport_says),
	    TEST(o16_stop_ends_a_wait),
	    TEST(o16_stop_ends_an_attempt_at_the_deadline),
	    TEST(o16_what_is_left_may_be_sent_until_the_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
