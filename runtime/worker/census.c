/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/census.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD_BYTES   256
#define RECORD_BYTES 32
#define FILE_MAX     (1 << 22) /* of 131,064 workers */

int census_head_now(const char *run_uuid, struct census_head *ret_head)
{
	int rc, fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, ret_head->boot_id, CENSUS_UUID_BYTES - 1);

	rc = fd < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	if (rc == 0 && n != CENSUS_UUID_BYTES - 1)
		rc = -EIO;
	if (rc == 0)
		rc = procid_of(getpid(), &ret_head->owner, NULL);
	ret_head->boot_id[CENSUS_UUID_BYTES - 1] = '\0';
	(void)snprintf(ret_head->run_uuid, CENSUS_UUID_BYTES, "%s", run_uuid);
	return rc;
}

/* ---- reading ------------------------------------------------------------- */

static bool is_uuid(const char *text)
{
	return strlen(text) == CENSUS_UUID_BYTES - 1 &&
	       strspn(text, "0123456789abcdef-") == CENSUS_UUID_BYTES - 1;
}

static bool parse_id(const char *text, struct procid *ret_id)
{
	unsigned long long start;
	int pid, end = 0;

	if (sscanf(text, "%10d %20llu%n", &pid, &start, &end) != 2 || pid < 0)
		return false;
	*ret_id = (struct procid){.pid = pid, .start = start};
	return text[end] == '\n';
}

static bool parse_head(const char *text, struct census_head *ret)
{
	int end = 0;

	if (sscanf(text, "snakepit-census 1\nboot %36s\nrun %36s\nowner %n",
		   ret->boot_id, ret->run_uuid, &end) != 2 ||
	    !end)
		return false;
	return is_uuid(ret->boot_id) && is_uuid(ret->run_uuid) &&
	       parse_id(text + end, &ret->owner) && text[HEAD_BYTES - 1] == '\n';
}

/* `text` has `len` bytes and a NUL. */
static int parse(const char *text, size_t len, struct census_content *ret,
		 struct snp_err *err)
{
	size_t records;

	if (len < HEAD_BYTES || strlen(text) != len || !parse_head(text, &ret->head))
		return snp_err_set(err, -EBADMSG, "it does not begin like a census");
	if ((len - HEAD_BYTES) % RECORD_BYTES)
		return snp_err_set(err, -EBADMSG, "it is cut off at byte %zu", len);
	records = (len - HEAD_BYTES) / RECORD_BYTES;
	ret->workers = calloc(records + 1, sizeof(*ret->workers));
	if (!ret->workers)
		return snp_err_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < records; i++) {
		struct procid *id = &ret->workers[ret->workers_nr];

		if (!parse_id(text + HEAD_BYTES + i * RECORD_BYTES, id)) {
			free(ret->workers);
			return snp_err_set(err, -EBADMSG, "record %zu is no worker", i);
		}
		ret->workers_nr += id->pid > 0;
	}
	return 0;
}

static int read_text(int fd, char **ret_text, size_t *ret_len, struct snp_err *err)
{
	struct stat st;
	ssize_t n;
	char *text;

	if (fstat(fd, &st) < 0)
		return snp_err_errno(err, "it cannot be examined");
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_size > FILE_MAX)
		return snp_err_set(err, -EBADMSG,
				   "it is not a file of ours of at most %d bytes",
				   FILE_MAX);
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		return snp_err_set(err, -ENOMEM, "out of memory");
	n = read(fd, text, (size_t)st.st_size);
	if (n < 0) {
		free(text);
		return snp_err_errno(err, "it cannot be read");
	}
	text[n] = '\0';
	*ret_text = text;
	*ret_len = (size_t)n;
	return 0;
}

int census_read(const char *path, struct census_content *ret_content,
		struct snp_err *err)
{
	int rc, fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct census_content content = {.workers = NULL};
	char *text = NULL;
	size_t len = 0;

	if (fd < 0)
		return errno == ELOOP
			   ? snp_err_set(err, -EBADMSG, "it is a symbolic link")
			   : snp_err_errno(err, "it cannot be opened");
	rc = read_text(fd, &text, &len, err);
	close(fd);
	if (rc == 0)
		rc = parse(text, len, &content, err);
	free(text);
	if (rc == 0)
		*ret_content = content;
	return rc;
}

/* ---- writing ------------------------------------------------------------- */

static int write_head(int fd, const struct census_head *head)
{
	char text[HEAD_BYTES + 1];
	int n = snprintf(text, sizeof(text),
			 "snakepit-census 1\nboot %s\nrun %s\nowner %d %llu\n",
			 head->boot_id, head->run_uuid, (int)head->owner.pid,
			 (unsigned long long)head->owner.start);

	if (n < 0 || n >= HEAD_BYTES)
		return -EINVAL;
	memset(text + n, ' ', HEAD_BYTES - 1 - (size_t)n);
	text[HEAD_BYTES - 1] = '\n';
	return pwrite(fd, text, HEAD_BYTES, 0) == HEAD_BYTES ? 0 : -EIO;
}

int census_create(const char *path, const struct census_head *head,
		  struct census *ret_census, struct snp_err *err)
{
	char scratch[PATH_MAX];
	int rc, fd;

	if (snprintf(scratch, sizeof(scratch), "%s.new", path) >= PATH_MAX)
		return snp_err_set(err, -ENAMETOOLONG, "%s is too long", path);
	/* The lock is ours, so is what an earlier run may have left unfinished. */
	(void)unlink(scratch);
	fd = open(scratch, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return snp_err_errno(err, "cannot create %s", scratch);
	rc = write_head(fd, head);
	if (rc == 0 && rename(scratch, path) < 0)
		rc = -errno;
	if (rc < 0) {
		close(fd);
		(void)unlink(scratch);
		return snp_err_set(err, rc, "cannot write %s: %s", path, strerror(-rc));
	}
	ret_census->fd = fd;
	(void)snprintf(ret_census->path, sizeof(ret_census->path), "%s", path);
	return 0;
}

int census_set(struct census *census, size_t slot, const struct procid *worker)
{
	const off_t at = (off_t)(HEAD_BYTES + slot * RECORD_BYTES);
	char text[RECORD_BYTES + 1];
	ssize_t n;

	if (census->fd < 0)
		return 0;
	(void)snprintf(text, sizeof(text), "%10d %20llu\n", (int)worker->pid,
		       (unsigned long long)worker->start);
	n = pwrite(census->fd, text, RECORD_BYTES, at);
	if (n < 0)
		return -errno;
	return n == RECORD_BYTES ? 0 : -ENOSPC;
}

void census_close(struct census *census)
{
	if (census->fd >= 0)
		close(census->fd);
	census->fd = -1;
}

void census_remove(struct census *census)
{
	if (census->fd >= 0)
		(void)unlink(census->path);
	census_close(census);
}
