/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.h - what --web.config.file demands now: the file and those it names, read anew
 * for every request.
 *
 * A policy is immutable and counted: whoever has taken one keeps it until it is given
 * back, however often the files change meanwhile. Thread-safe.
 */
#ifndef SNP_PROMETHEUS_POLICY_H
#define SNP_PROMETHEUS_POLICY_H

#include <stdbool.h>

#include "snakepit/err.h"
#include "tls.h"
#include "webconfig.h"

struct policy {
	struct webconfig *config;
	struct tls *tls; /* NULL: plain HTTP */
};

struct policies;

/* Read the file for the first time; fails as it would for a request. `path` is
 * borrowed. NULL: a policy that demands nothing, for ever. */
int policies_open(const char *path, struct policies **ret_policies,
		  struct snp_err *err);
void policies_close(struct policies **policies);

/* Of the files as they are now; NULL while they are not good, which is logged once.
 * Whether there is TLS does not change while it runs: a file that would is not good. */
struct policy *policies_take(struct policies *policies);
/* The last that was good. */
struct policy *policies_take_last(struct policies *policies);
void policies_give_back(struct policies *policies, struct policy *policy);

#endif
