/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/pools.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/nearest.h"
#include "model/pools.h"
#include "snakepit/read.h"

int cli_pool_check(const struct snp_look *look, const char *name, struct snp_err *err)
{
	struct cli_nearest nearest = {.word = name};
	char known[256] = "";

	for (size_t i = 0; i < look->pools_nr; i++) {
		size_t len = strlen(known);

		if (strcmp(look->pools[i].name, name) == 0)
			return 0;
		cli_nearest_try(&nearest, look->pools[i].name);
		(void)snprintf(known + len, sizeof(known) - len, "%s%s",
			       len ? ", " : "", look->pools[i].name);
	}
	if (nearest.best)
		return snp_err_set(err, -ENOENT, "no pool '%s'; did you mean '%s'?",
				   name, nearest.best);
	return snp_err_set(err, -ENOENT, "no pool '%s'; there are: %s", name, known);
}

int cli_pool_check_in(struct snp_segment *seg, const char *name, struct snp_err *err)
{
	struct snp_snapshot *snap = NULL;
	struct snp_look look = {0};
	int r = 0;

	if (snp_segment_snapshot(seg, &snap, NULL) == 0 &&
	    snp_look_read(&look, snap, NULL, NULL) == 0)
		r = cli_pool_check(&look, name, err);
	snp_look_fini(&look);
	snp_snapshot_destroy(&snap);
	return r;
}
