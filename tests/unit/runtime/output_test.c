/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker writes into a pipe, and what of it arrives in the log. */
#include "snp_test.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "log/log.h"
#include "test_random.h"
#include "worker/output.h"

#define WORKER	   "default/0#1"
#define LOG_BYTES  (1 << 20)
#define PIPE_BYTES 65536

static struct output out;
static int pipe_in; /* the worker's end, -1 = closed */
static int log_fd;
static char log_text[LOG_BYTES];

static void open_output(enum output_kind kind, bool relay)
{
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	pipe_in = fds[1];
	output_init(&out, kind, fds[0], WORKER, relay);
}

static int set_up(void **state)
{
	(void)state;
	log_fd = memfd_create("log", MFD_CLOEXEC);
	assert_true(log_fd >= 0);
	log_init(LOG_LEVEL_INFO, LOG_FORMAT_JSON, log_fd);
	pipe_in = -1;
	out.fd = -1;
	return 0;
}

static void close_in(void)
{
	if (pipe_in >= 0)
		close(pipe_in);
	pipe_in = -1;
}

static int tear_down(void **state)
{
	(void)state;
	close_in();
	output_fini(&out);
	log_fini();
	close(log_fd);
	return 0;
}

static void say_bytes(const char *text, size_t len)
{
	assert_int_equal(write(pipe_in, text, len), len);
}

static void say(const char *text)
{
	say_bytes(text, strlen(text));
}

/* Everything logged so far. */
static const char *logged(void)
{
	ssize_t n = pread(log_fd, log_text, sizeof(log_text) - 1, 0);

	assert_true(n >= 0 && n < (ssize_t)sizeof(log_text) - 1);
	log_text[n] = '\0';
	return log_text;
}

static unsigned count(const char *text, const char *what)
{
	size_t len = strlen(what);
	unsigned n = 0;

	/* Not strstr(): ThreadSanitizer has every call read to the end of the text. */
	for (; *text; text++)
		n += strncmp(text, what, len) == 0;
	return n;
}

#define lines_logged() count(logged(), "\n")

static void assert_logged_message(const char *message)
{
	char wanted[256];

	(void)snprintf(wanted, sizeof(wanted), "\"msg\":\"%s\",", message);
	if (count(logged(), wanted) != 1)
		fail_msg("%s is not there once in %s", wanted, logged());
}

/* ---- Lines --------------------------------------------------------------- */

static void read_whole_lines_are_logged_with_worker_and_stream(void **state)
{
	(void)state;
	open_output(OUTPUT_STDOUT, true);
	say("one\ntwo\n");
	assert_true(output_read(&out));
	assert_int_equal(lines_logged(), 2);
	assert_logged_message("one");
	assert_logged_message("two");
	assert_int_equal(count(logged(), "\"worker\":\"" WORKER "\""), 2);
	assert_int_equal(count(logged(), "\"stream\":\"stdout\""), 2);
}

static void read_split_line_is_logged_once_when_it_is_whole(void **state)
{
	(void)state;
	open_output(OUTPUT_STDERR, true);
	for (const char *p = "in pieces"; *p; p++) {
		say_bytes(p, 1);
		assert_true(output_read(&out));
		assert_int_equal(lines_logged(), 0);
	}
	say("\nand");
	assert_true(output_read(&out));
	assert_int_equal(lines_logged(), 1);
	assert_logged_message("in pieces");
	assert_int_equal(count(logged(), "\"stream\":\"stderr\""), 1);
}

static void read_carriage_returns_at_the_end_and_empty_lines_are_dropped(void **state)
{
	(void)state;
	open_output(OUTPUT_STDOUT, true);
	say("\r\n\n\none\r\n\ntwo\n\r\n");
	assert_true(output_read(&out));
	assert_int_equal(lines_logged(), 2);
	assert_logged_message("one");
	assert_logged_message("two");
}

static void read_nothing_is_no_end(void **state)
{
	(void)state;
	open_output(OUTPUT_STDOUT, true);
	assert_true(output_read(&out));
	close_in();
	assert_false(output_read(&out));
}

static void fini_logs_the_line_without_an_end(void **state)
{
	(void)state;
	open_output(OUTPUT_STDERR, true);
	say("first\nlast words");
	close_in();
	assert_false(output_read(&out));
	assert_int_equal(lines_logged(), 1);
	output_fini(&out);
	output_fini(&out);
	assert_int_equal(lines_logged(), 2);
	assert_logged_message("last words");
	assert_int_equal(out.fd, -1);
	assert_string_equal(output_tail(&out), "first\nlast words");
}

static void read_over_long_line_comes_in_pieces_and_loses_nothing(void **state)
{
	enum { LONG = 10000 };
	char line[LONG + 1];

	(void)state;
	open_output(OUTPUT_STDOUT, true);
	memset(line, 'x', LONG);
	line[LONG] = '\n';
	say_bytes(line, sizeof(line));
	say("end\n");
	while (count(logged(), "\"msg\":\"end\"") == 0)
		assert_true(output_read(&out));
	assert_in_range(lines_logged(), 3, 6);
	assert_int_equal(count(logged(), "x"), LONG);
}

static void read_lines_around_the_limit_lose_nothing(void **state)
{
	(void)state;
	for (size_t len = 3400; len <= 4200; len += 25) {
		char *line = malloc(len + 1);
		unsigned before = count(logged(), "x");

		assert_non_null(line);
		memset(line, 'x', len);
		line[len] = '\n';
		open_output(OUTPUT_STDOUT, true);
		say_bytes(line, len + 1);
		assert_true(output_read(&out));
		assert_int_equal(count(logged(), "x") - before, len);
		close_in();
		output_fini(&out);
		free(line);
	}
}

static void read_without_relay_logs_nothing_but_keeps_the_tail(void **state)
{
	(void)state;
	open_output(OUTPUT_STDERR, false);
	say("Traceback\nValueError: x\n");
	assert_true(output_read(&out));
	assert_int_equal(lines_logged(), 0);
	assert_string_equal(output_tail(&out), "Traceback\nValueError: x");
}

/* However the bytes are cut into writes, the lines are the same. */
static void read_random_pieces_give_the_same_lines(void **state)
{
	static const char text[] =
	    "alpha\nbeta gamma\r\n\ndelta\n-\nepsilon zeta eta\n";
	struct test_random random = test_random_seeded(1);
	char *expected;

	(void)state;
	open_output(OUTPUT_STDERR, false);
	say(text);
	assert_true(output_read(&out));
	expected = strdup(output_tail(&out));
	for (int i = 0; i < 500; i++) {
		size_t at = 0;

		close_in();
		output_fini(&out);
		open_output(OUTPUT_STDERR, false);
		while (at < sizeof(text) - 1) {
			size_t n = 1 + test_random_below(&random, 9);

			if (n > sizeof(text) - 1 - at)
				n = sizeof(text) - 1 - at;
			say_bytes(text + at, n);
			at += n;
			if (test_random_below(&random, 2))
				assert_true(output_read(&out));
		}
		assert_true(output_read(&out));
		assert_string_equal(output_tail(&out), expected);
	}
	free(expected);
}

/* ---- Log lines ----------------------------------------------------------- */

static void read_log_line_is_passed_on_as_it_is(void **state)
{
	static const char line[] = "{\"ts\":\"2026-01-02T03:04:05.678901Z\",\"level\":"
				   "\"info\",\"msg\":\"hi\"}\n";

	(void)state;
	open_output(OUTPUT_LOG, false); /* relay or not is about stdout and stderr */
	say(line);
	assert_true(output_read(&out));
	assert_string_equal(logged(), line);
}

static void read_log_line_that_is_no_object_is_wrapped(void **state)
{
	(void)state;
	open_output(OUTPUT_LOG, true);
	say("not json\n");
	assert_true(output_read(&out));
	assert_logged_message("not json");
	assert_int_equal(count(logged(), "\"stream\":\"log\""), 1);
}

/* A traceback in a log record makes it long; it must stay one object. */
static void read_log_line_as_long_as_the_log_takes_stays_whole(void **state)
{
	static const size_t lengths[] = {3499, 3500, 3501, 4000, LOG_LINE_MAX - 2};

	(void)state;
	for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		char line[LOG_LINE_MAX + 1];
		size_t len = lengths[i];

		memset(line, 'x', len);
		memcpy(line, "{\"msg\":\"", 8);
		memcpy(line + len - 2, "\"}\n", 4);
		assert_int_equal(ftruncate(log_fd, 0), 0);
		assert_int_equal(lseek(log_fd, 0, SEEK_SET), 0);
		open_output(OUTPUT_LOG, true);
		say(line);
		assert_true(output_read(&out));
		if (strcmp(logged(), line) != 0)
			fail_msg("a line of %zu bytes was not passed on whole", len);
		close_in();
		output_fini(&out);
	}
}

/* ---- The tail ------------------------------------------------------------ */

static void tail_keeps_the_newest_lines_that_fit(void **state)
{
	char line[64], wanted[OUTPUT_TAIL_BYTES + 64] = "";
	const char *tail;
	size_t len, at = 0;

	(void)state;
	open_output(OUTPUT_STDERR, false);
	for (unsigned i = 0; i < 1000; i++) {
		(void)snprintf(line, sizeof(line), "line number %u\n", i);
		say(line);
		assert_true(output_read(&out));
	}
	tail = output_tail(&out);
	len = strlen(tail);
	assert_true(len < OUTPUT_TAIL_BYTES);
	assert_true(len > OUTPUT_TAIL_BYTES - 2 * strlen("line number 999\n"));
	/* whole lines, up to the last */
	for (unsigned i = 1000 - count(tail, "line"); i < 1000; i++) {
		at += (size_t)snprintf(wanted + at, sizeof(wanted) - at,
				       "line number %u\n", i);
		assert_true(at < sizeof(wanted));
	}
	wanted[at - 1] = '\0';
	assert_string_equal(tail, wanted);
}

static void last_lines_are_those_that_fit(void **state)
{
	static const struct {
		size_t size;
		const char *expected;
	} cases[] = {
	    {64, "one\ntwo\nthree"},
	    {14, "one\ntwo\nthree"},
	    {13, "two\nthree"},
	    {10, "two\nthree"},
	    {9, "three"},
	    {6, "three"},
	    {5, "thre"},
	    {2, "t"},
	    {1, ""},
	};
	char text[64];

	(void)state;
	open_output(OUTPUT_STDERR, false);
	output_last_lines(&out, text, sizeof(text));
	assert_string_equal(text, "");
	say("one\ntwo\nthree\n");
	assert_true(output_read(&out));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		output_last_lines(&out, text, cases[i].size);
		assert_string_equal(text, cases[i].expected);
	}
}

static void last_lines_of_one_long_line_are_its_beginning(void **state)
{
	char line[3000], tail[480];

	(void)state;
	open_output(OUTPUT_STDERR, false);
	say("before\n");
	memset(line, 'y', sizeof(line));
	memcpy(line, "ValueError: ", 12);
	line[sizeof(line) - 1] = '\n';
	say_bytes(line, sizeof(line));
	assert_true(output_read(&out));
	output_last_lines(&out, tail, sizeof(tail));
	assert_int_equal(strncmp(tail, "ValueError: yyy", 15), 0);
	assert_int_equal(strlen(tail), sizeof(tail) - 1);
}

static void tail_random_lines_stay_within_bounds(void **state)
{
	struct test_random random = test_random_seeded(2);
	char line[700];

	(void)state;
	open_output(OUTPUT_STDERR, false);
	assert_string_equal(output_tail(&out), "");
	for (int i = 0; i < 5000; i++) {
		size_t len = test_random_below(&random, sizeof(line) - 1);
		const char *tail;

		memset(line, 'a' + i % 26, len);
		line[len] = '\n';
		say_bytes(line, len + 1);
		assert_true(output_read(&out));
		tail = output_tail(&out);
		assert_true(strlen(tail) < OUTPUT_TAIL_BYTES);
		if (len)
			assert_int_equal(tail[strlen(tail) - 1], 'a' + i % 26);
	}
}

static void tail_of_stdout_is_not_kept(void **state)
{
	(void)state;
	open_output(OUTPUT_STDOUT, false);
	say("hello\n");
	assert_true(output_read(&out));
	assert_string_equal(output_tail(&out), "");
}

/* ---- Floods -------------------------------------------------------------- */

static void fill_pipe(void)
{
	char line[1000];

	memset(line, 'f', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	while (write(pipe_in, line, sizeof(line)) == sizeof(line))
		;
	assert_int_equal(errno, EAGAIN);
}

static int waiting(void)
{
	int n;

	assert_int_equal(ioctl(out.fd, FIONREAD, &n), 0);
	return n;
}

static void read_flood_takes_a_bounded_amount_a_call(void **state)
{
	(void)state;
	open_output(OUTPUT_STDOUT, false);
	assert_true(fcntl(pipe_in, F_SETPIPE_SZ, 16 * PIPE_BYTES) >= 0);
	fill_pipe();
	for (int before = waiting(), after; before > 0; before = after) {
		assert_true(output_read(&out));
		after = waiting();
		assert_in_range(before - after, 1, PIPE_BYTES);
	}
}

/* A worker that wrote more than one call takes and ended: why it did is at the end. */
static void fini_of_an_ended_worker_has_all_it_said_last(void **state)
{
	char line[8192];

	(void)state;
	open_output(OUTPUT_STDERR, false);
	fill_pipe();
	assert_int_equal(read(out.fd, line, sizeof(line)), sizeof(line));
	say("\nValueError: this is why\n");
	close_in();
	output_fini(&out);
	assert_non_null(strstr(output_tail(&out), "ValueError: this is why"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    T(read_whole_lines_are_logged_with_worker_and_stream),
	    T(read_split_line_is_logged_once_when_it_is_whole),
	    T(read_carriage_returns_at_the_end_and_empty_lines_are_dropped),
	    T(read_nothing_is_no_end),
	    T(fini_logs_the_line_without_an_end),
	    T(read_over_long_line_comes_in_pieces_and_loses_nothing),
	    T(read_lines_around_the_limit_lose_nothing),
	    T(read_without_relay_logs_nothing_but_keeps_the_tail),
	    T(read_random_pieces_give_the_same_lines),
	    T(read_log_line_is_passed_on_as_it_is),
	    T(read_log_line_that_is_no_object_is_wrapped),
	    T(read_log_line_as_long_as_the_log_takes_stays_whole),
	    T(tail_keeps_the_newest_lines_that_fit),
	    T(last_lines_are_those_that_fit),
	    T(last_lines_of_one_long_line_are_its_beginning),
	    T(tail_random_lines_stay_within_bounds),
	    T(tail_of_stdout_is_not_kept),
	    T(read_flood_takes_a_bounded_amount_a_call),
	    T(fini_of_an_ended_worker_has_all_it_said_last),
	};

	return cmocka_run_group_tests_name("runtime/output", tests, NULL, NULL);
}
