/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gRPC asks for certificates at every handshake and keeps what it has unless it is
 * given new ones. `fresh` is what it was not given yet; taking it is one exchange, so
 * that replacing certificates needs no lock and disturbs no connection.
 */
#include "tls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#define PEM_BYTES_MAX ((size_t)4 << 20) /* the largest bundles of CAs have 0.3 MB */

struct rpc__tls {
	_Atomic(grpc_ssl_server_certificate_config *) fresh;
	bool asks_clients; /* for a certificate; the handshake is set up for it once */
};

/* ---- Files --------------------------------------------------------------- */

static int read_all(int fd, const char *path, char *text, size_t size,
		    struct snp_err *err)
{
	size_t done = 0;
	ssize_t n;

	do {
		n = read(fd, text + done, size - done);
		if (n > 0)
			done += (size_t)n;
	} while ((n > 0 && done < size) || (n < 0 && errno == EINTR));
	if (n < 0)
		return snp_err_errno(err, "cannot read \"%s\"", path);
	text[done] = '\0';
	/* gRPC takes texts: what follows a NUL would be left out in silence. */
	if (strlen(text) != done)
		return snp_err_set(err, -EINVAL, "\"%s\" is not a PEM file", path);
	return 0;
}

/* A NUL-terminated copy; free() it. */
static int read_file(const char *path, char **ret_text, struct snp_err *err)
{
	/* Non-blocking: a FIFO shall be refused, not waited for. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char *text = NULL;
	struct stat st;
	int rc = 0;

	if (fd < 0)
		return snp_err_errno(err, "cannot open \"%s\"", path);
	if (fstat(fd, &st) < 0)
		rc = snp_err_errno(err, "cannot examine \"%s\"", path);
	else if (!S_ISREG(st.st_mode) || st.st_size > (off_t)PEM_BYTES_MAX)
		rc = snp_err_set(err, -EINVAL, "\"%s\" is not a PEM file", path);
	if (rc == 0) {
		text = malloc((size_t)st.st_size + 1);
		rc = text ? read_all(fd, path, text, (size_t)st.st_size, err)
			  : snp_err_set(err, -ENOMEM, "out of memory for \"%s\"", path);
	}
	(void)close(fd);
	if (rc < 0)
		free(text);
	else
		*ret_text = text;
	return rc;
}

/* ---- What is in them ----------------------------------------------------- */

/* Nobody is there to type one in. */
static int no_password(char *buf, int size, int for_writing, void *was_asked)
{
	(void)buf;
	(void)size;
	(void)for_writing;
	*(bool *)was_asked = true;
	return 0;
}

/* The first certificate; all that follow must be whole, too. */
static int parse_certificates(const char *path, const char *text, X509 **ret_first,
			      struct snp_err *err)
{
	BIO *bio = BIO_new_mem_buf(text, -1);
	X509 *first, *next;
	bool is_end;

	if (!bio)
		return snp_err_set(err, -ENOMEM, "out of memory for \"%s\"", path);
	first = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	for (next = first; next;) {
		next = PEM_read_bio_X509(bio, NULL, NULL, NULL);
		X509_free(next);
	}
	is_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
	ERR_clear_error();
	BIO_free(bio);
	if (first && is_end) {
		*ret_first = first;
		return 0;
	}
	X509_free(first);
	return snp_err_set(err, -EINVAL,
			   first ? "\"%s\" has a broken certificate"
				 : "\"%s\" has no certificate in PEM format",
			   path);
}

static int parse_key(const char *path, const char *text, EVP_PKEY **ret_key,
		     struct snp_err *err)
{
	BIO *bio = BIO_new_mem_buf(text, -1);
	bool was_asked = false;
	EVP_PKEY *key;

	if (!bio)
		return snp_err_set(err, -ENOMEM, "out of memory for \"%s\"", path);
	key = PEM_read_bio_PrivateKey(bio, NULL, no_password, &was_asked);
	ERR_clear_error();
	BIO_free(bio);
	if (!key)
		return snp_err_set(err, -EINVAL,
				   was_asked
				       ? "the private key in \"%s\" is "
					 "encrypted; store it without a password"
				       : "\"%s\" has no private key in PEM format",
				   path);
	*ret_key = key;
	return 0;
}

static int check_pair(const struct rpc_tls_files *files, const char *cert_text,
		      const char *key_text, struct snp_err *err)
{
	X509 *cert = NULL;
	EVP_PKEY *key = NULL;
	int rc = parse_certificates(files->cert, cert_text, &cert, err);

	if (rc == 0)
		rc = parse_key(files->key, key_text, &key, err);
	if (rc == 0 && X509_check_private_key(cert, key) != 1)
		rc = snp_err_set(err, -EINVAL,
				 "the key in \"%s\" does not belong to the first "
				 "certificate in \"%s\"",
				 files->key, files->cert);
	ERR_clear_error();
	EVP_PKEY_free(key);
	X509_free(cert);
	return rc;
}

static int check_ca(const char *path, const char *text, struct snp_err *err)
{
	X509 *first = NULL;
	int rc = parse_certificates(path, text, &first, err);

	X509_free(first);
	return rc;
}

/* ---- Certificates for gRPC ----------------------------------------------- */

struct pem {
	char *cert, *key; /* NULL of a client that has none */
	char *ca;	  /* NULL if clients need no certificate */
};

static void free_pem(struct pem *pem)
{
	free(pem->cert);
	if (pem->key)
		explicit_bzero(pem->key, strlen(pem->key));
	free(pem->key);
	free(pem->ca);
}

static int read_pem(const struct rpc_tls_files *files, struct pem *ret_pem,
		    struct snp_err *err)
{
	struct pem pem = {0};
	int rc = 0;

	if (files->cert) {
		rc = read_file(files->cert, &pem.cert, err);
		if (rc == 0)
			rc = read_file(files->key, &pem.key, err);
		if (rc == 0)
			rc = check_pair(files, pem.cert, pem.key, err);
	}
	if (rc == 0 && files->client_ca)
		rc = read_file(files->client_ca, &pem.ca, err);
	if (rc == 0 && pem.ca)
		rc = check_ca(files->client_ca, pem.ca, err);
	if (rc < 0)
		free_pem(&pem);
	else
		*ret_pem = pem;
	return rc;
}

int rpc_tls_check(const struct rpc_tls_files *files, struct snp_err *err)
{
	struct pem pem;
	int rc = read_pem(files, &pem, err);

	if (rc == 0)
		free_pem(&pem);
	return rc;
}

static int load(const struct rpc_tls_files *files,
		grpc_ssl_server_certificate_config **ret_config, struct snp_err *err)
{
	struct pem pem;
	int rc = read_pem(files, &pem, err);

	if (rc == 0) {
		const grpc_ssl_pem_key_cert_pair pair = {.private_key = pem.key,
							 .cert_chain = pem.cert};

		/* gRPC insists on roots. Where no client is asked for a certificate
		 * they have nothing to decide, and our own is as good as any. */
		*ret_config = grpc_ssl_server_certificate_config_create(
		    pem.ca ? pem.ca : pem.cert, &pair, 1);
		free_pem(&pem);
	}
	return rc;
}

static grpc_ssl_certificate_config_reload_status
take_fresh(void *user, grpc_ssl_server_certificate_config **ret_config)
{
	struct rpc__tls *tls = user;
	grpc_ssl_server_certificate_config *fresh =
	    atomic_exchange_explicit(&tls->fresh, NULL, memory_order_acq_rel);

	if (!fresh)
		return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
	*ret_config = fresh; /* gRPC's from here on */
	return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
}

static void give(struct rpc__tls *tls, grpc_ssl_server_certificate_config *take_config)
{
	grpc_ssl_server_certificate_config *untaken =
	    atomic_exchange_explicit(&tls->fresh, take_config, memory_order_acq_rel);

	if (untaken)
		grpc_ssl_server_certificate_config_destroy(untaken);
}

int rpc__tls_create(const struct rpc_tls_files *files, struct rpc__tls **ret_tls,
		    struct snp_err *err)
{
	grpc_ssl_server_certificate_config *config = NULL;
	struct rpc__tls *tls;
	int rc = load(files, &config, err);

	if (rc < 0)
		return rc;
	tls = calloc(1, sizeof(*tls));
	if (!tls) {
		grpc_ssl_server_certificate_config_destroy(config);
		return snp_err_set(err, -ENOMEM, "out of memory for certificates");
	}
	tls->asks_clients = files->client_ca != NULL;
	give(tls, config);
	*ret_tls = tls;
	return 0;
}

int rpc__tls_replace(struct rpc__tls *tls, const struct rpc_tls_files *files,
		     struct snp_err *err)
{
	grpc_ssl_server_certificate_config *config = NULL;
	int rc;

	if (tls->asks_clients != (files->client_ca != NULL))
		return snp_err_set(err, -EBUSY,
				   "whether clients need a certificate is settled at "
				   "the start");
	rc = load(files, &config, err);
	if (rc == 0)
		give(tls, config);
	return rc;
}

grpc_server_credentials *rpc__tls_credentials(struct rpc__tls *tls)
{
	return grpc_ssl_server_credentials_create_with_options(
	    grpc_ssl_server_credentials_create_options_using_config_fetcher(
		tls->asks_clients
		    ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
		    : GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE,
		take_fresh, tls));
}

void rpc__tls_destroy(struct rpc__tls **tls_ptr)
{
	struct rpc__tls *tls = *tls_ptr;

	if (!tls)
		return;
	*tls_ptr = NULL;
	give(tls, NULL);
	free(tls);
}

int rpc__tls_client_credentials(const struct rpc_tls_client_files *files,
				grpc_channel_credentials **ret_creds,
				struct snp_err *err)
{
	const struct rpc_tls_files same = {files->cert, files->key, files->ca};
	grpc_ssl_pem_key_cert_pair pair;
	struct pem pem;
	int rc = read_pem(&same, &pem, err);

	if (rc < 0)
		return rc;
	pair = (grpc_ssl_pem_key_cert_pair){pem.key, pem.cert};
	*ret_creds =
	    grpc_ssl_credentials_create(pem.ca, pem.cert ? &pair : NULL, NULL, NULL);
	free_pem(&pem);
	if (!*ret_creds)
		return snp_err_set(err, -EINVAL, "gRPC does not take \"%s\"",
				   files->ca);
	return 0;
}
