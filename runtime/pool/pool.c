/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/pool.h"

#include <errno.h>
#include <stdlib.h>

#include "pool/queue.h"
#include "snakepit/check.h"
#include "worker/recycle.h"

static_assert(sizeof(struct pool_books) == sizeof(struct snp_pool_ledger),
	      "pool_books lists the words of the ledger");

/* ---- sizes --------------------------------------------------------------- */

uint32_t pool_slots(const struct snp_cfg_pool *cfg)
{
	uint32_t most = snp_cfg_pool_most(cfg);

	return most + recycle_budget(&cfg->lifecycle, most) + (most + 3) / 4;
}

/* ---- lifetime ------------------------------------------------------------ */

static int declare_rows(struct pool *pool, struct snp_writer *writer,
			struct snp_err *err)
{
	struct snp_row_decl decl = {
	    .kind = SNP_ROW_POOL, .name = pool->cfg->name, .text = pool->cfg->adapter};
	int rc = snp_row_declare(writer, &decl, &pool->index, err);

	if (rc < 0)
		return rc;
	pool->row = snp_pool_row(writer, pool->index);
	pool->heads.latch = snp_pool_heads(writer, pool->index);
	snp_set(pool->row->worker_limit, pool->cfg->workers);
	snp_set(pool->row->queue_limit, pool->cfg->queue.limit);
	for (uint32_t i = 0; i < pool->cfg->workers && rc == 0; i++) {
		decl = (struct snp_row_decl){
		    .kind = SNP_ROW_WORKER, .pool = pool->index, .slot = i};
		rc = snp_row_declare(writer, &decl, &pool->slots[i].worker_row, err);
	}
	for (uint32_t i = pool->cfg->workers; i < pool->slots_nr; i++)
		pool->slots[i].worker_row = POOL_NO_ROW;
	if (rc == 0)
		rc = tools_init(&pool->tools, writer, pool->index, pool->cfg->max_tools,
				err);
	return rc;
}

int pool_create(const struct snp_cfg_pool *cfg, struct snp_writer *writer,
		struct pool **ret_pool, struct snp_err *err)
{
	struct pool *pool = calloc(1, sizeof(*pool));
	int rc;

	if (pool)
		pool->slots = calloc(pool_slots(cfg), sizeof(*pool->slots));
	if (!pool || !pool->slots) {
		free(pool);
		return snp_err_set(err, -ENOMEM, "out of memory for pool '%s'",
				   cfg->name);
	}
	pool->cfg = cfg;
	pool->slots_nr = pool_slots(cfg);
	list_init(&pool->turn);
	list_init(&pool->age);
	rc = roster_init(&pool->roster, pool->slots_nr);
	if (rc == 0)
		rc = sessions_init(&pool->sessions);
	if (rc < 0)
		(void)snp_err_set(err, rc, "out of memory for pool '%s'", cfg->name);
	else
		rc = declare_rows(pool, writer, err);
	if (rc < 0) {
		pool_destroy(&pool);
		return rc;
	}
	*ret_pool = pool;
	return 0;
}

void pool_destroy(struct pool **pool)
{
	struct pool *p = *pool;

	*pool = NULL;
	if (!p)
		return;
	SNP_CHECK(list_is_empty(&p->age));
	sessions_fini(&p->sessions);
	roster_fini(&p->roster);
	tools_fini(&p->tools);
	free(p->slots);
	free(p);
}

void pool_set_config(struct pool *pool, const struct snp_cfg_pool *cfg)
{
	pool->cfg = cfg;
	snp_set(pool->row->queue_limit, cfg->queue.limit);
}

/* ---- books --------------------------------------------------------------- */

static void publish(struct pool *pool)
{
	const struct list *oldest = list_first(&pool->age);

	pool->books.queue_oldest_ns =
	    oldest ? list_entry(oldest, struct waiter, age)->since.ns : 0;
	if (pool->books.queue_depth > pool->books.queue_peak)
		pool->books.queue_peak = pool->books.queue_depth;
	snp_latch_publish(&pool->row->ledger,
			  (const uint64_t *)(const void *)&pool->books,
			  sizeof(pool->books) / sizeof(uint64_t));
}

static uint64_t *place_word(struct pool *pool, enum pool_place place)
{
	return place == POOL_QUEUED ? &pool->books.queue_depth : &pool->books.active;
}

static void leave(struct pool *pool, enum pool_place from)
{
	uint64_t *word = place_word(pool, from);

	SNP_CHECK(*word > 0);
	--*word;
}

void pool_book_arrival(struct pool *pool, enum pool_place place)
{
	pool->books.requests++;
	++*place_word(pool, place);
	publish(pool);
}

void pool_book_move(struct pool *pool, enum pool_place from, enum pool_place to)
{
	leave(pool, from);
	++*place_word(pool, to);
	publish(pool);
}

void pool_book_outcome(struct pool *pool, enum pool_place from,
		       enum snp_enum_OUTCOME how)
{
	leave(pool, from);
	pool->books.outcomes[how]++;
	publish(pool);
}

void pool_book_refusal(struct pool *pool)
{
	pool->books.requests++;
	pool->books.outcomes[SNP_OUTCOME_ERROR]++;
	publish(pool);
}

void pool_book_sessions(struct pool *pool)
{
	pool->books.sessions = pool->sessions.open;
	publish(pool);
}

/* ---- workers ------------------------------------------------------------- */

static bool takes_requests(const struct link *link)
{
	return link && atomic_load_explicit(&link->open, memory_order_relaxed);
}

uint32_t pool_open_workers(const struct pool *pool)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < pool->slots_nr; i++)
		n += takes_requests(rcu_get(&pool->slots[i].link));
	return n;
}
