/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_COMPONENT "worker"
#include "worker/evidence.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "log/log.h"
#include "snakepit/check.h"
#include "worker/procfs.h"
#include "worker/worker.h"

/* Of one text; a few records of evidence out of the 64 that a segment keeps. */
#define TEXT_BYTES     (4 * SNP_EVID_TEXT_BYTES)
#define IN_FLIGHT_MOST 8

/* ---- text ------------------------------------------------------------------ */

/* A buffer that is written to until it is full. */
struct text {
	char *at;
	size_t size, len; /* len < size */
	bool full;
};

static void put(struct text *t, const char *bytes, size_t len)
{
	if (len > t->size - 1 - t->len) {
		len = t->size - 1 - t->len;
		t->full = true;
	}
	for (size_t i = 0; i < len; i++) {
		char c = bytes[i];

		t->at[t->len++] = c == '\n' || (c >= ' ' && c <= '~') ? c : '?';
	}
	t->at[t->len] = '\0';
}

__attribute__((format(printf, 2, 3))) static void putf(struct text *t,
						       const char *format, ...)
{
	char line[512];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (n > 0)
		put(t, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

/* Frames are the indented lines; all others begin a thread or stand between two. */
static void put_stacks(struct text *t, const char *dump, size_t len, unsigned frames)
{
	const char *end = dump + len, *newline;
	unsigned n = 0;

	for (; dump < end; dump = newline + 1) {
		newline = memchr(dump, '\n', (size_t)(end - dump));
		if (!newline)
			newline = end;
		n = *dump == ' ' ? n + 1 : 0;
		if (n <= frames) {
			put(t, dump, (size_t)(newline - dump));
			put(t, "\n", 1);
		} else if (n == frames + 1) {
			putf(t, "  ...\n");
		}
	}
}

size_t evidence_stacks(const char *dump, size_t len, char *ret_text, size_t size)
{
	struct text t = {.at = ret_text, .size = size};

	for (unsigned frames = 128; frames > 0; frames /= 2) {
		t.len = 0;
		t.full = false;
		*ret_text = '\0';
		put_stacks(&t, dump, len, frames);
		if (!t.full)
			break;
	}
	return t.len;
}

/* ---- what the runtime knows ------------------------------------------------- */

static double seconds(uint64_t ns)
{
	return (double)ns / (double)SNP_NS_PER_S;
}

static void put_process(struct text *t, const struct worker *w)
{
	struct procfs_state s;

	if (procfs_state(w->pid, &s) < 0) {
		putf(t, "process: gone\n");
		return;
	}
	putf(t, "process: state %c, %u threads%s%s%s", s.state, s.threads,
	     s.running_nr ? ", one runs" : "",
	     s.waits_for_disk ? ", one waits for a disk" : "",
	     s.frozen ? ", frozen" : "");
	if (*s.wchan)
		putf(t, ", the first sleeps in %s", s.wchan);
	if (s.tracer)
		putf(t, ", traced by %d", (int)s.tracer);
	put(t, "\n", 1);
}

static void put_in_flight(struct text *t, const struct worker *w, snp_mono_t now)
{
	uint32_t places = (uint32_t)snp_get(&w->cells->sup.capacity[0]), n = 0;
	char correlation[SNP_INFL_CORRELATION_BYTES + 1];
	struct snp_inflight_fields f;

	for (uint32_t at = 0; at < places; at++) {
		if (!snp_inflight_look(w->site->writer, w->row, at, &f, correlation) ||
		    f.incarnation != w->incarnation || ++n > IN_FLIGHT_MOST)
			continue;
		putf(t, "in flight: %s for %.1f s, trace %016llx%016llx\n", correlation,
		     seconds(snp_mono_since_ns(now, f.start)),
		     (unsigned long long)f.trace_id[0],
		     (unsigned long long)f.trace_id[1]);
	}
	if (n > IN_FLIGHT_MOST)
		putf(t, "in flight: %u more\n", n - IN_FLIGHT_MOST);
}

/* ---- stacks ----------------------------------------------------------------- */

/* What has been written so far: up to the first NUL, as the file starts as zeros. */
static size_t read_stacks(const struct worker *w, char *ret_dump)
{
	ssize_t n = pread(w->live.beat.stacks_fd, ret_dump, BEAT_STACKS_BYTES, 0);

	return n > 0 ? strnlen(ret_dump, (size_t)n) : 0;
}

/* The worker shares our file offset: the next dump begins where we set it. */
static bool clear_stacks(int fd)
{
	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
			 BEAT_STACKS_BYTES) == 0 &&
	       lseek(fd, 0, SEEK_SET) == 0;
}

static bool can_answer(const struct worker *w)
{
	struct procfs_state s;

	return w->live.beat.stacks_fd >= 0 && w->pidfd.fd >= 0 &&
	       procfs_state(w->pid, &s) == 0 && s.catches_sigusr1 && !s.frozen &&
	       s.state != 'T' && s.state != 't';
}

void evidence_begin(struct evidence *e, const struct worker *w, snp_mono_t now)
{
	*e = (struct evidence){.deadline = now};
	if (!can_answer(w) || !clear_stacks(w->live.beat.stacks_fd))
		return;
	if (pidfd_send_signal(w->pidfd.fd, SIGUSR1, NULL, 0) < 0)
		return;
	e->deadline = snp_mono_add_ms(now, EVIDENCE_WAIT_MS);
	e->next = snp_mono_add_ms(now, EVIDENCE_POLL_MS);
}

/* A dump has no last word: it is there when it stopped growing. */
bool evidence_is_in(struct evidence *e, const struct worker *w, snp_mono_t now)
{
	size_t before = e->seen;
	off_t at;

	if (now.ns >= e->deadline.ns)
		return true;
	if (now.ns < e->next.ns)
		return false;
	at = lseek(w->live.beat.stacks_fd, 0, SEEK_CUR);
	e->seen = at > 0 ? (size_t)at : 0;
	e->next = snp_mono_add_ms(now, EVIDENCE_POLL_MS);
	return e->seen > 0 && e->seen == before;
}

/* Returns whether there are any. */
static bool put_dump(struct text *t, const struct worker *w)
{
	char *dump = w->live.beat.stacks_fd < 0 ? NULL : malloc(BEAT_STACKS_BYTES);
	size_t len = dump ? read_stacks(w, dump) : 0;

	if (len > 0) {
		put(t, "\n", 1);
		t->len += evidence_stacks(dump, len, t->at + t->len, t->size - t->len);
	}
	free(dump);
	return len > 0;
}

uint64_t evidence_keep(struct evidence *e, const struct worker *w, const char *why,
		       snp_mono_t now)
{
	const struct snp_evidence_fields fields = {
	    .kind = SNP_EVIDENCE_KIND_STACKS,
	    .pool = w->pool->index,
	    .slot = w->slot,
	    .incarnation = w->incarnation,
	    .pid = (uint64_t)w->pid,
	};
	char buffer[TEXT_BYTES];
	struct text t = {.at = buffer, .size = sizeof(buffer)};
	bool taken;

	putf(&t, "%s\n", why);
	put_process(&t, w);
	put_in_flight(&t, w, now);
	taken = put_dump(&t, w);
	if (!taken)
		putf(&t, "its stacks could not be had\n");
	snp_add(&worker_pool_cells(w)
		     ->captures[taken ? SNP_CAPTURE_TAKEN : SNP_CAPTURE_MISSING],
		1);
	*e = (struct evidence){0};
	return snp_evidence_record(w->site->writer, &fields, t.at, t.len, now);
}
