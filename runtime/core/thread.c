/* SPDX-License-Identifier: Apache-2.0 */
#include "core/thread.h"

#include <stdatomic.h>

static _Atomic unsigned alive;

void thread_begin(struct snp_bank *bank)
{
	atomic_fetch_add_explicit(&alive, 1, memory_order_relaxed);
	if (!bank)
		return;
	snp_bank_name_thread(bank);
	thread_busy(bank);
}

void thread_end(struct snp_bank *bank)
{
	if (bank)
		thread_idle(bank);
	atomic_fetch_sub_explicit(&alive, 1, memory_order_relaxed);
}

unsigned threads_alive(void)
{
	return atomic_load_explicit(&alive, memory_order_relaxed);
}
