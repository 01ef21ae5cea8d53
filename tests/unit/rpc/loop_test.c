/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc_fixture.h"

#include "loop_internal.h"

static int set_up(void **state)
{
	struct rpc_loop *loop = NULL;

	assert_int_equal(rpc_loop_create("test-loop", NULL, NULL, &loop, NULL), 0);
	*state = loop;
	return 0;
}

static int tear_down(void **state)
{
	struct rpc_loop *loop = *state;

	rpc_loop_destroy(&loop);
	assert_null(loop);
	return 0;
}

/* ---- Tasks --------------------------------------------------------------- */

#define POSTERS		 4
#define TASKS_PER_POSTER 20000

struct storm_task {
	struct rpc_task task;
	struct storm *storm;
	unsigned poster, number;
};

struct storm {
	struct rpc_loop *loop;
	unsigned next[POSTERS]; /* only the loop's thread */
	unsigned out_of_order;
	struct latch done;
	struct storm_task tasks[POSTERS][TASKS_PER_POSTER];
};

struct poster {
	struct storm *storm;
	unsigned number;
};

static void run_storm_task(struct rpc_task *task)
{
	struct storm_task *t = (struct storm_task *)task;

	if (t->number != t->storm->next[t->poster]++)
		t->storm->out_of_order++;
	if (t->number == TASKS_PER_POSTER - 1)
		latch_up(&t->storm->done);
}

static void *post_storm(void *arg)
{
	struct poster *poster = arg;
	struct storm_task *tasks = poster->storm->tasks[poster->number];

	for (unsigned i = 0; i < TASKS_PER_POSTER; i++) {
		tasks[i] = (struct storm_task){
		    .task = {.fn = run_storm_task},
		    .storm = poster->storm,
		    .poster = poster->number,
		    .number = i,
		};
		rpc_loop_post(poster->storm->loop, &tasks[i].task);
	}
	return NULL;
}

static void post_from_four_threads_runs_each_once_in_order(void **state)
{
	struct storm *storm = calloc(1, sizeof(*storm));
	struct poster posters[POSTERS];
	pthread_t threads[POSTERS];

	storm->loop = *state;
	storm->done = (struct latch)LATCH_INIT;
	for (unsigned i = 0; i < POSTERS; i++) {
		posters[i] = (struct poster){storm, i};
		assert_int_equal(
		    pthread_create(&threads[i], NULL, post_storm, &posters[i]), 0);
	}
	for (unsigned i = 0; i < POSTERS; i++)
		pthread_join(threads[i], NULL);
	latch_wait(&storm->done, POSTERS);
	assert_int_equal(storm->out_of_order, 0);
	for (unsigned i = 0; i < POSTERS; i++)
		assert_int_equal(storm->next[i], TASKS_PER_POSTER);
	free(storm);
}

struct ping_pong {
	struct rpc_task task;
	struct rpc_loop *loop, *other;
	unsigned left;
	struct latch done;
};

static void bounce(struct rpc_task *task)
{
	struct ping_pong *p = (struct ping_pong *)task;
	struct rpc_loop *here = p->loop;

	if (p->left-- == 0) {
		latch_up(&p->done);
		return;
	}
	p->loop = p->other;
	p->other = here;
	rpc_loop_post(p->loop, &p->task);
}

/* Each post finds the other loop asleep or about to be: a lost wake would hang here. */
static void post_between_sleeping_loops_never_loses_a_wake(void **state)
{
	struct rpc_loop *second = NULL;
	struct ping_pong p = {
	    .task = {.fn = bounce}, .loop = *state, .left = 20000, .done = LATCH_INIT};

	assert_int_equal(rpc_loop_create("second", NULL, NULL, &second, NULL), 0);
	p.other = second;
	rpc_loop_post(p.loop, &p.task);
	latch_wait(&p.done, 1);
	rpc_loop_destroy(&second);
}

struct self_post {
	struct rpc_task task;
	struct rpc_loop *loop;
	struct rpc_timer timer;
	atomic_bool stop;
	unsigned rounds;
	struct latch done;
};

static void post_self(struct rpc_task *task)
{
	struct self_post *s = (struct self_post *)task;

	s->rounds++;
	if (!atomic_load(&s->stop))
		rpc_loop_post(s->loop, task);
	else
		latch_up(&s->done);
}

static void stop_self_post(struct rpc_timer *timer)
{
	struct self_post *s =
	    (struct self_post *)((char *)timer - offsetof(struct self_post, timer));

	atomic_store(&s->stop, true);
}

static void start_self_post(void *arg)
{
	struct self_post *s = arg;

	rpc_timer_start(s->loop, &s->timer, snp_mono_add_ms(snp_mono_now(), 20),
			stop_self_post);
	rpc_loop_post(s->loop, &s->task);
}

static void post_of_itself_without_end_leaves_timers_alive(void **state)
{
	struct self_post s = {
	    .task = {.fn = post_self}, .loop = *state, .done = LATCH_INIT};

	rpc_loop_run(*state, start_self_post, &s);
	latch_wait(&s.done, 1);
	assert_true(s.rounds > 1);
}

static void note_current(void *arg)
{
	struct rpc_loop **loop = arg;

	if (!rpc_loop_is_current(*loop))
		*loop = NULL;
}

static void run_executes_on_the_loops_thread(void **state)
{
	struct rpc_loop *loop = *state;

	assert_false(rpc_loop_is_current(loop));
	rpc_loop_run(*state, note_current, &loop);
	assert_ptr_equal(loop, *state);
}

/* ---- Hooks --------------------------------------------------------------- */

struct hook_log {
	atomic_uint starts, stops, turns, before, after;
	atomic_bool is_offline, was_wrong;
};

static void on_start(void *user)
{
	atomic_fetch_add(&((struct hook_log *)user)->starts, 1);
}

static void on_stop(void *user)
{
	atomic_fetch_add(&((struct hook_log *)user)->stops, 1);
}

static void on_turn(void *user)
{
	struct hook_log *log = user;

	atomic_fetch_add(&log->turns, 1);
	if (atomic_load(&log->is_offline))
		atomic_store(&log->was_wrong, true);
}

static void before_wait(void *user)
{
	struct hook_log *log = user;

	atomic_fetch_add(&log->before, 1);
	if (atomic_exchange(&log->is_offline, true))
		atomic_store(&log->was_wrong, true);
}

static void after_wait(void *user)
{
	struct hook_log *log = user;

	atomic_fetch_add(&log->after, 1);
	if (!atomic_exchange(&log->is_offline, false))
		atomic_store(&log->was_wrong, true);
}

static void do_nothing(void *arg)
{
	(void)arg;
}

static void hooks_bracket_each_wait(void **state)
{
	static const struct rpc_loop_hooks hooks = {on_start, on_stop, on_turn,
						    before_wait, after_wait};
	struct hook_log log = {0};
	struct rpc_loop *loop = NULL;

	(void)state;
	assert_int_equal(rpc_loop_create("hooked", &hooks, &log, &loop, NULL), 0);
	for (int i = 0; i < 10; i++)
		rpc_loop_run(loop, do_nothing, NULL);
	wait_until(atomic_load(&log.is_offline)); /* idle means offline */
	rpc_loop_destroy(&loop);
	assert_int_equal(log.starts, 1);
	assert_int_equal(log.stops, 1);
	assert_true(log.turns >= 2);
	assert_int_equal(log.before, log.after);
	assert_false(log.was_wrong);
}

/* ---- Timers -------------------------------------------------------------- */

#define TIMERS 500

struct timer_test {
	struct rpc_loop *loop;
	struct entry {
		struct rpc_timer timer;
		struct timer_test *test;
		unsigned order_started;
		bool is_cancelled;
	} entries[TIMERS];
	snp_mono_t last_deadline;
	unsigned last_order;
	unsigned fired, wrong, expected;
	struct latch done;
};

static void fire(struct rpc_timer *timer)
{
	struct entry *e = (struct entry *)timer;
	struct timer_test *t = e->test;

	if (e->is_cancelled || snp_mono_now().ns < timer->deadline.ns ||
	    timer->deadline.ns < t->last_deadline.ns ||
	    (timer->deadline.ns == t->last_deadline.ns &&
	     e->order_started < t->last_order))
		t->wrong++;
	t->last_deadline = timer->deadline;
	t->last_order = e->order_started;
	if (++t->fired == t->expected)
		latch_up(&t->done);
}

static void start_timers(void *arg)
{
	struct timer_test *t = arg;
	snp_mono_t now = snp_mono_now();
	unsigned seed = 12345;

	t->expected = TIMERS;
	for (unsigned i = 0; i < TIMERS; i++) {
		seed = seed * 1103515245 + 12345;
		t->entries[i].test = t;
		t->entries[i].order_started = i;
		/* Few distinct deadlines, so that many are equal. */
		rpc_timer_start(t->loop, &t->entries[i].timer,
				snp_mono_add_ms(now, 5 + (seed >> 16) % 20), fire);
	}
	for (unsigned i = 0; i < TIMERS; i += 3) {
		t->entries[i].is_cancelled = true;
		t->expected--;
		/* counted, not asserted: this is not the test's own thread */
		t->wrong += !rpc_timer_cancel(t->loop, &t->entries[i].timer);
		t->wrong += rpc_timer_cancel(t->loop, &t->entries[i].timer);
	}
	for (unsigned i = 1; i < TIMERS; i += 3) { /* moved while armed */
		t->entries[i].order_started = TIMERS + i;
		rpc_timer_start(t->loop, &t->entries[i].timer, snp_mono_add_ms(now, 30),
				fire);
	}
}

static void timers_fire_in_order_never_early_never_cancelled(void **state)
{
	struct timer_test *t = calloc(1, sizeof(*t));

	t->loop = *state;
	t->done = (struct latch)LATCH_INIT;
	rpc_loop_run(*state, start_timers, t);
	latch_wait(&t->done, 1);
	rpc_loop_run(*state, do_nothing, NULL);
	assert_int_equal(t->wrong, 0);
	assert_int_equal(t->fired, t->expected);
	free(t);
}

/* A timer that fires together with another and cancels it: both are in `due` by then.
 */
struct rivals {
	struct rpc_timer a, b;
	unsigned fired;
};

static void fire_b(struct rpc_timer *timer)
{
	((struct rivals *)((char *)timer - offsetof(struct rivals, b)))->fired += 100;
}

static struct rpc__timers heap;

static void fire_a(struct rpc_timer *timer)
{
	struct rivals *r = (struct rivals *)timer;

	r->fired++;
	rpc__timers_remove(&heap, &r->b);
	rpc__timers_add(&heap, &r->a); /* its deadline is long past */
}

static void fire_cancelling_a_due_timer_keeps_it_from_firing(void **state)
{
	struct rivals r = {.a = {.fn = fire_a, .deadline = {10}},
			   .b = {.fn = fire_b, .deadline = {20}}};

	(void)state;
	heap = (struct rpc__timers){0};
	rpc__timers_add(&heap, &r.b);
	rpc__timers_add(&heap, &r.a);
	rpc__timers_fire(&heap, (snp_mono_t){30});
	assert_int_equal(r.fired, 1);
	assert_false(rpc_timer_is_armed(&r.b));
	assert_true(rpc_timer_is_armed(&r.a)); /* waits for the next turn */
	rpc__timers_remove(&heap, &r.a);
	assert_null(heap.root);
}

static void count_fire(struct rpc_timer *timer)
{
	timer->deadline.ns = UINT64_MAX; /* mark */
}

/* Random adds and removals against a plain array. */
static void heap_matches_a_model_under_random_use(void **state)
{
	enum { N = 64, STEPS = 20000 };
	struct rpc_timer timers[N] = {0};
	uint64_t now = 0;

	(void)state;
	heap = (struct rpc__timers){0};
	srand(1);
	for (int step = 0; step < STEPS; step++) {
		struct rpc_timer *t = &timers[rand() % N];

		if (rpc_timer_is_armed(t)) {
			rpc__timers_remove(&heap, t);
		} else {
			t->fn = count_fire;
			t->deadline.ns = now + (uint64_t)(rand() % 50);
			rpc__timers_add(&heap, t);
		}
		if (step % 16)
			continue;
		now += (uint64_t)(rand() % 20);
		rpc__timers_fire(&heap, (snp_mono_t){now});
		for (int i = 0; i < N; i++)
			if (rpc_timer_is_armed(&timers[i]))
				assert_true(timers[i].deadline.ns > now);
			else if (timers[i].deadline.ns != UINT64_MAX)
				timers[i].deadline.ns = UINT64_MAX; /* was removed */
	}
}

static void create_and_destroy_fifty_times_leaves_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++) {
		struct rpc_loop *loop = NULL;

		assert_int_equal(rpc_loop_create("again", NULL, NULL, &loop, NULL), 0);
		rpc_loop_run(loop, do_nothing, NULL);
		rpc_loop_destroy(&loop);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define LOOP_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    LOOP_TEST(post_from_four_threads_runs_each_once_in_order),
	    LOOP_TEST(post_between_sleeping_loops_never_loses_a_wake),
	    LOOP_TEST(post_of_itself_without_end_leaves_timers_alive),
	    LOOP_TEST(run_executes_on_the_loops_thread),
	    LOOP_TEST(timers_fire_in_order_never_early_never_cancelled),
	    cmocka_unit_test(hooks_bracket_each_wait),
	    cmocka_unit_test(fire_cancelling_a_due_timer_keeps_it_from_firing),
	    cmocka_unit_test(heap_matches_a_model_under_random_use),
	    cmocka_unit_test(create_and_destroy_fifty_times_leaves_nothing),
	};
	int failed;

	rpc_init(log_to_stderr);
	failed = cmocka_run_group_tests_name("rpc/loop", tests, NULL, NULL);
	rpc_shutdown();
	return failed;
}
