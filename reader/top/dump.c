/* SPDX-License-Identifier: Apache-2.0 */
#include "dump.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "batch.h"

/* An instance may be called by a path; a file's name takes letters and digits of it. */
void top_dump_name(char name[TOP_DUMP_NAME_BYTES], const struct top_frame *frame)
{
	time_t s = (time_t)(frame->wall.ns / SNP_NS_PER_S);
	char when[32] = "";
	struct tm tm;
	size_t at;

	if (localtime_r(&s, &tm))
		(void)strftime(when, sizeof(when), "%Y%m%d-%H%M%S", &tm);
	at = strlen("snakepit-top-");
	(void)snprintf(name, TOP_DUMP_NAME_BYTES, "snakepit-top-%.64s-%s",
		       frame->instance, when);
	for (; name[at]; at++)
		if (!isalnum((unsigned char)name[at]) && !strchr("-_.", name[at]))
			name[at] = '_';
}

static int write_file(const char *name, const char *ending, const struct snp_buf *buf,
		      struct snp_err *err)
{
	char path[TOP_DUMP_NAME_BYTES + 8];
	int fd, rc;

	(void)snprintf(path, sizeof(path), "%s%s", name, ending);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (fd < 0)
		return snp_err_errno(err, "cannot write %s", path);
	rc = snp_buf_write_fd(buf, fd);
	if (close(fd) < 0 && rc == 0)
		rc = -errno;
	if (rc < 0) {
		(void)unlink(path); /* half a file helps nobody */
		errno = -rc;
		return snp_err_errno(err, "cannot write %s", path);
	}
	return 0;
}

int top_dump_write(const struct top_scene *scene, const struct top_grid *grid,
		   char ret_name[TOP_DUMP_NAME_BYTES], struct snp_err *err)
{
	struct snp_buf text = {0}, json = {0};
	int rc;

	top_dump_name(ret_name, scene->frame);
	top_grid_text(grid, &text);
	rc = top_batch_json(scene, &json);
	if (rc < 0 || text.failed)
		rc = snp_err_set(err, -ENOMEM, "out of memory");
	if (rc == 0)
		rc = write_file(ret_name, ".txt", &text, err);
	if (rc == 0)
		rc = write_file(ret_name, ".json", &json, err);
	snp_buf_fini(&text);
	snp_buf_fini(&json);
	return rc;
}
