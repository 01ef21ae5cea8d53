/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The beat thread, in a child process of its own for each test: it is there once a
 * process and ends with it.
 */
#include "snp_test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "beat/beat.h"
#include "beat/beat_page.h"

#define INTERVAL_MS 2
#define BEATS	    5

static struct beat_page *page;
static int page_fd, lifeline[2];
static pid_t child;

/* ---- Fixture ------------------------------------------------------------- */

static int make_memfd(size_t bytes, int seals)
{
	int fd = memfd_create("beat", MFD_ALLOW_SEALING | MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static int set_up(void **state)
{
	(void)state;
	page_fd = make_memfd(BEAT_PAGE_BYTES, F_SEAL_SHRINK | F_SEAL_GROW);
	page =
	    mmap(NULL, BEAT_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, page_fd, 0);
	if (page == MAP_FAILED)
		return -1;
	atomic_store(&page->word[BEAT_MAGIC], BEAT_PAGE_MAGIC);
	atomic_store(&page->word[BEAT_INTERVAL_MS], INTERVAL_MS);
	child = -1;
	return pipe2(lifeline, O_CLOEXEC);
}

static int tear_down(void **state)
{
	(void)state;
	if (child > 0) {
		(void)kill(child, SIGKILL);
		(void)waitpid(child, NULL, 0);
	}
	(void)munmap(page, BEAT_PAGE_BYTES);
	(void)close(page_fd);
	(void)close(lifeline[0]);
	if (lifeline[1] >= 0)
		(void)close(lifeline[1]);
	return 0;
}

/* ---- Helpers ------------------------------------------------------------- */

/* Fork a child that runs `body`, which ends it with a status if it returns. */
static void start_child(int (*body)(void))
{
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)close(lifeline[1]);
		_exit(body());
	}
}

static void cut_lifeline(void)
{
	(void)close(lifeline[1]);
	lifeline[1] = -1;
}

static uint64_t beats(void)
{
	return atomic_load(&page->word[BEAT_PROCESS_SEQ]);
}

static bool has_beaten(void *user)
{
	return beats() >= *(uint64_t *)user;
}

static void wait_beats(uint64_t more)
{
	uint64_t target = beats() + more;

	assert_true(snp_test_wait_until(has_beaten, &target, SNP_TEST_DEADLINE_MS));
}

/* Wait for the child's end; returns what waitpid says. */
static int wait_child(void)
{
	int status;

	assert_int_equal(waitpid(child, &status, 0), child);
	child = -1;
	return status;
}

static uint64_t mono_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Read the beat thread's /proc status; false if there is no thread of that name. */
static bool read_status(char *text, size_t size)
{
	DIR *dir = opendir("/proc/self/task");
	const struct dirent *entry;
	char path[64];
	size_t n = 0;
	FILE *f;

	while (dir && n == 0 && (entry = readdir(dir))) {
		(void)snprintf(path, sizeof(path), "/proc/self/task/%.16s/status",
			       entry->d_name);
		f = fopen(path, "re");
		if (!f)
			continue;
		n = fread(text, 1, size - 1, f);
		text[n] = '\0';
		(void)fclose(f);
		if (!strstr(text, "snp-beat"))
			n = 0;
	}
	if (dir)
		(void)closedir(dir);
	return n > 0;
}

static bool has_beat_thread(void)
{
	char text[4096];

	return read_status(text, sizeof(text));
}

/* ---- Beating ------------------------------------------------------------- */

static int hold_a_lock_and_spin(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	volatile bool for_ever = true;

	if (snp_beat_start(page_fd, -1) != 0)
		return 1;
	(void)close(page_fd);
	(void)pthread_mutex_lock(&lock);
	while (for_ever)
		;
	return 0;
}

static void thread_beats_while_another_computes(void **state)
{
	uint64_t before = mono_ns();

	(void)state;
	start_child(hold_a_lock_and_spin);
	wait_beats(BEATS);
	assert_in_range(atomic_load(&page->word[BEAT_PROCESS_NS]), before, mono_ns());
}

static int look_at_the_thread(void)
{
	/* All but SIGKILL, SIGSTOP and the two that libc keeps for itself. */
	const uint64_t all = UINT64_C(0xfffffffe7ffbfeff);
	uint64_t first = 1;
	char text[4096];
	const char *mask;

	if (snp_beat_start(page_fd, -1) != 0 ||
	    !snp_test_wait_until(has_beaten, &first, SNP_TEST_DEADLINE_MS))
		return 1;
	if (!read_status(text, sizeof(text)))
		return 2;
	mask = strstr(text, "SigBlk:");
	if (!mask)
		return 3;
	return strtoull(mask + strlen("SigBlk:"), NULL, 16) == all ? 0 : 4;
}

static void thread_has_a_name_and_blocks_all_signals(void **state)
{
	(void)state;
	start_child(look_at_the_thread);
	assert_int_equal(wait_child(), 0);
}

/* ---- Forking ------------------------------------------------------------- */

static int fork_after_start(void)
{
	int status;
	pid_t pid;

	if (snp_beat_start(page_fd, lifeline[0]) != 0)
		return 1;
	pid = fork();
	if (pid == 0)
		_exit(!has_beat_thread() && snp_beat_start(page_fd, -1) == -EALREADY &&
			      !has_beat_thread()
			  ? 0
			  : 1);
	return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : 2;
}

static void forked_child_has_no_thread_and_gets_none(void **state)
{
	(void)state;
	start_child(fork_after_start);
	assert_int_equal(wait_child(), 0);
}

/* ---- The lifeline -------------------------------------------------------- */

static int held[2]; /* a pipe whose write end all processes of the child hold */

static int lead_a_group(void)
{
	(void)setpgid(0, 0);
	if (fork() > 0 && snp_beat_start(-1, lifeline[0]) != 0)
		return 1;
	if (write(held[1], "", 1) != 1)
		return 2;
	for (;;)
		(void)pause();
}

static void end_of_the_lifeline_kills_the_group(void **state)
{
	char byte;

	(void)state;
	assert_int_equal(pipe2(held, O_CLOEXEC), 0);
	start_child(lead_a_group);
	(void)close(held[1]);
	assert_int_equal(read(held[0], &byte, 1), 1);
	assert_int_equal(read(held[0], &byte, 1), 1);
	cut_lifeline();
	assert_int_equal(read(held[0], &byte, 1), 0); /* both are gone */
	assert_int_equal(wait_child(), SIGKILL);
	(void)close(held[0]);
}

static int be_a_member(void)
{
	if (snp_beat_start(page_fd, lifeline[0]) != 0)
		return 1;
	for (;;)
		(void)pause();
}

static void end_of_the_lifeline_spares_a_group_led_by_others(void **state)
{
	(void)state;
	start_child(be_a_member); /* in the group of this test */
	wait_beats(1);
	cut_lifeline();
	assert_int_equal(wait_child(), SIGKILL);
}

static int replace_the_lifeline(void)
{
	int other[2];

	if (snp_beat_start(page_fd, lifeline[0]) != 0 || pipe(other) != 0)
		return 1;
	(void)dup2(other[0], lifeline[0]);
	(void)close(other[1]); /* the end of a file that is not the lifeline */
	for (;;)
		(void)pause();
}

static void descriptor_that_became_another_file_kills_nobody(void **state)
{
	(void)state;
	start_child(replace_the_lifeline);
	wait_beats(BEATS);
	cut_lifeline();
	wait_beats(BEATS);
	assert_int_equal(waitpid(child, NULL, WNOHANG), 0);
}

static int close_the_lifeline(void)
{
	if (snp_beat_start(page_fd, lifeline[0]) != 0)
		return 1;
	(void)close(lifeline[0]);
	for (;;)
		(void)pause();
}

static void closed_descriptor_kills_nobody(void **state)
{
	(void)state;
	start_child(close_the_lifeline);
	wait_beats(BEATS);
	cut_lifeline();
	wait_beats(BEATS);
	assert_int_equal(waitpid(child, NULL, WNOHANG), 0);
}

/* ---- Refusing ------------------------------------------------------------ */

#define REFUSE(fd, life, error)                                                        \
	do {                                                                           \
		if (snp_beat_start(fd, life) != (error))                               \
			return __LINE__ & 0x7f;                                        \
	} while (0)

static int try_what_is_wrong(void)
{
	int closed = dup(page_fd);

	(void)close(closed);
	REFUSE(closed, -1, -EBADF);
	REFUSE(page_fd, closed, -EBADF);
	REFUSE(lifeline[0], -1, -EPERM);
	REFUSE(make_memfd(BEAT_PAGE_BYTES, 0), -1, -EPERM);
	REFUSE(make_memfd(BEAT_PAGE_BYTES / 2, F_SEAL_SHRINK), -1, -EBADMSG);
	REFUSE(make_memfd(BEAT_PAGE_BYTES, F_SEAL_SHRINK), -1, -EBADMSG);
	if (has_beat_thread())
		return 1;
	REFUSE(page_fd, lifeline[0], 0);
	REFUSE(page_fd, lifeline[0], -EALREADY);
	return 0;
}

static void start_with_wrong_descriptors_is_refused_and_may_be_repeated(void **state)
{
	(void)state;
	start_child(try_what_is_wrong);
	assert_int_equal(wait_child(), 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(thread_beats_while_another_computes),
	    CASE(thread_has_a_name_and_blocks_all_signals),
	    CASE(forked_child_has_no_thread_and_gets_none),
	    CASE(end_of_the_lifeline_kills_the_group),
	    CASE(end_of_the_lifeline_spares_a_group_led_by_others),
	    CASE(descriptor_that_became_another_file_kills_nobody),
	    CASE(closed_descriptor_kills_nobody),
	    CASE(start_with_wrong_descriptors_is_refused_and_may_be_repeated),
	};

	return cmocka_run_group_tests_name("runtime/beat_thread", tests, NULL, NULL);
}
