/* SPDX-License-Identifier: Apache-2.0 */
/* What readers share, with each allocation and system call failing in turn. */
#include "fault.h"

#include "model/exemplars.h"
#include "model/gzip.h"
#include "model/json_out.h"
#include "model/pools.h"
#include "model/query.h"
#include "model/target.h"
#include "segment_look.h"

static struct segment_look f;

/* ---- queries ------------------------------------------------------------- */

static struct snp_query_field find(const char *word)
{
	const struct snp_query_field fields[] = {{0, SNP_QUERY_TEXT, "state"},
						 {1, SNP_QUERY_NS, "p99"}};

	for (size_t i = 0; i < 2; i++)
		if (strcmp(word, fields[i].name) == 0)
			return fields[i];
	return (struct snp_query_field){.id = -1};
}

static const char *nearest(const char *word)
{
	(void)word;
	return NULL;
}

static struct snp_query_value get(const void *row, int id)
{
	(void)row;
	return id == 0 ? (struct snp_query_value){.known = true, .text = "busy"}
		       : (struct snp_query_value){.known = true, .number = 7e7};
}

static int compile_query(void *user, uint64_t *ret_result, struct snp_err *err)
{
	static const struct snp_query_terms terms = {find, nearest, get};
	struct snp_query *query = NULL;
	struct snp_query_place place;
	int rc = snp_query_compile(user, &terms, &query, &place, err);

	if (rc == 0)
		*ret_result = 1 + (uint64_t)snp_query_matches(query, NULL);
	snp_query_free(query);
	return rc;
}

static void a_query_is_whole_or_an_error(void **state)
{
	char text[] = "state~'^b' and (p99>50ms or not state=idle) and p99!=-";

	(void)state;
	fault_drive(compile_query, text, NULL);
}

/* ---- looks, exemplars ---------------------------------------------------- */

static int look_twice(void *user, uint64_t *ret_result, struct snp_err *err)
{
	struct snp_look first = {0}, second = {0}, copy = {0};
	int rc = snp_look_read(&first, f.snap, NULL, NULL);

	(void)user;
	if (rc == 0)
		rc = snp_look_read(&second, f.snap, &first, &first);
	if (rc == 0)
		rc = snp_look_copy(&copy, &second);
	*ret_result = copy.pools_nr * 100 + copy.workers_nr;
	snp_look_fini(&copy);
	snp_look_fini(&second);
	snp_look_fini(&first);
	return fault_say(rc, err);
}

static void a_look_is_whole_or_empty(void **state)
{
	(void)state;
	fault_drive(look_twice, NULL, NULL);
}

/* Lack of memory costs exemplars, and nothing else. */
static int read_exemplars(void *user, uint64_t *ret_result, struct snp_err *err)
{
	struct snp_exemplars *exemplars = NULL;
	int rc = snp_exemplars_create(SNP_EXEMPLARS_TRACED, &exemplars);

	(void)user;
	*ret_result = 1;
	if (rc == 0)
		snp_exemplars_look(exemplars, f.seg, f.snap);
	snp_exemplars_destroy(&exemplars);
	return fault_say(rc, err);
}

static void exemplars_do_without_memory(void **state)
{
	(void)state;
	fault_drive(read_exemplars, NULL, NULL);
}

/* ---- output -------------------------------------------------------------- */

static int write_compressed(void *user, uint64_t *ret_result, struct snp_err *err)
{
	struct snp_buf plain = {0}, packed = {0}, again = {0};
	struct snp_gzip *gzip = NULL;
	struct snp_json json;
	int rc;

	(void)user;
	snp_json_init(&json, &plain);
	snp_json_array_begin(&json);
	for (int i = 0; i < 2000; i++)
		snp_json_string(&json, "caf\xC3\xA9 \"quoted\" \x01");
	snp_json_array_end(&json);
	rc = plain.failed ? -ENOMEM : snp_gzip_create(&gzip);
	if (rc == 0) {
		snp_gzip_append(gzip, plain.data, plain.len, &packed);
		rc = packed.failed ? -ENOMEM : 0;
	}
	if (rc == 0)
		rc = snp_gunzip(packed.data, packed.len, plain.len, &again);
	if (rc == 0 && again.failed)
		rc = -ENOMEM;
	if (rc == 0)
		*ret_result = again.len;
	snp_gzip_destroy(&gzip);
	snp_buf_fini(&again);
	snp_buf_fini(&packed);
	snp_buf_fini(&plain);
	return fault_say(rc, err);
}

static void output_is_whole_or_has_failed(void **state)
{
	(void)state;
	fault_drive(write_compressed, NULL, NULL);
}

/* ---- following a runtime ------------------------------------------------- */

static int follow(void *user, uint64_t *ret_result, struct snp_err *err)
{
	struct snp_target *target = NULL;
	int rc = snp_target_create(user, &target);

	if (rc < 0)
		return fault_say(rc, err);
	for (int look = 0; look < 2 && rc == 0; look++) {
		*ret_result = snp_target_poll(target);
		rc = snp_target_error(target)->code;
	}
	if (rc < 0)
		*err = *snp_target_error(target);
	snp_target_destroy(&target);
	return rc;
}

static void a_poll_says_what_is_in_the_way(void **state)
{
	struct snp_segment *one = NULL, *two = NULL;

	(void)state;
	/* A successor is attached beside its predecessor; the guard of maps keeps the
	 * places that it has once had. */
	assert_int_equal(snp_segment_attach(f.writer.path, &one, NULL), 0);
	assert_int_equal(snp_segment_attach(f.writer.path, &two, NULL), 0);
	snp_segment_detach(&one);
	snp_segment_detach(&two);
	fault_drive(follow, f.writer.path, f.writer.dir);
}

static int set_up(void **state)
{
	(void)state;
	segment_fixture_open(&f.writer, "default", "word_stats");
	snp_span_record(&f.writer.bank,
			&(struct snp_span_fields){.kind = SNP_SPAN_KIND_REQUEST,
						  .start = {1},
						  .end = {2},
						  .trace_id = {3, 4},
						  .span_id = 5,
						  .flags = 1});
	snp_hist_record(&f.writer.bank.tools[0].duration[0], 1);
	segment_look_take(&f);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	segment_look_close(&f);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_query_is_whole_or_an_error),
	    cmocka_unit_test(a_look_is_whole_or_empty),
	    cmocka_unit_test(exemplars_do_without_memory),
	    cmocka_unit_test(output_is_whole_or_has_failed),
	    cmocka_unit_test(a_poll_says_what_is_in_the_way),
	};

	return cmocka_run_group_tests_name("fault", tests, set_up, tear_down);
}
