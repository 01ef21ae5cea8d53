/* SPDX-License-Identifier: Apache-2.0 */
#include "tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "model/log.h"

#define PRIORITY_BYTES 2048
#define SAN_BYTES      1024

struct tls {
	const struct webconfig *config;
	gnutls_certificate_credentials_t credentials;
	gnutls_priority_t priority;
};

/* ---- names --------------------------------------------------------------- */

static const char *const versions[] = {
    [WEBCONFIG_TLS10] = "VERS-TLS1.0",
    [WEBCONFIG_TLS11] = "VERS-TLS1.1",
    [WEBCONFIG_TLS12] = "VERS-TLS1.2",
    [WEBCONFIG_TLS13] = "VERS-TLS1.3",
};

/* Go's names of cipher suites, and the parts GnuTLS makes them of. */
static const struct suite {
	const char *name, *exchange, *cipher, *mac;
} suites[] = {
    {"TLS_AES_128_GCM_SHA256", NULL, "AES-128-GCM", "AEAD"},
    {"TLS_AES_256_GCM_SHA384", NULL, "AES-256-GCM", "AEAD"},
    {"TLS_CHACHA20_POLY1305_SHA256", NULL, "CHACHA20-POLY1305", "AEAD"},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA", "AES-128-GCM", "AEAD"},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA", "AES-256-GCM", "AEAD"},
    {"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA",
     "CHACHA20-POLY1305", "AEAD"},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDHE-ECDSA", "AES-128-CBC", "SHA1"},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDHE-ECDSA", "AES-256-CBC", "SHA1"},
    {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA", "AES-128-GCM", "AEAD"},
    {"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA", "AES-256-GCM", "AEAD"},
    {"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA", "CHACHA20-POLY1305",
     "AEAD"},
    {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA", "AES-128-CBC", "SHA1"},
    {"TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA", "AES-256-CBC", "SHA1"},
    {"TLS_RSA_WITH_AES_128_GCM_SHA256", "RSA", "AES-128-GCM", "AEAD"},
    {"TLS_RSA_WITH_AES_256_GCM_SHA384", "RSA", "AES-256-GCM", "AEAD"},
    {"TLS_RSA_WITH_AES_128_CBC_SHA", "RSA", "AES-128-CBC", "SHA1"},
    {"TLS_RSA_WITH_AES_256_CBC_SHA", "RSA", "AES-256-CBC", "SHA1"},
};

static const struct {
	const char *name, *group;
} curves[] = {
    {"CurveP256", "GROUP-SECP256R1"},
    {"CurveP384", "GROUP-SECP384R1"},
    {"CurveP521", "GROUP-SECP521R1"},
    {"X25519", "GROUP-X25519"},
};

/* ---- priorities ---------------------------------------------------------- */

struct text {
	char at[PRIORITY_BYTES];
	size_t len;
};

/* ":+word", once: a part that is in the text is not put again. Room is enough for every
 * word of the tables above. */
static void put(struct text *text, const char *word)
{
	char item[64];
	size_t len = (size_t)snprintf(item, sizeof(item), ":+%s", word);
	const char *at = strstr(text->at, item);

	if (at && (at[len] == ':' || at[len] == '\0'))
		return;
	if (len < sizeof(text->at) - text->len) {
		memcpy(text->at + text->len, item, len + 1);
		text->len += len;
	}
}

static int put_suites(const struct webconfig_list *wanted, struct text *text,
		      struct snp_err *err)
{
	for (size_t i = 0; i < wanted->nr; i++) {
		size_t s = 0, nr = sizeof(suites) / sizeof(suites[0]);

		while (s < nr && strcmp(suites[s].name, wanted->items[i]) != 0)
			s++;
		if (s == nr)
			return snp_err_set(err, -EINVAL,
					   "cipher_suites: unknown suite '%.64s'",
					   wanted->items[i]);
		if (suites[s].exchange)
			put(text, suites[s].exchange);
		put(text, suites[s].cipher);
		put(text, suites[s].mac);
	}
	return 0;
}

static int put_curves(const struct webconfig_list *wanted, struct text *text,
		      struct snp_err *err)
{
	for (size_t i = 0; i < wanted->nr; i++) {
		size_t c = 0, nr = sizeof(curves) / sizeof(curves[0]);

		while (c < nr && strcmp(curves[c].name, wanted->items[i]) != 0)
			c++;
		if (c == nr)
			return snp_err_set(err, -EINVAL,
					   "curve_preferences: unknown curve '%.40s'",
					   wanted->items[i]);
		put(text, curves[c].group);
	}
	return 0;
}

/* Versions, suites and curves as GnuTLS reads them. Key exchange, cipher and MAC are
 * allowed each by itself, so what is listed may be combined. A list without a cipher of
 * TLS 1.3 leaves that version out, which would find nothing to agree on. */
static int write_priorities(const struct webconfig *config, struct text *text,
			    struct snp_err *err)
{
	const struct webconfig_list *wanted = &config->cipher_suites;
	int r = 0;

	text->len =
	    (size_t)snprintf(text->at, sizeof(text->at), "%s",
			     wanted->nr > 0 ? "NONE:+COMP-NULL:+SIGN-ALL:+CTYPE-X509"
					    : "NORMAL:-VERS-ALL:-RSA:-DHE-RSA");
	if (wanted->nr > 0)
		r = put_suites(wanted, text, err);
	for (unsigned v = config->max_version + 1; r == 0 && v-- > config->min_version;)
		if (v != WEBCONFIG_TLS13 || wanted->nr == 0 ||
		    strstr(text->at, ":+AEAD"))
			put(text, versions[v]);
	if (r == 0 && config->curves.nr > 0) {
		if (wanted->nr == 0)
			text->len += (size_t)snprintf(text->at + text->len,
						      sizeof(text->at) - text->len,
						      ":-GROUP-ALL");
		r = put_curves(&config->curves, text, err);
	} else if (wanted->nr > 0) {
		put(text, "GROUP-ALL");
	}
	if (config->prefer_server_cipher_suites)
		text->len +=
		    (size_t)snprintf(text->at + text->len, sizeof(text->at) - text->len,
				     ":%%SERVER_PRECEDENCE");
	return r;
}

/* ---- making -------------------------------------------------------------- */

static gnutls_datum_t datum(const struct tls_pem *pem)
{
	return (gnutls_datum_t){(unsigned char *)(size_t)pem->text, (unsigned)pem->len};
}

static int load(struct tls *tls, const struct tls_texts *texts, struct snp_err *err)
{
	gnutls_datum_t cert = datum(&texts->cert), key = datum(&texts->key);
	gnutls_datum_t ca = datum(&texts->client_ca);
	int r = gnutls_certificate_allocate_credentials(&tls->credentials);

	if (r < 0)
		return snp_err_set(err, -ENOMEM, "out of memory");
	r = gnutls_certificate_set_x509_key_mem(tls->credentials, &cert, &key,
						GNUTLS_X509_FMT_PEM);
	if (r < 0)
		return snp_err_set(err, -EINVAL,
				   "certificate and key cannot be used: %s",
				   gnutls_strerror(r));
	if (!ca.data)
		return 0;
	r = gnutls_certificate_set_x509_trust_mem(tls->credentials, &ca,
						  GNUTLS_X509_FMT_PEM);
	if (r <= 0)
		return snp_err_set(err, -EINVAL, "client CA cannot be used: %s",
				   r < 0 ? gnutls_strerror(r) : "no certificate in it");
	return 0;
}

int tls_create(const struct webconfig *config, const struct tls_texts *texts,
	       struct tls **ret_tls, struct snp_err *err)
{
	struct tls *tls = calloc(1, sizeof(*tls));
	struct text text;
	int r;

	if (!tls)
		return snp_err_set(err, -ENOMEM, "out of memory");
	tls->config = config;
	r = write_priorities(config, &text, err);
	if (r == 0 && gnutls_priority_init(&tls->priority, text.at, NULL) < 0)
		r = snp_err_set(err, -EINVAL,
				"versions, cipher suites and curves do not make a "
				"connection (%s)",
				text.at);
	if (r == 0)
		r = load(tls, texts, err);
	if (r < 0)
		tls_destroy(&tls);
	else
		*ret_tls = tls;
	return r;
}

void tls_destroy(struct tls **tls)
{
	if (!*tls)
		return;
	if ((*tls)->credentials)
		gnutls_certificate_free_credentials((*tls)->credentials);
	if ((*tls)->priority)
		gnutls_priority_deinit((*tls)->priority);
	free(*tls);
	*tls = NULL;
}

/* ---- clients' certificates ----------------------------------------------- */

/* A subject alternative name as text: what client_allowed_sans is compared with. */
static bool san_text(unsigned type, const unsigned char *san, size_t len,
		     char ret_text[SAN_BYTES])
{
	switch (type) {
	case GNUTLS_SAN_DNSNAME:
	case GNUTLS_SAN_RFC822NAME:
	case GNUTLS_SAN_URI:
		/* A NUL within would make it look like another. */
		if (len >= SAN_BYTES || memchr(san, '\0', len))
			return false;
		memcpy(ret_text, san, len);
		ret_text[len] = '\0';
		return true;
	case GNUTLS_SAN_IPADDRESS:
		return (len == 4 || len == 16) &&
		       inet_ntop(len == 4 ? AF_INET : AF_INET6, san, ret_text,
				 SAN_BYTES);
	default:
		return false;
	}
}

static bool is_allowed(const struct webconfig_list *allowed, const char *san)
{
	for (size_t i = 0; i < allowed->nr; i++)
		if (strcmp(allowed->items[i], san) == 0)
			return true;
	return false;
}

static bool has_allowed_san(const struct webconfig_list *allowed,
			    const gnutls_datum_t *der)
{
	unsigned char san[SAN_BYTES];
	char text[SAN_BYTES];
	gnutls_x509_crt_t cert;
	bool found = false;
	int type;

	if (gnutls_x509_crt_init(&cert) < 0)
		return false;
	if (gnutls_x509_crt_import(cert, der, GNUTLS_X509_FMT_DER) < 0)
		goto out;
	for (unsigned i = 0; !found; i++) {
		size_t len = sizeof(san);

		type = gnutls_x509_crt_get_subject_alt_name(cert, i, san, &len, NULL);
		if (type == GNUTLS_E_SHORT_MEMORY_BUFFER)
			continue;
		if (type < 0)
			break;
		found = san_text((unsigned)type, san, len, text) &&
			is_allowed(allowed, text);
	}
out:
	gnutls_x509_crt_deinit(cert);
	return found;
}

static bool chain_is_trusted(gnutls_session_t session)
{
	gnutls_typed_vdata_st purpose = {
	    .type = GNUTLS_DT_KEY_PURPOSE_OID,
	    .data = (unsigned char *)(size_t)GNUTLS_KP_TLS_WWW_CLIENT,
	};
	unsigned status = 0;

	return gnutls_certificate_verify_peers(session, &purpose, 1, &status) == 0 &&
	       status == 0;
}

static int refuse(const char *why)
{
	snp_log_line(SNP_LOG_DEBUG, "client refused: %s", why);
	return GNUTLS_E_CERTIFICATE_ERROR;
}

/* Called within the handshake, also when a client that need not has no certificate. */
static int verify(gnutls_session_t session)
{
	const struct tls *tls = gnutls_session_get_ptr(session);
	const struct webconfig *config = tls->config;
	unsigned nr = 0;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &nr);
	bool must_verify = config->client_auth == WEBCONFIG_VERIFY_IF_GIVEN ||
			   config->client_auth == WEBCONFIG_REQUIRE_AND_VERIFY;

	if (!chain || nr == 0)
		return config->client_auth == WEBCONFIG_REQUIRE_ANY ||
			       config->client_auth == WEBCONFIG_REQUIRE_AND_VERIFY
			   ? refuse("no certificate")
			   : 0;
	if (must_verify && !chain_is_trusted(session))
		return refuse("certificate not signed by a client CA, or not valid");
	if (config->allowed_sans.nr > 0 &&
	    !has_allowed_san(&config->allowed_sans, &chain[0]))
		return refuse("no name of the certificate is allowed");
	return 0;
}

/* ---- connections --------------------------------------------------------- */

bool tls_prepare(const struct tls *tls, void *session)
{
	static const gnutls_certificate_request_t requests[] = {
	    [WEBCONFIG_NO_CLIENT_CERT] = GNUTLS_CERT_IGNORE,
	    [WEBCONFIG_REQUEST] = GNUTLS_CERT_REQUEST,
	    [WEBCONFIG_REQUIRE_ANY] = GNUTLS_CERT_REQUIRE,
	    [WEBCONFIG_VERIFY_IF_GIVEN] = GNUTLS_CERT_REQUEST,
	    [WEBCONFIG_REQUIRE_AND_VERIFY] = GNUTLS_CERT_REQUIRE,
	};
	unsigned auth = tls->config->client_auth;

	if (gnutls_priority_set(session, tls->priority) < 0 ||
	    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, tls->credentials) <
		0)
		return false;
	gnutls_certificate_server_set_request(session, requests[auth]);
	if (auth != WEBCONFIG_NO_CLIENT_CERT)
		gnutls_session_set_verify_function(session, verify);
	gnutls_session_set_ptr(session, (void *)(size_t)tls);
	return true;
}

/* NOLINTNEXTLINE(readability-function-size): the library's signature */
static int no_certificate(gnutls_session_t session, const gnutls_datum_t *names,
			  int names_nr, const gnutls_pk_algorithm_t *algorithms,
			  int algorithms_nr, gnutls_pcert_st **ret_chain,
			  unsigned *ret_chain_nr, gnutls_privkey_t *ret_key)
{
	(void)session;
	(void)names;
	(void)names_nr;
	(void)algorithms;
	(void)algorithms_nr;
	(void)ret_chain;
	(void)ret_chain_nr;
	(void)ret_key;
	return -1;
}

void (*const tls_no_certificate)(void) = (void (*)(void))no_certificate;
