/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a segment takes: bytes of a row and of a series, the file, and what is resident
 * in the writer after it touched part of the rows, in a reader after a snapshot.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "segment.h"
#include "snakepit/read.h"

#define WORKERS 10000
#define TOOLS	1000
#define BANKS	4
#define MIB	(1024.0 * 1024.0)

static void print(const char *name, const char *unit, double value)
{
	struct bench_samples samples = bench_value(value);

	bench_print(
	    &(struct bench_row){.name = name, .unit = unit, .samples = &samples});
}

/* Resident bytes of all maps of the file in this process. By inode: a file that was
 * created without a name keeps none in the list of maps. */
static uint64_t resident_bytes(const char *path)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	char line[512];
	uint64_t inode, kib, sum = 0;
	struct stat st;
	bool ours = false;

	if (!f || stat(path, &st) < 0)
		bench_die("cannot read /proc/self/smaps or %s", path);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*x-%*x %*s %*x %*x:%*x %" SCNu64, &inode) == 1)
			ours = inode == st.st_ino;
		else if (ours && sscanf(line, "Rss: %" SCNu64, &kib) == 1)
			sum += kib * 1024;
	}
	(void)fclose(f);
	return sum;
}

/* In a process of its own, which does not inherit the writer's map: a reader after one
 * snapshot. */
static uint64_t reader_resident_bytes(const char *path)
{
	struct snp_segment *seg = NULL;
	struct snp_snapshot *snap = NULL;
	struct snp_err err = {0};
	uint64_t bytes = 0;
	int fds[2], status;
	pid_t pid;

	if (pipe(fds) < 0 || (pid = fork()) < 0)
		bench_die("cannot start a reader");
	if (pid == 0) {
		if (snp_segment_attach(path, &seg, &err) < 0 ||
		    snp_segment_snapshot(seg, &snap, &err) < 0)
			bench_die("reader: %s", err.msg);
		bytes = resident_bytes(path);
		_exit(write(fds[1], &bytes, sizeof(bytes)) != sizeof(bytes));
	}
	close(fds[1]);
	if (read(fds[0], &bytes, sizeof(bytes)) != sizeof(bytes) ||
	    waitpid(pid, &status, 0) != pid || status != 0)
		bench_die("the reader failed");
	close(fds[0]);
	return bytes;
}

/* Series of one row of a kind: cells of all its metrics, a histogram being one. */
static uint64_t series_per_row(const struct snp_snapshot *snap, unsigned kind)
{
	uint64_t nr = 0;

	for (size_t i = 0; i < snp_snapshot_metrics_nr(snap); i++) {
		const struct snp_metric *metric = snp_snapshot_metric(snap, i);

		if (metric->row_kind == kind)
			nr += metric->cells;
	}
	return nr;
}

/* Bytes a segment grows by with one more worker, or one more tool, exactly. */
static double bytes_per_row(struct snp_writer_options more)
{
	enum { ROWS = 1 << 16 };
	struct snp_writer_options base = {.pools_max = 1,
					  .workers_max = 1,
					  .tools_max = 1,
					  .banks_max = more.banks_max};
	uint64_t grown;

	more.pools_max = 1;
	more.workers_max = 1 + more.workers_max * ROWS;
	more.tools_max = 1 + more.tools_max * ROWS;
	grown = snp_writer_size(&more) - snp_writer_size(&base);
	return (double)grown / ROWS;
}

static void print_rows(const char *path)
{
	struct snp_segment *seg = NULL;
	struct snp_snapshot *snap = NULL;
	struct snp_err err = {0};
	double worker, tool, tool_bank;

	if (snp_segment_attach(path, &seg, &err) < 0 ||
	    snp_segment_snapshot(seg, &snap, &err) < 0)
		bench_die("%s", err.msg);
	worker = bytes_per_row(
	    (struct snp_writer_options){.workers_max = 1, .banks_max = 1});
	tool =
	    bytes_per_row((struct snp_writer_options){.tools_max = 1, .banks_max = 1});
	tool_bank =
	    bytes_per_row((struct snp_writer_options){.tools_max = 1, .banks_max = 2});
	print("a worker slot, all regions", "B", worker);
	print("a worker slot, a series", "B",
	      worker / (double)series_per_row(snap, SNP_ROW_WORKER));
	print("a tool with one bank, all regions", "B", tool);
	print("a tool, each further bank", "B", tool_bank - tool);
	print("a tool with one bank, a series", "B",
	      tool / (double)series_per_row(snap, SNP_ROW_TOOL));
	snp_snapshot_destroy(&snap);
	snp_segment_detach(&seg);
}

/* Declares and counts the first `percent` of all rows, on from where it was. */
static void touch(struct bench_segment *segment, struct snp_bank *bank,
		  struct bench_segment_size *have, unsigned percent)
{
	bench_segment_grow(segment, have,
			   (struct bench_segment_size){
			       .workers = WORKERS * percent / 100,
			       .tools = TOOLS * percent / 100,
			   });
	for (uint32_t i = 0; i < have->tools; i++)
		bench_finished_call(&bank->tools[i], 0, SNP_NS_PER_MS);
}

/* ---- strides ------------------------------------------------------------- */

/* Bytes from row to row of what threads write beside each other; 0 for other regions:
 * bytes, the schema, the writer's copies, and texts of a page each. */
static uint64_t row_stride(const struct snp_fmt_region *region)
{
	switch (region->type) {
	case SNP_REGION_INFL:
	case SNP_REGION_HIST:
		return region->outer_stride;
	case SNP_REGION_SNAP:
	case SNP_REGION_EVID:
		return 0;
	default:
		return region->type >= SNP_REGION_ROWD ? region->stride : 0;
	}
}

/* Rows a multiple of 4 KiB apart fall into one set of the first-level cache. From the
 * directory of the file itself, as any reader would see it. */
static unsigned trapped_strides(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const struct snp_fmt_header *header;
	const struct snp_fmt_region *region;
	struct stat st;
	unsigned trapped = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		bench_die("cannot open %s", path);
	header = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (header == MAP_FAILED)
		bench_die("cannot map %s", path);
	region = (const void *)((const char *)header + header->dir_off);
	for (uint64_t i = 0; i < header->dir_count; i++) {
		uint64_t stride = row_stride(&region[i]);

		if (stride == 0 || stride % SNP_FMT_PAGE != 0)
			continue;
		(void)fprintf(stderr, "bench: region %u of kind %u: stride %lu\n",
			      region[i].type, region[i].kind, (unsigned long)stride);
		trapped++;
	}
	munmap((void *)(uintptr_t)header, (size_t)st.st_size);
	return trapped;
}

static void print_strides(const char *path)
{
	struct bench_samples trapped = bench_value(trapped_strides(path));

	bench_print(
	    &(struct bench_row){.name = "row strides that are multiples of 4 KiB",
				.unit = "strides",
				.samples = &trapped,
				.target = BENCH_VALUE_AT_MOST,
				.limit = 0});
}

int main(void)
{
	static const unsigned percents[] = {0, 2, 10, 100};
	struct bench_segment segment;
	struct bench_segment_size have = {0};
	struct snp_bank bank;
	struct stat st;
	char name[96];

	bench_segment_open(&segment,
			   (struct bench_segment_size){WORKERS, TOOLS, BANKS});
	bank = bench_bank_adopt(&segment);
	print_rows(segment.path);
	print_strides(segment.path);
	if (stat(segment.path, &st) < 0)
		bench_die("cannot stat %s", segment.path);
	(void)snprintf(name, sizeof(name), "file: %d workers, %d tools, %d banks",
		       WORKERS, TOOLS, BANKS);
	print(name, "MiB", (double)st.st_size / MIB);
	print("file, allocated at creation", "MiB", (double)st.st_blocks * 512 / MIB);
	for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
		touch(&segment, &bank, &have, percents[i]);
		(void)snprintf(name, sizeof(name),
			       "resident in writer, %u %% of rows in use", percents[i]);
		print(name, "MiB", (double)resident_bytes(segment.path) / MIB);
		(void)snprintf(name, sizeof(name),
			       "mapped by a reader's snapshot, %u %% of rows in use",
			       percents[i]);
		print(name, "MiB", (double)reader_resident_bytes(segment.path) / MIB);
	}
	bench_segment_remove(&segment);
	return 0;
}
