/* SPDX-License-Identifier: Apache-2.0 */
#include "snp_test.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "test_random.h"
#include "worker/census.h"

#define UUID	   "5b0ce5a4-6d8b-4f34-9d4c-0e2f2f1d0c11"
#define HEAD_BYTES 256
#define RECORD	   32
#define BYTES_MOST 4096
#define DAMAGES	   20000

static char dir[64], path[96];
static struct census census;

static int set_up(void **state)
{
	(void)state;
	snp_test_tmpdir_make(dir, sizeof(dir));
	(void)snprintf(path, sizeof(path), "%s/unit.census", dir);
	census.fd = -1;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	census_close(&census);
	snp_test_tmpdir_remove(dir);
	return 0;
}

static void create(void)
{
	struct snp_err err = {0};
	struct census_head head;

	assert_int_equal(census_head_now(UUID, &head), 0);
	if (census_create(path, &head, &census, &err) < 0)
		fail_msg("%s", err.msg);
}

static void set(size_t slot, pid_t pid, uint64_t start)
{
	const struct procid id = {.pid = pid, .start = start};

	assert_int_equal(census_set(&census, slot, &id), 0);
}

static size_t read_file(char *bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, bytes, BYTES_MOST);

	assert_true(n > 0 && n < BYTES_MOST);
	close(fd);
	return (size_t)n;
}

static void write_file(const char *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), (ssize_t)len);
	close(fd);
}

static void read_gives_what_was_written(void **state)
{
	struct census_content content;
	struct census_head head;
	struct stat st;

	(void)state;
	create();
	set(0, 4719, 123460);
	set(2, 4721, UINT64_MAX);
	set(1, 4720, 5);
	set(0, 0, 0);
	set(3, INT32_MAX, 7);
	assert_int_equal(census_read(path, &content, NULL), 0);
	assert_int_equal(census_head_now(UUID, &head), 0);
	assert_string_equal(content.head.boot_id, head.boot_id);
	assert_string_equal(content.head.run_uuid, UUID);
	assert_int_equal(content.head.owner.pid, getpid());
	assert_int_equal(content.head.owner.start, head.owner.start);
	assert_int_equal(content.workers_nr, 3);
	assert_int_equal(content.workers[0].pid, 4720);
	assert_int_equal(content.workers[1].pid, 4721);
	assert_int_equal(content.workers[1].start, UINT64_MAX);
	assert_int_equal(content.workers[2].pid, INT32_MAX);
	free(content.workers);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, HEAD_BYTES + 4 * RECORD);
}

static void create_replaces_an_earlier_one_and_its_unfinished_work(void **state)
{
	struct census_content content;
	char scratch[128];
	int fd;

	(void)state;
	create();
	set(0, 1, 1);
	census_close(&census);
	(void)snprintf(scratch, sizeof(scratch), "%s.new", path);
	fd = open(scratch, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	create();
	assert_int_equal(access(scratch, F_OK), -1);
	assert_int_equal(census_read(path, &content, NULL), 0);
	assert_int_equal(content.workers_nr, 0);
	free(content.workers);
	census_remove(&census);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(census_read(path, &content, NULL), -ENOENT);
}

static void create_in_no_directory_fails_with_a_text(void **state)
{
	struct census_head head;
	struct snp_err err = {0};

	(void)state;
	assert_int_equal(census_head_now(UUID, &head), 0);
	assert_int_equal(census_create("/nowhere/x", &head, &census, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "/nowhere/x"));
	assert_int_equal(census.fd, -1);
	assert_int_equal(census_set(&census, 0, &(struct procid){.pid = 1}), 0);
}

/* A census whose end is missing is no census, unless whole records are: those are of
 * slots that nobody had yet. */
static void read_of_every_truncation_fails_unless_records_are_whole(void **state)
{
	char bytes[BYTES_MOST];
	size_t len;

	(void)state;
	create();
	set(0, 4719, 1);
	set(1, 4720, 2);
	len = read_file(bytes);
	for (size_t cut = 0; cut < len; cut++) {
		struct census_content content = {.workers_nr = 99};
		struct snp_err err = {0};
		int rc;

		write_file(bytes, cut);
		rc = census_read(path, &content, &err);
		if (cut >= HEAD_BYTES && (cut - HEAD_BYTES) % RECORD == 0) {
			assert_int_equal(rc, 0);
			assert_int_equal(content.workers_nr,
					 (cut - HEAD_BYTES) / RECORD);
			free(content.workers);
		} else {
			assert_int_equal(rc, -EBADMSG);
			assert_true(strlen(err.msg) > 0);
			assert_int_equal(content.workers_nr, 99);
		}
	}
}

static void read_of_random_damage_fails_or_gives_pids(void **state)
{
	struct test_random random = test_random_seeded(4);
	char bytes[BYTES_MOST];
	size_t len;

	(void)state;
	create();
	set(0, 4719, 1);
	set(1, 4720, 2);
	len = read_file(bytes);
	for (int i = 0; i < DAMAGES; i++) {
		struct census_content content;
		char damaged[BYTES_MOST];
		int rc;

		memcpy(damaged, bytes, len);
		for (uint32_t n = 1 + test_random_below(&random, 3); n > 0; n--)
			damaged[test_random_below(&random, (uint32_t)len)] =
			    (char)test_random_u32(&random);
		write_file(damaged, len);
		rc = census_read(path, &content, NULL);
		if (rc == 0) {
			for (size_t k = 0; k < content.workers_nr; k++)
				assert_true(content.workers[k].pid > 0);
			free(content.workers);
		} else {
			assert_int_equal(rc, -EBADMSG);
		}
	}
}

static void read_of_what_is_no_file_of_ours_fails(void **state)
{
	struct census_content content;
	char other[128];

	(void)state;
	create();
	(void)snprintf(other, sizeof(other), "%s/other", dir);
	assert_int_equal(rename(path, other), 0);
	assert_int_equal(symlink(other, path), 0);
	assert_int_equal(census_read(path, &content, NULL), -EBADMSG);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(census_read(path, &content, NULL), -EBADMSG);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(census_read(path, &content, NULL), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    T(read_gives_what_was_written),
	    T(create_replaces_an_earlier_one_and_its_unfinished_work),
	    T(create_in_no_directory_fails_with_a_text),
	    T(read_of_every_truncation_fails_unless_records_are_whole),
	    T(read_of_random_damage_fails_or_gives_pids),
	    T(read_of_what_is_no_file_of_ours_fails),
	};

	return cmocka_run_group_tests_name("runtime/census", tests, NULL, NULL);
}
