/* SPDX-License-Identifier: Apache-2.0 */
/* Is the writer alive, hung, gone or done? Decided in the order of the enum, never by
 * pid. And what time is it there? */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "origin.h"
#include "reader_private.h"

const char *snp_writer_verdict_name(enum snp_writer_verdict verdict)
{
	static const char *const names[SNP_WRITER_VERDICT_NR] = {
	    [SNP_WRITER_CLOSED] = "closed", [SNP_WRITER_OLD] = "old",
	    [SNP_WRITER_DEAD] = "dead",	    [SNP_WRITER_HUNG] = "hung",
	    [SNP_WRITER_ALIVE] = "alive",
	};

	return (unsigned)verdict < SNP_WRITER_VERDICT_NR ? names[verdict] : "?";
}

/* The kernel's answer: does anybody hold the writer's lock? True also where the file
 * system cannot say, so that the heartbeat decides. */
static bool lock_held(int fd)
{
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};

	if (fcntl(fd, F_OFD_GETLK, &lock) < 0)
		return true;
	return lock.l_type != F_UNLCK;
}

static bool from_earlier_boot(const struct snp_segment *seg)
{
	static const uint8_t unknown[16];
	uint8_t now[16] = {0};

	if (memcmp(seg->boot_id, unknown, 16) == 0 || snp__boot_id(now) < 0)
		return false;
	return memcmp(seg->boot_id, now, 16) != 0;
}

enum snp_writer_verdict snp_segment_verdict(struct snp_segment *seg)
{
	uint64_t state = snp__word_acquire(seg, offsetof(struct snp_fmt_header, state));
	uint64_t seq = snp__word_acquire(seg, offsetof(struct snp_fmt_header, hb_seq));
	snp_mono_t now = snp_mono_now();

	if (state == SNP_STATE_CLOSED || state == SNP_STATE_SUPERSEDED)
		return SNP_WRITER_CLOSED;
	if (from_earlier_boot(seg))
		return SNP_WRITER_OLD;
	if (!lock_held(seg->fd))
		return SNP_WRITER_DEAD;
	if (seq != seg->seen_hb_seq || seg->seen_hb_at.ns == 0) {
		seg->seen_hb_seq = seq;
		seg->seen_hb_at = now;
		return SNP_WRITER_ALIVE;
	}
	if (snp_mono_since_ns(now, seg->seen_hb_at) >=
	    seg->info.stale_after_ms * SNP_NS_PER_MS)
		return SNP_WRITER_HUNG;
	return SNP_WRITER_ALIVE;
}

/* Monotonic clocks are of one boot, and of one time namespace: containers may have
 * theirs set back or forth. */
static bool shares_clock(const struct snp_segment *seg)
{
	uint64_t theirs =
	    seg->header[offsetof(struct snp_fmt_header, timens_inode) / 8];
	uint64_t ours = snp__namespace_inode("/proc/self/ns/time");

	return !from_earlier_boot(seg) && (theirs == 0 || ours == 0 || theirs == ours);
}

snp_mono_t snp_segment_now(const struct snp_segment *seg,
			   const struct snp_snapshot *snap)
{
	const struct snp_snapshot_stats *s = snp_snapshot_stats(snap);
	uint64_t wall = snp_wall_now().ns;

	if (shares_clock(seg))
		return snp_mono_now();
	return (snp_mono_t){s->heartbeat_mono.ns + (wall > s->heartbeat_wall.ns
							? wall - s->heartbeat_wall.ns
							: 0)};
}
