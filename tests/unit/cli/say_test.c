/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/say.h"
#include "model/target.h"
#include "snp_test.h"

#define NO_ROOM "snakepit: cannot write the output: No space left on device\n"

/* A program that writes to a full device, complains of `what` unless it is NULL, and
 * finishes with `code`: its status, and what it said. */
static int finish_without_room(const char *what, int code, char said[256])
{
	int fds[2], status;
	ssize_t len;
	pid_t child;

	assert_int_equal(pipe(fds), 0);
	(void)fflush(NULL);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		(void)dup2(open("/dev/full", O_WRONLY | O_CLOEXEC), STDOUT_FILENO);
		(void)dup2(fds[1], STDERR_FILENO);
		(void)printf("output\n");
		if (what)
			cli_complain("%s", what);
		_exit(cli_finish(code));
	}
	(void)close(fds[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	len = read(fds[0], said, 255);
	assert_true(len >= 0);
	said[len] = '\0';
	(void)close(fds[0]);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void finish_without_room_fails_and_says_so(void **state)
{
	char said[256];

	(void)state;
	assert_int_equal(finish_without_room(NULL, SNP_EXIT_OK, said),
			 SNP_EXIT_FAILURE);
	assert_string_equal(said, NO_ROOM);
	/* 1 may be an answer, too, that nobody gets then. */
	assert_int_equal(finish_without_room(NULL, SNP_EXIT_FAILURE, said),
			 SNP_EXIT_FAILURE);
	assert_string_equal(said, NO_ROOM);
}

static void finish_after_a_warning_says_both(void **state)
{
	char said[256];

	(void)state;
	assert_int_equal(finish_without_room("it is old", SNP_EXIT_OK, said),
			 SNP_EXIT_FAILURE);
	assert_string_equal(said, "snakepit: it is old\n" NO_ROOM);
}

static void finish_of_what_failed_says_no_more(void **state)
{
	char said[256];

	(void)state;
	assert_int_equal(finish_without_room("out of memory", SNP_EXIT_FAILURE, said),
			 SNP_EXIT_FAILURE);
	assert_string_equal(said, "snakepit: out of memory\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(finish_without_room_fails_and_says_so),
	    cmocka_unit_test(finish_after_a_warning_says_both),
	    cmocka_unit_test(finish_of_what_failed_says_no_more),
	};

	return cmocka_run_group_tests_name("cli/say", tests, NULL, NULL);
}
