/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The logger seen from its far end: every test reads back what arrived on a pipe, file
 * or socket. JSON is judged by Python's parser, not by code of ours.
 */
#define LOG_COMPONENT "test"
#include "log/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "snakepit/time.h"

#define DEADLINE_S 20

/* ---- Fixture: a pipe, with everything read back collected in `got` ------- */

struct far_end {
	int fds[2];
	char *got;
	size_t len;
};

static int setup(void **state)
{
	struct far_end *far = calloc(1, sizeof(*far));

	if (!far || pipe2(far->fds, O_CLOEXEC) < 0)
		return -1;
	(void)alarm(
	    DEADLINE_S); /* a logger that blocks fails the test, not the machine */
	log_init(LOG_LEVEL_DEBUG, LOG_FORMAT_JSON, far->fds[1]);
	*state = far;
	return 0;
}

static int teardown(void **state)
{
	struct far_end *far = *state;

	log_fini();
	for (int i = 0; i < 2; i++) {
		if (far->fds[i] >= 0)
			(void)close(far->fds[i]);
	}
	free(far->got);
	free(far);
	(void)alarm(0);
	return 0;
}

static void append(struct far_end *far, const char *bytes, size_t n)
{
	char *grown = realloc(far->got, far->len + n + 1);

	assert_non_null(grown);
	memcpy(grown + far->len, bytes, n);
	far->got = grown;
	far->len += n;
	far->got[far->len] = '\0';
}

/* Collect what is there now. */
static const char *collect(struct far_end *far)
{
	struct pollfd pfd = {.fd = far->fds[0], .events = POLLIN};
	char buf[8192];

	append(far, "", 0);
	while (poll(&pfd, 1, 0) == 1 && (pfd.revents & POLLIN)) {
		ssize_t n = read(far->fds[0], buf, sizeof(buf));

		assert_true(n > 0);
		append(far, buf, (size_t)n);
	}
	return far->got;
}

static void forget(struct far_end *far)
{
	far->len = 0;
}

/* What follows the timestamp, whose form is checked on the way. */
static const char *after_ts(const char *line)
{
	unsigned part[7];
	int used = 0;

	assert_int_equal(sscanf(line, "{\"ts\":\"%4u-%2u-%2uT%2u:%2u:%2u.%6uZ\",%n",
				&part[0], &part[1], &part[2], &part[3], &part[4],
				&part[5], &part[6], &used),
			 7);
	assert_int_equal(used, (int)strlen("{\"ts\":\"2026-01-02T03:04:05.678901Z\","));
	return line + used;
}

/* Feed all that was collected to `script`, a Python loop body over `d`, one dict a
 * line. */
static void python_judges(struct far_end *far, const char *script)
{
	static const char prologue[] =
	    "import json,sys\n"
	    "lines=sys.stdin.buffer.read().decode('utf-8').split('\\n')\n"
	    "assert lines.pop()=='', 'last line has no end'\n"
	    "for l in lines:\n"
	    " assert len(l.encode())<4096, len(l)\n"
	    " assert not any(ord(c)<32 or 127<=ord(c)<160 for c in l), l\n"
	    " d=json.loads(l,object_pairs_hook=lambda p: dict(p) if "
	    "len(dict(p))==len(p)"
	    " else sys.exit('key twice: '+l),"
	    "parse_constant=lambda c: sys.exit('not JSON: '+c))\n";
	char command[4096];
	FILE *python;

	(void)snprintf(command, sizeof(command),
		       "exec python3 -c \"$(cat <<'END'\n%s %s\nEND\n)\"", prologue,
		       script);
	python = popen(command, "w");
	assert_non_null(python);
	assert_int_equal(fwrite(far->got, 1, far->len, python), far->len);
	assert_int_equal(pclose(python), 0);
}

/* ---- Lines --------------------------------------------------------------- */

static void log_info_with_fields_writes_keys_in_order(void **state)
{
	char expected[256];

	log_info("worker started", LOG_STR("worker", "default/0#1"), LOG_I64("n", -3),
		 LOG_U64("big", UINT64_MAX), LOG_F64("ratio", 0.25),
		 LOG_BOOL("ok", true), LOG_MS("took_ms", 31520000),
		 LOG_STR("none", NULL), LOG_STRN("part", "abcdef", 3));
	(void)snprintf(
	    expected, sizeof(expected),
	    "\"level\":\"info\",\"msg\":\"worker started\",\"component\":\"test\","
	    "\"pid\":%d,\"worker\":\"default/0#1\",\"n\":-3,"
	    "\"big\":18446744073709551615,\"ratio\":0.25,\"ok\":true,"
	    "\"took_ms\":31.520,\"none\":null,\"part\":\"abc\"}\n",
	    (int)getpid());
	assert_string_equal(after_ts(collect(*state)), expected);
}

static void log_info_in_logfmt_quotes_only_where_needed(void **state)
{
	struct far_end *far = *state;
	const char *line;

	log_init(LOG_LEVEL_DEBUG, LOG_FORMAT_LOGFMT, far->fds[1]);
	log_warn("queue is full, request refused", LOG_STR("pool", "default"),
		 LOG_STR("text", "a\"b\nc"), LOG_STR("empty", ""),
		 LOG_STR("bad key=", "v"));
	line = collect(far);
	assert_int_equal(strncmp(line, "ts=2", 4), 0);
	line = strstr(line, " level=");
	assert_non_null(line);
	assert_non_null(strstr(line,
			       " level=warning msg=\"queue is full, request refused\" "
			       "component=test pid="));
	assert_non_null(
	    strstr(line, " pool=default text=\"a\\\"b\\nc\" empty=\"\" bad_key_=v\n"));
}

static const struct log_context of_a_request = {
    .correlation_id = "sp-0123456789abcdef01234567",
    .trace_id = {UINT64_C(0x0af7651916cd43dd), 0x80319c},
    .span_id = 0x3331,
    .trace_flags = 0x403, /* what is no W3C flag is not for the log */
};

static void l02_context_of_a_request_is_four_fields(void **state)
{
	static const char json[] =
	    ",\"correlation_id\":\"sp-0123456789abcdef01234567\","
	    "\"trace_id\":\"0af7651916cd43dd000000000080319c\","
	    "\"span_id\":\"0000000000003331\",\"trace_flags\":\"03\",\"n\":1}\n";
	static const char logfmt[] = " correlation_id=sp-0123456789abcdef01234567"
				     " trace_id=0af7651916cd43dd000000000080319c"
				     " span_id=0000000000003331 trace_flags=03 n=1\n";
	struct far_end *far = *state;

	log_info("m", LOG_CONTEXT(of_a_request), LOG_I64("n", 1));
	assert_non_null(strstr(collect(far), json));
	log_set_format(LOG_FORMAT_LOGFMT);
	log_info("m", LOG_CONTEXT(of_a_request), LOG_I64("n", 1));
	assert_non_null(strstr(collect(far), logfmt));
}

static void l03_context_that_is_not_there_leaves_no_fields(void **state)
{
	struct log_context context = of_a_request;
	const char *line;

	log_info("m", LOG_CONTEXT((struct log_context){.correlation_id = ""}));
	line = after_ts(collect(*state));
	assert_null(strstr(line, "_id"));
	assert_null(strstr(line, "trace"));
	forget(*state);
	context.span_id = 0;
	context.correlation_id = NULL;
	log_info("m", LOG_CONTEXT(context));
	line = after_ts(collect(*state));
	assert_non_null(strstr(line, "\"trace_id\":\"0af7651916cd43dd"));
	assert_null(strstr(line, "span_id"));
	assert_null(strstr(line, "trace_flags"));
	assert_null(strstr(line, "correlation_id"));
}

static void log_below_level_evaluates_nothing(void **state)
{
	int evaluated = 0;

	log_set_level(LOG_LEVEL_WARNING);
	log_info("not written", LOG_I64("n", ++evaluated));
	assert_int_equal(evaluated, 0);
	assert_string_equal(collect(*state), "");
	log_error("written", LOG_I64("n", ++evaluated), LOG_ERRNO(-ENOENT));
	assert_non_null(strstr(collect(*state), "\"n\":1,\"error\":\"No such file"));
}

static void log_write_leaves_errno_alone(void **state)
{
	struct far_end *far = *state;

	errno = ENOTTY;
	log_info("fine");
	assert_int_equal(errno, ENOTTY);
	(void)close(far->fds[0]);
	far->fds[0] = -1;
	log_info("nobody reads this");
	assert_int_equal(errno, ENOTTY);
	log_relay_json("w", "{}", 2);
	log_relay_text("w", "stderr", "x", 1);
	assert_int_equal(errno, ENOTTY);
}

/* ---- Hostile bytes ------------------------------------------------------- */

static const struct {
	const char *bytes;
	size_t len;
} hostile[] = {
#define H(s)                                                                           \
	{                                                                              \
		(s), sizeof(s) - 1                                                     \
	}
    H("plain"),
    H(""),
    H("\"}{\\"),
    H("\\u0041\\"),
    H("a\nb\r\nc\td\be\ff"),
    H("\x00\x01\x1f\x7f"),
    H("\x1b[2J\x1b]0;title\a"),
    H("gr\xc3\xbc\xc3\x9f"),
    H("\xf0\x9f\x90\x8d snake"),
    H("\xc2\x80\xc2\x9b C1"),
    H("\xe2\x80\xa8 line \xe2\x80\xa9 \xe2\x80\xae"
      "gnol"),
    H("\x80"),
    H("\xc3"),
    H("\xc0\xaf overlong"),
    H("\xe0\x80\xaf"),
    H("\xed\xa0\x80 surrogate"),
    H("\xf4\x90\x80\x80 too high"),
    H("\xf8\x88\x80\x80\x80"),
    H("\xff\xfe"),
    H("cut \xe2\x82"),
    H("\xef\xbf\xbd is itself"),
#undef H
};

static void to_hex(const char *bytes, size_t n, char *ret_hex)
{
	for (size_t i = 0; i < n; i++)
		(void)snprintf(ret_hex + 2 * i, 3, "%02x", (unsigned char)bytes[i]);
	ret_hex[2 * n] = '\0';
}

static void log_hostile_strings_stay_json_and_keep_their_text(void **state)
{
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		char hex[256];

		to_hex(hostile[i].bytes, hostile[i].len, hex);
		log_info(
		    hostile[i].bytes, LOG_STR("hex", hex),
		    LOG_STRN("value", hostile[i].bytes, hostile[i].len),
		    LOG_STR(hostile[i].bytes[0] ? hostile[i].bytes : "k", "as key"));
	}
	(void)collect(*state);
	python_judges(
	    *state,
	    "b=bytes.fromhex(d['hex']); good=b.decode('utf-8','ignore').encode()==b\n"
	    " assert not good or d['value'].encode()==b, (d,b)\n"
	    " assert good or '\\ufffd' in d['value'], (d,b)\n"
	    " assert 'truncated' not in d");
}

static void log_every_byte_value_stays_json(void **state)
{
	for (int lead = 0; lead < 256; lead++) {
		char text[] = {(char)lead, 'a', (char)0x80, (char)lead};

		log_info("byte", LOG_STRN("value", text, sizeof(text)));
	}
	log_info("numbers", LOG_F64("nan", 0.0 / 0.0), LOG_F64("inf", 1e300 * 1e300),
		 LOG_F64("tiny", 5e-324), LOG_I64("min", INT64_MIN));
	(void)collect(*state);
	python_judges(*state, "assert d['msg'] in ('byte','numbers')");
}

/* ---- Length -------------------------------------------------------------- */

static void log_long_strings_are_cut_and_say_so(void **state)
{
	static const char *const units[] = {"x", "\xe2\x82\xac", "\n", "\x01", "\xff"};
	struct far_end *far = *state;

	for (size_t u = 0; u < sizeof(units) / sizeof(units[0]); u++) {
		size_t n = strlen(units[u]);

		for (size_t len = 0; len < 6000; len += 97) {
			char text[6003];

			for (size_t at = 0; at < len; at += n)
				memcpy(text + at, units[u], n);
			text[len] = '\0'; /* may end inside a character */
			log_info(text, LOG_U64("len", len), LOG_STRN("a", text, len),
				 LOG_STRN("b", text, len), LOG_STR("last", "z"));
			(void)collect(far);
		}
	}
	python_judges(far,
		      "cut=any('bytes)' in v for v in (d['msg'],d.get('a','bytes)'),"
		      "d.get('b','bytes)')))\n"
		      " assert cut == d.get('truncated',False), d\n"
		      " assert d['len']>200 or not cut, d['len']\n"
		      " assert d['len']<5000 or cut");
}

static void log_too_many_fields_drops_the_last_ones(void **state)
{
	struct log_field fields[200];
	char keys[200][8];

	for (size_t i = 0; i < 199; i++) {
		(void)snprintf(keys[i], sizeof(keys[i]), "k%zu", i);
		fields[i] = LOG_STR(keys[i], "some text that takes its room");
	}
	fields[199] = (struct log_field){.type = LOG__END};
	log_write(LOG_LEVEL_INFO, "test", "many", fields);
	(void)collect(*state);
	python_judges(*state, "assert d['k0'] and d['truncated'] and 'k198' not in d\n"
			      " assert len(l)>3500");
}

/* ---- The descriptor ------------------------------------------------------ */

static void log_to_closed_descriptor_drops_and_counts(void **state)
{
	struct far_end *far = *state;
	uint64_t before = log_dropped();
	int fd = dup(far->fds[1]);

	(void)close(fd);
	log_init(LOG_LEVEL_INFO, LOG_FORMAT_JSON, fd);
	log_info("nowhere to go");
	assert_int_equal(log_dropped() - before, 1);
}

static void log_to_pipe_without_reader_drops_without_sigpipe(void **state)
{
	struct far_end *far = *state;
	uint64_t before = log_dropped();
	sigset_t pending;

	(void)close(far->fds[0]);
	far->fds[0] = -1;
	assert_ptr_equal(signal(SIGPIPE, SIG_DFL), SIG_DFL);
	log_info("nobody reads this"); /* would end the process */
	assert_int_equal(log_dropped() - before, 1);
	(void)sigpending(&pending);
	assert_false(sigismember(&pending, SIGPIPE));
}

static void log_to_full_pipe_drops_and_goes_on_when_drained(void **state)
{
	struct far_end *far = *state;
	uint64_t before = log_dropped();
	unsigned sent = 0;

	while (log_dropped() == before) {
		log_info("filling", LOG_U64("n", sent));
		sent++;
	}
	assert_true(sent > 100);
	(void)collect(far);
	python_judges(far, "last=d['n']");
	forget(far);
	log_info("drained");
	assert_non_null(strstr(collect(far), "\"msg\":\"drained\""));
	assert_int_equal(log_dropped() - before, 1);
}

static void log_init_leaves_flags_of_shared_description_alone(void **state)
{
	struct far_end *far = *state;

	assert_int_equal(fcntl(far->fds[1], F_GETFL) & O_NONBLOCK, 0);
	(void)close(far->fds[1]); /* ours no longer matters to the logger */
	far->fds[1] = -1;
	log_info("still there");
	assert_non_null(strstr(collect(far), "still there"));
}

static void log_to_full_socket_drops_and_counts(void **state)
{
	static const char wide[2000] = {0};
	struct far_end *far = *state;
	uint64_t before = log_dropped();
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	log_init(LOG_LEVEL_INFO, LOG_FORMAT_JSON, pair[1]);
	while (log_dropped() == before)
		log_info("filling", LOG_STRN("wide", wide, 300));
	(void)close(pair[0]);
	log_info("nobody reads this");
	assert_int_equal(log_dropped() - before, 2);
	(void)close(pair[1]);
	(void)far;
}

/* A disk that fills up inside a line: the next line must not be glued to the torn one.
 */
static void log_after_short_write_starts_on_a_new_line(void **state)
{
	struct rlimit whole, tight;
	char path[] = "/tmp/snakepit-log-test-XXXXXX";
	int fd = mkstemp(path);
	char buf[1024];
	ssize_t n;

	(void)state;
	assert_true(fd >= 0);
	(void)unlink(path);
	assert_ptr_not_equal(signal(SIGXFSZ, SIG_IGN), SIG_ERR);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &whole), 0);
	tight = (struct rlimit){.rlim_cur = 20, .rlim_max = whole.rlim_max};
	log_init(LOG_LEVEL_INFO, LOG_FORMAT_JSON, fd);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	log_info("torn");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &whole), 0);
	log_info("whole");
	n = pread(fd, buf, sizeof(buf) - 1, 0);
	assert_true(n > 21);
	buf[n] = '\0';
	assert_int_equal(buf[20], '\n');
	assert_non_null(strstr(after_ts(buf + 21), "\"msg\":\"whole\""));
	(void)close(fd);
}

/* ---- Threads ------------------------------------------------------------- */

#define WRITERS 4
#define LINES	400

static void *writer(void *arg)
{
	const char *name = arg;
	char wide[700];

	memset(wide, name[0], sizeof(wide));
	for (uint64_t i = 0; i < LINES; i++)
		log_info("line", LOG_STR("writer", name), LOG_U64("n", i),
			 LOG_STRN("wide", wide, i % sizeof(wide)));
	return NULL;
}

static void *drain(void *arg)
{
	struct far_end *far = arg;
	char buf[8192];
	ssize_t n;

	while ((n = read(far->fds[0], buf, sizeof(buf))) > 0)
		append(far, buf, (size_t)n);
	return NULL;
}

static void log_from_many_threads_writes_whole_lines(void **state)
{
	static const char *const names[WRITERS] = {"a", "b", "c", "d"};
	struct far_end *far = *state;
	uint64_t before = log_dropped();
	pthread_t writers[WRITERS], reader;
	size_t lines = 0;

	assert_int_equal(pthread_create(&reader, NULL, drain, far), 0);
	for (size_t i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_create(&writers[i], NULL, writer,
						(void *)(uintptr_t)names[i]),
				 0);
	for (size_t i = 0; i < WRITERS; i++)
		(void)pthread_join(writers[i], NULL);
	log_fini();
	(void)close(far->fds[1]);
	far->fds[1] = -1;
	(void)pthread_join(reader, NULL);
	for (size_t i = 0; i < far->len; i++)
		lines += far->got[i] == '\n';
	assert_int_equal(lines + (log_dropped() - before), WRITERS * LINES);
	python_judges(
	    far, "assert len(d['wide'])==d['n']%700 and set(d['wide'])<={d['writer']}");
}

/* ---- Repeated messages --------------------------------------------------- */

static void log_ratelimit_passes_burst_then_holds_back(void **state)
{
	struct log_ratelimit site = LOG_RATELIMIT("test lines", 3, 3600 * 1000);
	int passed = 0;

	for (int i = 0; i < 100; i++)
		passed += log_ratelimit(&site);
	assert_int_equal(passed, 3);
	assert_string_equal(collect(*state), "");
}

static void log_ratelimit_after_period_says_how_many_were_held_back(void **state)
{
	struct log_ratelimit site = LOG_RATELIMIT("test lines", 1, 20);
	snp_mono_t deadline = snp_mono_add_ms(snp_mono_now(), DEADLINE_S * 1000);
	uint64_t held_back = 0;
	char expected[128];

	assert_true(log_ratelimit(&site));
	while (!log_ratelimit(&site)) {
		held_back++;
		assert_true(snp_mono_now().ns < deadline.ns);
	}
	(void)snprintf(expected, sizeof(expected),
		       "\"what\":\"test lines\",\"held_back\":%ju}\n",
		       (uintmax_t)held_back);
	assert_non_null(strstr(collect(*state), "\"component\":\"log\""));
	assert_non_null(strstr(collect(*state), expected));
}

/* ---- Lines of others ----------------------------------------------------- */

static void log_relay_json_passes_an_object_unchanged(void **state)
{
	static const char line[] =
	    "{\"ts\":\"t\", \"n\":[-1.5e+3,{\"a\":null}],\"s\":\"\\u00fc\\n\xc3\xbc\"}";

	log_set_level(LOG_LEVEL_ERROR);
	log_relay_json("default/0#1", line, sizeof(line) - 1);
	assert_memory_equal(collect(*state), line, sizeof(line) - 1);
	assert_string_equal(((struct far_end *)*state)->got + sizeof(line) - 1, "\n");
}

static void log_relay_json_wraps_what_is_no_object(void **state)
{
	static const char too_deep[] =
	    "{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"
	    "]}";
	static const char *const refused[] = {
	    "",
	    "text",
	    "[1]",
	    "{",
	    "{}x",
	    "{}{}",
	    "{\"a\"}",
	    "{\"a\":}",
	    "{\"a\":1,}",
	    "{\"a\":01}",
	    "{\"a\":1.}",
	    "{\"a\":-}",
	    "{\"a\":NaN}",
	    "{\"a\":'b'}",
	    "{\"a\":\"\\x\"}",
	    "{\"a\":\"\\u12g4\"}",
	    "{\"a\":\"b",
	    "{\"a\":\"\x1b[2J\"}",
	    "{\"a\":\"\xc2\x9b\"}",
	    "{\"a\":\"\xff\"}",
	    "{\"a\":\n1}",
	    too_deep,
	};

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		log_relay_json("default/0#1", refused[i], strlen(refused[i]));
	(void)collect(*state);
	python_judges(*state, "assert (d['component'],d['worker'],d['stream'])=="
			      "('worker','default/0#1','log'), d");
}

static void log_relay_json_over_the_line_limit_is_wrapped_and_cut(void **state)
{
	char line[LOG_LINE_MAX + 100];

	for (size_t len = LOG_LINE_MAX - 8; len < sizeof(line); len++) {
		memset(line, 'x', len);
		memcpy(line, "{\"a\":\"", 6);
		memcpy(line + len - 2, "\"}", 2);
		log_relay_json("w", line, len);
		(void)collect(*state);
	}
	python_judges(*state, "assert 'a' in d or d['truncated']");
}

static void log_relay_text_wraps_the_line(void **state)
{
	log_relay_text("search/1#2", "stderr", "Traceback \x1b[31m(most", 19);
	assert_non_null(strstr(
	    collect(*state), "\"level\":\"info\",\"msg\":\"Traceback \\u001b[31m(mos\","
			     "\"component\":\"worker\",\"pid\":"));
	assert_non_null(strstr(collect(*state),
			       ",\"worker\":\"search/1#2\",\"stream\":\"stderr\"}\n"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(log_info_with_fields_writes_keys_in_order),
	    T(log_info_in_logfmt_quotes_only_where_needed),
	    T(l02_context_of_a_request_is_four_fields),
	    T(l03_context_that_is_not_there_leaves_no_fields),
	    T(log_below_level_evaluates_nothing),
	    T(log_write_leaves_errno_alone),
	    T(log_hostile_strings_stay_json_and_keep_their_text),
	    T(log_every_byte_value_stays_json),
	    T(log_long_strings_are_cut_and_say_so),
	    T(log_too_many_fields_drops_the_last_ones),
	    T(log_to_closed_descriptor_drops_and_counts),
	    T(log_to_pipe_without_reader_drops_without_sigpipe),
	    T(log_to_full_pipe_drops_and_goes_on_when_drained),
	    T(log_init_leaves_flags_of_shared_description_alone),
	    T(log_to_full_socket_drops_and_counts),
	    T(log_after_short_write_starts_on_a_new_line),
	    T(log_from_many_threads_writes_whole_lines),
	    T(log_ratelimit_passes_burst_then_holds_back),
	    T(log_ratelimit_after_period_says_how_many_were_held_back),
	    T(log_relay_json_passes_an_object_unchanged),
	    T(log_relay_json_wraps_what_is_no_object),
	    T(log_relay_json_over_the_line_limit_is_wrapped_and_cut),
	    T(log_relay_text_wraps_the_line),
	};
#undef T

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
