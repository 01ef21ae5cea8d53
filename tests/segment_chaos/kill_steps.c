/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill_steps - stop a writer after every single instruction that changed its segment,
 * and look at what it left: what a kill there would have left.
 *
 *   kill_steps DIR ROUNDS [SAVED]
 *
 * A child runs scripted_writer.h under PTRACE_SINGLESTEP. After each change the reader
 * library looks at everything (sane.h); now and then one that attaches anew does. SAVED
 * copies of the file, evenly spread over the first round, are left as
 * DIR/step-<change>.seg for readers in other languages. At the end the child is killed
 * for real. Prints what it did; exits 1 at the first fault.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sane.h"
#include "scripted_writer.h"

#define BEGIN		SIGUSR1 /* the child's: from here on step by step */
#define ROUND_DONE	SIGUSR2
#define FRESH_EVERY	199 /* a prime, so that every kind of change is met */
#define RANGES_MAX	64
#define CHANGES_A_ROUND 600 /* about; spreads the saved copies */

struct range {
	uint64_t off, len;
};

struct stepper {
	const char *dir;
	char path[4096];
	pid_t child;
	unsigned char *map, *seen; /* the file, and it at the last change */
	struct range ranges[RANGES_MAX];
	size_t ranges_nr;
	struct snp_segment *seg;
	struct sane sane;
	uint64_t steps, changes, fresh, rounds, saved, saved_max;
};

static void die(const char *what)
{
	perror(what);
	exit(2);
}

/* ---- the child ----------------------------------------------------------- */

static void child_main(const char *dir)
{
	struct script script = {0};
	struct snp_err err = {0};

	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		die("PTRACE_TRACEME");
	if (script_open(&script, dir, &err) < 0) {
		(void)fprintf(stderr, "kill_steps: %s\n", err.msg);
		_exit(2);
	}
	(void)raise(BEGIN);
	for (;;) {
		script_round(&script);
		(void)raise(ROUND_DONE);
	}
}

/* ---- what of the file changes -------------------------------------------- */

static bool is_constant(uint32_t type)
{
	return type >= SNP_REGION_DESC && type <= SNP_REGION_JSON;
}

static void open_map(struct stepper *s)
{
	struct snp_fmt_region dir[SNP_FMT_DIR_MAX];
	const struct snp_fmt_header *h;
	struct stat st;
	int fd = open(s->path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0)
		die(s->path);
	s->map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	s->seen = malloc((size_t)st.st_size);
	if (s->map == MAP_FAILED || !s->seen)
		die("mmap");
	close(fd);
	memcpy(s->seen, s->map, (size_t)st.st_size);
	h = (const void *)s->map;
	memcpy(dir, s->map + h->dir_off, h->dir_count * sizeof(dir[0]));
	s->ranges[s->ranges_nr++] = (struct range){0, SNP_FMT_HEADER_BYTES};
	for (uint64_t i = 0; i < h->dir_count; i++)
		if (!is_constant(dir[i].type))
			s->ranges[s->ranges_nr++] = (struct range){
			    dir[i].off, (dir[i].outer_count - 1) * dir[i].outer_stride +
					    dir[i].len};
}

static bool changed(struct stepper *s)
{
	bool any = false;

	for (size_t i = 0; i < s->ranges_nr; i++) {
		const struct range *r = &s->ranges[i];

		if (memcmp(s->seen + r->off, s->map + r->off, r->len) == 0)
			continue;
		memcpy(s->seen + r->off, s->map + r->off, r->len);
		any = true;
	}
	return any;
}

/* ---- looking ------------------------------------------------------------- */

static void save(const struct stepper *s)
{
	char name[4200];
	FILE *f;

	(void)snprintf(name, sizeof(name), "%s/step-%06llu.seg", s->dir,
		       (unsigned long long)s->changes);
	f = fopen(name, "wb");
	if (!f ||
	    fwrite(s->map, ((const struct snp_fmt_header *)(void *)s->map)->map_size, 1,
		   f) != 1)
		die(name);
	(void)fclose(f);
}

static bool look_anew(struct stepper *s)
{
	struct snp_segment *seg = NULL;
	struct snp_err err = {0};
	struct sane fresh;
	bool ok;

	s->fresh++;
	if (snp_segment_attach(s->path, &seg, &err) < 0) {
		(void)snprintf(s->sane.fault, sizeof(s->sane.fault), "attach: %.200s",
			       err.msg);
		return false;
	}
	sane_init(&fresh, seg, true);
	ok = sane_look(&fresh);
	memcpy(s->sane.fault, fresh.fault, sizeof(fresh.fault));
	sane_fini(&fresh);
	snp_segment_detach(&seg);
	return ok;
}

static bool look(struct stepper *s)
{
	bool ok = sane_look(&s->sane);

	s->changes++;
	if (ok && s->changes % FRESH_EVERY == 0)
		ok = look_anew(s);
	if (s->saved < s->saved_max &&
	    s->changes % (CHANGES_A_ROUND / s->saved_max) == 0) {
		save(s);
		s->saved++;
	}
	if (!ok)
		(void)printf("fault after step %llu, change %llu of round %llu: %s\n",
			     (unsigned long long)s->steps,
			     (unsigned long long)s->changes,
			     (unsigned long long)s->rounds + 1, s->sane.fault);
	return ok;
}

/* ---- stepping ------------------------------------------------------------ */

/* Resume the child and wait for its next stop; returns the signal it stopped with. */
static int resume(const struct stepper *s, enum __ptrace_request how)
{
	int status;

	if (ptrace(how, s->child, NULL, NULL) < 0)
		die("ptrace");
	if (waitpid(s->child, &status, 0) < 0)
		die("waitpid");
	if (!WIFSTOPPED(status)) {
		(void)fprintf(stderr, "kill_steps: the writer ended (status %#x)\n",
			      status);
		exit(2);
	}
	return WSTOPSIG(status);
}

static bool step_rounds(struct stepper *s, uint64_t rounds)
{
	while (s->rounds < rounds) {
		int signal = resume(s, PTRACE_SINGLESTEP);

		s->steps++;
		if (signal == ROUND_DONE)
			s->rounds++;
		else if (signal != SIGTRAP)
			die("unexpected signal");
		if (changed(s) && !look(s))
			return false;
	}
	return true;
}

static void attach_reader(struct stepper *s)
{
	struct snp_err err = {0};

	if (snp_segment_attach(s->path, &s->seg, &err) < 0) {
		(void)fprintf(stderr, "kill_steps: %s\n", err.msg);
		exit(2);
	}
	sane_init(&s->sane, s->seg, true);
}

static void start(struct stepper *s)
{
	s->child = fork();
	if (s->child < 0)
		die("fork");
	if (s->child == 0)
		child_main(s->dir);
	int status;

	if (waitpid(s->child, &status, 0) < 0 || !WIFSTOPPED(status) ||
	    WSTOPSIG(status) != BEGIN) {
		(void)fprintf(stderr, "kill_steps: the writer did not begin\n");
		exit(2);
	}
}

static bool kill_for_real(struct stepper *s)
{
	enum snp_writer_verdict verdict;

	if (kill(s->child, SIGKILL) < 0 || waitpid(s->child, NULL, 0) < 0)
		die("kill");
	verdict = snp_segment_verdict(s->seg);
	if (verdict != SNP_WRITER_DEAD) {
		(void)printf("after the kill the writer is %s\n",
			     snp_writer_verdict_name(verdict));
		return false;
	}
	return look_anew(s);
}

int main(int argc, char **argv)
{
	struct stepper s = {0};
	bool ok;

	if (argc < 3) {
		(void)fputs("usage: kill_steps DIR ROUNDS [SAVED]\n", stderr);
		return 2;
	}
	s.dir = argv[1];
	s.saved_max = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
	(void)snprintf(s.path, sizeof(s.path), "%s/script.seg", s.dir);
	start(&s);
	open_map(&s);
	attach_reader(&s);
	ok = step_rounds(&s, strtoull(argv[2], NULL, 10)) && kill_for_real(&s);
	(void)printf(
	    "%llu rounds, %llu instructions, %llu changes looked at, %llu by a "
	    "new reader\n",
	    (unsigned long long)s.rounds, (unsigned long long)s.steps,
	    (unsigned long long)s.changes, (unsigned long long)s.fresh);
	sane_fini(&s.sane);
	snp_segment_detach(&s.seg);
	munmap(s.map, 1);
	free(s.seen);
	return ok ? 0 : 1;
}
