/* SPDX-License-Identifier: Apache-2.0 */
/*
 * instances.h - all instances of this machine, each with its frame.
 *
 * One thread at a time.
 */
#ifndef SNP_TOP_INSTANCES_H
#define SNP_TOP_INSTANCES_H

#include "model/buf.h"
#include "source.h"

struct top_instance {
	char name[SNP_FMT_NAME_BYTES + 1];
	char path[SNP_PATH_BYTES];
	struct top_source *source;
	const struct top_frame *frame; /* of the last tick */
	bool listed;		       /* its file was there at the last tick */
};

/* A zeroed struct has none. Those of the default directory, by name; `at` may be read
 * and moves with a tick. */
struct top_instances {
	struct top_instance **at;
	size_t nr;
};

/* Find them anew and look at each. Who has no file any more is gone, but for `keep`,
 * who is being watched (NULL: nobody). What an instance could not say, its frame says.
 * -ENOMEM, or the errors of snp_segment_list(). */
int top_instances_tick(struct top_instances *instances, const struct top_source *keep,
		       struct snp_err *err);
void top_instances_fini(struct top_instances *instances);

/* A row each. -ENOMEM: `out` must not be used. */
int top_instances_text(const struct top_instances *instances, struct snp_buf *out);
int top_instances_json(const struct top_instances *instances, struct snp_buf *out);

#endif
