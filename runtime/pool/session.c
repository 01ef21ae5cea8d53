/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "snakepit/check.h"

#define BUCKETS_AT_FIRST 16

/* FNV-1a */
static uint32_t hash_of(const char *id)
{
	uint32_t h = UINT32_C(2166136261);

	for (; *id; id++)
		h = (h ^ (unsigned char)*id) * UINT32_C(16777619);
	return h;
}

/* ---- lifetime ------------------------------------------------------------ */

int sessions_init(struct sessions *sessions)
{
	*sessions = (struct sessions){.mask = BUCKETS_AT_FIRST - 1};
	list_init(&sessions->idle);
	sessions->buckets = calloc(BUCKETS_AT_FIRST, sizeof(struct session *));
	return sessions->buckets ? 0 : -ENOMEM;
}

static void destroy(struct session *session)
{
	free(session->metadata.v);
	free(session);
}

static void destroy_chain(struct session *session)
{
	for (struct session *next; session; session = next) {
		next = session->next;
		SNP_CHECK(session->users == 0);
		destroy(session);
	}
}

void sessions_fini(struct sessions *sessions)
{
	for (uint32_t i = 0; sessions->buckets && i <= sessions->mask; i++)
		destroy_chain(sessions->buckets[i]);
	free(sessions->buckets);
	sessions->buckets = NULL;
}

/* ---- the table ----------------------------------------------------------- */

static struct session **bucket_of(const struct sessions *sessions, uint32_t hash)
{
	return &sessions->buckets[hash & sessions->mask];
}

struct session *session_find(const struct sessions *sessions, const char *id)
{
	uint32_t hash = hash_of(id);
	struct session *session = *bucket_of(sessions, hash);

	while (session && (session->hash != hash || strcmp(session->id, id) != 0))
		session = session->next;
	return session;
}

/* Twice the buckets; without memory the chains just grow longer. */
static void grow(struct sessions *sessions)
{
	uint32_t n = sessions->mask + 1;
	struct session **old = sessions->buckets;
	struct session **buckets = calloc((size_t)n * 2, sizeof(struct session *));

	if (!buckets)
		return;
	sessions->buckets = buckets;
	sessions->mask = 2 * n - 1;
	for (uint32_t i = 0; i < n; i++) {
		for (struct session *session = old[i], *next; session; session = next) {
			struct session **bucket = bucket_of(sessions, session->hash);

			next = session->next;
			session->next = *bucket;
			*bucket = session;
		}
	}
	free(old);
}

struct session *session_open(struct sessions *sessions, const char *id, snp_mono_t now)
{
	size_t len = strlen(id);
	struct session *session = calloc(1, sizeof(*session) + len + 1);
	struct session **bucket;

	SNP_CHECK(len > 0 && len < SESSION_ID_BYTES);
	if (!session)
		return NULL;
	if (sessions->open > sessions->mask)
		grow(sessions);
	memcpy(session->id, id, len + 1);
	session->hash = hash_of(id);
	session->open = true;
	session->used = now;
	session->created = snp_wall_now();
	bucket = bucket_of(sessions, session->hash);
	session->next = *bucket;
	*bucket = session;
	list_init(&session->idle);
	list_add_last(&sessions->idle, &session->idle);
	sessions->open++;
	return session;
}

void session_close(struct sessions *sessions, struct session *session)
{
	struct session **at = bucket_of(sessions, session->hash);

	SNP_CHECK(session->open);
	while (*at != session)
		at = &(*at)->next;
	*at = session->next;
	list_remove(&session->idle);
	session->open = false;
	sessions->open--;
	if (session->users == 0)
		destroy(session);
}

/* ---- one session --------------------------------------------------------- */

static size_t pairs_bytes(const struct rpc_pairs *pairs)
{
	size_t bytes = 0;

	for (size_t i = 0; i < pairs->n; i++)
		bytes += strlen(pairs->v[i].key) + 1 + pairs->v[i].value.len;
	return bytes;
}

int session_describe(struct session *session, const struct rpc_pairs *metadata)
{
	size_t bytes = pairs_bytes(metadata), n = metadata->n;
	struct rpc_pair *copy = NULL;
	char *text;

	if (bytes > SESSION_METADATA_BYTES)
		return -E2BIG;
	if (n) {
		copy = malloc(n * sizeof(*copy) + bytes);
		if (!copy)
			return -ENOMEM;
		text = (char *)&copy[n];
	}
	for (size_t i = 0; i < n; i++) {
		const struct rpc_pair *pair = &metadata->v[i];
		size_t key_bytes = strlen(pair->key) + 1;

		memcpy(text, pair->key, key_bytes);
		copy[i] = (struct rpc_pair){
		    .key = text, .value = {text + key_bytes, pair->value.len}};
		if (pair->value.len)
			memcpy(text + key_bytes, pair->value.data, pair->value.len);
		text += key_bytes + pair->value.len;
	}
	free(session->metadata.v);
	session->metadata = (struct rpc_pairs){.v = copy, .n = n};
	return 0;
}

void session_touch(struct sessions *sessions, struct session *session, snp_mono_t now)
{
	session->used = now;
	if (session->users)
		return;
	list_remove(&session->idle);
	list_add_last(&sessions->idle, &session->idle);
}

void session_take(struct session *session)
{
	session->users++;
	list_remove(&session->idle);
}

void session_release(struct sessions *sessions, struct session *session, snp_mono_t now)
{
	SNP_CHECK(session->users > 0);
	session->users--;
	if (session->open)
		session_touch(sessions, session, now);
	else if (session->users == 0)
		destroy(session);
}

/* ---- age ----------------------------------------------------------------- */

snp_mono_t sessions_next_expiry(const struct sessions *sessions, uint32_t ttl_s)
{
	const struct list *node = list_first(&sessions->idle);

	if (!node)
		return (snp_mono_t){UINT64_MAX};
	return snp_mono_add_ms(list_entry(node, struct session, idle)->used,
			       ttl_s * UINT64_C(1000));
}

struct session *session_expired(const struct sessions *sessions, snp_mono_t now,
				uint32_t ttl_s)
{
	if (now.ns < sessions_next_expiry(sessions, ttl_s).ns)
		return NULL;
	return list_entry(list_first(&sessions->idle), struct session, idle);
}

/* ---- affinity ------------------------------------------------------------ */

enum session_way session_way(enum snp_cfg_affinity affinity, enum session_worker worker)
{
	static const enum session_way ways[][SESSION_WORKER_NR] = {
	    [SNP_CFG_AFFINITY_HINT] = {SESSION_TO_ANY, SESSION_TO_OWNER, SESSION_TO_ANY,
				       SESSION_TO_ANY},
	    [SNP_CFG_AFFINITY_STRICT_QUEUE] = {SESSION_TO_ANY, SESSION_TO_OWNER,
					       SESSION_WAITS, SESSION_FAILS_LOST},
	    [SNP_CFG_AFFINITY_STRICT_FAIL_FAST] = {SESSION_TO_ANY, SESSION_TO_OWNER,
						   SESSION_FAILS_BUSY,
						   SESSION_FAILS_LOST},
	};

	return ways[affinity][worker];
}
