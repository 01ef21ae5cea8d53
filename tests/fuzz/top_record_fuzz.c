/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the chunks of a recording, with checksums that are right: each frame is
 * read whole, with indexes that hold, or refused. The first byte says how long the
 * first chunk is, in 16ths of the rest. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "crc32c.h"
#include "record_codec.h"
#include "record_file.h"
#include "snakepit/check.h"

static void put(int fd, const void *bytes, size_t len)
{
	SNP_CHECK(write(fd, bytes, len) == (ssize_t)len);
}

static void put_head(int fd)
{
	unsigned char head[TOP_RECORD_HEAD_BYTES] = RECORD_MAGIC;

	record_put(head + HEAD_VERSION, TOP_RECORD_VERSION, 4);
	record_put(head + HEAD_LAYOUT, top_codec_layout(), 8);
	record_put(head + HEAD_CRC, snp__crc32c(head, HEAD_CRC), 4);
	put(fd, head, sizeof(head));
}

static void put_chunk(int fd, const uint8_t *data, size_t len)
{
	unsigned char head[CHUNK_HEAD_BYTES];

	record_put(head + CHUNK_LEN, len, 4);
	record_put(head + CHUNK_CRC, snp__crc32c(data, len), 4);
	put(fd, head, sizeof(head));
	put(fd, data, len);
}

static void check_frame(const struct top_frame *f)
{
	SNP_CHECK(f->verdict < TOP_VERDICT_NR && f->inflight_nr <= TOP_INFLIGHT_MAX);
	for (size_t i = 0; i < f->look.workers_nr; i++)
		SNP_CHECK(f->look.workers[i].pool < f->look.pools_nr);
	for (size_t i = 0; i < f->inflight_nr; i++)
		SNP_CHECK(f->inflight[i].worker < f->look.workers_nr &&
			  f->inflight[i].pool < f->look.pools_nr);
	for (unsigned back = 0; back < 3; back++)
		(void)top_frame_value(f, TOP_ALL_POOLS, TOP_SERIES_REQ, back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct top_recording *recording = NULL;
	struct snp_err err = {0};
	char path[64];
	size_t first;
	int fd;

	if (size < 3)
		return 0;
	fd = memfd_create("recording", MFD_CLOEXEC);
	SNP_CHECK(fd >= 0);
	first = 1 + (size - 2) * (data[0] & 15) / 16;
	put_head(fd);
	put_chunk(fd, data + 1, first);
	put_chunk(fd, data + 1 + first, size - 1 - first);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	SNP_CHECK(top_recording_open(path, &recording, &err) == 0);
	for (uint64_t i = 0; i < top_recording_frames(recording); i++) {
		if (top_recording_read(recording, i, i) < 0)
			SNP_CHECK(*top_recording_frame(recording)->problem);
		else
			check_frame(top_recording_frame(recording));
	}
	top_recording_close(&recording);
	(void)close(fd);
	return 0;
}
