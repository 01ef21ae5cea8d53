/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_COMPONENT "worker"
#include "worker/ending.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "log/log.h"
#include "snakepit/read.h" /* snp_enum_text */

static_assert(OUTPUT_TAIL_BYTES == SNP_EVID_TEXT_BYTES + 1,
	      "the tail fills one record of evidence");

static enum snp_enum_EXIT_REASON exit_reason(const struct worker *w,
					     const siginfo_t *info)
{
	if (w->intent != SNP_EXIT_REASON_NR)
		return w->intent;
	if (!w->ready.ns)
		return SNP_EXIT_REASON_START_FAILED;
	if (info->si_code != CLD_EXITED)
		return SNP_EXIT_REASON_SIGNAL;
	return info->si_status == 0 ? SNP_EXIT_REASON_CLEAN : SNP_EXIT_REASON_EXIT_CODE;
}

enum snp_enum_MOVE_REASON ending_move_reason(const siginfo_t *info)
{
	if (info->si_code != CLD_EXITED)
		return SNP_MOVE_REASON_SIGNAL;
	return info->si_status == 0 ? SNP_MOVE_REASON_EXIT_ZERO
				    : SNP_MOVE_REASON_EXIT_CODE;
}

/* A start that failed: why, for the counters and for people. */
static void record_start_failure(struct worker *w)
{
	const struct output *out = &w->output[OUTPUT_STDERR];
	char text[SNP_TEXT_BYTES], *tail;
	int n = snprintf(text, sizeof(text), "%s%s", w->start_error,
			 *w->start_error && *output_tail(out) ? "; stderr: " : "");

	tail = text + n; /* start_error is shorter than the text by far */
	output_last_lines(out, tail, sizeof(text) - (size_t)n);
	log_error("worker did not become ready, it will be started again after a pause",
		  LOG_STR("worker", w->id), LOG_STR("pool", w->pool->cfg->name),
		  LOG_STR("reason", snp_enum_text(SNP_ENUM_TABLE_START_FAILURE,
						  w->start_failure)),
		  LOG_STR("error", w->start_error), LOG_STR("stderr_tail", tail));
	snp_add(&worker_pool_cells(w)->start_failures[w->start_failure], 1);
	snp_worker_text_set(
	    w->site->writer, w->row,
	    *text ? text
		  : "the worker ended before it was ready and wrote nothing to stderr");
}

void ending_record(struct worker *w, const siginfo_t *info)
{
	enum snp_enum_EXIT_REASON reason = exit_reason(w, info);
	unsigned status = (unsigned)info->si_status;
	bool planned = reason == SNP_EXIT_REASON_SHUTDOWN;
	snp_mono_t now = snp_mono_now();

	if (info->si_code != CLD_EXITED)
		status += 128;
	snp_add(&worker_pool_cells(w)->exits[reason], 1);
	if (w->ready.ns)
		snp_hist_record_long(worker_pool_cells(w)->lifetime,
				     snp_mono_since_ns(now, w->ready));
	w->proc[SNP_PROC_LAST_EXIT_REASON] = (uint64_t)reason + 1;
	w->proc[SNP_PROC_LAST_EXIT_STATUS] = status;
	if (!w->ready.ns && !planned)
		record_start_failure(w);
	log_at(planned ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, "worker ended",
	       LOG_STR("worker", w->id), LOG_I64("worker_pid", w->pid),
	       LOG_STR("reason", snp_enum_text(SNP_ENUM_TABLE_EXIT_REASON, reason)),
	       LOG_U64("status", status),
	       LOG_MS("uptime_ms", snp_mono_since_ns(now, w->started)));
}

uint64_t ending_keep_words(const struct worker *w)
{
	const struct snp_evidence_fields fields = {
	    .kind = SNP_EVIDENCE_KIND_OUTPUT,
	    .pool = w->pool->index,
	    .slot = w->slot,
	    .incarnation = w->incarnation,
	    .pid = (uint64_t)w->pid,
	};
	const char *tail = output_tail(&w->output[OUTPUT_STDERR]);

	return snp_evidence_record(w->site->writer, &fields, tail, strlen(tail),
				   snp_mono_now());
}
