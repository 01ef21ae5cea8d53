/* SPDX-License-Identifier: Apache-2.0 */
/*
 * legacy.h - what pools with `bridge: legacy` need beyond the native handshake.
 *
 * An existing grpc_server.py listens on a TCP port of its choice, says which in a file,
 * and calls its host back over TCP. So there is a listener on a loopback port for those
 * calls, opened when the first such worker starts, and a file to wait for, under a name
 * that cannot be guessed, in the workers' private directory.
 *
 * The supervisor's thread only.
 */
#ifndef SNAKEPIT_RUNTIME_LEGACY_H
#define SNAKEPIT_RUNTIME_LEGACY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "core/front.h"
#include "core/watch.h"
#include "rpc/accept.h"

/* ---- where workers call back --------------------------------------------- */

struct legacy {
	struct watcher *watcher;
	struct front *front;
	struct rpc_listener *listener; /* NULL: not needed yet */
	struct watch watch;
};

void legacy_init(struct legacy *legacy, struct watcher *watcher, struct front *front);
/* No more connections; those that are there stay. Idempotent. */
void legacy_close(struct legacy *legacy);

/* "127.0.0.1:PORT", opened by the first call. Borrowed until legacy_close(). */
int legacy_host_address(struct legacy *legacy, const char **ret_address,
			struct snp_err *err);

/* ---- the ready file ------------------------------------------------------ */

/* A new name in `dir`. */
int legacy_ready_name(const char *dir, char *ret_path, size_t size);

/* A descriptor that becomes readable when a file of `path`'s directory is complete:
 * moved there, or closed by its writer. To be opened before the writer starts. */
int legacy_ready_watch(const char *path);

/* Take in what that descriptor says; whether the file is there and holds a port. A file
 * with anything else in it is waited for, as one that is not there. */
bool legacy_ready_port(int fd, const char *path, uint16_t *ret_port);

/* Existing workers open the session of each request at their host, and cannot do
 * without one: requests of no session have this. */
#define LEGACY_SESSION "default"

/* ---- environment --------------------------------------------------------- */

#define LEGACY_HEARTBEAT_BYTES 256

/* The value of SNAKEPIT_HEARTBEAT_CONFIG: how the worker watches its host. */
void legacy_heartbeat_json(const struct snp_cfg_heartbeat *heartbeat,
			   char ret_text[LEGACY_HEARTBEAT_BYTES]);

#endif
