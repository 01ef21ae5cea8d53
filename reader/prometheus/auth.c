/* SPDX-License-Identifier: Apache-2.0 */
#include "auth.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <crypt.h>
#include <gnutls/crypto.h>

#define KEPT_MAX   64
#define JOBS_MAX   32 /* fewer than are kept, so that who is woken finds the answer */
#define HMAC_BYTES 32
#define HASH_BYTES 61 /* of bcrypt, with the NUL */

/* What a comparison was about, and what came of it. */
struct kept {
	unsigned char about[HMAC_BYTES];
	bool used, ok;
};

/* The good apart from the others, of which there may be any number. */
struct memory {
	struct kept kept[KEPT_MAX];
	unsigned oldest;
};

struct job {
	unsigned char about[HMAC_BYTES];
	bool stranger; /* refused whatever comes out */
	char hash[HASH_BYTES];
	char *password;
	void *who;
};

struct auth {
	struct auth_waiting waiting;
	unsigned char key[HMAC_BYTES];
	struct crypt_data work; /* the thread's */
	pthread_t thread;
	pthread_mutex_t lock; /* protects: everything below */
	pthread_cond_t more;
	bool started, stopping;
	struct memory good, bad;
	struct job jobs[JOBS_MAX]; /* a ring */
	unsigned first, jobs_nr;
};

int auth_create(const struct auth_waiting *waiting, struct auth **ret_auth)
{
	struct auth *auth = calloc(1, sizeof(*auth));

	if (!auth)
		return -ENOMEM;
	if (getrandom(auth->key, sizeof(auth->key), 0) != (ssize_t)sizeof(auth->key)) {
		free(auth);
		return -EIO;
	}
	auth->waiting = *waiting;
	(void)pthread_mutex_init(&auth->lock, NULL); /* cannot fail as it is asked */
	(void)pthread_cond_init(&auth->more, NULL);
	*ret_auth = auth;
	return 0;
}

void auth_destroy(struct auth **auth)
{
	if (!*auth)
		return;
	auth_stop(*auth);
	(void)pthread_cond_destroy(&(*auth)->more);
	(void)pthread_mutex_destroy(&(*auth)->lock);
	explicit_bzero(*auth, sizeof(**auth));
	free(*auth);
	*auth = NULL;
}

/* ---- one comparison ------------------------------------------------------ */

/* Takes as long whatever differs. */
static bool same_hash(const char *a, const char *b)
{
	unsigned char differ = 0;

	for (size_t i = 0; i < HASH_BYTES; i++)
		differ |= (unsigned char)(a[i] ^ b[i]);
	return differ == 0;
}

static bool compare(struct auth *auth, const struct job *job)
{
	char found[HASH_BYTES] = "";
	const char *made = crypt_r(job->password, job->hash, &auth->work);
	bool ok;

	if (made)
		(void)snprintf(found, sizeof(found), "%s", made);
	ok = made && same_hash(found, job->hash);
	explicit_bzero(&auth->work, sizeof(auth->work));
	return ok && !job->stranger;
}

/* Of user, hash, password, and whether it is a user, each with the NUL that ends it. */
static bool digest(const struct auth *auth, const char *const parts[4],
		   unsigned char ret_about[HMAC_BYTES])
{
	gnutls_hmac_hd_t hmac;

	if (gnutls_hmac_init(&hmac, GNUTLS_MAC_SHA256, auth->key, sizeof(auth->key)) <
	    0)
		return false;
	for (int i = 0; i < 4; i++)
		(void)gnutls_hmac(hmac, parts[i], strlen(parts[i]) + 1);
	gnutls_hmac_deinit(hmac, ret_about);
	return true;
}

/* ---- what is remembered -------------------------------------------------- */

static const struct kept *find_in(const struct memory *memory,
				  const unsigned char about[HMAC_BYTES])
{
	for (unsigned i = 0; i < KEPT_MAX; i++)
		if (memory->kept[i].used &&
		    memcmp(memory->kept[i].about, about, HMAC_BYTES) == 0)
			return &memory->kept[i];
	return NULL;
}

static const struct kept *find_locked(const struct auth *auth,
				      const unsigned char about[HMAC_BYTES])
{
	const struct kept *found = find_in(&auth->good, about);

	return found ? found : find_in(&auth->bad, about);
}

static void keep_locked(struct auth *auth, const unsigned char about[HMAC_BYTES],
			bool ok)
{
	struct memory *memory = ok ? &auth->good : &auth->bad;
	struct kept *place = &memory->kept[memory->oldest];

	memcpy(place->about, about, HMAC_BYTES);
	place->used = true;
	place->ok = ok;
	memory->oldest = (memory->oldest + 1) % KEPT_MAX;
}

/* ---- the thread ---------------------------------------------------------- */

static struct job take_locked(struct auth *auth)
{
	struct job job = auth->jobs[auth->first];

	auth->first = (auth->first + 1) % JOBS_MAX;
	auth->jobs_nr--;
	return job;
}

static void finish_locked(struct auth *auth, struct job *job)
{
	explicit_bzero(job->password, strlen(job->password));
	free(job->password);
	auth->waiting.wake(job->who);
}

static void work_locked(struct auth *auth)
{
	struct job job = take_locked(auth);
	bool ok;

	/* The same may have been asked more than once meanwhile. */
	if (!find_locked(auth, job.about)) {
		(void)pthread_mutex_unlock(&auth->lock);
		ok = compare(auth, &job);
		(void)pthread_mutex_lock(&auth->lock);
		keep_locked(auth, job.about, ok);
	}
	finish_locked(auth, &job);
}

static void *thread_main(void *user)
{
	struct auth *auth = user;

	(void)pthread_mutex_lock(&auth->lock);
	while (!auth->stopping)
		if (auth->jobs_nr > 0)
			work_locked(auth);
		else
			(void)pthread_cond_wait(&auth->more, &auth->lock);
	(void)pthread_mutex_unlock(&auth->lock);
	return NULL;
}

void auth_stop(struct auth *auth)
{
	bool started;
	struct job job;

	(void)pthread_mutex_lock(&auth->lock);
	auth->stopping = true;
	started = auth->started;
	auth->started = false;
	(void)pthread_cond_signal(&auth->more);
	(void)pthread_mutex_unlock(&auth->lock);
	if (started)
		(void)pthread_join(auth->thread, NULL);
	(void)pthread_mutex_lock(&auth->lock);
	while (auth->jobs_nr > 0) {
		job = take_locked(auth);
		finish_locked(auth, &job);
	}
	(void)pthread_mutex_unlock(&auth->lock);
}

/* ---- asking -------------------------------------------------------------- */

static enum auth_answer enqueue_locked(struct auth *auth, const struct job *asked,
				       const char *password)
{
	struct job *job = &auth->jobs[(auth->first + auth->jobs_nr) % JOBS_MAX];

	if (auth->stopping)
		return AUTH_NO;
	if (auth->jobs_nr == JOBS_MAX)
		return AUTH_BUSY;
	if (!auth->started)
		auth->started =
		    pthread_create(&auth->thread, NULL, thread_main, auth) == 0;
	*job = *asked;
	job->password = auth->started ? strdup(password) : NULL;
	if (!job->password)
		return AUTH_BUSY;
	auth->waiting.park(job->who);
	auth->jobs_nr++;
	(void)pthread_cond_signal(&auth->more);
	return AUTH_LATER;
}

enum auth_answer auth_ask(struct auth *auth, const struct webconfig_pairs *users,
			  const char *user, const char *password, void *who)
{
	/* A stranger is measured against the hash of somebody, which costs what that
	 * one costs, and is refused whatever comes out. */
	const char *parts[4] = {user, users->items[0].value, password, "stranger"};
	struct job job = {.stranger = true, .who = who};
	const struct kept *found;
	enum auth_answer answer;

	for (size_t i = 0; i < users->nr && job.stranger; i++)
		if (strcmp(users->items[i].key, user) == 0) {
			job.stranger = false;
			parts[1] = users->items[i].value;
			parts[3] = "user";
		}
	if (!digest(auth, parts, job.about))
		return AUTH_NO;
	(void)snprintf(job.hash, sizeof(job.hash), "%s", parts[1]);
	(void)pthread_mutex_lock(&auth->lock);
	found = find_locked(auth, job.about);
	if (found)
		answer = found->ok ? AUTH_YES : AUTH_NO;
	else
		answer = enqueue_locked(auth, &job, password);
	(void)pthread_mutex_unlock(&auth->lock);
	return answer;
}
