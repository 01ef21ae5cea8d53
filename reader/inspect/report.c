/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include <stdio.h>
#include <string.h>

#include "selector.h"
#include "snakepit/check.h"
#include "model/terminal.h"

const struct report_quantile report_quantiles[REPORT_QUANTILES_NR] = {
    {"p50", 0.5},
    {"p90", 0.9},
    {"p99", 0.99},
};

static struct report_fact *add(struct report *report, const char *group,
			       const char *name)
{
	struct report_fact *fact;

	SNP_CHECK(report->facts_nr < REPORT_FACTS_MAX);
	fact = &report->facts[report->facts_nr++];
	*fact = (struct report_fact){.group = group, .name = name};
	return fact;
}

static void add_text(struct report *report, const char *group, const char *name,
		     const char *text)
{
	struct report_fact *fact = add(report, group, name);

	fact->type = REPORT_TEXT;
	fact->text = text;
}

static void add_number(struct report *report, const char *group, const char *name,
		       uint64_t number)
{
	struct report_fact *fact = add(report, group, name);

	fact->type = REPORT_NUMBER;
	fact->number = number;
}

static void add_seconds(struct report *report, const char *group, const char *name,
			uint64_t ns)
{
	struct report_fact *fact = add(report, group, name);

	fact->type = REPORT_SECONDS;
	fact->number = ns;
}

static const char *state_name(uint64_t state)
{
	static const char *const names[] = {
	    [SNP_STATE_INIT] = "init",
	    [SNP_STATE_LIVE] = "live",
	    [SNP_STATE_DRAINING] = "draining",
	    [SNP_STATE_CLOSED] = "closed",
	    [SNP_STATE_SUPERSEDED] = "superseded",
	};

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}

static uint64_t heartbeat_age_ns(const struct report *report)
{
	return snp_mono_since_ns(snp_segment_now(report->seg, report->snap),
				 snp_snapshot_stats(report->snap)->heartbeat_mono);
}

static void add_segment(struct report *report)
{
	const struct snp_segment_info *info = report->info;

	add_text(report, "segment", "path", info->path);
	add_text(report, "segment", "instance", info->instance);
	add_text(report, "segment", "uuid", info->uuid);
	add_text(report, "segment", "version", report->version);
	add_number(report, "segment", "incarnation", info->incarnation);
	add_number(report, "segment", "pid", (uint32_t)info->pid);
	add_number(report, "segment", "size_bytes", info->size_bytes);
	add_seconds(report, "segment", "start_time", info->start_wall.ns);
	add_number(report, "segment", "heartbeat_interval_ms",
		   info->heartbeat_interval_ms);
	add_number(report, "segment", "stale_after_ms", info->stale_after_ms);
	add_number(report, "segment", "scrape_hint_ms", info->scrape_hint_ms);
}

static void add_writer(struct report *report)
{
	const struct snp_snapshot_stats *stats = snp_snapshot_stats(report->snap);

	add_text(report, "writer", "verdict", snp_writer_verdict_name(report->verdict));
	add_text(report, "writer", "state", state_name(stats->state));
	add_number(report, "writer", "heartbeat_age_ms",
		   heartbeat_age_ns(report) / SNP_NS_PER_MS);
	add_number(report, "writer", "heartbeat_seq", stats->heartbeat_seq);
	add_seconds(report, "writer", "heartbeat_time", stats->heartbeat_wall.ns);
	add_text(report, "writer", "stop_reason",
		 report_enum(report, SNP_ENUM_TABLE_STOP_REASON, stats->stop_reason));
}

static void add_stats(struct report *report)
{
	const struct snp_snapshot_stats *stats = snp_snapshot_stats(report->snap);

	add_number(report, "stats", "snapshot_ns",
		   snp_mono_since_ns(stats->end, stats->begin));
	add_number(report, "stats", "retries", stats->retries);
	add_number(report, "stats", "rows_skipped", stats->rows_skipped);
	add_number(report, "stats", "rows_dropped", stats->rows_dropped);
	add_number(report, "stats", "banks_exhausted", stats->banks_exhausted);
	add_number(report, "stats", "text_truncated", stats->text_truncated);
}

void report_state(struct report *report, const struct snp_snapshot *snap)
{
	report->info = snp_segment_info(report->seg);
	report->snap = snap;
	report->verdict = snp_segment_verdict(report->seg);
	(void)snprintf(report->version, sizeof(report->version), "%u.%u",
		       report->info->ver_major, report->info->ver_minor);
	add_segment(report);
	add_writer(report);
	add_stats(report);
}

uint64_t report_age_ns(const struct report *report, snp_mono_t since)
{
	bool there =
	    report->verdict == SNP_WRITER_ALIVE || report->verdict == SNP_WRITER_HUNG;

	return snp_mono_since_ns(there ? snp_segment_now(report->seg, report->snap)
				       : snp_snapshot_now(report->snap),
				 since);
}

const char *report_row_name(const struct report *report, unsigned kind, uint32_t index)
{
	const struct snp_row *row = snp_snapshot_row(report->snap, kind, index);

	return row ? row->name : "";
}

const char *report_uid_name(const struct report *report, unsigned kind, uint32_t index,
			    uint64_t uid)
{
	const struct snp_row *row = snp_snapshot_row(report->snap, kind, index);

	return row && row->uid == uid ? row->name : "";
}

/* ---- labels -------------------------------------------------------------- */

void report_put_labels(struct snp_buf *out, const struct snp_series *series)
{
	if (series->labels_nr == 0)
		return;
	snp_buf_putc(out, '{');
	for (unsigned i = 0; i < series->labels_nr; i++) {
		if (i > 0)
			snp_buf_putc(out, ',');
		snp_terminal_put(out, series->labels[i].prom_name);
		snp_buf_putc(out, '=');
		selector_put_value(out, series->labels[i].value);
	}
	snp_buf_putc(out, '}');
}
