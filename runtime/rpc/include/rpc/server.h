/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.h - the serving side: registered methods, one request in, replies out.
 *
 * It has no listener: connected sockets come from rpc_server_add_fd(), see accept.h for
 * why and how. Methods take one request message each and answer with one message or a
 * stream. An unknown method is answered UNIMPLEMENTED at once, a compressed request
 * too, a message over the limit RESOURCE_EXHAUSTED; neither reaches a handler.
 *
 * Life of a call, all callbacks on the call's loop:
 *
 *   on_call --> { on_writable | on_cancelled? }* --> on_done, exactly once, last
 *
 * The handler, or whoever it hands the call to, ends it with exactly one
 * rpc_server_call_finish(), also after on_cancelled (which only says that nobody is
 * listening any more). Until then the call is kept; after on_done it is freed as soon
 * as the last extra reference is dropped.
 *
 *   function                                | thread
 *   ----------------------------------------+-----------------------------------------
 *   rpc_server_create .. start, destroy     | one, before and after everything else
 *   rpc_server_add_fd, set_tls, shutdown    | any
 *   rpc_server_call_set_ops                 | the call's loop, inside on_call
 *   add_initial, add_trailing, send_initial,| any, one at a time: whoever owns the call
 *   send, finish                            |   now; handing it over must synchronise
 *   metadata, deadline, is_cancelled, user, |
 *   ref, unref, use as rpc_call_args.parent | any, while a reference is held
 */
#ifndef RPC_SERVER_H
#define RPC_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/buf.h"
#include "rpc/loop.h"
#include "rpc/metadata.h"
#include "rpc/status.h"
#include "snakepit/err.h"
#include "snakepit/time.h"

struct rpc_server;
struct rpc_server_call;

/* Zero means the default in brackets. */
struct rpc_server_opts {
	uint32_t
	    max_message_bytes; /* each way [RPC_MESSAGE_BYTES_DEFAULT, channel.h] */
	uint32_t max_metadata_bytes; /* of a request [RPC_METADATA_BYTES_DEFAULT] */
	uint32_t max_streams;	     /* concurrent calls on one connection [1024] */
	uint32_t keepalive_ms; /* ping of idle peers; a mute one is dropped [60000] */
};

struct rpc_server_call_ops {
	/* The client cancelled, went away, or the deadline passed. At most once, and
	 * not after a finish on this thread; it may overlap one on another. May be
	 * NULL. */
	void (*on_cancelled)(struct rpc_server_call *call);
	/* The message given to send has left; the next may be sent. May be NULL. */
	void (*on_writable)(struct rpc_server_call *call);
	/* The end. May be NULL. */
	void (*on_done)(struct rpc_server_call *call);
};

/* A new call. `request` is borrowed: take a reference to keep it. */
typedef void (*rpc_handler_fn)(struct rpc_server_call *call, struct rpc_buf *request,
			       void *user);

int rpc_server_create(const struct rpc_server_opts *opts,
		      struct rpc_server **ret_server, struct snp_err *err);

/* Serve "/package.Service/Method" with `fn`. Before start. -EEXIST, -ENOMEM. */
int rpc_server_method(struct rpc_server *server, const char *method, rpc_handler_fn fn,
		      void *user);

/* Paths of PEM files. */
struct rpc_tls_files {
	const char *cert; /* the server's certificate, then those it was signed with */
	const char *key;  /* its private key */
	/* Where clients' certificates must come from. NULL: they need none. */
	const char *client_ca;
};

/* Are the files there, well-formed, and do they belong together? -EINVAL (what is
 * wrong, with the file's name), an errno of open() or read(), -ENOMEM. */
int rpc_tls_check(const struct rpc_tls_files *files, struct snp_err *err);

/* Before start: serve TLS, 1.2 or later, and nothing else, on every connection. After
 * it: other certificates, for connections to come; what is connected stays, and on
 * failure so do the old ones. The files are read and checked, and not kept open.
 * Errors of rpc_tls_check(), or -EBUSY: started, and client_ca comes or goes, or there
 * was no TLS. */
int rpc_server_set_tls(struct rpc_server *server, const struct rpc_tls_files *files,
		       struct snp_err *err);

/* Begin to serve on `n` loops (n >= 1), which must outlive the server. A call belongs
 * to one of them for its life. -ENOMEM, -EPROTO (this gRPC cannot do TLS as we need).
 */
int rpc_server_start(struct rpc_server *server, struct rpc_loop *const *loops, size_t n,
		     struct snp_err *err);

/* Serve this connected stream socket, which must be non-blocking and close-on-exec. The
 * server owns `fd` from here on, whatever the result. -ESHUTDOWN when stopping. */
int rpc_server_add_fd(struct rpc_server *server, int fd);

/* Stop: no new connections or calls, running calls may finish for `grace_ms`, then they
 * are cancelled. `on_stopped(user)` runs once on the first loop when every call is done
 * and every reference to one dropped; destroy may follow from there on. Once. */
void rpc_server_shutdown(struct rpc_server *server, uint32_t grace_ms,
			 void (*on_stopped)(void *user), void *user);

/* Free a server. One that was started and not shut down is stopped first, without
 * grace, which waits for its calls: the owners must let go of them. Not from a loop's
 * callback other than on_stopped. */
void rpc_server_destroy(struct rpc_server **server);

/* ---- One call ------------------------------------------------------------ */

/* Say who hears of this call from now on. Without it the handler hears nothing more,
 * which suits one that finishes before it returns. `ops` is static. */
void rpc_server_call_set_ops(struct rpc_server_call *call,
			     const struct rpc_server_call_ops *ops, void *user);
void *rpc_server_call_user(const struct rpc_server_call *call);

struct rpc_loop *rpc_server_call_loop(const struct rpc_server_call *call);
const struct rpc_md_in *rpc_server_call_metadata(const struct rpc_server_call *call);
/* When the client gives up; .ns == 0: never. */
snp_mono_t rpc_server_call_deadline(const struct rpc_server_call *call);
bool rpc_server_call_is_cancelled(const struct rpc_server_call *call);

/* Metadata of the answer. The strings are copied. Initial metadata goes out with
 * rpc_server_call_send_initial(), or else the first send or the finish, trailing with
 * the finish. -EINVAL (not legal), -ENOSPC
 * (more than RPC_MD_MAX), -EALREADY (too late), -ENOMEM. */
int rpc_server_call_add_initial(struct rpc_server_call *call, const char *key,
				struct rpc_str value);
int rpc_server_call_add_trailing(struct rpc_server_call *call, const char *key,
				 struct rpc_str value);

/* Let the client know that its call is being worked on before there is a message for
 * it. Once, before the first send. */
void rpc_server_call_send_initial(struct rpc_server_call *call);

/* Send one message of a stream (a reference is taken). One at a time: -EAGAIN until
 * on_writable. -ECANCELED once nobody listens, -EALREADY after finish, -ENOMEM. Each
 * accepted message is followed by on_writable when it has left, by on_cancelled when it
 * cannot, or by on_done after a finish. A slow reader holds on_writable back, and so
 * bounds the memory of a server that waits for it. */
int rpc_server_call_send(struct rpc_server_call *call, struct rpc_buf *message);

/* End the call. `message` (may be NULL) is sent before the status: the reply of a unary
 * method; with a code other than OK it must be NULL. `text` may be NULL; it is copied
 * and cut at RPC_STATUS_MSG_BYTES. A send that is still on its way goes out first.
 * Exactly once a call. */
void rpc_server_call_finish(struct rpc_server_call *call, struct rpc_buf *message,
			    enum rpc_code code, const char *text);

struct rpc_server_call *rpc_server_call_ref(struct rpc_server_call *call);
void rpc_server_call_unref(struct rpc_server_call *call);

#endif
