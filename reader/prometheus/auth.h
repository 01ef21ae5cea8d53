/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth.h - is this a user, and that their password?
 *
 * Passwords are compared by bcrypt, which is slow on purpose: one at a time, in a
 * thread of their own, so that nobody else waits for it. What came out is remembered
 * under a keyed hash; a scraper pays once, and however many wrong passwords come, the
 * good ones stay known. A user there is not costs what a wrong password costs.
 * Thread-safe.
 */
#ifndef SNP_PROMETHEUS_AUTH_H
#define SNP_PROMETHEUS_AUTH_H

#include "webconfig.h"

/* Whose passwords can wait for the one that is compared. */
#define AUTH_WAITING_MAX 32

struct auth;

/* What is done with who asks: put aside, and told to ask again. Both are called with
 * the lock of auth held, `wake` from its thread or from auth_stop(). */
struct auth_waiting {
	void (*park)(void *who);
	void (*wake)(void *who);
};

enum auth_answer {
	AUTH_NO,
	AUTH_YES,
	AUTH_LATER, /* it has been parked, and will be woken: then it is to ask again */
	AUTH_BUSY,  /* too many wait */
};

/* -ENOMEM, or what the source of randomness says. */
int auth_create(const struct auth_waiting *waiting, struct auth **ret_auth);
/* Nobody is parked: auth_stop() has been called, or nobody asked. */
void auth_destroy(struct auth **auth);

/* `users`: at least one. */
enum auth_answer auth_ask(struct auth *auth, const struct webconfig_pairs *users,
			  const char *user, const char *password, void *who);

/* Wake all, without waiting for a comparison. From now on who is not known is refused.
 */
void auth_stop(struct auth *auth);

#endif
