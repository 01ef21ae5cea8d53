/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tear - are aligned 64-bit words read whole through another mapping of the same file?
 *
 *   tear READS
 *
 * A thread stores words whose halves agree; another reads them through a second mapping
 * as often as asked. Then the same with a word that straddles two cache lines, which is
 * what the format forbids: that must tear, or the test could not have seen anything. It
 * can only while both threads run, for which a busy machine has MISALIGNED_S seconds.
 * Prints both counts; exits 1 when an aligned word tore, 2 when the misaligned did not.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAGE	     4096
#define MISALIGNED   (64 - 4) /* from the start of the page: across a line */
#define MISALIGNED_S 120

struct tear {
	unsigned char *written, *read; /* the same page, mapped twice */
	_Atomic uint64_t stop;
	size_t at;
};

/* Plain accesses through volatile, as a word at any address needs; for aligned ones the
 * compiler emits the same single instruction as for a relaxed atomic. */
typedef uint64_t __attribute__((aligned(1), may_alias)) loose_u64;

static void *store_main(void *arg)
{
	struct tear *t = arg;
	volatile loose_u64 *word = (volatile loose_u64 *)(void *)(t->written + t->at);

	for (uint64_t n = 0; !atomic_load_explicit(&t->stop, memory_order_relaxed); n++)
		*word = (n & UINT32_MAX) * UINT64_C(0x100000001);
	return NULL;
}

static uint64_t count_torn(struct tear *t, size_t at, uint64_t reads)
{
	const volatile loose_u64 *word;
	pthread_t thread;
	uint64_t torn = 0;

	t->at = at;
	atomic_store(&t->stop, 0);
	/* What the other place left here would look torn until the first store. */
	*(volatile loose_u64 *)(void *)(t->written + at) = 0;
	word = (const volatile loose_u64 *)(const void *)(t->read + at);
	if (pthread_create(&thread, NULL, store_main, t))
		exit(3);
	for (uint64_t n = 0; n < reads; n++) {
		uint64_t v = *word;

		torn += (v >> 32) != (v & UINT32_MAX);
	}
	atomic_store(&t->stop, 1);
	pthread_join(thread, NULL);
	return torn;
}

static int processors(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
}

int main(int argc, char **argv)
{
	uint64_t reads = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000000;
	int fd = memfd_create("tear", MFD_CLOEXEC);
	struct tear t = {.at = 0};
	uint64_t aligned, misaligned, again = 0;
	time_t end;

	if (fd < 0 || ftruncate(fd, PAGE) < 0)
		return 3;
	t.written = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	t.read = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	if (t.written == MAP_FAILED || t.read == MAP_FAILED)
		return 3;
	aligned = count_torn(&t, 64, reads);
	end = time(NULL) + MISALIGNED_S;
	do {
		misaligned = count_torn(&t, MISALIGNED, reads / 10);
		again++;
	} while (!misaligned && processors() > 1 && time(NULL) < end);
	(void)printf(
	    "%llu aligned reads, %llu torn; %llu misaligned reads, %llu torn\n",
	    (unsigned long long)reads, (unsigned long long)aligned,
	    (unsigned long long)(again * (reads / 10)), (unsigned long long)misaligned);
	return aligned ? 1 : misaligned ? 0 : 2;
}
