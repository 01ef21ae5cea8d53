/* SPDX-License-Identifier: Apache-2.0 */
#include "model/host_port.h"

#include <string.h>

#include "snp_test.h"

static void addresses_are_split_or_refused(void **state)
{
	static const struct {
		const char *text, *host, *port; /* NULL: refused */
	} rows[] = {
	    {"localhost:9568", "localhost", "9568"},
	    {"127.0.0.1:0", "127.0.0.1", "0"},
	    {":65535", "", "65535"},
	    {"[::1]:80", "::1", "80"},
	    {"localhost", NULL, NULL},
	    {"localhost:", NULL, NULL},
	    {"localhost:65536", NULL, NULL},
	    {"localhost:00000080", NULL, NULL},
	    {"localhost:8x", NULL, NULL},
	    {"localhost:-1", NULL, NULL},
	    {"::1:80", NULL, NULL},
	    {"[::1:80", NULL, NULL},
	    {"[]:80", NULL, NULL},
	};
	char host[SNP_HOST_BYTES], port[SNP_PORT_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!rows[i].host) {
			assert_false(snp_host_port_split(rows[i].text, host, port));
			continue;
		}
		assert_true(snp_host_port_split(rows[i].text, host, port));
		assert_string_equal(host, rows[i].host);
		assert_string_equal(port, rows[i].port);
	}
}

static void a_host_that_is_too_long_is_refused(void **state)
{
	char host[SNP_HOST_BYTES], port[SNP_PORT_BYTES];
	char text[SNP_HOST_BYTES + 8];

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text + SNP_HOST_BYTES - 1, ":80", 4);
	assert_true(snp_host_port_split(text, host, port));
	assert_int_equal(strlen(host), SNP_HOST_BYTES - 1);
	memcpy(text + SNP_HOST_BYTES - 1, "a:80", 5);
	assert_false(snp_host_port_split(text, host, port));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(addresses_are_split_or_refused),
	    cmocka_unit_test(a_host_that_is_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
