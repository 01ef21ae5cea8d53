/* SPDX-License-Identifier: Apache-2.0 */
#include "snp_test.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#include "core/mailbox.h"
#include "snakepit/time.h"

#define POSTERS 4
#define MAILS	20000 /* a poster */

struct letter {
	struct mail mail;
	unsigned from, number; /* plain: the box orders them */
};

static struct mailbox box;
static unsigned delivered, expected[POSTERS], disorder;

static void count(struct mail *mail)
{
	const struct letter *letter = (const struct letter *)(const void *)mail;

	delivered++;
	if (letter->number != expected[letter->from]++)
		disorder++;
}

static int set_up(void **state)
{
	(void)state;
	delivered = disorder = 0;
	for (unsigned i = 0; i < POSTERS; i++)
		expected[i] = 0;
	return mailbox_init(&box, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	mailbox_fini(&box);
	return box.fd == -1 ? 0 : -1;
}

static bool is_readable(int timeout_ms)
{
	struct pollfd fd = {.fd = box.fd, .events = POLLIN};

	return poll(&fd, 1, timeout_ms) == 1;
}

static void drain_empty_box_does_nothing(void **state)
{
	(void)state;
	assert_false(is_readable(0));
	mailbox_drain(&box);
	assert_int_equal(delivered, 0);
	assert_false(is_readable(0));
}

static void drain_runs_mail_in_the_order_it_was_posted(void **state)
{
	struct letter letters[100];

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		letters[i] = (struct letter){.mail = {.fn = count}, .number = i};
		mailbox_post(&box, &letters[i].mail);
	}
	mailbox_drain(&box);
	assert_int_equal(delivered, 100);
	assert_int_equal(disorder, 0);
}

static void post_makes_readable_and_drain_ends_that(void **state)
{
	struct letter letters[3];

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 3; i++) {
			letters[i] = (struct letter){.mail = {.fn = count},
						     .number = 3 * round + i};
			mailbox_post(&box, &letters[i].mail);
			assert_true(is_readable(0));
		}
		mailbox_drain(&box);
		assert_false(is_readable(0));
	}
	assert_int_equal(delivered, 9);
	assert_int_equal(disorder, 0);
}

/* Only the post to the empty box may count up the eventfd. */
static void post_to_a_box_with_mail_makes_no_system_call(void **state)
{
	struct letter letters[5];
	uint64_t wakes = 0;

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		letters[i] = (struct letter){.mail = {.fn = count}, .number = i};
		mailbox_post(&box, &letters[i].mail);
	}
	assert_int_equal(read(box.fd, &wakes, sizeof(wakes)), sizeof(wakes));
	assert_int_equal(wakes, 1);
	mailbox_drain(&box); /* delivers although the wake was taken */
	assert_int_equal(delivered, 5);
}

static void repost_three_times(struct mail *mail)
{
	if (++delivered < 4)
		mailbox_post(&box, mail);
}

static void repost_from_fn_is_delivered_in_the_next_drain(void **state)
{
	struct mail mail = {.fn = repost_three_times};

	(void)state;
	mailbox_post(&box, &mail);
	for (unsigned i = 1; i <= 4; i++) {
		assert_true(is_readable(0));
		mailbox_drain(&box);
		assert_int_equal(delivered, i);
	}
	assert_false(is_readable(0));
}

static void free_letter(struct mail *mail)
{
	delivered++;
	free(mail);
}

static void fn_may_free_its_mail(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++) {
		struct letter *letter = calloc(1, sizeof(*letter));

		assert_non_null(letter);
		letter->mail.fn = free_letter;
		mailbox_post(&box, &letter->mail);
	}
	mailbox_drain(&box);
	assert_int_equal(delivered, 10);
}

struct poster {
	pthread_t thread;
	unsigned id;
	struct letter *letters;
};

static void *post_all(void *arg)
{
	struct poster *p = arg;

	for (unsigned i = 0; i < MAILS; i++) {
		p->letters[i] =
		    (struct letter){.mail = {.fn = count}, .from = p->id, .number = i};
		mailbox_post(&box, &p->letters[i].mail);
	}
	return NULL;
}

/* The owner sleeps whenever the box is empty: a lost wake-up would end in the timeout.
 */
static void many_threads_lose_nothing_and_keep_their_order(void **state)
{
	const snp_mono_t deadline =
	    snp_mono_add_ms(snp_mono_now(), SNP_TEST_DEADLINE_MS);
	struct poster posters[POSTERS];

	(void)state;
	for (unsigned i = 0; i < POSTERS; i++) {
		posters[i] = (struct poster){
		    .id = i, .letters = calloc(MAILS, sizeof(struct letter))};
		assert_non_null(posters[i].letters);
		assert_int_equal(
		    pthread_create(&posters[i].thread, NULL, post_all, &posters[i]), 0);
	}
	while (delivered < POSTERS * MAILS) {
		assert_true(snp_mono_now().ns < deadline.ns);
		assert_true(is_readable(SNP_TEST_DEADLINE_MS));
		mailbox_drain(&box);
	}
	for (unsigned i = 0; i < POSTERS; i++) {
		pthread_join(posters[i].thread, NULL);
		free(posters[i].letters);
		assert_int_equal(expected[i], MAILS);
	}
	mailbox_drain(&box); /* the wake-up for a letter can come after it was taken */
	assert_int_equal(delivered, POSTERS * MAILS);
	assert_int_equal(disorder, 0);
	assert_false(is_readable(0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    T(drain_empty_box_does_nothing),
	    T(drain_runs_mail_in_the_order_it_was_posted),
	    T(post_makes_readable_and_drain_ends_that),
	    T(post_to_a_box_with_mail_makes_no_system_call),
	    T(repost_from_fn_is_delivered_in_the_next_drain),
	    T(fn_may_free_its_mail),
	    T(many_threads_lose_nothing_and_keep_their_order),
	};

	return cmocka_run_group_tests_name("runtime/mailbox", tests, NULL, NULL);
}
