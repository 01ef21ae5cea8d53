/* SPDX-License-Identifier: Apache-2.0 */
/*
 * census.h - <dir>/<instance>.census: which processes belong to the run of an instance.
 *
 * Beside the segment, and written under the instance's lock. It stays when the runtime
 * is killed, and tells the next one whom to look for. Text, for people too:
 *
 *	snakepit-census 1
 *	boot 0c4ae7f7-6e0c-4b0f-b5a5-1c8b6e6a8c0a	kernel's boot_id
 *	run 5b0ce5a4-6d8b-4f34-9d4c-0e2f2f1d0c11	uuid of the segment
 *	owner 4711 123456				the runtime: pid, start time
 *	(spaces up to byte 256)
 *	      4719               123460			a worker, or 0 0; 32 bytes each
 *
 * The file appears whole (rename); a start or an end of a worker is one write of one
 * record, which never crosses a page, so that a kill leaves it before or after. There
 *is no fsync: after a crash of the machine the boot id is another, and nobody is looked
 * for. One thread.
 */
#ifndef SNAKEPIT_RUNTIME_CENSUS_H
#define SNAKEPIT_RUNTIME_CENSUS_H

#include <limits.h>
#include <stddef.h>

#include "snakepit/err.h"
#include "worker/procid.h"

#define CENSUS_UUID_BYTES 37 /* 36 characters and a NUL */

struct census_head {
	char boot_id[CENSUS_UUID_BYTES];
	char run_uuid[CENSUS_UUID_BYTES];
	struct procid owner;
};

/* What a file says. */
struct census_content {
	struct census_head head;
	struct procid *workers; /* owned; free() */
	size_t workers_nr;
};

struct census {
	int fd; /* -1: none is kept */
	char path[PATH_MAX];
};

/* The head of a run of this process; -errno where /proc does not tell. */
int census_head_now(const char *run_uuid, struct census_head *ret_head);

/* Read one. -ENOENT there is none; -EBADMSG it is cut off, foreign or not ours (err
 * says what is wrong with it); or the errno of a system call. */
int census_read(const char *path, struct census_content *ret_content,
		struct snp_err *err);

/* Make a new one in place of what has the name. */
int census_create(const char *path, const struct census_head *head,
		  struct census *ret_census, struct snp_err *err);
/* Record slot `slot`; pid 0: nobody. Slots need no order. */
int census_set(struct census *census, size_t slot, const struct procid *worker);
/* Close; the file stays, or goes when nobody is left to be looked for. */
void census_close(struct census *census);
void census_remove(struct census *census);

#endif
