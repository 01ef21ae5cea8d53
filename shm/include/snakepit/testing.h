/* SPDX-License-Identifier: Apache-2.0 */
/*
 * testing.h - for tests of programs that embed a runtime or look at one: what a metric
 * is, whether it rises, whether a request has left a span and a line in the log.
 *
 *	const char *name = "snakepit.requests", *of = "pool=default";
 *	double before;
 *
 *	if (snp_test_value("demo", name, of, &before, &err) < 0)
 *		fail(err.msg);
 *	... a call ...
 *	if (snp_test_rises("demo", name, of, before + 1, 5000, &err) < 0)
 *		fail(err.msg);
 *
 * In the header alone, over snakepit/read.h (link with libsnakepit-shm), and for any
 * test framework: each returns 0 or a negative errno and says in `err`, which may be
 * NULL, what was seen. `instance` is what snp_segment_find() takes: a name, a path, or
 * NULL. `labels` are "name=value,name=value" by either name of each label, NULL or "":
 * none; values hold no commas.
 *
 * A program that includes snakepit/runtime.h before has snp_test_start() too.
 *
 * Threads: any; calls have nothing in common. Nothing is kept from call to call.
 */
#ifndef SNP_SHM_TESTING_H
#define SNP_SHM_TESTING_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "snakepit/read.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifdef CLOCK_MONOTONIC /* strict ISO C (-std=c11 alone) has no clocks to wait by */

#define SNP_TEST_POLL_NS 5000000L

/* Whether `labels` (see above) names only labels that the series has. */
static inline bool snp_test__has_labels(const struct snp_series *series,
					const char *labels)
{
	while (labels && *labels) {
		size_t len = strcspn(labels, ","), name = strcspn(labels, "=");
		bool found = false;

		for (unsigned i = 0; i < series->labels_nr && name < len; i++) {
			const struct snp_label *label = &series->labels[i];
			const char *value = labels + name + 1;
			size_t value_len = len - name - 1;

			found |= ((strlen(label->prom_name) == name &&
				   strncmp(label->prom_name, labels, name) == 0) ||
				  (strlen(label->otel_name) == name &&
				   strncmp(label->otel_name, labels, name) == 0)) &&
				 strlen(label->value) == value_len &&
				 strncmp(label->value, value, value_len) == 0;
		}
		if (!found)
			return false;
		labels += len + (labels[len] == ',');
	}
	return true;
}

static inline int snp_test__sum(const struct snp_snapshot *snap, const char *name,
				const char *labels, double *ret_sum,
				struct snp_err *err)
{
	const struct snp_metric *metric = snp_snapshot_metric_find(snap, name);
	struct snp_series_iter it;
	struct snp_series series;
	double sum = 0;

	if (!metric)
		return snp_err_set(err, -EINVAL, "no metric %s", name);
	snp_series_iter_init(&it, snap, metric);
	while (snp_series_next(&it, &series))
		if (snp_test__has_labels(&series, labels))
			sum += series.hist ? (double)snp_hist_count(metric, series.hist)
					   : snp_series_number(snap, &series);
	*ret_sum = sum;
	return 0;
}

static inline int snp_test__attach(const char *instance, struct snp_segment **ret_seg,
				   struct snp_err *err)
{
	char path[SNP_PATH_BYTES];
	int rc = snp_segment_find(instance, path, err);

	return rc < 0 ? rc : snp_segment_attach(path, ret_seg, err);
}

/* The sum of a metric, by its OpenTelemetry name, over the series with these labels: in
 * its unit, of a histogram the number of observations; 0 where there is no such series
 * yet. -EINVAL: no such metric. Else what find, attach and snapshot return. */
static inline int snp_test_value(const char *instance, const char *metric,
				 const char *labels, double *ret_value,
				 struct snp_err *err)
{
	struct snp_segment *seg = NULL;
	struct snp_snapshot *snap = NULL;
	int rc = snp_test__attach(instance, &seg, err);

	if (rc == 0)
		rc = snp_segment_snapshot(seg, &snap, err);
	if (rc == 0)
		rc = snp_test__sum(snap, metric, labels, ret_value, err);
	snp_snapshot_destroy(&snap);
	snp_segment_detach(&seg);
	return rc;
}

/* Wait a little; false when `deadline` has passed. */
static inline bool snp_test__wait(snp_mono_t deadline)
{
	const struct timespec pause = {0, SNP_TEST_POLL_NS};

	if (snp_mono_now().ns >= deadline.ns)
		return false;
	(void)nanosleep(&pause, NULL);
	return true;
}

/* Wait until that sum is at least `least`. -ETIMEDOUT: it was not within `timeout_ms`;
 * err says what it was last. A segment that is not there yet is waited for, too. */
static inline int snp_test_rises(const char *instance, const char *metric,
				 const char *labels, double least, uint64_t timeout_ms,
				 struct snp_err *err)
{
	snp_mono_t deadline = snp_mono_add_ms(snp_mono_now(), timeout_ms);
	double value = 0;
	int rc;

	do {
		rc = snp_test_value(instance, metric, labels, &value, err);
		if (rc == -EINVAL || (rc == 0 && value >= least))
			return rc;
	} while (snp_test__wait(deadline));
	if (rc < 0)
		return rc;
	return snp_err_set(err, -ETIMEDOUT, "%s{%s} is %g and not %g after %llu ms",
			   metric, labels ? labels : "", value, least,
			   (unsigned long long)timeout_ms);
}

/* Wait for the span of a request with this correlation id: the request's own, not that
 * of an attempt. -ETIMEDOUT: there was none within `timeout_ms`. Spans that were
 * overwritten before are not seen. */
static inline int snp_test_span(const char *instance, const char *correlation_id,
				uint64_t timeout_ms, struct snp_span *ret_span,
				struct snp_err *err)
{
	snp_mono_t deadline = snp_mono_add_ms(snp_mono_now(), timeout_ms);
	struct snp_ring_cursor cursor = {{0}, 0};
	struct snp_segment *seg = NULL;
	struct snp_span span;
	bool found = false;
	int rc = snp_test__attach(instance, &seg, err);

	if (rc < 0)
		return rc;
	do {
		while (!found && snp_segment_spans(seg, &cursor, &span, 1) == 1)
			found = span.kind == SNP_SPAN_KIND_REQUEST &&
				strcmp(span.correlation, correlation_id) == 0;
	} while (!found && snp_test__wait(deadline));
	snp_segment_detach(&seg);
	if (!found) {
		(void)snp_err_set(err, -ETIMEDOUT,
				  "no span of a request '%s' after %llu ms",
				  correlation_id, (unsigned long long)timeout_ms);
		return -ETIMEDOUT;
	}
	*ret_span = span;
	return 0;
}

/* Whether a line that was written to its end has `field` in it; or -errno. */
static inline int snp_test__log_has(const char *path, const char *field,
				    struct snp_err *err)
{
	FILE *log = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	int found = 0;

	if (!log)
		return snp_err_errno(err, "cannot read %s", path);
	while (!found && (len = getline(&line, &size, log)) > 0)
		found = line[len - 1] == '\n' && strstr(line, field);
	free(line);
	(void)fclose(log);
	return found;
}

/* Wait for a line about the request with this correlation id, of the runtime or of a
 * worker, in the file that gets the log: what the standard error of snakepitd or the
 * descriptor of snp_runtime_log() goes to, in its format "json". -ETIMEDOUT: there was
 * none within `timeout_ms`. Else what opening the file said. */
static inline int snp_test_log(const char *path, const char *correlation_id,
			       uint64_t timeout_ms, struct snp_err *err)
{
	snp_mono_t deadline = snp_mono_add_ms(snp_mono_now(), timeout_ms);
	char field[256];
	int rc;

	(void)snprintf(field, sizeof(field), "\"correlation_id\":\"%s\"",
		       correlation_id);
	do {
		rc = snp_test__log_has(path, field, err);
		if (rc != 0)
			return rc < 0 ? rc : 0;
	} while (snp_test__wait(deadline));
	return snp_err_set(err, -ETIMEDOUT, "no line about '%s' in %s after %llu ms",
			   correlation_id, path, (unsigned long long)timeout_ms);
}

#ifdef SNAKEPIT_RUNTIME_H
#include <unistd.h>

/* A runtime in this process, with a directory of its own. */
struct snp_test_runtime {
	struct snp_runtime *runtime;
	char dir[32];
	char segment[SNP_PATH_BYTES]; /* its `instance` for the functions above */
};

/* Make a directory, in memory where that can be, set SNAKEPIT_DIR to it for this
 * process, make the runtime and start its workers. Requests may follow at once. Before
 * other threads read the environment. On failure nothing is left; *ret is as it was. */
static inline int snp_test_start(const struct snp_runtime_options *options,
				 struct snp_test_runtime *ret, struct snp_err *err)
{
	struct snp_test_runtime t = {NULL, "/dev/shm/snp-XXXXXX", ""};
	int rc;

	if (access("/dev/shm", W_OK) < 0)
		(void)snprintf(t.dir, sizeof(t.dir), "/tmp/snp-XXXXXX");
	if (!mkdtemp(t.dir))
		return snp_err_errno(err, "cannot make %s", t.dir);
	rc = setenv("SNAKEPIT_DIR", t.dir, 1) < 0
		 ? snp_err_errno(err, "cannot set SNAKEPIT_DIR")
		 : 0;
	if (rc == 0)
		rc = snp_runtime_create(options, &t.runtime, err);
	if (rc == 0)
		rc = snp_segment_path(snp_runtime_instance(t.runtime), t.segment, err);
	if (rc == 0)
		rc = snp_runtime_start(t.runtime, err);
	if (rc < 0) {
		snp_runtime_destroy(&t.runtime);
		(void)rmdir(t.dir);
		return rc;
	}
	*ret = t;
	return 0;
}

/* Stop it and remove its directory. -ENOTEMPTY: something was left there. */
static inline int snp_test_stop(struct snp_test_runtime *t)
{
	snp_runtime_destroy(&t->runtime);
	return rmdir(t->dir) < 0 ? -errno : 0;
}
#endif

#endif /* CLOCK_MONOTONIC */

#ifdef __cplusplus
}
#endif

#endif
