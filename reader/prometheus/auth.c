/* SPDX-License-Identifier: Apache-2.0 */
#include "auth.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <crypt.h>
#include <gnutls/crypto.h>

#define KEPT_MAX   64
#define HMAC_BYTES 32
#define HASH_BYTES 61 /* of bcrypt, with the NUL */
static_assert(AUTH_WAITING_MAX < KEPT_MAX, "who is woken finds the answer");

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
	pthread_mutex_t lock;	/* protects: everything below */
	pthread_cond_t more;
	bool running;	     /* the thread is there */
	bool stopping, left; /* its end is wanted; nobody else has this any more */
	void *waits;	     /* for the comparison at hand; NULL = nobody */
	struct memory good, bad;
	struct job jobs[AUTH_WAITING_MAX]; /* a ring */
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

static void release(struct auth *auth)
{
	(void)pthread_cond_destroy(&auth->more);
	(void)pthread_mutex_destroy(&auth->lock);
	explicit_bzero(auth, sizeof(*auth));
	free(auth);
}

/* A comparison cannot be ended, and may take long: then the thread is the last one. */
void auth_destroy(struct auth **auth)
{
	bool running;

	if (!*auth)
		return;
	auth_stop(*auth);
	(void)pthread_mutex_lock(&(*auth)->lock);
	(*auth)->left = true;
	running = (*auth)->running;
	(void)pthread_mutex_unlock(&(*auth)->lock);
	if (!running)
		release(*auth);
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

	auth->first = (auth->first + 1) % AUTH_WAITING_MAX;
	auth->jobs_nr--;
	return job;
}

static void forget_password(struct job *job)
{
	explicit_bzero(job->password, strlen(job->password));
	free(job->password);
}

static void wake_waiting_locked(struct auth *auth)
{
	if (auth->waits)
		auth->waiting.wake(auth->waits);
	auth->waits = NULL;
}

static void work_locked(struct auth *auth)
{
	struct job job = take_locked(auth);
	bool ok;

	auth->waits = job.who;
	/* The same may have been asked more than once meanwhile. */
	if (!find_locked(auth, job.about)) {
		(void)pthread_mutex_unlock(&auth->lock);
		ok = compare(auth, &job);
		(void)pthread_mutex_lock(&auth->lock);
		keep_locked(auth, job.about, ok);
	}
	forget_password(&job);
	wake_waiting_locked(auth);
}

static void *thread_main(void *user)
{
	struct auth *auth = user;
	bool left;

	(void)pthread_mutex_lock(&auth->lock);
	while (!auth->stopping)
		if (auth->jobs_nr > 0)
			work_locked(auth);
		else
			(void)pthread_cond_wait(&auth->more, &auth->lock);
	auth->running = false;
	left = auth->left;
	(void)pthread_mutex_unlock(&auth->lock);
	if (left)
		release(auth);
	return NULL;
}

static bool start_locked(struct auth *auth)
{
	pthread_t thread;

	if (!auth->running) {
		auth->running = pthread_create(&thread, NULL, thread_main, auth) == 0;
		if (auth->running)
			(void)pthread_detach(thread);
	}
	return auth->running;
}

void auth_stop(struct auth *auth)
{
	struct job job;

	(void)pthread_mutex_lock(&auth->lock);
	auth->stopping = true;
	wake_waiting_locked(auth);
	while (auth->jobs_nr > 0) {
		job = take_locked(auth);
		forget_password(&job);
		auth->waiting.wake(job.who);
	}
	(void)pthread_cond_signal(&auth->more);
	(void)pthread_mutex_unlock(&auth->lock);
}

/* ---- asking -------------------------------------------------------------- */

static enum auth_answer enqueue_locked(struct auth *auth, const struct job *asked,
				       const char *password)
{
	struct job *job = &auth->jobs[(auth->first + auth->jobs_nr) % AUTH_WAITING_MAX];

	if (auth->stopping)
		return AUTH_NO;
	if (auth->jobs_nr == AUTH_WAITING_MAX)
		return AUTH_BUSY;
	*job = *asked;
	job->password = start_locked(auth) ? strdup(password) : NULL;
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
