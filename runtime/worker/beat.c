/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/beat.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "worker/sealed.h"

/* More Python threads than any process of ours could have. */
#define THREADS_MAX (UINT64_C(1) << 22)
#define PLACES_MAX  256			/* keys.def: threads_per_worker */
#define FILES_MAX   (UINT64_C(1) << 31) /* beyond what Linux lets a process have */

static const struct {
	enum beat_word seq, at;
} sign_words[BEAT_SIGN_NR] = {
    [BEAT_SIGN_PROCESS] = {BEAT_PROCESS_SEQ, BEAT_PROCESS_NS},
    [BEAT_SIGN_INTERPRETER] = {BEAT_INTERPRETER_SEQ, BEAT_INTERPRETER_NS},
    [BEAT_SIGN_LOOP] = {BEAT_LOOP_SEQ, BEAT_LOOP_NS},
    [BEAT_SIGN_PROGRESS] = {BEAT_PROGRESS_SEQ, BEAT_PROGRESS_NS},
};

void beat_init(struct beat *beat)
{
	*beat = (struct beat){.page_fd = -1, .stacks_fd = -1};
}

static int fill_and_map(struct beat *beat, uint32_t interval_ms)
{
	const uint64_t head[] = {
	    [BEAT_MAGIC] = BEAT_PAGE_MAGIC,
	    [BEAT_INCARNATION] = beat->incarnation,
	    [BEAT_INTERVAL_MS] = interval_ms,
	};
	void *map;

	if (pwrite(beat->page_fd, head, sizeof(head), 0) != (ssize_t)sizeof(head))
		return -EIO;
	map = mmap(NULL, BEAT_PAGE_BYTES, PROT_READ, MAP_SHARED, beat->page_fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	beat->page = map;
	return 0;
}

int beat_create(struct beat *beat, uint64_t incarnation, uint32_t interval_ms,
		struct snp_err *err)
{
	int rc;

	beat_init(beat);
	beat->incarnation = incarnation;
	beat->created = snp_mono_now();
	rc = beat->page_fd = sealed_file("snakepit-beat", BEAT_PAGE_BYTES);
	if (rc >= 0)
		rc = beat->stacks_fd =
		    sealed_file("snakepit-stacks", BEAT_STACKS_BYTES);
	if (rc >= 0)
		rc = fill_and_map(beat, interval_ms);
	if (rc < 0) {
		beat_destroy(beat);
		return snp_err_set(err, rc, "cannot make a page for beats: %s",
				   strerror(-rc));
	}
	return 0;
}

void beat_handed_down(struct beat *beat)
{
	if (beat->page_fd >= 0)
		close(beat->page_fd);
	beat->page_fd = -1;
}

void beat_destroy(struct beat *beat)
{
	beat_handed_down(beat);
	if (beat->stacks_fd >= 0)
		close(beat->stacks_fd);
	if (beat->page)
		(void)munmap((void *)(uintptr_t)beat->page, BEAT_PAGE_BYTES);
	beat_init(beat);
}

/* ---- believing ------------------------------------------------------------ */

/* A sequence that only grows; a time that only grows, after the start and not ahead.
 * The two words need not belong together: the time of a beat may come a look later. */
static bool is_possible(const struct beat_seen *found, const struct beat_seen *before,
			snp_mono_t created, snp_mono_t now)
{
	if (found->seq == before->seq && found->at.ns == before->at.ns)
		return true;
	return found->seq >= before->seq && found->at.ns >= before->at.ns &&
	       found->at.ns >= created.ns && found->at.ns <= now.ns;
}

/* Sums since the start: they only grow, and no faster than time. */
static void take_sum(struct beat *beat, uint64_t *sum, uint64_t word, uint64_t most)
{
	if (word < *sum || word > most)
		beat->junk = true;
	else
		*sum = word;
}

/* What is not a sum: anything up to `most`. */
static void take_level(struct beat *beat, uint64_t *level, uint64_t word, uint64_t most)
{
	if (word > most)
		beat->junk = true;
	else
		*level = word;
}

static void take_interpreter(struct beat *beat, const uint64_t *words, uint64_t age_ns)
{
	take_level(beat, &beat->late_ns, words[BEAT_INTERPRETER_LATE_NS], age_ns);
	take_sum(beat, &beat->gc_pause_ns, words[BEAT_GC_PAUSE_NS], age_ns);
	/* Each takes more than a nanosecond. */
	take_sum(beat, &beat->gc_collections, words[BEAT_GC_COLLECTIONS], age_ns);
	take_level(beat, &beat->threads, words[BEAT_THREADS], THREADS_MAX);
	take_level(beat, &beat->open_files, words[BEAT_OPEN_FILES], FILES_MAX);
}

unsigned beat_take(struct beat *beat, const uint64_t words[BEAT_WORDS_NR],
		   snp_mono_t now)
{
	unsigned news = 0;

	beat->junk = false;
	for (unsigned i = 0; i < BEAT_SIGN_NR; i++) {
		const struct beat_seen found = {words[sign_words[i].seq],
						{words[sign_words[i].at]}};

		if (!is_possible(&found, &beat->seen[i], beat->created, now)) {
			beat->junk = true;
			continue;
		}
		if (found.seq > beat->seen[i].seq)
			news |= 1U << i;
		beat->seen[i] = found;
	}
	if (news & 1U << BEAT_SIGN_INTERPRETER)
		take_interpreter(beat, words, snp_mono_since_ns(now, beat->created));
	if (news & 1U << BEAT_SIGN_LOOP)
		take_level(beat, &beat->loop_late_ns, words[BEAT_LOOP_LATE_NS],
			   snp_mono_since_ns(now, beat->created));
	if (words[BEAT_ABANDONED] <= PLACES_MAX)
		beat->abandoned = (uint32_t)words[BEAT_ABANDONED];
	else
		beat->junk = true;
	beat->recycle_wish = words[BEAT_RECYCLE_WISH] == 1;
	return news;
}

unsigned beat_read(struct beat *beat, snp_mono_t *now)
{
	uint64_t words[BEAT_WORDS_NR], read_ns;

	if (!beat->page)
		return 0;
	for (unsigned i = 0; i < BEAT_WORDS_NR; i++)
		words[i] =
		    atomic_load_explicit(&beat->page->word[i], memory_order_relaxed);
	read_ns = snp_mono_now().ns;
	if (read_ns > now->ns)
		now->ns = read_ns;
	return beat_take(beat, words, *now);
}
