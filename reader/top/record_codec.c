/* SPDX-License-Identifier: Apache-2.0 */
#include "record_codec.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "crc32c.h"
#include "model/utf8.h"

/* Whoever adds a field is stopped here, to add it below too. */
#define FIELDS_OF(type, size)                                                          \
	static_assert(sizeof(void *) != 8 || sizeof(type) == (size),                   \
		      "a field more: to be recorded too")
FIELDS_OF(struct snp_pool_stat, 624);
FIELDS_OF(struct snp_worker_stat, 288);
FIELDS_OF(struct top_inflight, 224);
FIELDS_OF(struct snp_told_event, 360);
FIELDS_OF(struct top_pool_point, 192);
FIELDS_OF(struct top_worker_point, 64);

/* ---- values -------------------------------------------------------------- */

static void put_fixed(struct top_codec *c, uint64_t v)
{
	unsigned char bytes[8];

	for (unsigned i = 0; i < 8; i++)
		bytes[i] = (unsigned char)(v >> 8 * i);
	snp_buf_put(c->out, bytes, sizeof(bytes));
}

/* LEB128: seven bits a byte, the lowest first. */
static void put_compact(struct top_codec *c, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		snp_buf_putc(c->out, (char)(v | 0x80));
	snp_buf_putc(c->out, (char)v);
}

static uint64_t get_fixed(struct top_codec *c)
{
	uint64_t v = 0;

	if (c->left < 8) {
		c->failed = true;
		return 0;
	}
	for (unsigned i = 0; i < 8; i++)
		v |= (uint64_t)c->in[i] << 8 * i;
	c->in += 8;
	c->left -= 8;
	return v;
}

static uint64_t get_compact(struct top_codec *c)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64 && c->left > 0; shift += 7) {
		unsigned char byte = *c->in++;

		c->left--;
		v |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return v;
	}
	c->failed = true;
	return 0;
}

static void describe(struct top_codec *c, const char *name, const char *kind)
{
	c->hash = snp__fnv1a(c->hash, name, strlen(name) + 1);
	c->hash = snp__fnv1a(c->hash, kind, strlen(kind) + 1);
}

static void code_u64(struct top_codec *c, const char *name, uint64_t *v)
{
	if (c->mode == TOP_CODEC_HASH)
		describe(c, name, "u64");
	else if (c->mode == TOP_CODEC_WRITE && c->compact)
		put_compact(c, *v);
	else if (c->mode == TOP_CODEC_WRITE)
		put_fixed(c, *v);
	else
		*v = c->compact ? get_compact(c) : get_fixed(c);
}

void top_codec_number(struct top_codec *c, const char *name, uint64_t *v)
{
	code_u64(c, name, v);
}

static void code_u32(struct top_codec *c, const char *name, uint32_t *v)
{
	uint64_t wide = *v;

	code_u64(c, name, &wide);
	if (c->mode != TOP_CODEC_READ)
		return;
	c->failed |= wide > UINT32_MAX;
	*v = (uint32_t)wide;
}

static void code_pid(struct top_codec *c, const char *name, pid_t *v)
{
	uint64_t wide = (uint32_t)*v;

	code_u64(c, name, &wide);
	if (c->mode != TOP_CODEC_READ)
		return;
	c->failed |= wide > INT32_MAX;
	*v = c->failed ? 0 : (pid_t)wide;
}

static void code_bool(struct top_codec *c, const char *name, bool *v)
{
	uint64_t wide = *v;

	code_u64(c, name, &wide);
	if (c->mode == TOP_CODEC_READ)
		*v = wide != 0;
}

/* Whatever is no number is NaN, as everywhere. */
static void code_double(struct top_codec *c, const char *name, double *v)
{
	uint64_t bits;

	memcpy(&bits, v, sizeof(bits));
	code_u64(c, name, &bits);
	if (c->mode != TOP_CODEC_READ)
		return;
	memcpy(v, &bits, sizeof(bits));
	if (!isfinite(*v))
		*v = NAN;
}

static size_t utf8_prefix(const char *text, size_t len)
{
	size_t n = 0, step;

	while (n < len && (step = snp_utf8_char_len(text + n, len - n)) > 0)
		n += step;
	return n;
}

static void code_text(struct top_codec *c, const char *name, char *text, size_t size)
{
	uint64_t len = c->mode == TOP_CODEC_WRITE ? strlen(text) : 0;

	if (c->mode == TOP_CODEC_HASH) {
		describe(c, name, "text");
		return;
	}
	code_u64(c, name, &len);
	if (c->mode == TOP_CODEC_WRITE) {
		snp_buf_put(c->out, text, (size_t)len);
		return;
	}
	text[0] = '\0';
	if (len >= size || len > c->left)
		c->failed = true;
	if (c->failed)
		return;
	memcpy(text, c->in, (size_t)len);
	text[utf8_prefix(text, (size_t)len)] = '\0';
	c->in += len;
	c->left -= (size_t)len;
}

#define NUMBER(o, field)                                                               \
	_Generic(&(o)->field,                                                          \
	    uint64_t *: code_u64,                                                      \
	    uint32_t *: code_u32,                                                      \
	    pid_t *: code_pid,                                                         \
	    bool *: code_bool,                                                         \
	    double *: code_double)(c, #field, &(o)->field)
#define TEXT(o, field) code_text(c, #field, (o)->field, sizeof((o)->field))

/* An index below `nr`. */
static void check_below(struct top_codec *c, uint64_t index, uint64_t nr)
{
	if (c->mode == TOP_CODEC_READ)
		c->failed |= index >= nr;
}

void top_codec_count(struct top_codec *c, const char *name, uint64_t *nr, uint64_t max)
{
	code_u64(c, name, nr);
	if (c->mode != TOP_CODEC_READ)
		return;
	/* Each of them takes a byte at the least. */
	c->failed |= *nr > max || *nr > c->left;
	if (c->failed)
		*nr = 0;
}

/* ---- looks --------------------------------------------------------------- */

static void code_pool(struct top_codec *c, struct snp_pool_stat *p)
{
	TEXT(p, name);
	TEXT(p, adapter);
	NUMBER(p, row);
	NUMBER(p, uid);
	NUMBER(p, workers);
	for (unsigned i = 0; i < SNP_WORKER_STATUS_NR; i++)
		NUMBER(p, by_status[i]);
	NUMBER(p, worker_limit);
	NUMBER(p, admission);
	NUMBER(p, breaker);
	TEXT(p, admission_name);
	TEXT(p, breaker_name);
	NUMBER(p, generation);
	NUMBER(p, active);
	NUMBER(p, capacity);
	NUMBER(p, queue_depth);
	NUMBER(p, queue_limit);
	NUMBER(p, queue_peak);
	NUMBER(p, queue_oldest_ns);
	NUMBER(p, sessions);
	NUMBER(p, requests);
	NUMBER(p, ok);
	NUMBER(p, errors);
	NUMBER(p, refused);
	NUMBER(p, timeouts);
	NUMBER(p, restarts);
	NUMBER(p, rss_bytes);
	NUMBER(p, busy_percent);
	NUMBER(p, req_s);
	NUMBER(p, err_s);
	NUMBER(p, refused_s);
	NUMBER(p, timeout_s);
	NUMBER(p, cpu_percent);
	NUMBER(p, p50_ns);
	NUMBER(p, p95_ns);
	NUMBER(p, p99_ns);
	NUMBER(p, timeouts_window);
	NUMBER(p, heartbeat_p50_ns);
	NUMBER(p, heartbeat_p99_ns);
	NUMBER(p, queue_wait_p95_ns);
	NUMBER(p, startup_p95_ns);
}

static void code_worker(struct top_codec *c, struct snp_worker_stat *w, uint64_t pools)
{
	NUMBER(w, row);
	NUMBER(w, slot);
	NUMBER(w, pool);
	NUMBER(w, uid);
	NUMBER(w, incarnation);
	NUMBER(w, state);
	NUMBER(w, status);
	TEXT(w, state_name);
	TEXT(w, health_name);
	NUMBER(w, generation);
	NUMBER(w, pid);
	NUMBER(w, uptime_ns);
	NUMBER(w, heartbeat_age_ns);
	NUMBER(w, heartbeat_missed);
	NUMBER(w, heartbeat_failures);
	NUMBER(w, active);
	NUMBER(w, capacity);
	NUMBER(w, requests);
	NUMBER(w, errors);
	NUMBER(w, restarts);
	NUMBER(w, rss_bytes);
	NUMBER(w, cpu_ns);
	NUMBER(w, busy_ns);
	NUMBER(w, req_s);
	NUMBER(w, err_s);
	NUMBER(w, cpu_percent);
	NUMBER(w, busy_percent);
	TEXT(w, last_exit);
	TEXT(w, python);
	NUMBER(w, last_exit_status);
	check_below(c, w->pool, pools);
	check_below(c, w->status, SNP_WORKER_STATUS_NR + 1);
}

static void code_look(struct top_codec *c, struct snp_look *look)
{
	uint64_t pools = look->pools_nr, workers = look->workers_nr;
	struct snp_pool_stat no_pool = {0};
	struct snp_worker_stat no_worker = {0};

	NUMBER(look, taken.ns);
	NUMBER(look, now.ns);
	NUMBER(look, interval_ns);
	NUMBER(look, window_ns);
	code_pool(c, &look->total);
	top_codec_count(c, "pools", &pools, TOP_HISTORY_ROWS_MAX);
	top_codec_count(c, "workers", &workers, TOP_HISTORY_ROWS_MAX);
	if (c->mode == TOP_CODEC_HASH) {
		code_pool(c, &no_pool);
		code_worker(c, &no_worker, 1);
		return;
	}
	if (c->mode == TOP_CODEC_READ) {
		/* Histograms are for the quantiles of later looks, and there are none.
		 */
		look->pools_nr = look->workers_nr = look->hist_words = 0;
		if (c->failed)
			return;
		c->failed = c->starved = snp_look_reserve(look, pools, workers, 0) < 0;
		if (c->failed)
			return;
		look->pools_nr = pools;
		look->workers_nr = workers;
	}
	for (size_t i = 0; i < pools; i++)
		code_pool(c, &look->pools[i]);
	for (size_t i = 0; i < workers; i++)
		code_worker(c, &look->workers[i], pools);
	if (c->mode == TOP_CODEC_READ && c->failed)
		look->pools_nr = look->workers_nr = 0;
}

/* ---- frames -------------------------------------------------------------- */

static void code_inflight(struct top_codec *c, struct top_inflight *r,
			  const struct snp_look *look)
{
	NUMBER(r, worker);
	NUMBER(r, pool);
	TEXT(r, method);
	TEXT(r, correlation);
	NUMBER(r, age_ns);
	NUMBER(r, run_ns);
	NUMBER(r, left_ns);
	check_below(c, r->worker, look->workers_nr);
	check_below(c, r->pool, look->pools_nr);
}

static void code_inflights(struct top_codec *c, struct top_frame *f)
{
	uint64_t nr = f->inflight_nr;
	struct top_inflight none = {0};

	NUMBER(f, inflight_all);
	top_codec_count(c, "inflight", &nr, TOP_INFLIGHT_MAX);
	if (c->mode == TOP_CODEC_HASH)
		code_inflight(c, &none, &f->look);
	for (uint64_t i = 0; i < nr; i++)
		code_inflight(c, &f->inflight[i], &f->look);
	if (c->mode == TOP_CODEC_READ)
		f->inflight_nr = c->failed ? 0 : nr;
}

static void code_verdict(struct top_codec *c, struct top_frame *f)
{
	uint64_t verdict = f->verdict;

	code_u64(c, "verdict", &verdict);
	check_below(c, verdict, TOP_VERDICT_NR);
	if (c->mode == TOP_CODEC_READ && !c->failed)
		f->verdict = (enum top_verdict)verdict;
}

void top_codec_frame(struct top_codec *c, struct top_frame *f)
{
	code_verdict(c, f);
	TEXT(f, problem);
	TEXT(f, instance);
	TEXT(f, path);
	TEXT(f, uuid);
	NUMBER(f, pid);
	NUMBER(f, draining);
	NUMBER(f, started.ns);
	NUMBER(f, wall.ns);
	NUMBER(f, uptime_ns);
	NUMBER(f, heartbeat_age_ns);
	NUMBER(f, heartbeat_seq);
	NUMBER(f, heartbeat.ns);
	NUMBER(f, incarnation);
	NUMBER(f, torn);
	NUMBER(f, skipped);
	NUMBER(f, generation);
	NUMBER(f, second);
	NUMBER(f, step);
	NUMBER(f, looks);
	NUMBER(f, self_cpu_percent);
	NUMBER(f, self_rss_bytes);
	NUMBER(f, events.lost);
	code_look(c, &f->look);
	code_inflights(c, f);
	if (c->mode == TOP_CODEC_READ)
		f->clock = f->wall;
}

/* ---- events and points --------------------------------------------------- */

void top_codec_event(struct top_codec *c, struct snp_told_event *event)
{
	struct snp_event *e = &event->event;

	NUMBER(e, seq);
	NUMBER(e, ring);
	NUMBER(e, mono.ns);
	NUMBER(e, kind);
	NUMBER(e, initiator);
	NUMBER(e, from);
	NUMBER(e, to);
	NUMBER(e, reason);
	NUMBER(e, pool);
	NUMBER(e, slot);
	NUMBER(e, pool_uid);
	NUMBER(e, incarnation);
	NUMBER(e, pid);
	NUMBER(e, value[0]);
	NUMBER(e, value[1]);
	NUMBER(e, trace_id[0]);
	NUMBER(e, trace_id[1]);
	NUMBER(e, evidence);
	NUMBER(event, wall.ns);
	TEXT(event, pool);
	TEXT(event, kind);
	TEXT(event, from);
	TEXT(event, to);
	TEXT(event, reason);
}

static void code_who(struct top_codec *c, struct top_history_who *who)
{
	NUMBER(who, row);
	TEXT(who, pool);
	NUMBER(who, slot);
	check_below(c, who->row, TOP_HISTORY_ROWS_MAX);
}

void top_codec_pool_point(struct top_codec *c, struct top_codec_pool_point *p)
{
	code_who(c, &p->who);
	NUMBER(p, second);
	NUMBER(p, point.at.ns);
	NUMBER(p, point.run);
	NUMBER(p, point.gap);
	NUMBER(p, point.queue_depth);
	NUMBER(p, point.active);
	NUMBER(p, point.requests);
	NUMBER(p, point.failures);
	NUMBER(p, point.req_s);
	NUMBER(p, point.err_s);
	for (unsigned i = 0; i < SNP_HIST_OCTAVES; i++)
		NUMBER(p, point.octave[i]);
}

void top_codec_worker_point(struct top_codec *c, struct top_codec_worker_point *p)
{
	code_who(c, &p->who);
	NUMBER(p, step);
	NUMBER(p, point.at.ns);
	NUMBER(p, point.run);
	NUMBER(p, point.gap);
	NUMBER(p, point.state);
	NUMBER(p, point.requests);
	NUMBER(p, point.busy_ns);
	NUMBER(p, point.rss_bytes);
	NUMBER(p, point.req_s);
	NUMBER(p, point.busy_percent);
}

uint64_t top_codec_layout(void)
{
	struct top_codec c = {.mode = TOP_CODEC_HASH, .hash = SNP__FNV1A_SEED};
	static struct top_frame frame; /* too large for a stack; never changed */
	struct snp_told_event event = {0};
	struct top_codec_pool_point pool = {0};
	struct top_codec_worker_point worker = {0};

	top_codec_frame(&c, &frame);
	top_codec_event(&c, &event);
	top_codec_pool_point(&c, &pool);
	top_codec_worker_point(&c, &worker);
	return c.hash;
}
