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
#define HMAC_BYTES 32
#define HASH_BYTES 61 /* of bcrypt, with the NUL */

/* What a comparison was about, and what came of it. */
struct kept {
	unsigned char about[HMAC_BYTES];
	bool used, ok;
};

struct auth {
	pthread_mutex_t lock; /* protects: everything below */
	unsigned char key[HMAC_BYTES];
	struct kept kept[KEPT_MAX];
	unsigned oldest;
	struct crypt_data work;
};

int auth_create(struct auth **ret_auth)
{
	struct auth *auth = calloc(1, sizeof(*auth));
	int r;

	if (!auth)
		return -ENOMEM;
	if (getrandom(auth->key, sizeof(auth->key), 0) != (ssize_t)sizeof(auth->key))
		r = -EIO;
	else
		r = -pthread_mutex_init(&auth->lock, NULL);
	if (r < 0) {
		free(auth);
		return r;
	}
	*ret_auth = auth;
	return 0;
}

void auth_destroy(struct auth **auth)
{
	if (!*auth)
		return;
	(void)pthread_mutex_destroy(&(*auth)->lock);
	explicit_bzero(*auth, sizeof(**auth));
	free(*auth);
	*auth = NULL;
}

/* Takes as long whatever differs. */
static bool same_hash(const char *a, const char *b)
{
	unsigned char differ = 0;

	for (size_t i = 0; i < HASH_BYTES; i++)
		differ |= (unsigned char)(a[i] ^ b[i]);
	return differ == 0;
}

static bool compare_locked(struct auth *auth, const char *hash, const char *password)
{
	char found[HASH_BYTES] = "";
	const char *made = crypt_r(password, hash, &auth->work);
	bool ok;

	if (made)
		(void)snprintf(found, sizeof(found), "%s", made);
	ok = made && same_hash(found, hash);
	explicit_bzero(&auth->work, sizeof(auth->work));
	return ok;
}

/* Of user, hash and password, each with the NUL that ends it. */
static bool digest(const struct auth *auth, const char *const parts[3],
		   unsigned char ret_about[HMAC_BYTES])
{
	gnutls_hmac_hd_t hmac;

	if (gnutls_hmac_init(&hmac, GNUTLS_MAC_SHA256, auth->key, sizeof(auth->key)) <
	    0)
		return false;
	for (int i = 0; i < 3; i++)
		(void)gnutls_hmac(hmac, parts[i], strlen(parts[i]) + 1);
	gnutls_hmac_deinit(hmac, ret_about);
	return true;
}

static const struct kept *find_locked(const struct auth *auth,
				      const unsigned char about[HMAC_BYTES])
{
	for (unsigned i = 0; i < KEPT_MAX; i++)
		if (auth->kept[i].used &&
		    memcmp(auth->kept[i].about, about, HMAC_BYTES) == 0)
			return &auth->kept[i];
	return NULL;
}

static bool check_locked(struct auth *auth, const char *const parts[3])
{
	unsigned char about[HMAC_BYTES];
	bool known = digest(auth, parts, about);
	const struct kept *found = known ? find_locked(auth, about) : NULL;
	struct kept *place = &auth->kept[auth->oldest];
	bool ok;

	if (found)
		return found->ok;
	ok = compare_locked(auth, parts[1], parts[2]);
	if (known) {
		memcpy(place->about, about, sizeof(about));
		place->used = true;
		place->ok = ok;
		auth->oldest = (auth->oldest + 1) % KEPT_MAX;
	}
	return ok;
}

bool auth_check(struct auth *auth, const struct webconfig_pairs *users,
		const char *user, const char *password)
{
	/* A stranger is measured against the hash of somebody, which costs what that
	 * one costs, and is refused whatever comes out. */
	const struct webconfig_pair *found = NULL;
	const char *parts[3] = {user, users->items[0].value, password};
	bool ok;

	for (size_t i = 0; i < users->nr; i++)
		if (strcmp(users->items[i].key, user) == 0)
			found = &users->items[i];
	if (found)
		parts[1] = found->value;
	(void)pthread_mutex_lock(&auth->lock);
	ok = check_locked(auth, parts);
	(void)pthread_mutex_unlock(&auth->lock);
	return ok && found;
}
