/* SPDX-License-Identifier: Apache-2.0 */
#include "config/diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "schema.h"
#include "show.h"

#define PATH_BYTES 256

struct walk {
	const struct snp_config *started, *from, *to;
	struct snp_cfg_diff *diff;
	bool failed; /* out of memory */
	uint32_t pool;
	/* This pool does not fit the runtime: so many workers, or requests in each. */
	bool too_many, too_wide;
};

/* One section in both configurations. */
struct pair {
	const struct section *section;
	const char *from, *to;
	const char *path; /* with a final dot, "" for the root */
	/* The section whose values this one takes where it has none; or NULL. */
	const char *global_from, *global_to;
};

static void compare(struct walk *w, const struct pair *pair);

/* ---- single values -------------------------------------------------------- */

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_list(const struct key *key, const char *a, const char *b)
{
	uint32_t a_n, b_n;
	char **a_items, **b_items;

	memcpy(&a_n, a + key->count_offset, sizeof(a_n));
	memcpy(&b_n, b + key->count_offset, sizeof(b_n));
	memcpy(&a_items, a + key->offset, sizeof(a_items));
	memcpy(&b_items, b + key->offset, sizeof(b_items));
	if (a_n != b_n)
		return false;
	for (uint32_t i = 0; i < a_n; i++)
		if (strcmp(a_items[i], b_items[i]) != 0)
			return false;
	return true;
}

/* Of a key that is no section. */
static bool same(const struct key *key, const char *a, const char *b)
{
	const char *a_text, *b_text;
	double a_f64, b_f64;

	switch (key->type) {
	case KEY_STR:
		memcpy(&a_text, a + key->offset, sizeof(a_text));
		memcpy(&b_text, b + key->offset, sizeof(b_text));
		return same_text(a_text, b_text);
	case KEY_F64:
		memcpy(&a_f64, a + key->offset, sizeof(a_f64));
		memcpy(&b_f64, b + key->offset, sizeof(b_f64));
		return a_f64 == b_f64;
	case KEY_BOOL:
		return a[key->offset] == b[key->offset];
	case KEY_LIST:
		return same_list(key, a, b);
	default: /* KEY_U32, and the enums, which have an int's size (schema.c) */
		return memcmp(a + key->offset, b + key->offset, sizeof(uint32_t)) == 0;
	}
}

/* ---- changes -------------------------------------------------------------- */

static void add(struct walk *w, char *take_text, enum snp_cfg_needs needs)
{
	struct snp_cfg_diff *diff = w->diff;
	struct snp_cfg_change *more = NULL;

	if (take_text)
		more = reallocarray(diff->changes, diff->nr + 1, sizeof(*more));
	if (!more) {
		free(take_text);
		w->failed = true;
		return;
	}
	diff->changes = more;
	more[diff->nr++] = (struct snp_cfg_change){.text = take_text,
						   .key_len = strcspn(take_text, ":"),
						   .needs = needs,
						   .pool = w->pool};
}

__attribute__((format(printf, 3, 4))) static void
addf(struct walk *w, enum snp_cfg_needs needs, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	add(w, text, needs);
}

static bool is_one_of(const struct key *key, const char *a, const char *b)
{
	return strcmp(key->name, a) == 0 || strcmp(key->name, b) == 0;
}

static enum snp_cfg_needs needs_of(const struct walk *w, const struct key *key)
{
	if ((w->too_many && is_one_of(key, "workers", "max_workers")) ||
	    (w->too_wide && is_one_of(key, "profile", "threads_per_worker")))
		return SNP_CFG_NEEDS_RESTART;
	return key->flags & KEY_LIVE   ? SNP_CFG_NEEDS_LIVE
	       : key->flags & KEY_ROLL ? SNP_CFG_NEEDS_ROLL
				       : SNP_CFG_NEEDS_RESTART;
}

static void add_values(struct walk *w, const struct pair *pair, const struct key *key)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out) {
		w->failed = true;
		return;
	}
	(void)fprintf(out, "%s%s: ", pair->path, key->name);
	if (key->flags & KEY_SECRET) {
		(void)fputs("changed (not shown)", out);
	} else {
		snp__show_value(out, key, pair->from);
		(void)fputs(" -> ", out);
		snp__show_value(out, key, pair->to);
	}
	/* A stream in memory fails for one reason only. */
	if (ferror(out) | fclose(out)) {
		free(text);
		text = NULL;
	}
	add(w, text, needs_of(w, key));
}

static bool is_said_globally(const struct pair *pair, const struct key *key)
{
	return pair->global_from && same(key, pair->from, pair->global_from) &&
	       same(key, pair->to, pair->global_to);
}

/* ---- sections ------------------------------------------------------------- */

/* The section that `key` of the section at `base` is; NULL: there is none. */
static const char *section_at(const struct key *key, const char *base)
{
	const char *section = base + key->offset;

	if (key->type == KEY_MAP_PTR)
		memcpy(&section, base + key->offset, sizeof(section));
	return section;
}

static void compare_map(struct walk *w, const struct pair *pair, const struct key *key)
{
	char path[PATH_BYTES];
	struct pair child = {.section = key->section,
			     .from = section_at(key, pair->from),
			     .to = section_at(key, pair->to),
			     .path = path};
	bool is_override =
	    w->pool != SNP_CFG_NO_POOL && strcmp(key->name, "heartbeat") == 0;

	(void)snprintf(path, sizeof(path), "%s%s.", pair->path, key->name);
	if (is_override) {
		child.global_from = (const char *)&w->from->heartbeat;
		child.global_to = (const char *)&w->to->heartbeat;
	}
	if (child.from && child.to)
		compare(w, &child);
	else if (child.from || child.to)
		addf(w, needs_of(w, key), "%s%s: %s", pair->path, key->name,
		     child.to ? "added" : "removed");
}

static const struct snp_cfg_pool *find_pool(const struct snp_config *cfg,
					    const char *name)
{
	for (uint32_t i = 0; i < cfg->pools_count; i++)
		if (strcmp(cfg->pools[i].name, name) == 0)
			return &cfg->pools[i];
	return NULL;
}

static void compare_pool(struct walk *w, const struct key *pools, uint32_t index)
{
	const struct snp_cfg_pool *to = &w->to->pools[index];
	const struct snp_cfg_pool *from = find_pool(w->from, to->name);
	const struct snp_cfg_pool *started = find_pool(w->started, to->name);
	char path[PATH_BYTES];
	const struct pair pair = {
	    .section = pools->section,
	    .from = (const char *)from,
	    .to = (const char *)to,
	    .path = path,
	};

	if (!from) {
		addf(w, SNP_CFG_NEEDS_RESTART, "pools.%s: added", to->name);
		return;
	}
	(void)snprintf(path, sizeof(path), "pools.%s.", to->name);
	w->pool = index;
	w->too_many = started && snp_cfg_pool_most(to) > snp_cfg_pool_most(started);
	w->too_wide =
	    snp_cfg_pool_capacity(to) > snp_config_largest_capacity(w->started);
	compare(w, &pair);
	w->too_many = w->too_wide = false;
	w->pool = SNP_CFG_NO_POOL;
}

static void compare_pools(struct walk *w, const struct key *pools)
{
	const struct snp_config *from = w->from, *to = w->to;
	bool same_set = from->pools_count == to->pools_count, moved = false;

	for (uint32_t i = 0; i < from->pools_count; i++) {
		if (!find_pool(to, from->pools[i].name)) {
			same_set = false;
			addf(w, SNP_CFG_NEEDS_RESTART, "pools.%s: removed",
			     from->pools[i].name);
		} else if (same_set) {
			moved |= strcmp(from->pools[i].name, to->pools[i].name) != 0;
		}
	}
	/* The first one is the default of requests that name none. */
	if (same_set && moved)
		addf(w, SNP_CFG_NEEDS_RESTART, "pools: in another order");
	for (uint32_t i = 0; i < to->pools_count; i++)
		compare_pool(w, pools, i);
}

static void compare(struct walk *w, const struct pair *pair)
{
	for (size_t i = 0; i < pair->section->count; i++) {
		const struct key *key = &pair->section->keys[i];

		if (key->type == KEY_MAPS)
			compare_pools(w, key);
		else if (snp__key_is_map(key))
			compare_map(w, pair, key);
		else if (!same(key, pair->from, pair->to) &&
			 !is_said_globally(pair, key))
			add_values(w, pair, key);
	}
}

/* ---- public --------------------------------------------------------------- */

int snp_config_diff(const struct snp_config *started, const struct snp_config *from,
		    const struct snp_config *to, struct snp_cfg_diff *ret_diff)
{
	struct snp_cfg_diff diff = {0};
	struct walk w = {.started = started,
			 .from = from,
			 .to = to,
			 .diff = &diff,
			 .pool = SNP_CFG_NO_POOL};
	const struct pair root = {.section = &snp__config_root,
				  .from = (const char *)from,
				  .to = (const char *)to,
				  .path = ""};

	compare(&w, &root);
	if (w.failed)
		snp_config_diff_fini(&diff);
	*ret_diff = diff;
	return w.failed ? -ENOMEM : 0;
}

void snp_config_diff_fini(struct snp_cfg_diff *diff)
{
	for (size_t i = 0; i < diff->nr; i++)
		free(diff->changes[i].text);
	free(diff->changes);
	*diff = (struct snp_cfg_diff){0};
}

const struct snp_cfg_change *snp_config_diff_first(const struct snp_cfg_diff *diff,
						   enum snp_cfg_needs needs)
{
	for (size_t i = 0; i < diff->nr; i++)
		if (diff->changes[i].needs == needs)
			return &diff->changes[i];
	return NULL;
}

bool snp_config_diff_rolls(const struct snp_cfg_diff *diff, uint32_t pool)
{
	for (size_t i = 0; i < diff->nr; i++)
		if (diff->changes[i].needs == SNP_CFG_NEEDS_ROLL &&
		    (diff->changes[i].pool == pool ||
		     diff->changes[i].pool == SNP_CFG_NO_POOL))
			return true;
	return false;
}

const char *snp_cfg_needs_name(enum snp_cfg_needs needs)
{
	static const char *const names[] = {
#define X(id, words) [SNP_CFG_NEEDS_##id] = (words),
	    SNP_CFG_NEEDS(X)
#undef X
	};

	return names[needs];
}
