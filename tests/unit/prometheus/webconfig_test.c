/* SPDX-License-Identifier: Apache-2.0 */
/* P21: the text of web.config.file. */
#include "webconfig.h"

#include <errno.h>
#include <string.h>

#include "snp_test.h"

#define HASH "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG"
#define TLS  "tls_server_config:\n  cert_file: c.pem\n  key_file: k.pem\n"

static struct webconfig *parse(const char *text)
{
	struct webconfig *config = NULL;
	struct snp_err err = {0};

	if (webconfig_parse(text, strlen(text), "w.yml", &config, &err) < 0)
		fail_msg("%s", err.msg);
	return config;
}

static void parse_nothing_asks_for_nothing(void **state)
{
	static const char *const texts[] = {"",
					    "\n# nothing\n",
					    "{}",
					    "~\n",
					    "tls_server_config:\nrate_limit:\n",
					    "tls_server_config: {}\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct webconfig *config = parse(texts[i]);

		assert_false(webconfig_has_tls(config));
		assert_false(webconfig_has_secrets(config));
		assert_int_equal(config->users.nr, 0);
		assert_int_equal(config->interval_ns, 0);
		webconfig_destroy(&config);
	}
}

static void parse_everything_is_understood(void **state)
{
	struct webconfig *c =
	    parse(TLS "  client_auth_type: RequireAndVerifyClientCert\n"
		      "  client_ca_file: ca.pem\n"
		      "  client_allowed_sans: [prometheus.example.org, 10.0.0.1]\n"
		      "  min_version: TLS10\n"
		      "  max_version: TLS12\n"
		      "  cipher_suites:\n"
		      "  - TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256\n"
		      "  prefer_server_cipher_suites: false\n"
		      "  curve_preferences: [X25519, CurveP256]\n"
		      "http_server_config:\n"
		      "  http2: true\n"
		      "  headers:\n"
		      "    X-Frame-Options: deny\n"
		      "    Content-Security-Policy: \"default-src 'none'\"\n"
		      "basic_auth_users:\n"
		      "  alice: " HASH "\n"
		      "  bob: '" HASH "'\n"
		      "rate_limit:\n"
		      "  interval: 1m0.5s\n"
		      "  burst: 20\n");

	(void)state;
	assert_true(webconfig_has_tls(c));
	assert_true(webconfig_has_secrets(c));
	assert_string_equal(c->cert_file, "c.pem");
	assert_string_equal(c->client_ca_file, "ca.pem");
	assert_int_equal(c->client_auth, WEBCONFIG_REQUIRE_AND_VERIFY);
	assert_int_equal(c->allowed_sans.nr, 2);
	assert_string_equal(c->allowed_sans.items[1], "10.0.0.1");
	assert_int_equal(c->min_version, WEBCONFIG_TLS10);
	assert_int_equal(c->max_version, WEBCONFIG_TLS12);
	assert_int_equal(c->cipher_suites.nr, 1);
	assert_false(c->prefer_server_cipher_suites);
	assert_string_equal(c->curves.items[0], "X25519");
	assert_true(c->http2);
	assert_int_equal(c->headers.nr, 2);
	assert_string_equal(c->headers.items[1].value, "default-src 'none'");
	assert_int_equal(c->users.nr, 2);
	assert_string_equal(c->users.items[1].key, "bob");
	assert_string_equal(c->users.items[1].value, HASH);
	assert_int_equal(c->interval_ns, 60500000000);
	assert_int_equal(c->burst, 20);
	webconfig_destroy(&c);
}

static void parse_client_auth_has_five_names_and_an_old_one(void **state)
{
	static const struct {
		const char *text;
		enum webconfig_client_auth value;
	} rows[] = {
	    {TLS "  client_auth_type: NoClientCert\n", WEBCONFIG_NO_CLIENT_CERT},
	    {TLS "  client_auth_type: RequestClientCert\n", WEBCONFIG_REQUEST},
	    {TLS "  client_auth_type: RequireAnyClientCert\n", WEBCONFIG_REQUIRE_ANY},
	    {TLS "  client_auth_type: RequireClientCert\n", WEBCONFIG_REQUIRE_ANY},
	    {TLS "  client_ca: PEM\n  client_auth_type: VerifyClientCertIfGiven\n",
	     WEBCONFIG_VERIFY_IF_GIVEN},
	    {TLS "  client_ca: PEM\n  client_auth_type: RequireAndVerifyClientCert\n",
	     WEBCONFIG_REQUIRE_AND_VERIFY},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct webconfig *config = parse(rows[i].text);

		assert_int_equal(config->client_auth, rows[i].value);
		webconfig_destroy(&config);
	}
}

static void parse_durations(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} rows[] = {
	    {"rate_limit: {interval: 0}", 0},
	    {"rate_limit: {interval: 1s, burst: 1}", 1000000000},
	    {"rate_limit: {interval: 250ms, burst: 1}", 250000000},
	    {"rate_limit: {interval: 1h2m3s, burst: 1}", 3723000000000},
	    {"rate_limit: {interval: 3us, burst: 1}", 3000},
	    {"rate_limit: {interval: 1.5ns, burst: 1}", 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct webconfig *config = parse(rows[i].text);

		assert_int_equal(config->interval_ns, rows[i].ns);
		webconfig_destroy(&config);
	}
}

static void parse_what_is_wrong_is_named_with_its_line(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
	    {"a: [", "w.yml:2: not valid YAML"},
	    {"[]", "w.yml:1: the file: expected keys and values"},
	    {"x", "w.yml:1: the file: expected keys and values"},
	    {"\ntls_config: {}\n", "w.yml:2: unknown key 'tls_config' in the file"},
	    {"\nbasic_auth_user: {}\n", "did you mean 'basic_auth_users'?"},
	    {TLS "  min_versoin: TLS12\n",
	     "w.yml:4: unknown key 'min_versoin' in tls_server_config; did you mean "
	     "'min_version'?"},
	    {TLS "  min_version: TLS14\n", "w.yml:4: min_version: 'TLS14' is none"},
	    {TLS "  min_version: [TLS12]\n", "w.yml:4: min_version: expected text"},
	    {TLS "  cert_file: x\n",
	     "w.yml:4: tls_server_config: 'cert_file' given twice, first on line 2"},
	    {TLS "  cert: x\n", "both cert and cert_file given"},
	    {"tls_server_config: {cert_file: c}\n", "key_file missing"},
	    {"tls_server_config: {client_auth_type: RequestClientCert}\n",
	     "cert_file missing"},
	    {TLS "  min_version: TLS13\n  max_version: TLS12\n", "above"},
	    {TLS "  client_ca_file: x\n", "without a client_auth_type"},
	    {TLS "  client_auth_type: Always\n", "w.yml:4: client_auth_type: 'Always'"},
	    {TLS "  client_auth_type: RequireAndVerifyClientCert\n",
	     "needs client_ca_file"},
	    {TLS "  client_auth_type: RequestClientCert\n  client_allowed_sans: [a]\n",
	     "w.yml:5: client_allowed_sans needs"},
	    {TLS "  cipher_suites: x\n", "w.yml:4: cipher_suites: expected a list"},
	    {"http_server_config:\n  http2: maybe\n", "w.yml:2: http2: expected true"},
	    {"http_server_config:\n  headers:\n    Server: x\n",
	     "w.yml:3: header 'Server' cannot be set"},
	    {"http_server_config:\n  headers:\n    X-Frame-Options: allow\n",
	     "w.yml:3: X-Frame-Options: expected deny or sameorigin"},
	    {"http_server_config:\n  headers:\n    X-XSS-Protection: \"a\\nb\"\n",
	     "w.yml:3: X-XSS-Protection: control characters"},
	    {"rate_limit:\n  interval: 5\n", "w.yml:2: interval: '5' is not a time"},
	    {"rate_limit:\n  interval: 1x\n", "w.yml:2: interval: '1x' is not a time"},
	    {"rate_limit:\n  burst: -1\n", "w.yml:2: burst: '-1' is not a whole"},
	    {"rate_limit: {interval: 1s}\n", "burst has to be at least 1"},
	    {"basic_auth_users:\n  alice: secret\n",
	     "w.yml:2: the password of 'alice' is not a bcrypt hash"},
	    {"basic_auth_users:\n  alice:\n", "w.yml:2: the password of 'alice'"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct webconfig *config = NULL;
		struct snp_err err = {0};
		const char *text = rows[i].text;

		assert_int_equal(
		    webconfig_parse(text, strlen(text), "w.yml", &config, &err),
		    -EINVAL);
		if (!strstr(err.msg, rows[i].error))
			fail_msg("'%s' does not say '%s'", err.msg, rows[i].error);
		if (strstr(err.msg, "secret"))
			fail_msg("'%s' tells a secret", err.msg);
		assert_null(config);
	}
}

static void parse_only_bcrypt_is_a_password(void **state)
{
	static const char *const bad[] = {
	    "",
	    "$1$salt$hash",
	    "$2y$10$tooshort",
	    "$2x$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG",
	    "$2y$03$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG",
	    "$2y$32$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG",
	    "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7Esimh*7zG",
	    "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zGx",
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct webconfig *config = NULL;
		struct snp_err err = {0};

		(void)snprintf(text, sizeof(text), "basic_auth_users: {a: '%s'}",
			       bad[i]);
		assert_int_equal(
		    webconfig_parse(text, strlen(text), "w.yml", &config, &err),
		    -EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parse_nothing_asks_for_nothing),
	    cmocka_unit_test(parse_everything_is_understood),
	    cmocka_unit_test(parse_client_auth_has_five_names_and_an_old_one),
	    cmocka_unit_test(parse_durations),
	    cmocka_unit_test(parse_what_is_wrong_is_named_with_its_line),
	    cmocka_unit_test(parse_only_bcrypt_is_a_password),
	};

	return cmocka_run_group_tests_name("prometheus/webconfig", tests, NULL, NULL);
}
