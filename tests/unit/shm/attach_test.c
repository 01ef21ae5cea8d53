/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attach to what is not a segment, no longer one, or one whose header or directory is
 * damaged: each outcome has its code and a text that names the file and what is wrong
 * with it. Damage further inside is damage_test.c's.
 */
#include "segment_expect.h"

#include <sys/wait.h>

/* ---- helpers ------------------------------------------------------------- */

static void other_path(const struct lab *lab, const char *name, char ret_path[160])
{
	(void)snprintf(ret_path, 160, "%s/%s", lab->dir, name);
}

static void write_file(const char *path, const void *bytes, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

/* ---- not a file to read -------------------------------------------------- */

static void attach_intact_file_succeeds(void **state)
{
	struct lab *lab = *state;
	struct snp_err err = {0};

	assert_int_equal(lab_probe(lab, &err), 0);
	lab_seal(lab); /* sealing an intact file changes nothing */
	assert_memory_equal(lab->map, lab->good, lab->size);
}

static void attach_missing_file_returns_enoent(void **state)
{
	(void)state;
	expect_path("/dev/shm/there-is-none/x.seg", -ENOENT, "path", "no segment");
}

static void attach_symlink_returns_eperm(void **state)
{
	struct lab *lab = *state;
	char link[160];

	other_path(lab, "link.seg", link);
	assert_int_equal(symlink(lab->path, link), 0);
	expect_path(link, -EPERM, "path", "symlink");
	assert_int_equal(unlink(link), 0);
}

static void attach_directory_returns_eperm(void **state)
{
	struct lab *lab = *state;

	expect_path(lab->dir, -EPERM, "path", "not a regular file");
}

static void attach_fifo_returns_eperm_at_once(void **state)
{
	struct lab *lab = *state;
	char fifo[160];

	other_path(lab, "fifo.seg", fifo);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	alarm(5); /* a blocking open would wait for a writer for ever */
	expect_path(fifo, -EPERM, "path", "not a regular file");
	alarm(0);
	assert_int_equal(unlink(fifo), 0);
}

static void attach_file_writable_by_everybody_returns_eperm(void **state)
{
	struct lab *lab = *state;

	assert_int_equal(chmod(lab->path, 0646), 0);
	expect(lab, -EPERM, "mode", "writable by everybody");
}

/* What attach says to user nobody: in a child, because root must stop being root to be
 * refused. */
static int refusal_of_nobody(const struct lab *lab, int code, const char *field,
			     const char *text)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct snp_segment *seg;
		struct snp_err err = {0};
		int rc;

		if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
			_exit(2);
		rc = snp_segment_attach(lab->path, &seg, &err);
		_exit(rc == code && err.field && strcmp(err.field, field) == 0 &&
			      strstr(err.msg, lab->path) && strstr(err.msg, text)
			  ? 0
			  : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void attach_unreadable_file_returns_eacces(void **state)
{
	struct lab *lab = *state;

	assert_int_equal(chmod(lab->dir, 0711), 0);
	assert_int_equal(chmod(lab->path, 0), 0);
	assert_int_equal(refusal_of_nobody(lab, -EACCES, "path", "permission denied"),
			 0);
}

static void attach_somebody_elses_file_returns_eperm(void **state)
{
	struct lab *lab = *state;

	if (geteuid() != 0)
		snp_test_skip("only root can give a file away");
	assert_int_equal(chmod(lab->dir, 0711), 0);
	assert_int_equal(chmod(lab->path, 0644), 0);
	assert_int_equal(chown(lab->path, 1234, 1234), 0);
	assert_int_equal(
	    refusal_of_nobody(lab, -EPERM, "owner", "belongs to user 1234"), 0);
	assert_int_equal(probe_and_restore(lab), 0); /* root reads all */
}

static void attach_outcome_has_a_name_for_each_error(void **state)
{
	static const struct {
		int error;
		enum snp_attach_outcome outcome;
		const char *name;
	} cases[] = {
	    {-ENOENT, SNP_ATTACH_MISSING, "missing"},
	    {-EAGAIN, SNP_ATTACH_NOT_READY, "not_ready"},
	    {-EPROTO, SNP_ATTACH_VERSION, "version"},
	    {-EBADMSG, SNP_ATTACH_DAMAGED, "damaged"},
	    {-EACCES, SNP_ATTACH_DENIED, "denied"},
	    {-EPERM, SNP_ATTACH_DENIED, "denied"},
	    {-ENOMEM, SNP_ATTACH_NR, "?"},
	    {-EMFILE, SNP_ATTACH_NR, "?"},
	    {0, SNP_ATTACH_NR, "?"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(snp_attach_outcome(cases[i].error), cases[i].outcome);
		assert_string_equal(snp_attach_outcome_name(cases[i].outcome),
				    cases[i].name);
	}
}

/* ---- not a segment ------------------------------------------------------- */

static void attach_empty_file_returns_ebadmsg(void **state)
{
	struct lab *lab = *state;
	char path[160];

	other_path(lab, "empty.seg", path);
	write_file(path, "", 0);
	expect_path(path, -EBADMSG, "file", "0 bytes");
	assert_int_equal(unlink(path), 0);
}

static void attach_huge_sparse_file_returns_ebadmsg(void **state)
{
	struct lab *lab = *state;
	char path[160];

	other_path(lab, "huge.seg", path);
	write_file(path, lab->good, lab->size);
	assert_int_equal(truncate(path, (off_t)1 << 40), 0);
	expect_path(path, -EBADMSG, "file", "1099511627776 bytes");
	assert_int_equal(unlink(path), 0);
}

static void attach_other_bytes_returns_ebadmsg(void **state)
{
	struct lab *lab = *state;

	for (size_t i = 0; i < sizeof(lab_header(lab)->magic); i++) {
		lab->map[i] ^= 0x20;
		expect_sealed(lab, -EBADMSG, "magic", "magic");
	}
	memset(lab->map, 0, lab->size);
	expect(lab, -EBADMSG, "magic", "magic");
}

static void attach_other_endian_returns_ebadmsg(void **state)
{
	struct lab *lab = *state;

	lab_header(lab)->endian = 0x04030201;
	expect_sealed(lab, -EBADMSG, "endian",
		      "endian tag 0x04030201, expected 0x01020304");
}

static void attach_other_major_returns_eproto_and_names_both_versions(void **state)
{
	struct lab *lab = *state;
	char text[64];

	lab_header(lab)->ver_major = SNP_FMT_MAJOR + 1;
	lab_header(lab)->ver_minor = 7;
	(void)snprintf(text, sizeof(text), "format %d.7, this program reads %d.x",
		       SNP_FMT_MAJOR + 1, SNP_FMT_MAJOR);
	expect_sealed(lab, -EPROTO, "ver_major", text);
	/* What follows the frozen prefix means something else there: it is not looked
	 * at. */
	lab_header(lab)->ver_major = 0;
	expect(lab, -EPROTO, "ver_major", "format 0.");
}

static void attach_other_minor_succeeds(void **state)
{
	struct lab *lab = *state;

	lab_header(lab)->ver_minor = UINT16_MAX;
	lab_seal(lab);
	assert_int_equal(probe_and_restore(lab), 0);
}

static void attach_unknown_incompatible_feature_returns_eproto(void **state)
{
	struct lab *lab = *state;

	for (unsigned bit = 0; bit < 64; bit++) {
		lab_header(lab)->feat_incompat = UINT64_C(1) << bit;
		expect_sealed(lab, -EPROTO, "feat_incompat", "features 0x");
	}
	lab_header(lab)->feat_compat = UINT64_MAX;
	lab_seal(lab);
	assert_int_equal(probe_and_restore(lab), 0);
}

static void attach_file_being_built_returns_eagain(void **state)
{
	struct lab *lab = *state;

	snp_set(&lab_header(lab)->state, SNP_STATE_INIT);
	expect(lab, -EAGAIN, "state", "still being built");
}

/* ---- damage that the checksums find -------------------------------------- */

static void attach_any_flipped_header_byte_is_noticed(void **state)
{
	struct lab *lab = *state;
	struct snp_err err = {0};

	for (size_t i = 0; i < offsetof(struct snp_fmt_header, pad0); i++) {
		lab->map[i] ^= 0x40;
		assert_true(lab_probe(lab, &err) < 0);
		lab_restore(lab);
	}
	lab_header(lab)->uid ^= 1;
	expect(lab, -EBADMSG, "hdr_crc", "hdr_crc");
}

static void attach_any_flipped_directory_byte_is_noticed(void **state)
{
	struct lab *lab = *state;
	size_t bytes = lab_header(lab)->dir_count * sizeof(struct snp_fmt_region);

	for (size_t i = 0; i < bytes; i += 5) {
		lab->map[SNP_FMT_DIR_OFF + i] ^= 1;
		expect(lab, -EBADMSG, "dir_crc", "dir_crc");
	}
}

static void snapshot_damaged_heartbeat_returns_ebadmsg(void **state)
{
	struct lab *lab = *state;
	struct snp_fmt_header *h = lab_header(lab);
	struct snp_err err = {0};

	h->hb[snp_get(&h->hb_seq) & 1].live_threads ^= 1;
	assert_int_equal(lab_probe(lab, &err), -EBADMSG);
	assert_string_equal(err.field, "heartbeat");
	lab_restore(lab);
	/* The other copy is the one a writer may have died in: nobody looks at it. */
	h->hb[~snp_get(&h->hb_seq) & 1].live_threads ^= 1;
	assert_int_equal(probe_and_restore(lab), 0);
}

/* ---- damage behind good checksums: header -------------------------------- */

static void attach_map_size_other_than_the_file_returns_ebadmsg(void **state)
{
	struct lab *lab = *state;
	const uint64_t sizes[] = {0, lab->size - 1, lab->size + 1, UINT64_MAX};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		lab_header(lab)->map_size = sizes[i];
		expect_sealed(lab, -EBADMSG, "map_size", "map_size");
	}
}

static void attach_directory_out_of_bounds_returns_ebadmsg(void **state)
{
	struct lab *lab = *state;
	uint64_t bytes = lab_header(lab)->dir_count * sizeof(struct snp_fmt_region);
	const uint64_t offs[] = {
	    SNP_FMT_DIR_OFF + 4,   lab->size - bytes + 8, lab->size,
	    lab->size + 8,	   UINT64_MAX - 7,	  UINT64_MAX,
	    UINT64_MAX - bytes + 1};
	const uint64_t counts[] = {0, SNP_FMT_DIR_MAX + 1, UINT64_MAX,
				   UINT64_MAX / sizeof(struct snp_fmt_region) + 1};

	for (size_t i = 0; i < sizeof(offs) / sizeof(offs[0]); i++) {
		lab_header(lab)->dir_off = offs[i];
		expect_sealed(lab, -EBADMSG, "dir_off", "dir_off");
	}
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		lab_header(lab)->dir_count = counts[i];
		expect_sealed(lab, -EBADMSG, "dir_count", "dir_count");
	}
}

static void attach_zero_intervals_return_ebadmsg(void **state)
{
	struct lab *lab = *state;

	lab_header(lab)->heartbeat_interval_ms = 0;
	expect_sealed(lab, -EBADMSG, "heartbeat_interval_ms", "heartbeat_interval_ms");
	lab_header(lab)->stale_after_ms = 0;
	expect_sealed(lab, -EBADMSG, "stale_after_ms", "stale_after_ms");
}

static void attach_file_cut_at_any_boundary_returns_ebadmsg(void **state)
{
	struct lab *lab = *state;
	const struct snp_fmt_region *dir = (const void *)(lab->good + SNP_FMT_DIR_OFF);
	uint64_t cuts[3 * SNP_FMT_DIR_MAX], nr = 0;
	char path[160];

	other_path(lab, "cut.seg", path);
	for (uint64_t i = 0; i < lab_header(lab)->dir_count; i++) {
		cuts[nr++] = dir[i].off;
		cuts[nr++] = dir[i].off + 8;
		cuts[nr++] = dir[i].off + dir[i].len - 1;
	}
	for (uint64_t i = 0; i < nr; i++) {
		write_file(path, lab->good, cuts[i]);
		expect_path(path, -EBADMSG, "map_size", "map_size");
		/* The same with a header that agrees: the directory must be believed
		 * less. */
		lab_header(lab)->map_size = cuts[i];
		lab_seal(lab);
		write_file(path, lab->map, cuts[i]);
		expect_path(path, -EBADMSG, "directory", "region");
		lab_restore(lab);
	}
	write_file(path, lab->good, SNP_FMT_HEADER_BYTES - 1);
	expect_path(path, -EBADMSG, "file", "4095 bytes are too few");
	assert_int_equal(unlink(path), 0);
}

/* ---- damage behind good checksums: directory ----------------------------- */

static const size_t dir_words[] = {
    offsetof(struct snp_fmt_region, off),
    offsetof(struct snp_fmt_region, len),
    offsetof(struct snp_fmt_region, stride),
    offsetof(struct snp_fmt_region, count),
    offsetof(struct snp_fmt_region, outer_stride),
    offsetof(struct snp_fmt_region, outer_count),
};

static void attach_any_wrong_directory_word_never_crashes(void **state)
{
	struct lab *lab = *state;
	uint64_t nr = lab_header(lab)->dir_count;

	for (uint64_t i = 0; i < nr; i++)
		for (size_t f = 0; f < sizeof(dir_words) / sizeof(dir_words[0]); f++) {
			unsigned char *at =
			    (unsigned char *)&lab_dir(lab)[i] + dir_words[f];
			uint64_t was, *word = (void *)at;
			const uint64_t off = lab_dir(lab)[i].off;

			was = *word;
			const uint64_t tries[] = {0,
						  1,
						  4,
						  8,
						  was - 8,
						  was - 1,
						  was + 1,
						  was + 8,
						  was * 2,
						  lab->size - 8,
						  lab->size,
						  lab->size - off,
						  lab->size - off + 8,
						  UINT32_MAX,
						  UINT64_C(1) << 32,
						  UINT64_C(1) << 61,
						  UINT64_C(1) << 63,
						  UINT64_MAX / 8 + 1,
						  UINT64_MAX - off + 1,
						  UINT64_MAX - 7,
						  UINT64_MAX};

			for (size_t v = 0; v < sizeof(tries) / sizeof(tries[0]); v++) {
				*word = tries[v];
				lab_seal(lab);
				(void)probe_and_restore(lab);
			}
		}
}

static void attach_region_past_the_end_returns_ebadmsg(void **state)
{
	struct lab *lab = *state;
	uint64_t nr = lab_header(lab)->dir_count;

	for (uint64_t i = 0; i < nr; i++) {
		struct snp_fmt_region *r = &lab_dir(lab)[i];
		char text[32];

		(void)snprintf(text, sizeof(text), "region %u (type %u,", (unsigned)i,
			       r->type);
		r->off = lab->size - r->len + 8;
		expect_sealed(lab, -EBADMSG, "directory", text);
		r->off += 4;
		expect_sealed(lab, -EBADMSG, "directory", text);
		r->len = lab->size - r->off + 1;
		expect_sealed(lab, -EBADMSG, "directory", text);
		r->count = UINT64_MAX;
		expect_sealed(lab, -EBADMSG, "directory", text);
		if (r->stride >
		    1) { /* wraps where it is multiplied before it is compared */
			r->count = UINT64_MAX / r->stride + 2;
			expect_sealed(lab, -EBADMSG, "directory", text);
		}
		r->stride = 0;
		expect_sealed(lab, -EBADMSG, "directory", text);
		r->outer_count = 0;
		expect_sealed(lab, -EBADMSG, "directory", text);
		r->outer_count = UINT64_MAX;
		expect_sealed(lab, -EBADMSG, "directory", text);
	}
}

static void attach_one_bank_or_ring_too_many_returns_ebadmsg(void **state)
{
	struct lab *lab = *state;
	uint64_t nr = lab_header(lab)->dir_count;
	unsigned tried = 0;

	for (uint64_t i = 0; i < nr; i++) {
		struct snp_fmt_region *r = &lab_dir(lab)[i];

		if (r->outer_count == 1)
			continue;
		r->outer_count = (lab->size - r->off - r->len) / r->outer_stride +
				 2; /* one too many */
		expect_sealed(lab, -EBADMSG, "directory", "does not fit");
		r->outer_stride = r->len - 8; /* blocks overlap */
		expect_sealed(lab, -EBADMSG, "directory", "does not fit");
		tried++;
	}
	/* Three kinds of banks, two of rings, two of history, in flight, SNAP. */
	assert_int_equal(tried, 9);
}

/* Entries smaller than what is read of them, or not of whole words. */
static void attach_region_of_small_entries_returns_ebadmsg(void **state)
{
	struct lab *lab = *state;
	uint64_t nr = lab_header(lab)->dir_count;
	unsigned tried = 0;

	for (uint64_t i = 0; i < nr; i++) {
		struct snp_fmt_region *r = &lab_dir(lab)[i];

		if (r->type == SNP_REGION_JSON)
			continue;
		r->stride--;
		expect_sealed(lab, -EBADMSG, "directory", "does not fit");
		if (r->type == SNP_REGION_BANK || r->stride <= 16)
			continue;
		r->stride -= 8;
		if (r->type == SNP_REGION_ROWC) /* has more than the latch */
			r->stride = sizeof(struct snp_fmt_latch) - 8;
		if (r->type == SNP_REGION_SNAP)
			r->stride = sizeof(struct snp_fmt_snap) - 8;
		expect_sealed(lab, -EBADMSG, "directory", "does not fit");
		tried++;
	}
	assert_true(tried > 12);
}

/* A ring of no records, half a SNAP. */
static void attach_region_without_entries_returns_ebadmsg(void **state)
{
	static const uint32_t types[] = {SNP_REGION_INFL, SNP_REGION_EVNT,
					 SNP_REGION_EVID, SNP_REGION_SPAN,
					 SNP_REGION_HIST, SNP_REGION_SNAP};
	struct lab *lab = *state;
	uint64_t nr = lab_header(lab)->dir_count;
	unsigned tried = 0;

	for (uint64_t i = 0; i < nr; i++)
		for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++) {
			struct snp_fmt_region *r = &lab_dir(lab)[i];

			if (r->type != types[t])
				continue;
			r->count = 0;
			expect_sealed(lab, -EBADMSG, "directory", "does not fit");
			tried++;
			if (r->type != SNP_REGION_SNAP)
				continue;
			r->outer_count = 1;
			expect_sealed(lab, -EBADMSG, "directory", "does not fit");
		}
	assert_int_equal(tried, 7);
}

static void attach_repeated_region_returns_ebadmsg(void **state)
{
	struct lab *lab = *state;
	struct snp_fmt_region *dir = lab_dir(lab);

	dir[lab_header(lab)->dir_count++] = dir[0];
	expect_sealed(lab, -EBADMSG, "directory", "(type 1, kind 0) is there twice");
	for (unsigned i = 0; i < 2; i++) { /* also of what nobody here knows */
		dir[lab_header(lab)->dir_count] = dir[0];
		dir[lab_header(lab)->dir_count++].type = 999;
	}
	expect_sealed(lab, -EBADMSG, "directory", "(type 999, kind 0) is there twice");
}

static void attach_without_descriptors_or_strings_returns_ebadmsg(void **state)
{
	struct lab *lab = *state;

	for (unsigned i = 0; i < 2; i++) {
		lab_dir(lab)[i].type = 0x7777;
		expect_sealed(lab, -EBADMSG, "directory",
			      "no descriptors or no strings");
	}
}

static void attach_unknown_region_is_skipped(void **state)
{
	struct lab *lab = *state;
	struct snp_fmt_region *dir = lab_dir(lab);
	uint64_t nr = lab_header(lab)->dir_count++;

	dir[nr] = dir[0];
	dir[nr].type = 999;
	lab_seal(lab);
	assert_int_equal(probe_and_restore(lab), 0);
}

/* A million rows in the directory, cells for one: the reader must not take its word for
 * it and allocate cells for a million. */
static void attach_rows_and_cells_that_disagree_return_ebadmsg(void **state)
{
	struct lab *lab = *state;
	const uint32_t types[] = {SNP_REGION_ROWC, SNP_REGION_BANK};

	for (size_t i = 0; i < 2; i++) {
		struct snp_fmt_region *r = NULL;

		for (uint64_t d = 0; d < lab_header(lab)->dir_count; d++)
			if (lab_dir(lab)[d].type == types[i] &&
			    lab_dir(lab)[d].kind == SNP_ROW_POOL)
				r = &lab_dir(lab)[d];
		if (!r) {
			fail_msg("no region of type %u", types[i]);
			return;
		}
		r->count--;
		expect_sealed(lab, -EBADMSG, "directory", "rows of kind 1");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, lab_setup, lab_teardown)
	    T(attach_intact_file_succeeds),
	    T(attach_missing_file_returns_enoent),
	    T(attach_symlink_returns_eperm),
	    T(attach_directory_returns_eperm),
	    T(attach_fifo_returns_eperm_at_once),
	    T(attach_file_writable_by_everybody_returns_eperm),
	    T(attach_unreadable_file_returns_eacces),
	    T(attach_somebody_elses_file_returns_eperm),
	    T(attach_outcome_has_a_name_for_each_error),
	    T(attach_empty_file_returns_ebadmsg),
	    T(attach_huge_sparse_file_returns_ebadmsg),
	    T(attach_other_bytes_returns_ebadmsg),
	    T(attach_other_endian_returns_ebadmsg),
	    T(attach_other_major_returns_eproto_and_names_both_versions),
	    T(attach_other_minor_succeeds),
	    T(attach_unknown_incompatible_feature_returns_eproto),
	    T(attach_file_being_built_returns_eagain),
	    T(attach_any_flipped_header_byte_is_noticed),
	    T(attach_any_flipped_directory_byte_is_noticed),
	    T(snapshot_damaged_heartbeat_returns_ebadmsg),
	    T(attach_map_size_other_than_the_file_returns_ebadmsg),
	    T(attach_directory_out_of_bounds_returns_ebadmsg),
	    T(attach_zero_intervals_return_ebadmsg),
	    T(attach_file_cut_at_any_boundary_returns_ebadmsg),
	    T(attach_any_wrong_directory_word_never_crashes),
	    T(attach_region_past_the_end_returns_ebadmsg),
	    T(attach_one_bank_or_ring_too_many_returns_ebadmsg),
	    T(attach_region_of_small_entries_returns_ebadmsg),
	    T(attach_region_without_entries_returns_ebadmsg),
	    T(attach_repeated_region_returns_ebadmsg),
	    T(attach_without_descriptors_or_strings_returns_ebadmsg),
	    T(attach_unknown_region_is_skipped),
	    T(attach_rows_and_cells_that_disagree_return_ebadmsg),
	};

	return cmocka_run_group_tests_name("shm/attach", tests, NULL, NULL);
}
