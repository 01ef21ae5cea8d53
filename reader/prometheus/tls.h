/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls.h - what a tls_server_config demands of a connection. With auth.c the only module
 * that knows GnuTLS.
 *
 * Immutable once made: any thread may use it.
 */
#ifndef SNP_PROMETHEUS_TLS_H
#define SNP_PROMETHEUS_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "webconfig.h"

struct tls;

/* PEM texts, wherever they stand; .text NULL: none. */
struct tls_pem {
	const char *text;
	size_t len;
};
struct tls_texts {
	struct tls_pem cert, key, client_ca;
};

/* `config` is borrowed as long as the result lives, the texts are not. -EINVAL: err
 * says what is wrong with which of them. */
int tls_create(const struct webconfig *config, const struct tls_texts *texts,
	       struct tls **ret_tls, struct snp_err *err);
void tls_destroy(struct tls **tls);

/* Make `session`, a gnutls_session_t that has not begun its handshake, follow these
 * rules. They have to outlive it. false: it must not go on. */
bool tls_prepare(const struct tls *tls, void *session);

/* A gnutls_certificate_retrieve_function2 that has none: a library that wants
 * credentials at its start is given this, as every session gets its own by
 * tls_prepare(). */
extern void (*const tls_no_certificate)(void);

#endif
