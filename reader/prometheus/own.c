/* SPDX-License-Identifier: Apache-2.0 */
#include "own.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "expo.h"
#include "model/number.h"

enum own_id {
#define OWN(id, name, type, help) OWN_##id,
#include "own.def"
#undef OWN
	OWN_NR
};

static const struct {
	const char *name, *type, *help;
} own_families[OWN_NR] = {
#define OWN(id, name, type, help) [OWN_##id] = {name, type, help},
#include "own.def"
#undef OWN
};

bool own_is_reserved(const char *name)
{
	if (strncmp(name, "process_", 8) == 0 || strncmp(name, "scrape_", 7) == 0)
		return true;
	for (unsigned i = 0; i < OWN_NR; i++)
		if (strcmp(name, own_families[i].name) == 0)
			return true;
	return false;
}

static void begin(struct snp_buf *buf, enum own_id id)
{
	expo_header(buf, own_families[id].name, own_families[id].type,
		    own_families[id].help);
}

/* Name and label set of a sample; its value follows. */
static void sample(struct snp_buf *buf, enum own_id id, const char *label,
		   const char *value)
{
	snp_buf_puts(buf, own_families[id].name);
	if (label) {
		snp_buf_putc(buf, '{');
		expo_label(buf, label, value);
		snp_buf_putc(buf, '}');
	}
	snp_buf_putc(buf, ' ');
}

static void sample_u64(struct snp_buf *buf, enum own_id id, const char *label,
		       const char *label_value, uint64_t value)
{
	sample(buf, id, label, label_value);
	snp_buf_u64(buf, value);
	snp_buf_putc(buf, '\n');
}

static void family_u64(struct snp_buf *buf, enum own_id id, uint64_t value)
{
	begin(buf, id);
	sample_u64(buf, id, NULL, NULL, value);
}

static void family_seconds(struct snp_buf *buf, enum own_id id, uint64_t ns)
{
	begin(buf, id);
	sample(buf, id, NULL, NULL);
	snp_buf_seconds(buf, ns);
	snp_buf_putc(buf, '\n');
}

void own_up(struct snp_buf *buf, bool up)
{
	family_u64(buf, OWN_UP, up);
}

void own_segment(struct snp_buf *buf, struct own_totals *totals,
		 const struct snp_segment *seg, const struct snp_snapshot *snap,
		 bool fresh)
{
	const struct snp_snapshot_stats *stats;
	const struct snp_segment_info *info;
	char format[32];

	if (snap && fresh) {
		stats = snp_snapshot_stats(snap);
		totals->torn_reads += stats->retries;
		totals->rows_skipped += stats->rows_skipped;
	}
	family_u64(buf, OWN_SHM_TORN_READS, totals->torn_reads);
	family_u64(buf, OWN_SHM_ROWS_SKIPPED, totals->rows_skipped);
	if (!snap)
		return;

	info = snp_segment_info(seg);
	stats = snp_snapshot_stats(snap);
	(void)snprintf(format, sizeof(format), "%u.%u", info->ver_major,
		       info->ver_minor);
	begin(buf, OWN_BUILD_INFO);
	sample_u64(buf, OWN_BUILD_INFO, "format", format, 1);
	family_seconds(buf, OWN_SHM_LAST_UPDATE, stats->heartbeat_wall.ns);
	begin(buf, OWN_OVERFLOWS);
	sample_u64(buf, OWN_OVERFLOWS, "limit", "rows", stats->rows_dropped);
	sample_u64(buf, OWN_OVERFLOWS, "limit", "banks", stats->banks_exhausted);
	sample_u64(buf, OWN_OVERFLOWS, "limit", "text", stats->text_truncated);
}

/* ---- the exporter's process ---------------------------------------------- */

struct proc_stat {
	uint64_t threads, virtual_bytes, resident_bytes;
};

/* Fields 20, 23 and 24 of /proc/self/stat, counted after the command's last ')'. */
static bool read_stat(struct proc_stat *ret)
{
	FILE *f = fopen("/proc/self/stat", "re");
	unsigned long threads, virtual_bytes, resident_pages;
	char line[1024];
	const char *rest;
	size_t len;

	if (!f)
		return false;
	len = fread(line, 1, sizeof(line) - 1, f);
	(void)fclose(f);
	line[len] = '\0';
	rest = strrchr(line, ')');
	if (!rest || sscanf(rest + 1,
			    " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s"
			    " %*s %*s %*s %lu %*s %*s %lu %lu",
			    &threads, &virtual_bytes, &resident_pages) != 3)
		return false;
	ret->threads = threads;
	ret->virtual_bytes = virtual_bytes;
	ret->resident_bytes = resident_pages * (uint64_t)sysconf(_SC_PAGESIZE);
	return true;
}

static bool count_fds(uint64_t *ret_count)
{
	DIR *dir = opendir("/proc/self/fd");
	uint64_t count = 0;

	if (!dir)
		return false;
	for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
		count += entry->d_name[0] != '.';
	(void)closedir(dir);
	*ret_count = count - 1; /* the directory itself */
	return true;
}

static void family_limit(struct snp_buf *buf, enum own_id id, int resource)
{
	struct rlimit limit;

	if (getrlimit((__rlimit_resource_t)resource, &limit) == 0)
		family_u64(buf, id, limit.rlim_cur);
}

bool own_process(struct snp_buf *buf, snp_wall_t started)
{
	struct proc_stat stat;
	uint64_t fds;
	bool ok = true;

	family_seconds(buf, OWN_CPU, snp__clock_ns(CLOCK_PROCESS_CPUTIME_ID));
	family_seconds(buf, OWN_START_TIME, started.ns);
	family_limit(buf, OWN_MAX_FDS, RLIMIT_NOFILE);
	family_limit(buf, OWN_VIRTUAL_MAX, RLIMIT_AS);
	if (count_fds(&fds))
		family_u64(buf, OWN_OPEN_FDS, fds);
	else
		ok = false;
	if (!read_stat(&stat))
		return false;
	family_u64(buf, OWN_VIRTUAL, stat.virtual_bytes);
	family_u64(buf, OWN_RESIDENT, stat.resident_bytes);
	family_u64(buf, OWN_THREADS, stat.threads);
	return ok;
}

void own_scrape(struct snp_buf *buf, const struct own_scrape *scrape)
{
	begin(buf, OWN_EXPORTER_BUILD_INFO);
	sample_u64(buf, OWN_EXPORTER_BUILD_INFO, "version", SNP_VERSION, 1);
	begin(buf, OWN_SCRAPE_SUCCESS);
	sample_u64(buf, OWN_SCRAPE_SUCCESS, "collector", "segment", scrape->segment_ok);
	sample_u64(buf, OWN_SCRAPE_SUCCESS, "collector", "process", scrape->process_ok);
	family_seconds(buf, OWN_SCRAPE_DURATION, scrape->duration_ns);
}
