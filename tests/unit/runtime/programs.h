/* SPDX-License-Identifier: Apache-2.0 */
/* programs.h - where the programs are that this test was built with. */
#ifndef PROGRAMS_H
#define PROGRAMS_H

#include "snp_test.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* In <build>/bin beside this test, or in what SNP_BUILD names. */
static inline void find_program(const char *name, char ret_path[PATH_MAX])
{
	const char *build = getenv("SNP_BUILD");
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	assert_true(n > 0);
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	(void)snprintf(ret_path, PATH_MAX, "%.3900s%s/bin/%.64s", build ? build : self,
		       build ? "" : "/../../..", name);
	assert_int_equal(access(ret_path, X_OK), 0);
}

#endif
