/* SPDX-License-Identifier: Apache-2.0 */
/* P01 and P02: which form of the page a client is given, for what it asked. */
#include "negotiate.h"

#include <stdarg.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define F  EXPO_TEXT
#define O0 EXPO_OPENMETRICS_0_0_1
#define O  EXPO_OPENMETRICS_1_0_0
#define B  EXPO_PROTOBUF

#define OM    "application/openmetrics-text"
#define PROTO "application/vnd.google.protobuf"
#define DELIM ";proto=io.prometheus.client.MetricFamily;encoding=delimited"
#define PROM_242                                                                       \
	OM ";version=1.0.0," OM                                                        \
	   ";version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"

struct accept_row {
	const char *accept;
	enum expo_format format;
	enum expo_escaping escaping;
};

static const struct accept_row accept_rows[] = {
    {NULL, F, EXPO_ESCAPE_UNDERSCORES},
    {"", F, EXPO_ESCAPE_UNDERSCORES},
    {"*/*", F, EXPO_ESCAPE_UNDERSCORES},
    {"text/*", F, EXPO_ESCAPE_UNDERSCORES},
    /* A browser. */
    {"text/html,application/xhtml+xml,*/*;q=0.8", F, EXPO_ESCAPE_UNDERSCORES},
    /* Debian's Prometheus 2.42, without and with native histograms. */
    {PROM_242, O, EXPO_ESCAPE_UNDERSCORES},
    {PROTO DELIM "," OM ";version=1.0.0;q=0.8," OM
		 ";version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
     B, EXPO_ESCAPE_UNDERSCORES},
    /* Prometheus 3, without and with protobuf first. */
    {OM ";version=1.0.0;escaping=allow-utf-8;q=0.5," OM
	";version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
	"text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
     O, EXPO_ESCAPE_ALLOW_UTF8},
    {PROTO DELIM ";escaping=allow-utf-8;q=0.6," OM
		 ";version=1.0.0;escaping=allow-utf-8;q=0.5,*/*;q=0.1",
     B, EXPO_ESCAPE_ALLOW_UTF8},
    /* Without a version, as client_golang reads it. */
    {OM, O0, EXPO_ESCAPE_UNDERSCORES},
    {OM ";version=0.0.1", O0, EXPO_ESCAPE_UNDERSCORES},
    {OM ";version=2.0.0", F, EXPO_ESCAPE_UNDERSCORES},
    {OM ";version=2.0.0;q=0.9," OM ";version=1.0.0;q=0.8", O, EXPO_ESCAPE_UNDERSCORES},
    /* Forms of protobuf we do not have. */
    {PROTO ";proto=io.prometheus.client.MetricFamily;encoding=text", F,
     EXPO_ESCAPE_UNDERSCORES},
    {PROTO ";proto=other;encoding=delimited", F, EXPO_ESCAPE_UNDERSCORES},
    {PROTO, F, EXPO_ESCAPE_UNDERSCORES},
    /* Weights decide, not the order; of equals the first; a wildcard is last. */
    {"text/plain;version=0.0.4;q=0.3," OM ";version=1.0.0;q=0.2", F,
     EXPO_ESCAPE_UNDERSCORES},
    {"text/plain;version=0.0.4;q=0.2," OM ";version=1.0.0;q=0.3", O,
     EXPO_ESCAPE_UNDERSCORES},
    {"text/plain," OM ";version=1.0.0", F, EXPO_ESCAPE_UNDERSCORES},
    {OM ";version=1.0.0,text/plain", O, EXPO_ESCAPE_UNDERSCORES},
    {"*/*," OM ";version=1.0.0", O, EXPO_ESCAPE_UNDERSCORES},
    {OM ";version=1.0.0;q=0,text/plain", F, EXPO_ESCAPE_UNDERSCORES},
    {OM ";version=1.0.0;q=0", F, EXPO_ESCAPE_UNDERSCORES},
    {OM ";version=1.0.0;q=0.000", F, EXPO_ESCAPE_UNDERSCORES},
    {OM ";version=1.0.0;q=0.001", O, EXPO_ESCAPE_UNDERSCORES},
    {"text/plain;q=0.2," OM ";version=1.0.0;q=0.201", O, EXPO_ESCAPE_UNDERSCORES},
    {OM ";version=1.0.0;q=1.000", O, EXPO_ESCAPE_UNDERSCORES},
    /* There is always an answer. */
    {"application/json", F, EXPO_ESCAPE_UNDERSCORES},
    {"application/*", F, EXPO_ESCAPE_UNDERSCORES},
    {";;;,,=,q=abc", F, EXPO_ESCAPE_UNDERSCORES},
    {OM ";version=1.0.0;q=abc,text/plain", F, EXPO_ESCAPE_UNDERSCORES},
    {OM ";version=1.0.0;q=", F, EXPO_ESCAPE_UNDERSCORES},
    {"\xff\xfe\x80;q=\xf0," OM ";version=1.0.0;q=0.1", O, EXPO_ESCAPE_UNDERSCORES},
    {"/;q=0.1," OM ";version=1.0.0", O, EXPO_ESCAPE_UNDERSCORES},
    /* Letter case, blanks, quotes; the same header twice is joined by a comma. */
    {" Application/OpenMetrics-Text ; Version = \"1.0.0\" ; Q = 0.5 ", O,
     EXPO_ESCAPE_UNDERSCORES},
    {OM ";x=\"a,b;q=0\";version=1.0.0", O, EXPO_ESCAPE_UNDERSCORES},
    {OM ";x=\"a\\\",b;q=0\";version=1.0.0", O, EXPO_ESCAPE_UNDERSCORES},
    {OM ";version=\"1.0.0", F, EXPO_ESCAPE_UNDERSCORES},
    {"text/plain;q=0.1," OM ";version=1.0.0;q=0.2", O, EXPO_ESCAPE_UNDERSCORES},
    /* Escaping belongs to the range that was chosen. */
    {"text/plain;version=0.0.4;escaping=bogus", F, EXPO_ESCAPE_UNDERSCORES},
    {"text/plain;version=0.0.4;escaping=values", F, EXPO_ESCAPE_VALUES},
    {OM ";version=1.0.0;escaping=values", O, EXPO_ESCAPE_VALUES},
    {PROTO DELIM ";escaping=dots", B, EXPO_ESCAPE_DOTS},
    {OM ";version=2.0.0;escaping=values,text/plain", F, EXPO_ESCAPE_UNDERSCORES},
    {OM ";version=2.0.0;escaping=values", F, EXPO_ESCAPE_UNDERSCORES},
};

static void p02_accept_table(void **state)
{
	struct negotiated got;

	(void)state;
	for (size_t i = 0; i < sizeof(accept_rows) / sizeof(accept_rows[0]); i++) {
		const struct accept_row *row = &accept_rows[i];

		negotiate(row->accept, NULL, &got);
		if (got.format != row->format || got.escaping != row->escaping)
			fail_msg("'%s' gives format %d, escaping %d",
				 row->accept ? row->accept : "(none)", (int)got.format,
				 (int)got.escaping);
		assert_false(got.gzip);
	}
}

static void p02_accept_of_64k(void **state)
{
	static const char item[] = "a/b;c=\"d";
	static const char last[] = OM ";version=1.0.0";
	size_t len = 65536;
	char *accept = malloc(len + sizeof(last));
	struct negotiated got;

	(void)state;
	assert_non_null(accept);
	for (size_t i = 0; i < len; i++)
		accept[i] = item[i % (sizeof(item) - 1)];
	accept[len - 1] = ',';
	memcpy(accept + len, last, sizeof(last));
	negotiate(accept, accept, &got);
	assert_int_equal(got.format, O);
	free(accept);
}

static void p10_accept_encoding_table(void **state)
{
	static const struct {
		const char *encoding;
		bool gzip;
	} rows[] = {
	    {NULL, false},
	    {"", false},
	    {"gzip", true},
	    {"GZip", true},
	    {"x-gzip", true},
	    {"gzip;q=0", false},
	    {"gzip;q=0.0", false},
	    {"identity", false},
	    {"br, gzip;q=0.5", true},
	    {"br;q=1.0, gzip;q=0.8, *;q=0.1", true},
	    {"*", true},
	    {"*;q=0", false},
	    {"gzip;q=0,*", false},
	    {"zstd", false},
	    {"identity, gzip;q=0.5", false},
	    {"identity;q=0.5, gzip", true},
	    {"gzip;q=x", false},
	    {"gzipped", false},
	};
	struct negotiated got;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		negotiate(NULL, rows[i].encoding, &got);
		if (got.gzip != rows[i].gzip)
			fail_msg("'%s' gives %s",
				 rows[i].encoding ? rows[i].encoding : "(none)",
				 got.gzip ? "gzip" : "no gzip");
	}
}

static void p01_content_types(void **state)
{
	static const struct {
		struct negotiated as;
		const char *type;
	} rows[] = {
	    {{F, EXPO_ESCAPE_UNDERSCORES, false},
	     "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"},
	    {{O0, EXPO_ESCAPE_UNDERSCORES, true},
	     OM "; version=0.0.1; charset=utf-8; escaping=underscores"},
	    {{O, EXPO_ESCAPE_ALLOW_UTF8, false},
	     OM "; version=1.0.0; charset=utf-8; escaping=allow-utf-8"},
	    {{B, EXPO_ESCAPE_VALUES, false},
	     PROTO "; proto=io.prometheus.client.MetricFamily; encoding=delimited; "
		   "escaping=values"},
	};
	char type[NEGOTIATED_TYPE_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		negotiated_content_type(&rows[i].as, type);
		assert_string_equal(type, rows[i].type);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(p01_content_types),
	    cmocka_unit_test(p02_accept_table),
	    cmocka_unit_test(p02_accept_of_64k),
	    cmocka_unit_test(p10_accept_encoding_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
