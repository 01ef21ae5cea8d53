/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Let readers find the segment, and tell them how it ended.
 *
 * The finished file gets a name and is renamed into place: readers never see a
 * half-built one.
 */
#include "writer_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

struct names {
	char seg[SNP_FMT_NAME_BYTES + 16], prev[SNP_FMT_NAME_BYTES + 16],
	    tmp[SNP_FMT_NAME_BYTES + 16];
};

static struct names names_of(const struct snp_writer *w)
{
	struct names n;

	(void)snprintf(n.seg, sizeof(n.seg), "%s.seg", w->instance);
	(void)snprintf(n.prev, sizeof(n.prev), "%s.prev.seg", w->instance);
	(void)snprintf(n.tmp, sizeof(n.tmp), ".%s.new", w->instance);
	return n;
}

/* From the temporary name to the final one. A predecessor gets a second name first, so
 * that the last state of a crashed runtime stays readable, and the path is never
 * without a file: a start that dies in here must not lose the incarnation. */
static int replace_predecessor(const struct snp_writer *w, const struct names *n,
			       struct snp_err *err)
{
	if ((unlinkat(w->dir_fd, n->prev, 0) < 0 && errno != ENOENT) ||
	    (linkat(w->dir_fd, n->seg, w->dir_fd, n->prev, 0) < 0 && errno != ENOENT))
		return snp_err_errno(err, "cannot keep the previous segment as %s",
				     n->prev);
	if (renameat(w->dir_fd, n->tmp, w->dir_fd, n->seg) < 0)
		return snp_err_errno(err, "cannot publish %s", w->path);
	return 0;
}

/* Give the nameless file its name; none is left where that fails. */
static int link_into_place(const struct snp_writer *w, struct snp_err *err)
{
	struct names n = names_of(w);
	char self[64];
	int rc;

	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", w->file_fd);
	if (unlinkat(w->dir_fd, n.tmp, 0) < 0 && errno != ENOENT)
		return snp_err_errno(err, "cannot remove left-over %s", n.tmp);
	if (linkat(AT_FDCWD, self, w->dir_fd, n.tmp, AT_SYMLINK_FOLLOW) < 0)
		return snp_err_errno(err, "cannot name the segment %s", n.tmp);
	rc = replace_predecessor(w, &n, err);
	if (rc < 0)
		(void)unlinkat(w->dir_fd, n.tmp, 0);
	return rc;
}

int snp_writer_publish(struct snp_writer *w, struct snp_err *err)
{
	int rc = 0;

	snp_writer_heartbeat(w, 0, 0);
	/* Release: header, directory and schema before LIVE. Partner: attach.c. */
	atomic_store_explicit(&w->header->state, SNP_STATE_LIVE, memory_order_release);
	if (w->file_fd >= 0)
		rc = link_into_place(w, err);
	w->published = rc == 0;
	return rc;
}

void snp_writer_set_draining(struct snp_writer *w)
{
	atomic_store_explicit(&w->header->state, SNP_STATE_DRAINING,
			      memory_order_release);
}

void snp_writer_set_stop_reason(struct snp_writer *w, enum snp_enum_STOP_REASON reason)
{
	snp_set(&w->header->stop_reason, reason);
}

/* The last word. Release: it covers the reason and the last image. */
static void say_closed(struct snp_writer *w)
{
	snp_writer_snap(w);
	snp_writer_heartbeat(w, 0, 0);
	atomic_store_explicit(&w->header->state, SNP_STATE_CLOSED,
			      memory_order_release);
}

void snp_writer_close(struct snp_writer **writer)
{
	struct snp_writer *w = *writer;

	*writer = NULL;
	if (!w)
		return;
	say_closed(w);
	/* Nobody has seen a segment that this lock could belong to. */
	if (!w->published || w->file_fd < 0)
		snp__writer_unlink_lock(w);
	snp__writer_free(w);
}

void snp_writer_remove(struct snp_writer **writer)
{
	struct snp_writer *w = *writer;

	*writer = NULL;
	if (!w)
		return;
	/* CLOSED before the name goes: who is attached learns that it ended cleanly. */
	say_closed(w);
	if (w->published && w->file_fd >= 0)
		(void)unlinkat(w->dir_fd, names_of(w).seg, 0);
	snp__writer_unlink_lock(w);
	snp__writer_free(w);
}

void snp_writer_abandon(struct snp_writer **writer)
{
	struct snp_writer *w = *writer;

	*writer = NULL;
	if (w)
		snp__writer_free(w);
}
