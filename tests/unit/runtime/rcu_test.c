/* SPDX-License-Identifier: Apache-2.0 */
#include "snp_test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>

#include "rcu.h"
#include "snakepit/check.h"

#define READERS	 3
#define VERSIONS 3000

/* ---- One reader, step by step -------------------------------------------- */

struct thing {
	uint64_t value;
	struct rcu_later later;
};

static struct thing things[2];
static _Atomic(struct thing *) slot;
static atomic_uint step; /* relaxed: it must not order what RCU has to order */
static atomic_uint called;

static void to_step(unsigned n)
{
	atomic_store_explicit(&step, n, memory_order_relaxed);
}

static bool at_step(void *user)
{
	return atomic_load_explicit(&step, memory_order_relaxed) >=
	       *(const unsigned *)user;
}

static void wait_for_step(unsigned n)
{
	SNP_CHECK(snp_test_wait_until(at_step, &n, SNP_TEST_DEADLINE_MS));
}

static void reuse(struct rcu_later *later)
{
	struct thing *t =
	    (struct thing *)(void *)((char *)later - offsetof(struct thing, later));

	t->value = 0;
	atomic_fetch_add(&called, 1);
}

static bool was_called(void *user)
{
	(void)user;
	return atomic_load(&called) > 0;
}

/* Reads the pointer once and what it points to before and after it was replaced. */
static void *read_twice(void *arg)
{
	const struct thing *t;

	(void)arg;
	rcu_reader_register();
	t = rcu_get(&slot);
	SNP_CHECK(t->value == 1);
	to_step(1);
	wait_for_step(2);
	SNP_CHECK(t->value == 1);
	rcu_quiescent();
	to_step(3);
	wait_for_step(4);
	rcu_reader_unregister();
	return NULL;
}

static void start_reader(pthread_t *ret_thread)
{
	memset(things, 0, sizeof(things));
	things[0].value = 1;
	things[1].value = 2;
	atomic_store(&step, 0);
	atomic_store(&called, 0);
	rcu_set(&slot, &things[0]);
	SNP_CHECK(pthread_create(ret_thread, NULL, read_twice, NULL) == 0);
	wait_for_step(1);
	rcu_set(&slot, &things[1]);
}

static void defer_waits_for_a_reader_that_still_may_use_it(void **state)
{
	const struct timespec moment = {.tv_nsec = 20000000};
	pthread_t reader;

	(void)state;
	start_reader(&reader);
	rcu_defer(&things[0].later, reuse);
	/* That something does not happen shows only in time; this is no wait for it. */
	nanosleep(&moment, NULL);
	assert_int_equal(atomic_load(&called), 0);
	to_step(2);
	assert_true(snp_test_wait_until(was_called, NULL, SNP_TEST_DEADLINE_MS));
	to_step(4);
	pthread_join(reader, NULL);
}

static void *rest_offline(void *arg)
{
	(void)arg;
	rcu_reader_register();
	rcu_offline();
	to_step(1);
	wait_for_step(2);
	rcu_online();
	rcu_reader_unregister();
	return NULL;
}

static void defer_does_not_wait_for_a_reader_that_is_offline(void **state)
{
	pthread_t reader;

	(void)state;
	atomic_store(&step, 0);
	atomic_store(&called, 0);
	assert_int_equal(pthread_create(&reader, NULL, rest_offline, NULL), 0);
	wait_for_step(1);
	rcu_defer(&things[0].later, reuse);
	rcu_wait();
	assert_int_equal(atomic_load(&called), 1);
	to_step(2);
	pthread_join(reader, NULL);
}

static void wait_returns_when_all_that_was_deferred_has_run(void **state)
{
	enum { MANY = 100 };
	static struct thing many[MANY];

	(void)state;
	atomic_store(&called, 0);
	for (int i = 0; i < MANY; i++)
		rcu_defer(&many[i].later, reuse);
	rcu_wait();
	assert_int_equal(atomic_load(&called), MANY);
}

/* ---- Many readers -------------------------------------------------------- */

static atomic_bool stop;
static atomic_uint allocated;

static struct thing *thing_create(uint64_t value)
{
	struct thing *t = malloc(sizeof(*t));

	SNP_CHECK(t);
	t->value = value;
	atomic_fetch_add(&allocated, 1);
	return t;
}

static void thing_free(struct rcu_later *later)
{
	free((char *)later - offsetof(struct thing, later));
	atomic_fetch_sub(&allocated, 1);
}

/* The value never goes back: what is read is whole and alive. */
static void *read_on(void *arg)
{
	atomic_uint *reads = arg;
	uint64_t last = 0;

	rcu_reader_register();
	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		const struct thing *t = rcu_get(&slot);

		SNP_CHECK(t->value >= last);
		last = t->value;
		rcu_quiescent();
		if (atomic_fetch_add_explicit(reads, 1, memory_order_relaxed) % 64 ==
		    0) {
			rcu_offline();
			rcu_online();
		}
	}
	rcu_reader_unregister();
	return NULL;
}

static bool all_have_read(void *user)
{
	atomic_uint *reads = user;

	for (int i = 0; i < READERS; i++)
		if (atomic_load_explicit(&reads[i], memory_order_relaxed) == 0)
			return false;
	return true;
}

static void readers_see_whole_objects_while_they_are_replaced(void **state)
{
	pthread_t threads[READERS];
	atomic_uint reads[READERS];
	struct thing *now = thing_create(1);

	(void)state;
	atomic_store(&stop, false);
	rcu_set(&slot, now);
	for (int i = 0; i < READERS; i++) {
		atomic_init(&reads[i], 0);
		assert_int_equal(pthread_create(&threads[i], NULL, read_on, &reads[i]),
				 0);
	}
	assert_true(snp_test_wait_until(all_have_read, reads, SNP_TEST_DEADLINE_MS));
	for (uint64_t v = 2; v <= VERSIONS; v++) {
		struct thing *before = now;

		now = thing_create(v);
		rcu_set(&slot, now);
		rcu_defer(&before->later, thing_free);
	}
	atomic_store(&stop, true);
	for (int i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
	rcu_defer(&now->later, thing_free);
	rcu_wait();
	assert_int_equal(atomic_load(&allocated), 0);
}

/* ---- What ThreadSanitizer makes of it ------------------------------------ */

#ifdef __SANITIZE_THREAD__
#define RACE_STATUS 66

/* The same use twice: with the grace period, and as if it were over at once. */
static int use(const char *how)
{
	pthread_t reader;

	start_reader(&reader);
	if (strcmp(how, "with-grace") == 0) {
		rcu_defer(&things[0].later, reuse);
	} else {
		RCU__TSAN_ACQUIRE(&rcu__grace);
		reuse(&things[0].later);
		things[0].value =
		    1; /* the reader shall not notice, the sanitizer shall */
	}
	to_step(2);
	wait_for_step(3);
	to_step(4);
	pthread_join(reader, NULL);
	rcu_wait();
	return 0;
}

/* Exit status of this program in another process. */
static int run(const char *how)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)setenv("TSAN_OPTIONS",
			     "halt_on_error=1:exitcode=66:"
			     "ignore_noninstrumented_modules=1",
			     1);
		execl("/proc/self/exe", "rcu_test", how, NULL);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void sanitizer_is_quiet_with_a_grace_period(void **state)
{
	(void)state;
	assert_int_equal(run("with-grace"), 0);
}

static void sanitizer_reports_a_missing_grace_period(void **state)
{
	(void)state;
	print_message("a report of a data race follows; it is what is tested\n");
	assert_int_equal(run("without-grace"), RACE_STATUS);
}
#endif

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(defer_waits_for_a_reader_that_still_may_use_it),
	    cmocka_unit_test(defer_does_not_wait_for_a_reader_that_is_offline),
	    cmocka_unit_test(wait_returns_when_all_that_was_deferred_has_run),
	    cmocka_unit_test(readers_see_whole_objects_while_they_are_replaced),
#ifdef __SANITIZE_THREAD__
	    cmocka_unit_test(sanitizer_is_quiet_with_a_grace_period),
	    cmocka_unit_test(sanitizer_reports_a_missing_grace_period),
#endif
	};

#ifdef __SANITIZE_THREAD__
	if (argc > 1)
		return use(argv[1]);
#endif
	(void)argc;
	(void)argv;
	return cmocka_run_group_tests_name("runtime/rcu", tests, NULL, NULL);
}
