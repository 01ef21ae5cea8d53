/* SPDX-License-Identifier: Apache-2.0 */
/* The header of a new segment: which format, whose it is, and when it began. */
#include "writer_private.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "crc32c.h"
#include "origin.h"

#define SCRAPE_HINT_MS 1000

/* Field 22 of /proc/self/stat, in clock ticks since boot; 0 when it cannot be read. */
static uint64_t own_start_ticks(void)
{
	char line[1024];
	unsigned long long ticks = 0;
	FILE *f = fopen("/proc/self/stat", "re");
	char *p;

	if (!f)
		return 0;
	if (fgets(line, sizeof(line), f) && (p = strrchr(line, ')')))
		if (sscanf(
			p + 1,
			" %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d "
			"%*d %*d %*d %*d %llu",
			&ticks) != 1)
			ticks = 0;
	(void)fclose(f);
	return ticks;
}

/* Incarnation of the file a start replaces, 0 when there is none worth reading. */
static uint64_t predecessor_incarnation(const struct snp_writer *w)
{
	char name[SNP_FMT_NAME_BYTES + 8];
	struct snp_fmt_header h;
	uint64_t incarnation = 0;
	int fd;

	(void)snprintf(name, sizeof(name), "%s.seg", w->instance);
	/* O_NONBLOCK: a FIFO of that name must not keep us waiting. */
	fd = openat(w->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return 0;
	if (pread(fd, &h, sizeof(h), 0) == (ssize_t)sizeof(h) &&
	    memcmp(h.magic, SNP_FMT_MAGIC, sizeof(h.magic)) == 0 &&
	    h.hdr_crc == snp__crc32c(&h, offsetof(struct snp_fmt_header, hdr_crc)))
		incarnation = h.incarnation;
	close(fd);
	return incarnation;
}

static void uuid_make(uint8_t ret_uuid[16], char ret_text[37])
{
	static const char hex[] = "0123456789abcdef";
	size_t at = 0;

	if (getrandom(ret_uuid, 16, 0) != 16) {
		/* A sandbox may refuse it. By its uuid what a run started is found, so
		 * that of no other run will do: there is only one at a time with a pid.
		 */
		const uint64_t own[2] = {snp_wall_now().ns,
					 snp_mono_now().ns ^ (uint64_t)getpid() << 40};

		memcpy(ret_uuid, own, sizeof(own));
	}
	ret_uuid[6] = (uint8_t)((ret_uuid[6] & 0x0f) | 0x40); /* version 4, RFC 9562 */
	ret_uuid[8] = (uint8_t)((ret_uuid[8] & 0x3f) | 0x80);
	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			ret_text[at++] = '-';
		ret_text[at++] = hex[ret_uuid[i] >> 4];
		ret_text[at++] = hex[ret_uuid[i] & 15];
	}
	ret_text[at] = '\0';
}

/* Every ring says how many records it has room for; heads start at 0. */
static void fill_rings(struct snp_writer *w)
{
	static const enum snp__place places[] = {PLACE_EVNT, PLACE_SPAN, PLACE_EVID,
						 PLACE_HIST_POOL, PLACE_HIST_WORKER};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		const struct snp_fmt_region *r = &w->layout.region[places[i]];

		for (uint64_t block = 0; block < r->outer_count; block++) {
			struct snp_fmt_ring *ring = snp__block(w, places[i], block);

			ring->capacity = r->count;
		}
	}
}

void snp__header_fill(struct snp_writer *w)
{
	struct snp_fmt_header *h = w->header;

	memcpy(h->magic, SNP_FMT_MAGIC, sizeof(h->magic));
	h->endian = SNP_FMT_ENDIAN;
	h->ver_major = SNP_FMT_MAJOR;
	h->ver_minor = SNP_FMT_MINOR;
	h->compat_major_min = SNP_FMT_MAJOR;
	h->header_size = offsetof(struct snp_fmt_header, reserved3);
	h->map_size = w->layout.total_bytes;
	uuid_make(h->instance_uuid, w->uuid);
	(void)snp__boot_id(
	    h->boot_id); /* zeros where unknown: readers skip the check */
	h->incarnation = predecessor_incarnation(w) + 1;
	h->pid = (uint32_t)getpid();
	h->uid = (uint32_t)geteuid();
	h->pid_start_ticks = own_start_ticks();
	h->pidns_inode = snp__namespace_inode("/proc/self/ns/pid");
	h->timens_inode = snp__namespace_inode("/proc/self/ns/time");
	h->start_monotonic_ns = snp_mono_now().ns;
	h->start_realtime_ns = snp_wall_now().ns;
	h->dir_off = SNP_FMT_DIR_OFF;
	h->dir_count = PLACE_NR;
	h->heartbeat_interval_ms = w->options.heartbeat_interval_ms;
	h->stale_after_ms = w->options.stale_after_ms;
	h->scrape_hint_ms = SCRAPE_HINT_MS;
	h->reuse_quarantine_ms = w->options.reuse_quarantine_ms;
	memcpy(h->name, w->instance, strlen(w->instance));
	memcpy(w->map + SNP_FMT_DIR_OFF, w->layout.region, sizeof(w->layout.region));
	h->dir_crc = snp__crc32c(w->layout.region, sizeof(w->layout.region));
	snp_set(&h->row_high[SNP_ROW_PROC], 1);
	fill_rings(w);
}

void snp__header_seal(struct snp_writer *w)
{
	w->header->hdr_crc =
	    snp__crc32c(w->header, offsetof(struct snp_fmt_header, hdr_crc));
}

/* ---- heartbeat ----------------------------------------------------------- */

void snp_writer_heartbeat(struct snp_writer *w, uint64_t loop_lag_max_ns,
			  unsigned live_threads)
{
	uint64_t seq = snp_get(&w->header->hb_seq) + 1;
	struct snp_fmt_heartbeat *hb = &w->header->hb[seq & 1];
	uint64_t before = snp__clock_ns(CLOCK_MONOTONIC);
	uint64_t real = snp__clock_ns(CLOCK_REALTIME);
	uint64_t after = snp__clock_ns(CLOCK_MONOTONIC);
	const uint64_t words[] = {seq,
				  before + (after - before) / 2,
				  real,
				  snp__clock_ns(CLOCK_BOOTTIME),
				  (after - before + 1) / 2,
				  loop_lag_max_ns,
				  live_threads};

	/* A two-copy latch with a CRC for readers without memory ordering; see
	 * snp_latch_publish() for the protocol. */
	atomic_thread_fence(memory_order_release);
	snp_set(&hb->seq, words[0]);
	snp_set(&hb->mono_ns, words[1]);
	snp_set(&hb->real_ns, words[2]);
	snp_set(&hb->boottime_ns, words[3]);
	snp_set(&hb->pair_error_ns, words[4]);
	snp_set(&hb->loop_lag_max_ns, words[5]);
	snp_set(&hb->live_threads, words[6]);
	snp_set(&hb->crc, snp__crc32c(words, sizeof(words)));
	atomic_store_explicit(&w->header->hb_seq, seq, memory_order_release);
}
