/* SPDX-License-Identifier: Apache-2.0 */
#include "instances.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clients.h"
#include "model/log.h"
#include "segment_fixture.h"

#define NR(list) (sizeof(list) / sizeof((list)[0]))

static void assert_labels(const char *const *names, size_t nr,
			  const char *const *labels)
{
	struct instances instances;

	assert_int_equal(instances_init(&instances, INSTANCES_NAMED, names, nr), 0);
	assert_int_equal(instances.nr, nr);
	for (size_t i = 0; i < nr; i++) {
		const char *label = instances_label(&instances, instances.list[i]);

		if (labels[i])
			assert_string_equal(label, labels[i]);
		else
			assert_null(label);
	}
	instances_fini(&instances);
}

static void labels_tell_named_instances_apart(void **state)
{
	static const char *const one[] = {"/run/snakepit/prod.seg"};
	static const char *const none[] = {NULL};
	static const char *const names[] = {"blue", "/run/a/green.seg", "./.seg"};
	static const char *const shorts[] = {"blue", "green", ".seg"};
	static const char *const twins[] = {"/run/a/prod.seg", "/run/b/prod.seg", "x"};
	static const char *const paths[] = {"/run/a/prod.seg", "/run/b/prod.seg", "x"};
	static const char *const mixed[] = {"prod", "/run/b/prod.seg"};

	(void)state;
	assert_labels(one, NR(one), none);
	assert_labels(names, NR(names), shorts);
	assert_labels(twins, NR(twins), paths);
	assert_labels(mixed, NR(mixed), mixed);
}

static void unnamed_is_the_only_one_there_is(void **state)
{
	struct instances instances;

	(void)state;
	assert_int_equal(instances_init(&instances, INSTANCES_NAMED, NULL, 0), 0);
	assert_int_equal(instances.nr, 1);
	assert_null(instances_label(&instances, instances.list[0]));
	instances_fini(&instances);
}

/* Found ones follow the directory; a label that has come stays. */
static void found_instances_come_and_go(void **state)
{
	struct segment_fixture f;
	struct instances instances;
	char other[160];

	(void)state;
	snp_log_set_level(SNP_LOG_ERROR + 1);
	segment_fixture_open(&f, "default", "word_stats");
	assert_int_equal(setenv("SNAKEPIT_DIR", f.dir, 1), 0);
	(void)snprintf(other, sizeof(other), "%s/another.seg", f.dir);

	assert_int_equal(instances_init(&instances, INSTANCES_FOUND, NULL, 0), 0);
	assert_int_equal(instances.nr, 0);
	instances_look(&instances);
	assert_int_equal(instances.nr, 1);
	assert_true(snp_target_is_up(instances.list[0]->target));
	assert_null(instances_label(&instances, instances.list[0]));

	assert_int_equal(link(f.path, other), 0);
	instances_look(&instances);
	assert_int_equal(instances.nr, 2);
	assert_string_equal(instances_label(&instances, instances.list[0]), "another");
	assert_string_equal(instances_label(&instances, instances.list[1]), "unit");

	assert_int_equal(unlink(other), 0);
	instances_look(&instances);
	assert_int_equal(instances.nr, 1);
	assert_string_equal(instances_label(&instances, instances.list[0]), "unit");
	instances_fini(&instances);
	(void)unsetenv("SNAKEPIT_DIR");
	segment_fixture_close(&f);
}

/* P24: who is late is shown out once, whoever is not stays. */
static void clients_are_swept_when_they_are_late(void **state)
{
	struct clients clients;
	struct client *quick, *slow;
	int pairs[2][2];
	char byte;

	(void)state;
	assert_int_equal(clients_init(&clients, 100), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]), 0);
	quick = clients_add(&clients, pairs[0][0], (snp_mono_t){100});
	slow = clients_add(&clients, pairs[1][0], (snp_mono_t){100});
	assert_int_equal(clients_sweep(&clients, (snp_mono_t){99}), 0);
	clients_expect(&clients, quick, CLIENT_ASKS, (snp_mono_t){500});
	clients_hasten(&clients, quick, (snp_mono_t){900});
	clients_hasten(&clients, slow, (snp_mono_t){900});
	assert_int_equal(clients_sweep(&clients, (snp_mono_t){100}), 1);
	assert_int_equal(read(pairs[1][1], &byte, 1), 0);
	assert_int_equal(recv(pairs[0][1], &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(clients_sweep(&clients, (snp_mono_t){499}), 0);
	clients_hasten(&clients, quick, (snp_mono_t){300});
	assert_int_equal(clients_sweep(&clients, (snp_mono_t){300}), 1);
	clients_remove(&clients, &slow);
	assert_null(slow);
	clients_remove(&clients, &quick);
	assert_null(clients.first);
	clients_fini(&clients);
	for (int i = 0; i < 4; i++)
		(void)close(pairs[i / 2][i % 2]);
}

/* P24: nobody is late because we are busy. */
static void clients_that_wait_for_us_are_not_late(void **state)
{
	const snp_mono_t due = {100}, later = {1000};
	struct clients clients;
	struct client *client;
	char bytes[4096] = {0};
	int pair[2];

	(void)state;
	assert_int_equal(clients_init(&clients, 100), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	client = clients_add(&clients, pair[0], due);
	assert_int_equal(write(pair[1], "G", 1), 1);
	assert_int_equal(clients_sweep(&clients, later), 0); /* we have not read it */
	assert_int_equal(read(pair[0], bytes, 1), 1);
	clients_expect(&clients, client, CLIENT_LISTENS, due);
	assert_int_equal(clients_sweep(&clients, later), 0); /* we could send */
	while (send(pair[0], bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		continue;
	assert_int_equal(clients_sweep(&clients, later), 1); /* it does not take it */
	clients_remove(&clients, &client);
	clients_fini(&clients);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

/* P24: where there are many, who rests longest makes room; who asks or waits does not.
 */
static void clients_that_rest_make_room_in_a_crowd(void **state)
{
	enum { RESTED, RESTS, ASKS, NEW, NR };
	static const enum client_step steps[NR] = {
	    [RESTED] = CLIENT_RESTS, [RESTS] = CLIENT_RESTS, [ASKS] = CLIENT_ASKS};
	struct client *all[NR];
	struct clients clients;
	int pairs[NR][2];
	char byte;

	(void)state;
	assert_int_equal(clients_init(&clients, NR - 1), 0);
	for (int i = 0; i < NR; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]), 0);
		all[i] = clients_add(&clients, pairs[i][0], (snp_mono_t){100});
		clients_expect(&clients, all[i], steps[i],
			       (snp_mono_t){500 + (uint64_t)i});
	}
	assert_int_equal(read(pairs[RESTED][1], &byte, 1), 0);
	for (int i = RESTS; i < NR; i++)
		assert_int_equal(recv(pairs[i][1], &byte, 1, MSG_DONTWAIT), -1);
	for (int i = 0; i < NR; i++) {
		clients_remove(&clients, &all[i]);
		(void)close(pairs[i][0]);
		(void)close(pairs[i][1]);
	}
	clients_fini(&clients);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(labels_tell_named_instances_apart),
	    cmocka_unit_test(unnamed_is_the_only_one_there_is),
	    cmocka_unit_test(found_instances_come_and_go),
	    cmocka_unit_test(clients_are_swept_when_they_are_late),
	    cmocka_unit_test(clients_that_wait_for_us_are_not_late),
	    cmocka_unit_test(clients_that_rest_make_room_in_a_crowd),
	};

	return cmocka_run_group_tests_name("prometheus/instances", tests, NULL, NULL);
}
