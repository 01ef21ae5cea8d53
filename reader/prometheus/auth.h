/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth.h - is this a user, and that their password?
 *
 * Passwords are compared by bcrypt, which is slow on purpose; what came out is
 * remembered under a keyed hash, so that a scraper pays once. A user there is not costs
 * what a wrong password costs. Thread-safe: one comparison at a time.
 */
#ifndef SNP_PROMETHEUS_AUTH_H
#define SNP_PROMETHEUS_AUTH_H

#include <stdbool.h>

#include "webconfig.h"

struct auth;

/* -ENOMEM, or what the source of randomness says. */
int auth_create(struct auth **ret_auth);
void auth_destroy(struct auth **auth);

/* `users`: at least one. */
bool auth_check(struct auth *auth, const struct webconfig_pairs *users,
		const char *user, const char *password);

#endif
