/* SPDX-License-Identifier: Apache-2.0 */
#include "source.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "record.h"
#include "rewind.h"
#include "sampler.h"

struct top_source {
	struct top_sampler *sampler;	 /* of a recording: none */
	struct top_recording *recording; /* of anything else: none */
	uint64_t at; /* the frame of the recording that the last tick showed */
	bool begun;
	struct top_frame newest, past;
	bool rewound; /* `past` is what is shown */
	snp_mono_t cost_at;
	uint64_t cost_ns;
	struct top_recorder *recorder;
	char record_path[SNP_PATH_BYTES];
	struct snp_err record_err; /* why it ended by itself; code 0 = it did not */
};

static int make(const char *name, enum top_origin origin,
		struct top_source **ret_source)
{
	struct top_source *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	if (top_sampler_create(name, &s->sampler) < 0) {
		free(s);
		return -ENOMEM;
	}
	s->newest.origin = origin;
	s->newest.self_cpu_percent = NAN;
	*ret_source = s;
	return 0;
}

int top_source_live(const char *name, struct top_source **ret_source)
{
	return make(name, TOP_ORIGIN_LIVE, ret_source);
}

int top_source_replay(const char *path, struct top_source **ret_source,
		      struct snp_err *err)
{
	struct top_source *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return snp_err_set(err, -ENOMEM, "out of memory");
	rc = top_recording_open(path, &s->recording, err);
	if (rc < 0)
		free(s);
	else
		*ret_source = s;
	return rc;
}

void top_source_destroy(struct top_source **source)
{
	struct top_source *s = *source;

	if (!s)
		return;
	top_recorder_close(&s->recorder);
	top_recording_close(&s->recording);
	top_sampler_destroy(&s->sampler);
	top_frame_fini(&s->newest);
	top_frame_fini(&s->past);
	free(s);
	*source = NULL;
}

/* ---- of a runtime that ended --------------------------------------------- */

#define SEG_SUFFIX  ".seg"
#define PREV_SUFFIX ".prev.seg"

/* "x.seg" becomes "x.prev.seg"; false where it is something else. */
static bool to_predecessor(char path[SNP_PATH_BYTES])
{
	size_t len = strlen(path), stem = len - strlen(SEG_SUFFIX);

	if (len < strlen(SEG_SUFFIX) || strcmp(path + stem, SEG_SUFFIX) != 0 ||
	    stem + sizeof(PREV_SUFFIX) > SNP_PATH_BYTES)
		return false;
	memcpy(path + stem, PREV_SUFFIX, sizeof(PREV_SUFFIX));
	return access(path, F_OK) == 0;
}

/* The one look there is. */
static int look_once(const char *path, struct top_source **ret_source,
		     struct snp_err *err)
{
	struct top_source *s;
	struct top_frame *f;
	int rc = make(path, TOP_ORIGIN_POST_MORTEM, &s);

	if (rc < 0)
		return snp_err_set(err, rc, "out of memory");
	f = &s->newest;
	rc = top_sampler_tick(s->sampler, f);
	if (rc < 0)
		(void)snp_err_set(err, rc, "%s", f->problem);
	else if (!top_verdict_is_final(f->verdict))
		rc = snp_err_set(err, -EBUSY,
				 "the runtime of \"%s\" (pid %jd) has not ended, and "
				 "there is none before it; watch it with snakepit-top "
				 "-n %s",
				 f->instance, (intmax_t)f->pid, f->instance);
	if (rc < 0) {
		top_source_destroy(&s);
		return rc;
	}
	f->wall = f->clock = f->heartbeat;
	f->heartbeat_age_ns = 0;
	*ret_source = s;
	return 0;
}

int top_source_post_mortem(const char *name, struct top_source **ret_source,
			   struct snp_err *err)
{
	char path[SNP_PATH_BYTES];
	int rc = snp_segment_find(name, path, err);

	if (rc < 0)
		return rc;
	rc = look_once(path, ret_source, err);
	if (rc == -EBUSY && to_predecessor(path))
		rc = look_once(path, ret_source, err);
	return rc;
}

/* ---- what we cost -------------------------------------------------------- */

static uint64_t timeval_ns(struct timeval t)
{
	return (uint64_t)t.tv_sec * SNP_NS_PER_S + (uint64_t)t.tv_usec * 1000;
}

static void tell_cost(struct top_source *s)
{
	snp_mono_t now = snp_mono_now();
	struct rusage usage;
	uint64_t used;

	if (getrusage(RUSAGE_SELF, &usage) < 0)
		return;
	used = timeval_ns(usage.ru_utime) + timeval_ns(usage.ru_stime);
	if (s->cost_at.ns && now.ns > s->cost_at.ns)
		s->newest.self_cpu_percent = 100.0 * (double)(used - s->cost_ns) /
					     (double)(now.ns - s->cost_at.ns);
	s->newest.self_rss_bytes = (uint64_t)usage.ru_maxrss * 1024;
	s->cost_at = now;
	s->cost_ns = used;
}

/* ---- frames -------------------------------------------------------------- */

static void record(struct top_source *s)
{
	if (s->recorder &&
	    top_recorder_add(s->recorder, &s->newest, &s->record_err) < 0)
		top_recorder_close(&s->recorder);
}

static int tick_recording(struct top_source *s)
{
	uint64_t next = s->begun ? s->at + 1 : 0;
	int rc;

	if (next == top_recording_frames(s->recording))
		next = s->at;
	s->begun = true;
	rc = top_recording_read(s->recording, next, next);
	if (rc == 0)
		s->at = next;
	return rc;
}

int top_source_tick(struct top_source *s)
{
	int rc;

	s->rewound = false;
	if (s->recording)
		return tick_recording(s);
	if (s->newest.origin == TOP_ORIGIN_POST_MORTEM)
		return 0;
	tell_cost(s);
	rc = top_sampler_tick(s->sampler, &s->newest);
	record(s);
	return rc;
}

void top_source_hold(struct top_source *s)
{
	if (s->newest.origin == TOP_ORIGIN_LIVE)
		s->newest.clock = s->past.clock = snp_wall_now();
}

bool top_source_goes_on(const struct top_source *s)
{
	if (s->recording)
		return !s->begun || s->at + 1 < top_recording_frames(s->recording);
	return s->newest.origin == TOP_ORIGIN_LIVE;
}

/* The newest frame that is at least so much older than the one of the last tick, the
 * oldest where there is none; on the way forward the one behind it. */
static int seek_recording(struct top_source *s, uint64_t back_ns, uint64_t was_ns)
{
	snp_wall_t now = top_recording_wall(s->recording, s->at);
	uint64_t index = s->at;

	while (index > 0 &&
	       now.ns - top_recording_wall(s->recording, index).ns < back_ns)
		index--;
	if (back_ns < was_ns && index < s->at &&
	    now.ns - top_recording_wall(s->recording, index).ns > back_ns)
		index++;
	return top_recording_read(s->recording, index, s->at);
}

int top_source_seek(struct top_source *s, uint64_t back_ns)
{
	uint64_t was_ns = top_source_frame(s)->rewound_ns;
	int rc;

	s->rewound = false;
	if (s->recording)
		return seek_recording(s, back_ns, was_ns);
	if (back_ns < SNP_NS_PER_S)
		return 0;
	rc = top_rewind(&s->past, &s->newest, back_ns / SNP_NS_PER_S,
			was_ns / SNP_NS_PER_S);
	if (rc < 0)
		return rc;
	s->rewound = s->past.rewound_ns > 0;
	return 0;
}

const struct top_frame *top_source_frame(const struct top_source *s)
{
	if (s->recording)
		return top_recording_frame(s->recording);
	return s->rewound ? &s->past : &s->newest;
}

uint64_t top_source_pace_ns(const struct top_source *s)
{
	snp_wall_t now, next;

	if (!s->recording || !top_source_goes_on(s))
		return 0;
	now = top_recording_wall(s->recording, s->at);
	next = top_recording_wall(s->recording, s->at + 1);
	return next.ns > now.ns ? next.ns - now.ns : 0;
}

/* ---- recording ----------------------------------------------------------- */

int top_source_record(struct top_source *s, const char *path, struct snp_err *err)
{
	int rc;

	if (s->recording)
		return snp_err_set(err, -EINVAL,
				   "a recording is not recorded again; copy its file");
	top_recorder_close(&s->recorder);
	s->record_err = (struct snp_err){0};
	rc = top_recorder_open(path, &s->recorder, err);
	if (rc < 0)
		return rc;
	(void)snprintf(s->record_path, sizeof(s->record_path), "%s", path);
	if (s->newest.generation > 0)
		record(s);
	return 0;
}

int top_source_record_end(struct top_source *s, struct snp_err *err)
{
	top_recorder_close(&s->recorder);
	if (err)
		*err = s->record_err;
	return s->record_err.code;
}

const char *top_source_recording(const struct top_source *s)
{
	return s->recorder ? s->record_path : NULL;
}
