/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pipeline.h - everything that sends, put together as the settings say.
 *
 *   rings --tail--> queue --> records' thread --> sender   (spans)
 *           |-----> queue --> records' thread --> sender   (log records)
 *   cells ---------> meter's thread ------------> sender   (metrics)
 *
 * Signals do not wait for each other. One thread at a time.
 */
#ifndef SNP_OTLP_PIPELINE_H
#define SNP_OTLP_PIPELINE_H

#include <stdbool.h>

#include "model/buf.h"
#include "settings.h"
#include "snakepit/time.h"

struct otlp_pipeline;

enum otlp_pipeline_mode {
	OTLP_PIPELINE_RUNS, /* in threads, from start to stop */
	OTLP_PIPELINE_ONCE, /* otlp_pipeline_once() alone */
};

/* `instance` as snp_segment_find() takes it. Both are borrowed. -EINVAL, -ENOMEM. */
int otlp_pipeline_create(const struct otlp_settings *settings, const char *instance,
			 enum otlp_pipeline_mode mode,
			 struct otlp_pipeline **ret_pipeline, struct snp_err *err);
/* Ends it too, at once, where that was not done. */
void otlp_pipeline_destroy(struct otlp_pipeline **pipeline);

/* -EAGAIN: no thread. */
int otlp_pipeline_start(struct otlp_pipeline *pipeline, struct snp_err *err);
/* Have sent soon what is waiting, and metrics as they are now. */
void otlp_pipeline_flush(struct otlp_pipeline *pipeline);
/* Send what is there, until the deadline at most, and end all threads. */
void otlp_pipeline_stop(struct otlp_pipeline *pipeline, snp_mono_t deadline);

struct otlp_once {
	bool has_runtime;
	bool all_sent;
};
/* Send what there is now: metrics, and the spans and events that the rings keep. */
void otlp_pipeline_once(struct otlp_pipeline *pipeline, struct otlp_once *ret_once);

/* How much was sent, and was not, in one line. */
void otlp_pipeline_text(struct otlp_pipeline *pipeline, struct snp_buf *out);

#endif
