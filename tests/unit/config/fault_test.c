/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations, with each allocation and system call of our own failing in turn.
 * (memory_test.c does so with the libraries' allocations.) */
#define FAULT_COUNTS_BLOCKS 0 /* libcyaml frees configurations */
#include "fault.h"

#include "config/config.h"
#include "config/diff.h"

static char example[] = "tests/unit/config/example.yaml";

static int load(void *user, uint64_t *ret_result, struct snp_err *err)
{
	struct snp_config *cfg = NULL;
	int rc = snp_config_load(user, &cfg, err);

	if (rc == 0)
		rc = snp_config_resolve_dir(cfg, "/run/snakepit", err);
	if (rc == 0)
		*ret_result = cfg->pools_count * 100 + cfg->listen_count;
	snp_config_destroy(&cfg);
	return rc;
}

static void a_file_is_loaded_whole_or_refused(void **state)
{
	(void)state;
	fault_drive(load, example, NULL);
}

static int compare(void *user, uint64_t *ret_result, struct snp_err *err)
{
	static const char text[] = "pools: [{name: default, adapter: a.B, workers: 2}]";
	const struct snp_config *old = user;
	struct snp_cfg_diff diff = {0};
	struct snp_config *new = NULL;
	int rc = snp_config_parse(text, strlen(text), "text", &new, err);

	if (rc == 0)
		rc = fault_say(snp_config_diff(old, old, new, &diff), err);
	if (rc == 0) {
		*ret_result = diff.nr;
		snp_config_diff_fini(&diff);
	}
	snp_config_destroy(&new);
	return rc;
}

static void a_comparison_is_whole_or_fails(void **state)
{
	struct snp_config *old = NULL;
	struct snp_err err = {0};

	(void)state;
	if (snp_config_load(example, &old, &err) < 0)
		fail_msg("%s", err.msg);
	fault_drive(compare, old, NULL);
	snp_config_destroy(&old);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_file_is_loaded_whole_or_refused),
	    cmocka_unit_test(a_comparison_is_whole_or_fails),
	};

	return cmocka_run_group_tests_name("fault", tests, NULL, NULL);
}
