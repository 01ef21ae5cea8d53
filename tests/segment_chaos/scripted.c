/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scripted - the scripted writer as a process, and its judge as another.
 *
 *   scripted write DIR    round after round until SIGTERM; prints "ready" when the
 *                         segment is there, and for each line on stdin the rounds so
 * far scripted read PATH    look after look until SIGTERM; then prints looks, retries
 * and rows skipped
 *
 * `read` exits 1 at the first fault and says what it was.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sane.h"
#include "scripted_writer.h"

static volatile sig_atomic_t ended;

static void on_term(int signal)
{
	(void)signal;
	ended = 1;
}

static int write_main(const char *dir)
{
	struct script script = {0};
	struct snp_err err = {0};
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	char line[16];

	if (script_open(&script, dir, &err) < 0) {
		(void)fprintf(stderr, "scripted: %s\n", err.msg);
		return 2;
	}
	(void)puts("ready");
	while (!ended) {
		script_round(&script);
		if (poll(&in, 1, 0) <= 0)
			continue;
		if (!fgets(line, sizeof(line), stdin))
			break;
		(void)printf("%llu\n", (unsigned long long)script.round);
	}
	snp_bank_release(script.writer, &script.bank);
	snp_writer_close(&script.writer);
	return 0;
}

static int read_main(const char *path)
{
	struct snp_segment *seg = NULL;
	struct snp_err err = {0};
	uint64_t retries = 0, skipped = 0;
	struct sane sane;
	bool ok = true;

	if (snp_segment_attach(path, &seg, &err) < 0) {
		(void)fprintf(stderr, "scripted: %s\n", err.msg);
		return 2;
	}
	sane_init(&sane, seg, false);
	(void)puts("ready");
	while (!ended && ok) {
		ok = sane_look(&sane);
		retries += snp_snapshot_stats(sane.now)->retries;
		skipped += snp_snapshot_stats(sane.now)->rows_skipped;
	}
	if (!ok)
		(void)printf("fault: %s\n", sane.fault);
	(void)printf("%llu looks, %llu retries, %llu rows skipped\n",
		     (unsigned long long)sane.looks, (unsigned long long)retries,
		     (unsigned long long)skipped);
	sane_fini(&sane);
	snp_segment_detach(&seg);
	return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
	const struct sigaction action = {.sa_handler = on_term};

	(void)sigaction(SIGTERM, &action, NULL);
	(void)setvbuf(stdin, NULL, _IONBF, 0);
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 3 && strcmp(argv[1], "write") == 0)
		return write_main(argv[2]);
	if (argc == 3 && strcmp(argv[1], "read") == 0)
		return read_main(argv[2]);
	(void)fputs("usage: scripted write DIR | read PATH\n", stderr);
	return 2;
}
