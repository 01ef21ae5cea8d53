/* SPDX-License-Identifier: Apache-2.0 */
#include "model/target.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct snp_target {
	char *name; /* NULL: the only instance there is */
	struct snp_segment *seg;
	struct snp_snapshot *snap;   /* of seg */
	struct snp_segment *old_seg; /* what the last poll replaced */
	struct snp_snapshot *old_snap;
	struct snp_err err;
	enum snp_target_state state;
	enum snp_writer_verdict verdict;
	bool fresh;
	uint64_t generation;
};

const char *snp_target_state_name(enum snp_target_state state)
{
	static const char *const names[SNP_TARGET_STATE_NR] = {
	    [SNP_TARGET_ABSENT] = "absent",
	    [SNP_TARGET_BROKEN] = "broken",
	    [SNP_TARGET_LIVE] = "live",
	    [SNP_TARGET_ENDED] = "ended",
	};

	return (unsigned)state < SNP_TARGET_STATE_NR ? names[state] : "?";
}

int snp_target_create(const char *name, struct snp_target **ret_target)
{
	struct snp_target *target = calloc(1, sizeof(*target));

	if (!target)
		return -ENOMEM;
	if (name) {
		target->name = strdup(name);
		if (!target->name) {
			free(target);
			return -ENOMEM;
		}
	}
	target->state = SNP_TARGET_ABSENT;
	*ret_target = target;
	return 0;
}

static void drop_segment(struct snp_target *target)
{
	snp_snapshot_destroy(&target->snap);
	snp_segment_detach(&target->seg);
}

static void drop_predecessor(struct snp_target *target)
{
	snp_snapshot_destroy(&target->old_snap);
	snp_segment_detach(&target->old_seg);
}

/* The map outlives the name of the file: what was written between the last poll and the
 * writer's end is still to be read. */
static void make_predecessor(struct snp_target *target)
{
	target->old_seg = target->seg;
	target->old_snap = target->snap;
	target->seg = NULL;
	target->snap = NULL;
	if (target->old_seg &&
	    snp_segment_snapshot(target->old_seg, &target->old_snap, NULL) < 0)
		drop_predecessor(target);
}

void snp_target_destroy(struct snp_target **target)
{
	if (!*target)
		return;
	drop_predecessor(*target);
	drop_segment(*target);
	free((*target)->name);
	free(*target);
	*target = NULL;
}

/* Attach to the file at `path` and look into it; what was attached before gives way
 * only to one that could be read, so the last word of the old runtime is kept until
 * then. */
static int attach_path(struct snp_target *target, const char *path)
{
	struct snp_segment *seg = NULL;
	struct snp_snapshot *snap = NULL;
	enum snp_writer_verdict verdict;
	int r;

	r = snp_segment_attach(path, &seg, &target->err);
	if (r < 0)
		return r;
	/* The verdict comes first: data taken after a writer was found dead is final.
	 */
	verdict = snp_segment_verdict(seg);
	r = snp_segment_snapshot(seg, &snap, &target->err);
	if (r < 0) {
		snp_snapshot_destroy(&snap);
		snp_segment_detach(&seg);
		return r;
	}
	make_predecessor(target);
	target->seg = seg;
	target->snap = snap;
	target->verdict = verdict;
	target->fresh = true;
	target->generation++;
	return 0;
}

static int attach(struct snp_target *target)
{
	char path[SNP_PATH_BYTES];
	int r;

	/* A target that was attached stays with its path, also when a second instance
	 * has made the unnamed one ambiguous meanwhile. */
	if (target->seg) {
		r = attach_path(target, snp_segment_info(target->seg)->path);
		if (r != -ENOENT)
			return r;
	}
	r = snp_segment_find(target->name, path, &target->err);
	if (r < 0)
		return r;
	return attach_path(target, path);
}

/* A new snapshot of what is attached. A segment that no longer holds together is let
 * go, so that the next poll checks it from the start. */
static int look_again(struct snp_target *target)
{
	int r;

	target->verdict = snp_segment_verdict(target->seg);
	r = snp_segment_snapshot(target->seg, &target->snap, &target->err);
	if (r < 0) {
		drop_segment(target);
		return r;
	}
	target->fresh = true;
	return 0;
}

static enum snp_target_state state_of_failure(int error)
{
	switch (error) {
	case -ENOENT:
	case -EAGAIN:
	case -EEXIST:
		return SNP_TARGET_ABSENT;
	default:
		return SNP_TARGET_BROKEN;
	}
}

static enum snp_target_state state_of_verdict(enum snp_writer_verdict verdict)
{
	switch (verdict) {
	case SNP_WRITER_ALIVE:
	case SNP_WRITER_HUNG:
		return SNP_TARGET_LIVE;
	default:
		return SNP_TARGET_ENDED;
	}
}

enum snp_target_state snp_target_poll(struct snp_target *target)
{
	int r = 0;

	target->fresh = false;
	target->err = (struct snp_err){0};
	drop_predecessor(target);
	if (!target->seg || snp_segment_replaced(target->seg)) {
		r = attach(target);
		if (r == 0)
			target->err = (struct snp_err){0};
	}
	if (target->seg && !target->fresh)
		r = look_again(target);
	target->state =
	    target->seg ? state_of_verdict(target->verdict) : state_of_failure(r);
	return target->state;
}

enum snp_target_state snp_target_state(const struct snp_target *target)
{
	return target->state;
}

bool snp_target_is_up(const struct snp_target *target)
{
	return target->state == SNP_TARGET_LIVE && target->verdict == SNP_WRITER_ALIVE;
}

bool snp_target_fresh(const struct snp_target *target)
{
	return target->fresh;
}

enum snp_writer_verdict snp_target_verdict(const struct snp_target *target)
{
	return target->verdict;
}

const struct snp_err *snp_target_error(const struct snp_target *target)
{
	return &target->err;
}

const struct snp_snapshot *snp_target_snapshot(const struct snp_target *target)
{
	return target->snap;
}

struct snp_segment *snp_target_segment(const struct snp_target *target)
{
	return target->seg;
}

const struct snp_snapshot *snp_target_predecessor(const struct snp_target *target)
{
	return target->old_snap;
}

struct snp_segment *snp_target_predecessor_segment(const struct snp_target *target)
{
	return target->old_snap ? target->old_seg : NULL;
}

uint64_t snp_target_generation(const struct snp_target *target)
{
	return target->generation;
}

/* ---- for a program's last line ------------------------------------------- */

int snp_exit_code(int error)
{
	switch (error) {
	case 0:
		return SNP_EXIT_OK;
	case -ENOENT:
	case -EAGAIN:
		return SNP_EXIT_NOT_RUNNING;
	case -EEXIST:
		return SNP_EXIT_USAGE;
	case -EPROTO:
	case -EBADMSG:
		return SNP_EXIT_UNKNOWN;
	default:
		return SNP_EXIT_FAILURE;
	}
}

/* The other failures say it in their own text (shm/src/attach.c, path.c). */
const char *snp_exit_advice(int error)
{
	switch (error) {
	case -EBADMSG:
		return "; check the path given with -n, or restart the runtime";
	case -EPERM:
		return "; check the path given with -n, and owner and mode of the file";
	default:
		return "";
	}
}
