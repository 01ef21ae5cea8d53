/* SPDX-License-Identifier: Apache-2.0 */
#include "beat/beat.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "beat/beat_page.h"

/* Without a page nobody reads beats, and the lifeline wakes the thread by itself. */
#define INTERVAL_NO_PAGE_MS (-1)
#define INTERVAL_DEFAULT_MS 250 /* for a page that names none that makes sense */
#define INTERVAL_MAX_MS	    60000

/* Adapters run in processes with many threads: small, but with room for the static TLS
 * that large libraries claim from every stack. */
#define STACK_BYTES ((size_t)128 * 1024)

static struct beat {
	atomic_bool started;
	struct beat_page *page; /* NULL: none */
	int interval_ms;
	int lifeline_fd; /* -1: none */
	dev_t lifeline_dev;
	ino_t lifeline_ino;
} the_beat;

/* ---- The thread ---------------------------------------------------------- */

static void beat_once(struct beat_page *page, uint64_t seq)
{
	struct timespec now;

	if (!page)
		return;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	atomic_store_explicit(&page->word[BEAT_PROCESS_NS],
			      (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec,
			      memory_order_relaxed);
	atomic_store_explicit(&page->word[BEAT_PROCESS_SEQ], seq, memory_order_relaxed);
}

/* Whether the descriptor still is what it was at the start. An adapter that closes
 * descriptors it does not know may get the number again for a file of its own, and the
 * end of that file is not the end of the runtime. */
static bool is_lifeline(const struct beat *beat)
{
	struct stat st;

	return fstat(beat->lifeline_fd, &st) == 0 && st.st_dev == beat->lifeline_dev &&
	       st.st_ino == beat->lifeline_ino;
}

/* No cleanup: there is nobody left to answer to, and the group goes along because the
 * processes that the adapter started have lost their supervisor too. */
static void end_process(void)
{
	if (getpgrp() == getpid())
		(void)kill(0, SIGKILL);
	(void)kill(getpid(), SIGKILL);
}

static void *run(void *user)
{
	struct beat *beat = user;
	struct pollfd lifeline = {.fd = beat->lifeline_fd, .events = POLLRDHUP};
	uint64_t seq = 0;

	for (;;) {
		beat_once(beat->page, ++seq);
		/* Never reads: workers share the pipe, and a read could block. */
		if (poll(&lifeline, 1, beat->interval_ms) <= 0)
			continue;
		if ((lifeline.revents & (POLLHUP | POLLRDHUP)) && is_lifeline(beat))
			end_process();
		lifeline.fd = -1; /* not ours any more */
	}
	return NULL;
}

/* ---- Starting ------------------------------------------------------------ */

static int map_page(int fd, struct beat_page **ret_page)
{
	struct beat_page *page;
	struct stat st;
	int seals;

	if (fstat(fd, &st) < 0)
		return -errno;
	seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0 || !(seals & F_SEAL_SHRINK))
		return -EPERM;
	if (st.st_size < BEAT_PAGE_BYTES)
		return -EBADMSG;
	page = mmap(NULL, BEAT_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return -errno;
	if (atomic_load_explicit(&page->word[BEAT_MAGIC], memory_order_relaxed) !=
	    BEAT_PAGE_MAGIC) {
		(void)munmap(page, BEAT_PAGE_BYTES);
		return -EBADMSG;
	}
	*ret_page = page;
	return 0;
}

static int interval_of(struct beat_page *page)
{
	uint64_t ms;

	if (!page)
		return INTERVAL_NO_PAGE_MS;
	ms = atomic_load_explicit(&page->word[BEAT_INTERVAL_MS], memory_order_relaxed);
	return ms == 0 || ms > INTERVAL_MAX_MS ? INTERVAL_DEFAULT_MS : (int)ms;
}

/* Find out what the thread needs; on failure nothing is left. */
static int prepare(struct beat *beat, int page_fd, int lifeline_fd)
{
	struct stat st = {0};
	int rc;

	if (lifeline_fd >= 0 && fstat(lifeline_fd, &st) < 0)
		return -errno;
	beat->lifeline_fd = lifeline_fd;
	beat->lifeline_dev = st.st_dev;
	beat->lifeline_ino = st.st_ino;
	beat->page = NULL;
	if (page_fd >= 0) {
		rc = map_page(page_fd, &beat->page);
		if (rc < 0)
			return rc;
	}
	beat->interval_ms = interval_of(beat->page);
	return 0;
}

static int create_detached(struct beat *beat, size_t stack_bytes)
{
	pthread_attr_t attr;
	pthread_t thread;
	int rc = pthread_attr_init(&attr);

	if (rc != 0)
		return -rc;
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (stack_bytes)
		(void)pthread_attr_setstacksize(&attr, stack_bytes);
	rc = pthread_create(&thread, &attr, run, beat);
	(void)pthread_attr_destroy(&attr);
	if (rc == 0)
		(void)pthread_setname_np(thread, "snp-beat");
	return -rc;
}

/* No signal may land on the thread: handlers belong to threads that Python knows. */
static int create_thread(struct beat *beat)
{
	sigset_t all, before;
	int rc;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_BLOCK, &all, &before);
	rc = create_detached(beat, STACK_BYTES);
	if (rc == -EINVAL) /* the libraries of this process claim more than that */
		rc = create_detached(beat, 0);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

int snp_beat_start(int page_fd, int lifeline_fd)
{
	struct beat *beat = &the_beat;
	int rc;

	if (atomic_exchange(&beat->started, true))
		return -EALREADY;
	rc = prepare(beat, page_fd, lifeline_fd);
	if (rc == 0)
		rc = create_thread(beat);
	if (rc < 0) {
		if (beat->page)
			(void)munmap(beat->page, BEAT_PAGE_BYTES);
		beat->page = NULL;
		atomic_store(&beat->started, false);
	}
	return rc;
}
