/* SPDX-License-Identifier: Apache-2.0 */
#include "own.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "model/number.h"

const struct expo_family own_families[OWN_NR] = {
#define OWN(id, name, type, unit, help) [OWN_##id] = {name, EXPO_##type, unit, help},
#include "own.def"
#undef OWN
};

void own_fini(struct own *own)
{
	free(own->values);
	*own = (struct own){0};
}

bool own_is_reserved(const struct expo_family *family)
{
	if (strncmp(family->name, "process_", 8) == 0 ||
	    strncmp(family->name, "scrape_", 7) == 0)
		return true;
	for (unsigned i = 0; i < OWN_NR; i++)
		if (expo_clash(&own_families[i], family))
			return true;
	return false;
}

bool own_is_always(enum own_id id)
{
	return id == OWN_UP || id == OWN_EXPORTER_BUILD_INFO ||
	       id == OWN_SCRAPE_SUCCESS || id == OWN_SCRAPE_DURATION;
}

/* ---- gathering ----------------------------------------------------------- */

static void add(struct own *own, struct own_value value)
{
	size_t max = own->max ? 2 * own->max : 32;
	struct own_value *values;

	if (own->nr == own->max) {
		values = reallocarray(own->values, max, sizeof(*values));
		if (!values) {
			own->failed = true;
			return;
		}
		own->values = values;
		own->max = max;
	}
	own->values[own->nr++] = value;
}

static void add_number(struct own *own, enum own_id id, const char *instance,
		       uint64_t number)
{
	add(own, (struct own_value){.id = id, .instance = instance, .number = number});
}

static void add_ns(struct own *own, enum own_id id, const char *instance, uint64_t ns)
{
	add(own, (struct own_value){
		     .id = id, .instance = instance, .number = ns, .ns = true});
}

/* `value.label` says which; its value is cut where it is too long. */
static void add_labelled(struct own *own, struct own_value value, const char *text)
{
	(void)snprintf(value.label_value, sizeof(value.label_value), "%s", text);
	add(own, value);
}

static void gather_overflow(struct own *own, const char *instance, const char *limit,
			    uint64_t number)
{
	add_labelled(own,
		     (struct own_value){.id = OWN_OVERFLOWS,
					.instance = instance,
					.label = "limit",
					.number = number},
		     limit);
}

static void gather_segment(struct own *own, const struct page_source *source)
{
	const struct snp_snapshot_stats *stats = snp_snapshot_stats(source->snap);
	const struct snp_segment_info *info = snp_segment_info(source->seg);
	char format[32];

	(void)snprintf(format, sizeof(format), "%u.%u", info->ver_major,
		       info->ver_minor);
	add_labelled(own,
		     (struct own_value){.id = OWN_BUILD_INFO,
					.instance = source->label,
					.label = "format",
					.number = 1},
		     format);
	add_ns(own, OWN_SHM_LAST_UPDATE, source->label, stats->heartbeat_wall.ns);
	gather_overflow(own, source->label, "rows", stats->rows_dropped);
	gather_overflow(own, source->label, "banks", stats->banks_exhausted);
	gather_overflow(own, source->label, "text", stats->text_truncated);
}

void own_gather_source(struct own *own, const struct page_source *source)
{
	const struct snp_snapshot_stats *stats;

	if (source->snap && source->fresh) {
		stats = snp_snapshot_stats(source->snap);
		source->totals->torn_reads += stats->retries;
		source->totals->rows_skipped += stats->rows_skipped;
	}
	add_number(own, OWN_UP, source->label, source->up);
	add_number(own, OWN_SHM_TORN_READS, source->label, source->totals->torn_reads);
	add_number(own, OWN_SHM_ROWS_SKIPPED, source->label,
		   source->totals->rows_skipped);
	if (source->snap)
		gather_segment(own, source);
}

void own_gather_nothing(struct own *own)
{
	add_number(own, OWN_UP, NULL, 0);
}

void own_gather_success(struct own *own, const char *instance, const char *collector,
			bool ok)
{
	add_labelled(own,
		     (struct own_value){.id = OWN_SCRAPE_SUCCESS,
					.instance = instance,
					.label = "collector",
					.number = ok},
		     collector);
}

void own_gather_version(struct own *own)
{
	add_labelled(own,
		     (struct own_value){.id = OWN_EXPORTER_BUILD_INFO,
					.label = "version",
					.number = 1},
		     SNP_VERSION);
}

void own_gather_duration(struct own *own, uint64_t ns)
{
	add_ns(own, OWN_SCRAPE_DURATION, NULL, ns);
}

size_t own_number(char *dst, const struct own_value *value)
{
	return value->ns ? snp_number_seconds(dst, value->number)
			 : snp_number_u64(dst, value->number);
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

static void gather_limit(struct own *own, enum own_id id, int resource)
{
	struct rlimit limit;

	if (getrlimit((__rlimit_resource_t)resource, &limit) == 0)
		add_number(own, id, NULL, limit.rlim_cur);
}

bool own_gather_process(struct own *own, snp_wall_t started)
{
	struct proc_stat stat;
	uint64_t fds;
	bool ok = true;

	add_ns(own, OWN_CPU, NULL, snp__clock_ns(CLOCK_PROCESS_CPUTIME_ID));
	add_ns(own, OWN_START_TIME, NULL, started.ns);
	gather_limit(own, OWN_MAX_FDS, RLIMIT_NOFILE);
	gather_limit(own, OWN_VIRTUAL_MAX, RLIMIT_AS);
	if (count_fds(&fds))
		add_number(own, OWN_OPEN_FDS, NULL, fds);
	else
		ok = false;
	if (!read_stat(&stat))
		return false;
	add_number(own, OWN_VIRTUAL, NULL, stat.virtual_bytes);
	add_number(own, OWN_RESIDENT, NULL, stat.resident_bytes);
	add_number(own, OWN_THREADS, NULL, stat.threads);
	return ok;
}
