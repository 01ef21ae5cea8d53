/* SPDX-License-Identifier: Apache-2.0 */
/* Pools, sessions, tools and workers' command lines, with each allocation and system
 * call failing in turn. */
#include "fault.h"

#include "pool/pool.h"
#include "snakepit/write.h"
#include "worker/command.h"
#include "worker/feed.h"

static char dir[64];
static struct snp_cfg_pool cfg = {
    .name = (char *)(uintptr_t) "default",
    .adapter = (char *)(uintptr_t) "a.B",
    .workers = 3,
    .queue.limit = 7,
    .max_tools = 2,
};

/* ---- pools --------------------------------------------------------------- */

/* In a segment of its own, so that each run declares the same rows. */
static int make_pool(void *user, uint64_t *ret_result, struct snp_err *err)
{
	const struct snp_writer_options options = {
	    .dir = dir,
	    .instance = "unit",
	    .pools_max = 1,
	    .workers_max = 8,
	    .tools_max = 4,
	    .banks_max = 1,
	    .flags = SNP_WRITER_ALLOW_DISK | SNP_WRITER_ANONYMOUS,
	};
	struct snp_writer *writer = NULL;
	struct pool *pool = NULL;
	bool armed = fault.armed;
	int rc;

	(void)user;
	fault.armed = false; /* the segment's faults are tests/unit/shm's */
	assert_int_equal(snp_writer_create(&options, &writer, NULL), 0);
	fault.armed = armed;
	rc = pool_create(&cfg, writer, &pool, err);
	if (rc == 0)
		*ret_result = pool->slots_nr;
	pool_destroy(&pool);
	fault.armed = false;
	snp_writer_remove(&writer);
	return rc;
}

static void a_pool_is_whole_or_not_there(void **state)
{
	(void)state;
	fault_drive(make_pool, NULL, dir);
}

/* ---- sessions ------------------------------------------------------------ */

static int use_sessions(void *user, uint64_t *ret_result, struct snp_err *err)
{
	const struct rpc_pair pair = {.key = "tenant", .value = {"a", 1}};
	const struct rpc_pairs metadata = {.v = (struct rpc_pair *)(uintptr_t)&pair,
					   .n = 1};
	const snp_mono_t now = {1};
	struct sessions sessions;
	struct session *session;
	int rc = sessions_init(&sessions);

	(void)user;
	if (rc < 0)
		return fault_say(rc, err);
	for (unsigned i = 0; i < 100 && rc == 0; i++) {
		char id[16];

		(void)snprintf(id, sizeof(id), "session-%u", i);
		session = session_open(&sessions, id, now);
		rc = session ? session_describe(session, &metadata) : -ENOMEM;
	}
	if (rc == 0)
		*ret_result = sessions.open;
	sessions_fini(&sessions);
	return fault_say(rc, err);
}

static void a_session_is_open_or_not(void **state)
{
	(void)state;
	fault_drive(use_sessions, NULL, NULL);
}

/* ---- workers ------------------------------------------------------------- */

static int build_command(void *user, uint64_t *ret_result, struct snp_err *err)
{
	static char *path[] = {(char *)(uintptr_t) "adapters"};
	static char *env[] = {(char *)(uintptr_t) "A=1"};
	struct snp_cfg_pool pool = cfg;
	const struct spawn_site site = {.launcher = "launch",
					.server = "server.py",
					.package_path = "python",
					.instance = "unit",
					.run_id = "12345678",
					.run_uuid =
					    "12345678-0000-4000-8000-000000000000",
					.host_address = "unix:/x"};
	const struct spawn_request request = {.site = &site,
					      .pool = &pool,
					      .worker_id = "default/0#1",
					      .address = "unix:/y",
					      .beat_fd = -1,
					      .stacks_fd = -1,
					      .metrics_fd = -1};
	struct command command;
	int rc;

	(void)user;
	pool.pythonpath = path;
	pool.env = env;
	pool.pythonpath_count = pool.env_count = 1;
	rc = command_build(&request, &command);
	if (rc == 0) {
		for (*ret_result = 0; command.argv[*ret_result];)
			++*ret_result;
		for (char **e = command.env; *e; e++)
			++*ret_result;
		command_free(&command);
	}
	return fault_say(rc, err);
}

static void a_command_is_whole_or_fails(void **state)
{
	(void)state;
	fault_drive(build_command, NULL, NULL);
}

static int make_feed(void *user, uint64_t *ret_result, struct snp_err *err)
{
	struct feed feed;
	int rc = feed_create(&feed, err);

	(void)user;
	*ret_result = 1;
	if (rc == 0)
		feed_destroy(&feed);
	return rc;
}

static void a_feed_is_whole_or_not_there(void **state)
{
	(void)state;
	fault_drive(make_feed, NULL, NULL);
}

static int set_up(void **state)
{
	(void)state;
	snp_test_tmpdir_make(dir, sizeof(dir));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	snp_test_tmpdir_remove(dir);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_pool_is_whole_or_not_there),
	    cmocka_unit_test(a_session_is_open_or_not),
	    cmocka_unit_test(a_command_is_whole_or_fails),
	    cmocka_unit_test(a_feed_is_whole_or_not_there),
	};

	return cmocka_run_group_tests_name("fault", tests, set_up, tear_down);
}
