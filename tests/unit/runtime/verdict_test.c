/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts row by row, and over every combination of signs that the tables tell apart.
 */
#include "snp_test.h"

#include "snakepit/read.h" /* snp_enum_text */
#include "worker/verdict.h"

#define NEVER	     VERDICT_NEVER
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The defaults of keys.def, with heartbeats on. */
static struct snp_cfg_heartbeat config(void)
{
	return (struct snp_cfg_heartbeat){
	    .enabled = true,
	    .ping_interval_ms = 2000,
	    .timeout_ms = 10000,
	    .max_missed_heartbeats = 3,
	    .dependent = true,
	    .enforce = true,
	    .beat_interval_ms = 250,
	    .suspect_ms = 3000,
	    .dump_ms = 10000,
	    .unresponsive_kill_ms = 15000,
	    .wedged_kill_ms = 60000,
	    .stopped_kill_ms = 60000,
	};
}

static const char *health_text(enum snp_enum_HEALTH health)
{
	return snp_enum_text(SNP_ENUM_TABLE_HEALTH, health);
}

static void assert_health(enum snp_enum_HEALTH found, enum snp_enum_HEALTH expected,
			  const char *what)
{
	if (found != expected)
		fail_msg("%s: %s, not %s", what, health_text(found),
			 health_text(expected));
}

/* ---- the table of docs/heartbeats.md --------------------------------------- */

#define RUNS	VERDICT_PROCESS_RUNS
#define WAITS	VERDICT_PROCESS_WAITS
#define DISK	VERDICT_PROCESS_DISK
#define STOPPED VERDICT_PROCESS_STOPPED
#define FROZEN	VERDICT_PROCESS_FROZEN
#define UNSEEN	VERDICT_PROCESS_UNSEEN

static const struct {
	const char *what;
	struct verdict_signs signs;
	enum snp_enum_HEALTH health;
} rows[] = {
    {"all well", {200, 900, 900, NEVER, .capacity = 1}, SNP_HEALTH_OK},
    {"full, answers nothing",
     {200, 900, 900, NEVER, .missed = 9, .in_flight = 1, .capacity = 1},
     SNP_HEALTH_OK},
    {"full, loop stands still",
     {200, 900, 4000, NEVER, .in_flight = 1, .capacity = 1},
     SNP_HEALTH_WEDGED},
    {"full, loop stands still, but gets on",
     {200, 900, 4000, 100, .in_flight = 1, .capacity = 1},
     SNP_HEALTH_OK},
    {"full, has no loop beat",
     {200, 900, NEVER, NEVER, .missed = 9, .in_flight = 1, .capacity = 1},
     SNP_HEALTH_OK},
    {"room, answers nothing, but gets on",
     {200, 900, 900, 100, .missed = 9, .in_flight = 1, .capacity = 4},
     SNP_HEALTH_OK},
    {"two misses are not all",
     {200, 900, 900, NEVER, .missed = 2, .capacity = 1},
     SNP_HEALTH_OK},
    {"room, answers nothing, stands still",
     {200, 900, 900, 50000, .missed = 3, .in_flight = 1, .capacity = 4},
     SNP_HEALTH_WEDGED},
    {"room, loop stands still",
     {200, 900, 4000, NEVER, .capacity = 1},
     SNP_HEALTH_WEDGED},
    {"mute because it was stopped just now",
     {2000, 2000, 2000, NEVER, .missed = 3, .capacity = 1, .process = STOPPED},
     SNP_HEALTH_STOPPED},
    {"mute because it was frozen just now",
     {2000, 2000, 2000, NEVER, .missed = 3, .capacity = 1, .process = FROZEN},
     SNP_HEALTH_SUSPENDED},
    {"GIL held, computing",
     {200, 3100, NEVER, NEVER, .process = RUNS},
     SNP_HEALTH_BUSY_GIL},
    {"GIL held, not looked at yet",
     {200, 3100, NEVER, NEVER, .process = UNSEEN},
     SNP_HEALTH_BUSY_GIL},
    {"GIL held, asleep",
     {200, 3100, NEVER, NEVER, .process = WAITS},
     SNP_HEALTH_WEDGED},
    {"GIL held, waits for a disk",
     {200, 3100, NEVER, NEVER, .process = DISK},
     SNP_HEALTH_WEDGED},
    {"GIL held, no library, computing",
     {NEVER, 3100, NEVER, NEVER, .process = RUNS},
     SNP_HEALTH_BUSY_GIL},
    {"GIL held, no library, asleep",
     {NEVER, 3100, NEVER, NEVER, .process = WAITS},
     SNP_HEALTH_WEDGED},
    {"stopped", {3100, 3100, NEVER, NEVER, .process = STOPPED}, SNP_HEALTH_STOPPED},
    {"frozen", {3100, 3100, NEVER, NEVER, .process = FROZEN}, SNP_HEALTH_SUSPENDED},
    {"silent, wants the CPU",
     {3100, 3100, NEVER, NEVER, .process = RUNS},
     SNP_HEALTH_STARVED},
    {"silent, asleep, host short of time",
     {3100, 3100, NEVER, NEVER, .process = WAITS, .squeezed = true},
     SNP_HEALTH_STARVED},
    {"silent, asleep",
     {3100, 3100, NEVER, NEVER, .process = WAITS},
     SNP_HEALTH_UNRESPONSIVE},
    {"silent, waits for a disk",
     {3100, 3100, NEVER, NEVER, .process = DISK},
     SNP_HEALTH_UNRESPONSIVE},
    {"native thread lost, interpreter beats",
     {90000, 900, 900, NEVER, .process = WAITS},
     SNP_HEALTH_OK},
    {"interpreter never beat, process does",
     {200, NEVER, NEVER, NEVER, .missed = 0},
     SNP_HEALTH_OK},
    {"interpreter never beat, process fell silent",
     {3100, NEVER, NEVER, NEVER, .process = WAITS},
     SNP_HEALTH_UNRESPONSIVE},
    {"never beat", {NEVER, NEVER, NEVER, NEVER, .missed = 9}, SNP_HEALTH_UNKNOWN},
};

static void health_of_each_row(void **state)
{
	const struct snp_cfg_heartbeat cfg = config();

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_health(verdict_health(&cfg, &rows[i].signs), rows[i].health,
			      rows[i].what);
}

static void health_is_unknown_where_heartbeats_are_off(void **state)
{
	struct snp_cfg_heartbeat cfg = config();

	(void)state;
	cfg.enabled = false;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_health(verdict_health(&cfg, &rows[i].signs), SNP_HEALTH_UNKNOWN,
			      rows[i].what);
}

/* /proc is asked exactly where its word decides. */
static void needs_process_where_its_word_changes_the_health(void **state)
{
	const struct snp_cfg_heartbeat cfg = config();

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct verdict_signs s = rows[i].signs;
		bool decides = false;

		s.process = UNSEEN;
		for (int p = 0; p < VERDICT_PROCESS_NR; p++) {
			struct verdict_signs t = s;

			t.process = (enum verdict_process)p;
			decides = decides ||
				  verdict_health(&cfg, &t) != verdict_health(&cfg, &s);
		}
		if (verdict_needs_process(&cfg, &s) != decides)
			fail_msg("%s: %d", rows[i].what, decides);
	}
}

static void open_until_the_interpreter_is_silent_or_beats(void **state)
{
	static const struct {
		uint64_t interpreter_ms;
		uint32_t missed;
		enum verdict_process process;
		bool open;
	} cases[] = {
	    {900, 3, WAITS, false},   {1600, 3, WAITS, true},  {3000, 3, RUNS, true},
	    {3001, 3, RUNS, false},   {3001, 0, UNSEEN, true}, {900, 3, UNSEEN, true},
	    {1600, 0, UNSEEN, false}, {900, 0, UNSEEN, false},
	};
	const struct snp_cfg_heartbeat cfg = config();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct verdict_signs s = {
		    .process_ms = 100,
		    .interpreter_ms = cases[i].interpreter_ms,
		    .loop_ms = NEVER,
		    .progress_ms = NEVER,
		    .missed = cases[i].missed,
		    .capacity = 1,
		    .process = cases[i].process,
		};

		if (verdict_is_open(&cfg, &s) != cases[i].open)
			fail_msg("case %zu", i);
	}
}

/* A limit below the beat's own interval would find every worker silent. */
static void limits_below_the_intervals_of_beats_are_raised(void **state)
{
	struct snp_cfg_heartbeat cfg = config();
	struct verdict_signs s = {700, 1500, 1500, NEVER, .capacity = 1};

	(void)state;
	cfg.suspect_ms = 1;
	assert_health(verdict_health(&cfg, &s), SNP_HEALTH_OK, "within the intervals");
	s.interpreter_ms = 2600;
	s.process = RUNS;
	assert_health(verdict_health(&cfg, &s), SNP_HEALTH_BUSY_GIL, "beyond");
	s.process_ms = 800;
	assert_health(verdict_health(&cfg, &s), SNP_HEALTH_STARVED, "beyond");
}

/* ---- orders ----------------------------------------------------------------- */

static const struct {
	const char *what;
	struct verdict_signs signs;
	struct verdict_case c;
	bool fence, dump;
	enum snp_enum_MOVE_REASON kill;
	enum snp_enum_SUPPRESSION suppressed;
} orders_rows[] = {
#define CARRIED_OUT SNP_SUPPRESSION_NR
    {"well",
     {0},
     {SNP_HEALTH_OK, 99999, false},
     false,
     false,
     SNP_MOVE_REASON_NONE,
     CARRIED_OUT},
    {"full and mute",
     {.missed = 3},
     {SNP_HEALTH_OK, 0, false},
     false,
     false,
     SNP_MOVE_REASON_HEARTBEAT,
     SNP_SUPPRESSION_BUSY},
    {"busy, young",
     {0},
     {SNP_HEALTH_BUSY_GIL, 3100, false},
     true,
     false,
     SNP_MOVE_REASON_NONE,
     CARRIED_OUT},
    {"busy for ever",
     {.missed = 50},
     {SNP_HEALTH_BUSY_GIL, 9999999, false},
     true,
     true,
     SNP_MOVE_REASON_HEARTBEAT,
     SNP_SUPPRESSION_BUSY},
    {"starved for ever",
     {.missed = 3},
     {SNP_HEALTH_STARVED, 9999999, false},
     true,
     false,
     SNP_MOVE_REASON_HEARTBEAT,
     SNP_SUPPRESSION_BUSY},
    {"frozen for ever",
     {.missed = 3},
     {SNP_HEALTH_SUSPENDED, 9999999, false},
     true,
     false,
     SNP_MOVE_REASON_HEARTBEAT,
     SNP_SUPPRESSION_BUSY},
    {"wedged, young",
     {0},
     {SNP_HEALTH_WEDGED, 9999, false},
     true,
     false,
     SNP_MOVE_REASON_NONE,
     CARRIED_OUT},
    {"wedged, stacks due",
     {0},
     {SNP_HEALTH_WEDGED, 10000, false},
     true,
     true,
     SNP_MOVE_REASON_NONE,
     CARRIED_OUT},
    {"wedged, misses, not settled",
     {.missed = 3},
     {SNP_HEALTH_WEDGED, 2999, false},
     true,
     false,
     SNP_MOVE_REASON_NONE,
     CARRIED_OUT},
    {"wedged, misses, settled",
     {.missed = 3},
     {SNP_HEALTH_WEDGED, 3000, false},
     true,
     false,
     SNP_MOVE_REASON_HEARTBEAT,
     CARRIED_OUT},
    {"wedged and full, misses, its calls have time",
     {.missed = 3, .in_flight = 1, .capacity = 1, .deadline_ms = 1},
     {SNP_HEALTH_WEDGED, 99999, false},
     true,
     true,
     SNP_MOVE_REASON_NONE,
     CARRIED_OUT},
    {"wedged and full, misses, its interpreter is silent too",
     {200, 3100, 3100, NEVER, .missed = 3, .in_flight = 1, .capacity = 1,
      .deadline_ms = 1},
     {SNP_HEALTH_WEDGED, 3000, false},
     true,
     false,
     SNP_MOVE_REASON_HEARTBEAT,
     CARRIED_OUT},
    {"wedged and full, misses, their time is over",
     {.missed = 3, .in_flight = 1, .capacity = 1},
     {SNP_HEALTH_WEDGED, 3000, false},
     true,
     false,
     SNP_MOVE_REASON_HEARTBEAT,
     CARRIED_OUT},
    {"wedged, its time is up",
     {0},
     {SNP_HEALTH_WEDGED, 60000, false},
     true,
     true,
     SNP_MOVE_REASON_WEDGED,
     CARRIED_OUT},
    {"wedged, its call has time",
     {.deadline_ms = 1},
     {SNP_HEALTH_WEDGED, 60000, false},
     true,
     true,
     SNP_MOVE_REASON_NONE,
     CARRIED_OUT},
    {"wedged with many others",
     {0},
     {SNP_HEALTH_WEDGED, 60000, true},
     true,
     true,
     SNP_MOVE_REASON_WEDGED,
     SNP_SUPPRESSION_MASS_SUSPICION},
    {"unresponsive",
     {.process = WAITS},
     {SNP_HEALTH_UNRESPONSIVE, 15000, false},
     true,
     true,
     SNP_MOVE_REASON_UNRESPONSIVE,
     CARRIED_OUT},
    {"unresponsive on a disk, early",
     {.process = DISK},
     {SNP_HEALTH_UNRESPONSIVE, 59999, false},
     true,
     true,
     SNP_MOVE_REASON_NONE,
     CARRIED_OUT},
    {"unresponsive on a disk, late",
     {.process = DISK},
     {SNP_HEALTH_UNRESPONSIVE, 60000, false},
     true,
     true,
     SNP_MOVE_REASON_UNRESPONSIVE,
     CARRIED_OUT},
    {"stopped",
     {.process = STOPPED},
     {SNP_HEALTH_STOPPED, 60000, false},
     true,
     false,
     SNP_MOVE_REASON_STOPPED,
     CARRIED_OUT},
    {"stopped, misses",
     {.process = STOPPED, .missed = 3},
     {SNP_HEALTH_STOPPED, 3000, false},
     true,
     false,
     SNP_MOVE_REASON_HEARTBEAT,
     CARRIED_OUT},
    {"traced",
     {.process = STOPPED, .traced = true},
     {SNP_HEALTH_STOPPED, 60000, false},
     true,
     false,
     SNP_MOVE_REASON_STOPPED,
     SNP_SUPPRESSION_TRACED},
    {"traced, misses",
     {.process = STOPPED, .traced = true, .missed = 3},
     {SNP_HEALTH_STOPPED, 3000, false},
     true,
     false,
     SNP_MOVE_REASON_HEARTBEAT,
     SNP_SUPPRESSION_TRACED},
    {"without beats, some misses",
     {.missed = 2},
     {SNP_HEALTH_UNKNOWN, 0, false},
     false,
     false,
     SNP_MOVE_REASON_NONE,
     CARRIED_OUT},
    {"without beats, all misses",
     {.missed = 3},
     {SNP_HEALTH_UNKNOWN, 0, true},
     false,
     false,
     SNP_MOVE_REASON_HEARTBEAT,
     CARRIED_OUT},
};

static void orders_of_each_row(void **state)
{
	const struct snp_cfg_heartbeat cfg = config();

	(void)state;
	for (size_t i = 0; i < COUNT(orders_rows); i++) {
		struct verdict_orders o =
		    verdict_orders(&cfg, &orders_rows[i].signs, &orders_rows[i].c);

		if (o.fence != orders_rows[i].fence || o.dump != orders_rows[i].dump ||
		    o.kill != orders_rows[i].kill ||
		    o.suppressed != orders_rows[i].suppressed)
			fail_msg("%s: fence %d dump %d kill %s suppressed %d",
				 orders_rows[i].what, o.fence, o.dump,
				 snp_enum_text(SNP_ENUM_TABLE_MOVE_REASON, o.kill),
				 o.suppressed);
	}
}

static struct verdict_orders orders_of(const struct snp_cfg_heartbeat *cfg,
				       enum snp_enum_HEALTH health)
{
	const struct verdict_signs s = {.missed = 3, .process = WAITS};
	const struct verdict_case c = {health, 9999999, false};

	return verdict_orders(cfg, &s, &c);
}

static void orders_gil_stall_kill_ends_a_busy_worker_where_it_is_set(void **state)
{
	struct snp_cfg_heartbeat cfg = config();
	struct verdict_orders o;

	(void)state;
	cfg.gil_stall_kill_ms = 300000;
	o = orders_of(&cfg, SNP_HEALTH_BUSY_GIL);
	assert_int_equal(o.kill, SNP_MOVE_REASON_BUSY_GIL);
	assert_int_equal(o.suppressed, CARRIED_OUT);
}

static void orders_zero_means_never(void **state)
{
	struct snp_cfg_heartbeat cfg = config();
	const struct verdict_signs s = {.process = DISK};

	(void)state;
	cfg.unresponsive_kill_ms = cfg.wedged_kill_ms = cfg.stopped_kill_ms = 0;
	for (unsigned h = 0; h < SNP_HEALTH_NR; h++) {
		const struct verdict_case c = {(enum snp_enum_HEALTH)h, 9999999, false};

		assert_int_equal(verdict_orders(&cfg, &s, &c).kill,
				 SNP_MOVE_REASON_NONE);
	}
}

static void orders_shadow_mode_neither_fences_nor_kills(void **state)
{
	struct snp_cfg_heartbeat cfg = config();
	struct verdict_orders o;

	(void)state;
	cfg.enforce = false;
	cfg.strict = true;
	for (unsigned h = 0; h < SNP_HEALTH_NR; h++) {
		o = orders_of(&cfg, (enum snp_enum_HEALTH)h);
		assert_false(o.fence);
		assert_int_not_equal(o.kill, SNP_MOVE_REASON_NONE);
		assert_int_equal(o.suppressed, SNP_SUPPRESSION_SHADOW);
	}
}

static void orders_independent_workers_are_not_killed(void **state)
{
	struct snp_cfg_heartbeat cfg = config();

	(void)state;
	cfg.dependent = false;
	cfg.strict = true;
	for (unsigned h = 0; h < SNP_HEALTH_NR; h++)
		assert_int_equal(orders_of(&cfg, (enum snp_enum_HEALTH)h).suppressed,
				 SNP_SUPPRESSION_INDEPENDENT);
}

/* ---- every combination ------------------------------------------------------ */

static const uint64_t ages[] = {100, 99999, NEVER};
static const uint64_t helds[] = {0, 5000, 9999999};

/* One number a combination: `at` is its mixed-radix index, taken apart digit by digit.
 */
static unsigned digit(unsigned *at, unsigned radix)
{
	unsigned d = *at % radix;

	*at /= radix;
	return d;
}

struct combination {
	struct snp_cfg_heartbeat cfg;
	struct verdict_signs signs;
	struct verdict_case c;
};

/* False when `at` is beyond the last one. */
static bool combination(unsigned at, struct combination *ret)
{
	*ret = (struct combination){.cfg = config()};
	ret->cfg.enabled = digit(&at, 8); /* mostly on */
	ret->cfg.strict = digit(&at, 2);
	ret->cfg.gil_stall_kill_ms = 1000 * digit(&at, 2);
	ret->signs.process_ms = ages[digit(&at, 3)];
	ret->signs.interpreter_ms = ages[digit(&at, 3)];
	ret->signs.loop_ms = ages[digit(&at, 3)];
	ret->signs.progress_ms = ages[digit(&at, 3)];
	ret->signs.missed = digit(&at, 2) * 3;
	ret->signs.capacity = 2;
	ret->signs.in_flight = digit(&at, 2) * 2;
	ret->signs.deadline_ms = digit(&at, 2);
	ret->signs.process = (enum verdict_process)digit(&at, VERDICT_PROCESS_NR);
	ret->signs.traced = digit(&at, 2);
	ret->signs.squeezed = digit(&at, 2);
	ret->c.mass = digit(&at, 2);
	ret->c.held_ms = helds[digit(&at, 3)];
	ret->c.health =
	    verdict_health(&ret->cfg, &ret->signs); /* a row fits, or dies */
	return at == 0;
}

static bool is_killed(const struct verdict_orders *o)
{
	return o->kill != SNP_MOVE_REASON_NONE && o->suppressed == SNP_SUPPRESSION_NR;
}

/* Its interpreter beats and nothing says that its loop does not turn; or it stands
 * still, but its calls have time. */
static bool is_merely_full(const struct combination *k)
{
	const struct verdict_signs *s = &k->signs;

	return s->in_flight >= s->capacity && s->interpreter_ms == ages[0] &&
	       (s->loop_ms != ages[1] || s->progress_ms == ages[0] ||
		(k->c.health == SNP_HEALTH_WEDGED && s->deadline_ms > 0));
}

static bool is_sheltered(const struct combination *k)
{
	const struct verdict_signs *s = &k->signs;

	if (k->c.health == SNP_HEALTH_UNKNOWN) /* misses alone decide */
		return false;
	return s->traced || k->c.mass || k->c.health == SNP_HEALTH_STARVED ||
	       k->c.health == SNP_HEALTH_OK || k->c.health == SNP_HEALTH_SUSPENDED ||
	       (k->c.health == SNP_HEALTH_BUSY_GIL && !k->cfg.gil_stall_kill_ms) ||
	       is_merely_full(k);
}

static void check_combination(const struct combination *k, unsigned at)
{
	const struct verdict_orders o = verdict_orders(&k->cfg, &k->signs, &k->c);
	bool missed = k->signs.missed > 0, strict = k->cfg.strict && missed;

	if (!k->cfg.enabled && (k->c.health != SNP_HEALTH_UNKNOWN || is_killed(&o)))
		fail_msg("%u: judged although heartbeats are off", at);
	if (is_killed(&o) && is_sheltered(k) && !strict)
		fail_msg("%u: %s killed", at, health_text(k->c.health));
	if (k->cfg.enabled && strict && !is_killed(&o))
		fail_msg("%u: strict, yet suppressed", at);
	if (o.kill == SNP_MOVE_REASON_NONE && o.suppressed != SNP_SUPPRESSION_NR)
		fail_msg("%u: suppressed what was not asked for", at);
	if (o.kill == SNP_MOVE_REASON_HEARTBEAT && !missed)
		fail_msg("%u: killed for misses that are none", at);
	if (o.fence != (verdict_is_ill(k->c.health) && k->cfg.enabled))
		fail_msg("%u: %s fenced: %d", at, health_text(k->c.health), o.fence);
}

static void every_combination_keeps_its_promises(void **state)
{
	struct combination k;
	unsigned at = 0;

	(void)state;
	for (; combination(at, &k); at++)
		check_combination(&k, at);
	assert_int_equal(at, 8 * 2 * 2 * 81 * 2 * 2 * 2 * VERDICT_PROCESS_NR * 2 * 2 *
				 2 * 3);
}

/* ---- brake ------------------------------------------------------------------ */

static void brake_holds_from_three_or_half_of_several(void **state)
{
	static const struct {
		uint32_t ill, judged;
		bool holds;
	} cases[] = {
	    {0, 0, false},   {0, 9, false},    {1, 1, false}, {1, 2, false},
	    {2, 2, true},    {2, 4, true},     {2, 5, false}, {3, 5, true},
	    {3, 1000, true}, {2, 1000, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct verdict_brake brake = {0};

		if (verdict_brake(&brake, cases[i].ill, cases[i].judged, 5) !=
		    cases[i].holds)
			fail_msg("%u of %u", cases[i].ill, cases[i].judged);
	}
}

static void brake_holds_once_for_its_time(void **state)
{
	struct verdict_brake brake = {0};

	(void)state;
	assert_true(verdict_brake(&brake, 3, 9, 1000));
	assert_true(verdict_brake(&brake, 9, 9, 1000 + VERDICT_BRAKE_MS - 1));
	assert_false(verdict_brake(&brake, 3, 9, 1000 + VERDICT_BRAKE_MS));
	assert_false(verdict_brake(&brake, 3, 9, 1000 + 9 * VERDICT_BRAKE_MS));
	/* fewer are ill: it can be pulled again */
	assert_false(verdict_brake(&brake, 1, 9, 900000));
	assert_true(verdict_brake(&brake, 3, 9, 900001));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(health_of_each_row),
	    cmocka_unit_test(health_is_unknown_where_heartbeats_are_off),
	    cmocka_unit_test(needs_process_where_its_word_changes_the_health),
	    cmocka_unit_test(open_until_the_interpreter_is_silent_or_beats),
	    cmocka_unit_test(limits_below_the_intervals_of_beats_are_raised),
	    cmocka_unit_test(orders_of_each_row),
	    cmocka_unit_test(orders_gil_stall_kill_ends_a_busy_worker_where_it_is_set),
	    cmocka_unit_test(orders_zero_means_never),
	    cmocka_unit_test(orders_shadow_mode_neither_fences_nor_kills),
	    cmocka_unit_test(orders_independent_workers_are_not_killed),
	    cmocka_unit_test(every_combination_keeps_its_promises),
	    cmocka_unit_test(brake_holds_from_three_or_half_of_several),
	    cmocka_unit_test(brake_holds_once_for_its_time),
	};

	return cmocka_run_group_tests_name("runtime/verdict", tests, NULL, NULL);
}
