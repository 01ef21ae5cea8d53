/* SPDX-License-Identifier: Apache-2.0 */
#include "map_guard.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* A place for a guarded map. Places are never freed, only used again: the handler walks
 * the list without a lock. */
struct snp__guarded {
	struct snp__guarded *next; /* immutable once the place is in the list */
	_Atomic uintptr_t start;   /* 0 = nothing is guarded here */
	_Atomic uintptr_t end;
	_Atomic int hit;
};

static _Atomic(struct snp__guarded *) places;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* of those who add */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct sigaction previous; /* immutable once the handler is installed */
static uintptr_t page_bytes;

/* ---- the handler --------------------------------------------------------- */

static struct snp__guarded *place_of(uintptr_t address)
{
	struct snp__guarded *p = atomic_load_explicit(&places, memory_order_acquire);

	for (; p; p = p->next)
		if (address >= atomic_load(&p->start) && address < atomic_load(&p->end))
			return p;
	return NULL;
}

/* Zeros from the missing page to the end of the map: a file that ends before this page
 * has none of the following ones either. mmap() is a bare system call on Linux, safe in
 * a handler. */
static bool fill_with_zeros(struct snp__guarded *p, uintptr_t address)
{
	uintptr_t page = address & ~(page_bytes - 1);
	int saved = errno;
	bool ok = mmap((void *)page, atomic_load(&p->end) - page, PROT_READ,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1,
		       0) != MAP_FAILED;

	errno = saved;
	return ok;
}

static void pass_on(int sig, siginfo_t *info, void *context)
{
	if (previous.sa_flags & SA_SIGINFO) {
		previous.sa_sigaction(sig, info, context);
	} else if (previous.sa_handler == SIG_DFL ||
		   (previous.sa_handler == SIG_IGN && info->si_code > 0)) {
		/* A fault happens again on return and ends the process as it would
		 * have; a signal that was sent has to be sent again. */
		(void)signal(sig, SIG_DFL);
		if (info->si_code <= 0)
			(void)raise(sig);
	} else if (previous.sa_handler != SIG_IGN) {
		previous.sa_handler(sig);
	}
}

static void on_bus_error(int sig, siginfo_t *info, void *context)
{
	uintptr_t address = (uintptr_t)info->si_addr;
	struct snp__guarded *p = info->si_code == BUS_ADRERR ? place_of(address) : NULL;

	if (p && fill_with_zeros(p, address))
		atomic_store(&p->hit, 1);
	else
		pass_on(sig, info, context);
}

/* On the alternate stack where the thread has one: runtimes with small stacks (Go)
 * demand it. */
static void install(void)
{
	struct sigaction action = {.sa_sigaction = on_bus_error,
				   .sa_flags = SA_SIGINFO | SA_ONSTACK};

	page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
	/* Read first: the handler must never see it half-written. */
	(void)sigaction(SIGBUS, NULL, &previous);
	(void)sigaction(SIGBUS, &action, NULL);
}

/* ---- public -------------------------------------------------------------- */

static struct snp__guarded *place_take(void)
{
	struct snp__guarded *first = atomic_load(&places), *p = first;

	while (p && atomic_load(&p->start))
		p = p->next;
	if (!p) {
		p = calloc(1, sizeof(*p));
		if (!p)
			return NULL;
		p->next = first;
		/* Release: the place before the list that leads to it. */
		atomic_store_explicit(&places, p, memory_order_release);
	}
	return p;
}

struct snp__guarded *snp__guard_add(const void *map, size_t bytes)
{
	struct snp__guarded *p;

	(void)pthread_once(&once, install);
	pthread_mutex_lock(&mutex);
	p = place_take();
	if (p) {
		atomic_store(&p->hit, 0);
		/* The place stays empty until its end is beyond its start. */
		atomic_store(&p->start, (uintptr_t)map);
		atomic_store(&p->end, ((uintptr_t)map + bytes + page_bytes - 1) &
					  ~(page_bytes - 1));
	}
	pthread_mutex_unlock(&mutex);
	return p;
}

void snp__guard_remove(struct snp__guarded *guard)
{
	if (!guard)
		return;
	pthread_mutex_lock(&mutex);
	atomic_store(&guard->end, 0); /* empty whatever `start` is */
	atomic_store(&guard->start, 0);
	pthread_mutex_unlock(&mutex);
}

bool snp__guard_hit(const struct snp__guarded *guard)
{
	return atomic_load(&guard->hit) != 0;
}
