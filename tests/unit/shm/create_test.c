/* SPDX-License-Identifier: Apache-2.0 */
/* Creating a segment: what is refused and why, what a full file system does, and that
 * the writer's side keeps callers from publishing what readers would refuse. */
#include "snp_test.h"
#include "writer_private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include "snakepit/read.h"
#include "snakepit/write.h"

/* ---- fixture and helpers ------------------------------------------------- */

struct fixture {
	char dir[64];
	struct snp_writer_options o;
	struct snp_writer *w;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	snp_test_tmpdir_make(f->dir, sizeof(f->dir));
	f->o = (struct snp_writer_options){.dir = f->dir,
					   .instance = "unit",
					   .pools_max = 1,
					   .workers_max = 2,
					   .tools_max = 2,
					   .banks_max = 1};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	snp_writer_close(&f->w);
	snp_test_tmpdir_remove(f->dir);
	free(f);
	return 0;
}

/* Creating with f->o fails with `rc` and says `text`; nothing is handed out. */
static void expect(struct fixture *f, int rc, const char *text)
{
	struct snp_err err = {0};

	assert_int_equal(snp_writer_create(&f->o, &f->w, &err), rc);
	assert_null(f->w);
	assert_int_equal(err.code, rc);
	if (!strstr(err.msg, text))
		fail_msg("'%s' does not say '%s'", err.msg, text);
}

static void create(struct fixture *f)
{
	struct snp_err err = {0};

	if (snp_writer_create(&f->o, &f->w, &err) < 0)
		fail_msg("%s", err.msg);
}

static unsigned entries(const char *dir)
{
	DIR *d = opendir(dir);
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

/* ---- options ------------------------------------------------------------- */

static void create_bad_instance_name_returns_einval(void **state)
{
	static const char *const names[] = {
	    "",
	    ".hidden",
	    "..",
	    ".",
	    "a/b",
	    "/abs",
	    "../up",
	    "sp ace",
	    "caf\xc3\xa9",
	    "semi;colon",
	    "new\nline",
	    "0123456789012345678901234567890123456789012345678901234567890123"};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		f->o.instance = names[i];
		expect(f, -EINVAL, "instance name");
	}
	f->o.instance = NULL;
	expect(f, -EINVAL, "instance name");
	assert_int_equal(entries(f->dir), 0);
}

/* "a.prev" would live where the predecessor of "a" is kept, and be overwritten by it.
 */
static void create_name_of_a_predecessor_returns_einval(void **state)
{
	struct fixture *f = *state;

	f->o.instance = "a.prev";
	expect(f, -EINVAL, ".prev");
	f->o.instance = "prev";
	create(f);
}

static void create_good_instance_names_succeed(void **state)
{
	static const char *const names[] = {
	    "a",
	    "A-b_c.9",
	    "-",
	    "a..b",
	    "prev.a",
	    "012345678901234567890123456789012345678901234567890123456789012"};
	struct fixture *f = *state;
	struct snp_segment *seg = NULL;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		f->o.instance = names[i];
		create(f);
		assert_int_equal(snp_writer_publish(f->w, NULL), 0);
		assert_int_equal(snp_segment_attach(snp_writer_path(f->w), &seg, NULL),
				 0);
		assert_string_equal(snp_segment_info(seg)->instance, names[i]);
		snp_segment_detach(&seg);
		snp_writer_close(&f->w);
	}
}

/* Each option by its name; 0 means the default where there is one. */
static void create_bad_limits_return_einval(void **state)
{
	struct fixture *f = *state;
	const struct {
		const char *name;
		uint32_t *option, too_small, too_large;
	} limits[] = {
	    {"pools_max", &f->o.pools_max, 0, (1u << 16) + 1},
	    {"workers_max", &f->o.workers_max, 0, (1u << 20) + 1},
	    {"tools_max", &f->o.tools_max, 0, (1u << 20) + 1},
	    {"banks_max", &f->o.banks_max, 0, SNP_RINGS_MAX + 1},
	    {"events_per_ring", &f->o.events_per_ring, 1000, 1u << 21},
	    {"spans_per_ring", &f->o.spans_per_ring, 3, UINT32_MAX},
	    {"inflight_per_worker", &f->o.inflight_per_worker, 4097, UINT32_MAX},
	    {"evidence_max", &f->o.evidence_max, 1, UINT32_MAX},
	    {"history_seconds", &f->o.history_seconds, 86401, UINT32_MAX},
	    {"reuse_quarantine_ms", &f->o.reuse_quarantine_ms, 86400001, UINT32_MAX},
	    {"heartbeat_interval_ms", &f->o.heartbeat_interval_ms, 86400001,
	     UINT32_MAX},
	    {"stale_after_ms", &f->o.stale_after_ms, 86400001, UINT32_MAX},
	};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		uint32_t good = *limits[i].option;

		*limits[i].option = limits[i].too_small;
		expect(f, -EINVAL, limits[i].name);
		*limits[i].option = limits[i].too_large;
		expect(f, -EINVAL, limits[i].name);
		*limits[i].option = good;
	}
	f->o.events_per_ring = 1000;
	expect(f, -EINVAL, "power of two");
	assert_int_equal(entries(f->dir), 0);
}

/* Within each limit, but no reader would attach the result. */
static void create_larger_than_readers_accept_returns_einval(void **state)
{
	struct fixture *f = *state;

	f->o.tools_max = 1u << 20;
	f->o.banks_max = 4;
	assert_true(snp_writer_size(&f->o) > SNP_FMT_MAX_BYTES);
	expect(f, -EINVAL, "larger than");
	f->o.tools_max = 1;
	f->o.banks_max = SNP_RINGS_MAX;
	f->o.events_per_ring = 1u << 20;
	expect(f, -EINVAL, "larger than");
}

static void size_is_what_create_allocates(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	for (uint32_t n = 1; n < 70; n += 23) {
		f->o.pools_max = f->o.workers_max = f->o.tools_max = n;
		f->o.banks_max = 1 + n % 5;
		create(f);
		assert_int_equal(snp_writer_publish(f->w, NULL), 0);
		assert_int_equal(stat(snp_writer_path(f->w), &st), 0);
		assert_int_equal(st.st_size, snp_writer_size(&f->o));
		assert_true((uint64_t)st.st_blocks * 512 >= snp_writer_size(&f->o));
		assert_int_equal(st.st_mode & 0027, 0); /* nothing for others */
		snp_writer_close(&f->w);
	}
}

/* The design's promise for two pools, 64 workers, 32 tools and 8 threads. */
static void size_of_the_reference_set_up_is_at_most_8_mib(void **state)
{
	struct snp_writer_options o = {
	    .pools_max = 2, .workers_max = 64, .tools_max = 32, .banks_max = 8};

	(void)state;
	assert_true(snp_writer_size(&o) <= UINT64_C(8) << 20);
}

/* ---- directories --------------------------------------------------------- */

static void create_makes_a_missing_directory_0750(void **state)
{
	struct fixture *f = *state;
	char dir[128];
	struct stat st;

	(void)snprintf(dir, sizeof(dir), "%s/new", f->dir);
	f->o.dir = dir;
	create(f);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777 & ~0750u, 0);
}

static void create_in_a_missing_parent_returns_enoent(void **state)
{
	struct fixture *f = *state;

	f->o.dir = "/dev/shm/there-is-none/x";
	expect(f, -ENOENT, "/dev/shm/there-is-none/x");
}

static void create_in_a_directory_writable_by_everybody_returns_eperm(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(chmod(f->dir, 0707), 0);
	expect(f, -EPERM, "writable by everybody");
	assert_int_equal(chmod(f->dir, 01777), 0);
	expect(f, -EPERM, "writable by everybody");
	assert_int_equal(entries(f->dir), 0);
}

static void create_in_a_foreign_directory_returns_eperm(void **state)
{
	struct fixture *f = *state;

	if (geteuid() == 0)
		assert_int_equal(chown(f->dir, 65534, 65534), 0);
	else
		f->o.dir = "/"; /* root's */
	expect(f, -EPERM, "belongs to uid");
}

static void create_in_a_symlinked_directory_is_refused(void **state)
{
	struct fixture *f = *state;
	char real[128], link[128];
	struct snp_err err = {0};

	(void)snprintf(real, sizeof(real), "%s/real", f->dir);
	(void)snprintf(link, sizeof(link), "%s/link", f->dir);
	assert_int_equal(mkdir(real, 0700), 0);
	assert_int_equal(symlink("real", link), 0);
	f->o.dir = link;
	assert_true(snp_writer_create(&f->o, &f->w, &err) < 0);
	assert_non_null(strstr(err.msg, link));
	assert_int_equal(entries(real), 0);
}

static void create_over_a_file_returns_enotdir(void **state)
{
	struct fixture *f = *state;
	char path[128];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/file", f->dir);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	f->o.dir = path;
	expect(f, -ENOTDIR, path);
}

/* A FIFO where the predecessor should be: opening it must not wait for a writer. */
static void create_beside_a_fifo_does_not_hang(void **state)
{
	struct fixture *f = *state;
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/unit.seg", f->dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	alarm(5);
	create(f);
	alarm(0);
}

static void create_on_a_disk_needs_permission(void **state)
{
	static const char *const places[] = {"/var/tmp", "/tmp", "/var/lib"};
	struct fixture *f = *state;
	char dir[64] = "";
	struct statfs fs;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && !*dir; i++)
		if (statfs(places[i], &fs) == 0 && fs.f_type != TMPFS_MAGIC &&
		    fs.f_type != RAMFS_MAGIC) {
			(void)snprintf(dir, sizeof(dir), "%s/snp-test-XXXXXX",
				       places[i]);
			if (!mkdtemp(dir))
				*dir = '\0';
		}
	if (!*dir) {
		print_message("skip: no writable directory on a disk here\n");
		skip();
	}
	f->o.dir = dir;
	expect(f, -EMEDIUMTYPE, "not on tmpfs");
	f->o.flags = SNP_WRITER_ALLOW_DISK;
	create(f);
	assert_int_equal(snp_writer_publish(f->w, NULL), 0);
	snp_writer_close(&f->w);
	snp_test_tmpdir_remove(dir);
}

/* ---- private memory ------------------------------------------------------ */

static void create_anonymous_writes_like_any_other_and_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct snp_bank bank;

	f->o.flags = SNP_WRITER_ANONYMOUS;
	create(f);
	assert_string_equal(snp_writer_path(f->w), "");
	assert_int_equal(snp_bank_adopt(f->w, &bank), 0);
	snp_add(&bank.proc->overflows[0], 1);
	assert_int_equal(snp_writer_publish(f->w, NULL), 0);
	snp_writer_snap(f->w);
	snp_writer_sample(f->w, snp_mono_now());
	assert_int_equal(entries(f->dir), 1); /* the lock */
	snp_bank_release(f->w, &bank);
	snp_writer_close(&f->w);
	assert_int_equal(entries(f->dir), 0);
}

/* What a real writer left is not ours to take away. */
static void create_anonymous_excludes_a_second_writer_and_spares_its_file(void **state)
{
	struct fixture *f = *state;
	struct snp_writer *real;
	char path[SNP_PATH_BYTES];

	create(f);
	real = f->w;
	f->w = NULL;
	assert_int_equal(snp_writer_publish(real, NULL), 0);
	(void)snprintf(path, sizeof(path), "%s", snp_writer_path(real));
	f->o.flags = SNP_WRITER_ANONYMOUS;
	expect(f, -EEXIST, "already running");
	snp_writer_close(&real);
	create(f);
	assert_int_equal(snp_writer_publish(f->w, NULL), 0);
	snp_writer_remove(&f->w);
	assert_int_equal(access(path, F_OK), 0);
}

/* ---- no space ------------------------------------------------------------ */

enum { CANNOT = 77 };

/* In a mount namespace of its own: a tmpfs of that size over the test's directory. */
static bool mount_tmpfs(const char *dir, uint64_t kib)
{
	char options[64];

	(void)snprintf(options, sizeof(options), "size=%lluk,mode=0700",
		       (unsigned long long)kib);
	return unshare(CLONE_NEWNS) == 0 &&
	       mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("tmpfs", dir, "tmpfs", 0, options) == 0;
}

static int create_where_it_does_not_fit(struct fixture *f)
{
	struct snp_err err = {0};
	char needs[64];
	int rc;

	rc = snp_writer_create(&f->o, &f->w, &err);
	if (rc != -ENOSPC || f->w)
		return 1;
	(void)snprintf(needs, sizeof(needs), "needs %llu KiB, ",
		       (unsigned long long)snp_writer_size(&f->o) / 1024);
	if (!strstr(err.msg, needs) || !strstr(err.msg, f->dir))
		return 2;
	if (entries(f->dir) != 0)
		return 4;
	/* What was taken is given back: a smaller file fits at once. */
	return open(f->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) < 0 ? 3 : 0;
}

/* Everything is allocated at the start: no store later can find the file system full.
 */
static int create_where_it_just_fits(struct fixture *f)
{
	if (snp_writer_create(&f->o, &f->w, NULL) < 0)
		return 5;
	memset(f->w->map + SNP_FMT_HEADER_BYTES, 0xff,
	       snp_writer_size(&f->o) - SNP_FMT_HEADER_BYTES);
	snp_writer_abandon(&f->w);
	return 0;
}

static void create_on_a_file_system_of_any_size_fits_or_returns_enospc(void **state)
{
	struct fixture *f = *state;
	uint64_t need = snp_writer_size(&f->o) / 1024;
	const uint64_t sizes_kib[] = {4, 64, need / 2, need - 4, need};

	for (size_t i = 0; i < sizeof(sizes_kib) / sizeof(sizes_kib[0]); i++) {
		int status;
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0 && !mount_tmpfs(f->dir, sizes_kib[i]))
			_exit(CANNOT);
		if (pid == 0)
			_exit(sizes_kib[i] < need ? create_where_it_does_not_fit(f)
						  : create_where_it_just_fits(f));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		if (WEXITSTATUS(status) == CANNOT) {
			print_message(
			    "skip: not allowed to mount in a namespace of its own\n");
			skip();
		}
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

/* ---- a start that fails later --------------------------------------------- */

/* Whatever the reason, the directory is as it was. */
static void publish_that_fails_leaves_nothing_behind(void **state)
{
	struct fixture *f = *state;
	char path[128];
	struct snp_err err = {0};

	/* A directory where the predecessor's name should be: it cannot be unlinked. */
	(void)snprintf(path, sizeof(path), "%s/unit.prev.seg", f->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	create(f);
	assert_true(snp_writer_publish(f->w, &err) < 0);
	assert_non_null(strstr(err.msg, "unit.prev.seg"));
	snp_writer_close(&f->w);
	assert_int_equal(entries(f->dir), 1); /* what was there before */
}

/* ---- rows ---------------------------------------------------------------- */

static void row_declare_bad_name_or_pool_returns_einval(void **state)
{
	char long_name[130] = "";
	const char *const names[] = {NULL, "", long_name, "\xff", "a\xc0\x80"};
	struct fixture *f = *state;
	struct snp_err err = {0};
	uint32_t row = 77;

	memset(long_name, 'x', sizeof(long_name) - 1);
	create(f);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct snp_row_decl decl = {.kind = SNP_ROW_POOL, .name = names[i]};

		assert_int_equal(snp_row_declare(f->w, &decl, &row, &err), -EINVAL);
		assert_non_null(strstr(err.msg, "name"));
	}
	/* A worker of a pool that is not there: readers would have to leave it out. */
	assert_int_equal(snp_row_declare(f->w,
					 &(struct snp_row_decl){.kind = SNP_ROW_WORKER},
					 &row, &err),
			 -EINVAL);
	assert_non_null(strstr(err.msg, "pool 0"));
	assert_int_equal(row, 77);
	assert_int_equal(snp_row_declare(f->w,
					 &(struct snp_row_decl){.kind = SNP_ROW_POOL,
								.name = long_name + 1},
					 &row, &err),
			 0);
}

static void struct_gen_grows_with_rows_and_banks(void **state)
{
	struct fixture *f = *state;
	struct snp_bank bank;
	uint64_t gen[4];
	uint32_t row;
	int fd;

	create(f);
	assert_int_equal(snp_writer_publish(f->w, NULL), 0);
	fd = open(snp_writer_path(f->w), O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pread(fd, &gen[i], sizeof(gen[i]),
				       offsetof(struct snp_fmt_header, struct_gen)),
				 sizeof(gen[i]));
		if (i == 0)
			assert_int_equal(snp_bank_adopt(f->w, &bank), 0);
		if (i == 1)
			assert_int_equal(
			    snp_row_declare(f->w,
					    &(struct snp_row_decl){.kind = SNP_ROW_POOL,
								   .name = "p"},
					    &row, NULL),
			    0);
		if (i == 2) { /* adopting it again shows readers nothing new */
			snp_bank_release(f->w, &bank);
			assert_int_equal(snp_bank_adopt(f->w, &bank), 0);
		}
	}
	close(fd);
	assert_int_equal(gen[1], gen[0] + 2);
	assert_int_equal(gen[2], gen[1] + 2);
	assert_int_equal(gen[3], gen[2]);
}

/* The last lines of a failed start come from a pipe and may be anything. */
static void text_that_is_not_utf8_keeps_what_is(void **state)
{
	struct fixture *f = *state;
	struct snp_segment *seg = NULL;
	struct snp_snapshot *snap = NULL;
	uint32_t pool, worker;

	create(f);
	assert_int_equal(
	    snp_row_declare(f->w,
			    &(struct snp_row_decl){.kind = SNP_ROW_POOL, .name = "p"},
			    &pool, NULL),
	    0);
	assert_int_equal(snp_row_declare(f->w,
					 &(struct snp_row_decl){.kind = SNP_ROW_WORKER},
					 &worker, NULL),
			 0);
	snp_worker_text_set(f->w, worker,
			    "bad \xff\xfe byte, good \xc3\xa9, cut \xe2\x82");
	assert_int_equal(snp_writer_publish(f->w, NULL), 0);
	assert_int_equal(snp_segment_attach(snp_writer_path(f->w), &seg, NULL), 0);
	assert_int_equal(snp_segment_snapshot(seg, &snap, NULL), 0);
	assert_string_equal(snp_snapshot_row(snap, SNP_ROW_WORKER, worker)->last_error,
			    "bad ?? byte, good \xc3\xa9, cut ??");
	snp_snapshot_destroy(&snap);
	snp_segment_detach(&seg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	    T(create_bad_instance_name_returns_einval),
	    T(create_name_of_a_predecessor_returns_einval),
	    T(create_good_instance_names_succeed),
	    T(create_bad_limits_return_einval),
	    T(create_larger_than_readers_accept_returns_einval),
	    T(size_is_what_create_allocates),
	    T(size_of_the_reference_set_up_is_at_most_8_mib),
	    T(create_makes_a_missing_directory_0750),
	    T(create_in_a_missing_parent_returns_enoent),
	    T(create_in_a_directory_writable_by_everybody_returns_eperm),
	    T(create_in_a_foreign_directory_returns_eperm),
	    T(create_in_a_symlinked_directory_is_refused),
	    T(create_over_a_file_returns_enotdir),
	    T(create_beside_a_fifo_does_not_hang),
	    T(create_on_a_disk_needs_permission),
	    T(create_anonymous_writes_like_any_other_and_leaves_nothing),
	    T(create_anonymous_excludes_a_second_writer_and_spares_its_file),
	    T(create_on_a_file_system_of_any_size_fits_or_returns_enospc),
	    T(publish_that_fails_leaves_nothing_behind),
	    T(row_declare_bad_name_or_pool_returns_einval),
	    T(struct_gen_grows_with_rows_and_banks),
	    T(text_that_is_not_utf8_keeps_what_is),
	};

	return cmocka_run_group_tests_name("shm/create", tests, NULL, NULL);
}
