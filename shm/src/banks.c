/* SPDX-License-Identifier: Apache-2.0 */
/* The banks: who holds which, and in whose name. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "text.h"
#include "writer_private.h"

static_assert(sizeof(((struct snp_fmt_thread *)NULL)->name) == 16,
	      "as long as the kernel's names of threads");

/* Index of a bank that is free, banks_max when none is. mutex held. */
static uint32_t take_free_bank(struct snp_writer *w)
{
	uint32_t i, nr = w->options.banks_max;

	for (i = 0; i < nr && w->bank_used[i]; i++)
		;
	if (i == nr) {
		snp_add(&w->header->banks_exhausted, 1);
		return nr;
	}
	w->bank_used[i] = true;
	if (i >= snp_get(&w->header->bank_high)) {
		atomic_store_explicit(&w->header->bank_high, i + 1,
				      memory_order_release);
		snp__struct_changed(w);
	}
	return i;
}

int snp_bank_adopt(struct snp_writer *w, struct snp_bank *ret_bank)
{
	uint32_t i;

	pthread_mutex_lock(&w->mutex);
	i = take_free_bank(w);
	pthread_mutex_unlock(&w->mutex);
	if (i == w->options.banks_max)
		return -ENOSPC;
	*ret_bank = (struct snp_bank){
	    .writer = w,
	    .proc = snp__block(w, PLACE_BANK_PROC, i),
	    .pools = snp__block(w, PLACE_BANK_POOL, i),
	    .tools = snp__block(w, PLACE_BANK_TOOL, i),
	    .thread = snp__entry(w, PLACE_THRD, i),
	    .event_ring = snp__block(w, PLACE_EVNT, i),
	    .span_ring = snp__block(w, PLACE_SPAN, i),
	    .index = i,
	};
	snp_bank_name_thread(ret_bank);
	return 0;
}

void snp_bank_name_thread(struct snp_bank *bank)
{
	struct snp_fmt_thread *t = bank->thread;
	char name[sizeof(t->name) + 1] = "";
	uint64_t words[sizeof(t->name) / sizeof(uint64_t)] = {0};

	if (pthread_getname_np(pthread_self(), name, sizeof(name)) != 0)
		name[0] = '\0';
	(void)snp__text_clean((char *)words, sizeof(words), name, strlen(name));
	/* As a record of a ring: no name is shown under another thread's id. */
	snp_set(&t->tid, 0);
	atomic_thread_fence(memory_order_release);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		snp_set(&t->name[i], words[i]);
	atomic_store_explicit(&t->tid, (uint64_t)gettid(), memory_order_release);
}

void snp_bank_release(struct snp_writer *w, struct snp_bank *bank)
{
	/* Before somebody else can adopt it: the entry is the holder's. */
	snp_bank_idle(bank);
	snp_set(&bank->thread->tid, 0);
	pthread_mutex_lock(&w->mutex);
	SNP_CHECK(w->bank_used[bank->index]);
	w->bank_used[bank->index] = false;
	pthread_mutex_unlock(&w->mutex);
	memset(bank, 0, sizeof(*bank));
}
