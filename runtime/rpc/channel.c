/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/channel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>

#include "args.h"
#include "channel_internal.h"
#include "rpc/accept.h"

struct rpc_channel {
	grpc_channel *core;
	char target[];
};

static int check_unix_path(const char *path, struct snp_err *err)
{
	if (path[0] != '/')
		return snp_err_set(err, -EINVAL,
				   "unix socket path \"%s\" is not absolute", path);
	if (strlen(path) > RPC_UNIX_PATH_MAX)
		return snp_err_set(err, -EINVAL,
				   "unix socket path \"%s\" is longer than %d bytes",
				   path, RPC_UNIX_PATH_MAX);
	return 0;
}

static bool is_numeric_ipv4(const char *target, const char *colon)
{
	char host[INET_ADDRSTRLEN];
	struct in_addr unused;
	size_t len = (size_t)(colon - target);

	if (len >= sizeof(host))
		return false;
	memcpy(host, target, len);
	host[len] = '\0';
	return inet_pton(AF_INET, host, &unused) == 1;
}

/* The scheme that spares gRPC a trip through its resolver threads, or "" for a name. */
static int target_scheme(const char *target, const char **ret_scheme,
			 struct snp_err *err)
{
	const char *colon = strrchr(target, ':');

	if (strncmp(target, "unix:", 5) == 0) {
		*ret_scheme = "";
		return check_unix_path(target + 5, err);
	}
	if (!colon || colon == target || colon[1] == '\0' ||
	    colon[1 + strspn(colon + 1, "0123456789")] != '\0')
		return snp_err_set(
		    err, -EINVAL, "\"%s\" is neither unix:/path nor host:port", target);
	if (target[0] == '[')
		*ret_scheme = "ipv6:";
	else
		*ret_scheme = is_numeric_ipv4(target, colon) ? "ipv4:" : "dns:///";
	return 0;
}

static void fill_args(const struct rpc_channel_opts *opts, struct rpc__args *args)
{
	uint32_t max_message =
	    rpc__or_default(opts->max_message_bytes, RPC_MESSAGE_BYTES_DEFAULT);

	/* Its own connection, and nothing that looks at the environment or the network.
	 */
	rpc__args_add(args, GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
	rpc__args_add(args, GRPC_ARG_ENABLE_HTTP_PROXY, 0);
	rpc__args_add(args, GRPC_ARG_ENABLE_CHANNELZ, 0);
	rpc__args_add(args, GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
	rpc__args_add(args, GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, max_message);
	rpc__args_add(args, GRPC_ARG_MAX_SEND_MESSAGE_LENGTH, max_message);
	rpc__args_add(
	    args, GRPC_ARG_MAX_METADATA_SIZE,
	    rpc__or_default(opts->max_metadata_bytes, RPC_METADATA_BYTES_DEFAULT));
	/* A call that met a closing connection and provably was not seen there starts
	 * over on a new one (no other is repeated: that takes a policy in a service
	 * config, and there is none). Only gRPC knows which calls these are; what it
	 * reports of them looks like the peer's own words. The size is that of a
	 * request up to which it does so: all of them, it keeps references only. */
	rpc__args_add(args, GRPC_ARG_ENABLE_RETRIES, 1);
	rpc__args_add(args, GRPC_ARG_PER_RPC_RETRY_BUFFER_SIZE, max_message);
	/* What is not used costs nothing: a worker's connection stays, nothing is
	 * compressed. */
	rpc__args_add(args, GRPC_ARG_CLIENT_IDLE_TIMEOUT_MS, INT_MAX);
	rpc__args_add(args, GRPC_ARG_ENABLE_PER_MESSAGE_COMPRESSION, 0);
	/* A small message must not be able to become a huge one in memory. */
	rpc__args_add(args, GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
	/* This one is also the connect timeout. */
	rpc__args_add(args, GRPC_ARG_MIN_RECONNECT_BACKOFF_MS,
		      rpc__or_default(opts->connect_timeout_ms, 2000));
	rpc__args_add(args, GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS,
		      rpc__or_default(opts->backoff_initial_ms, 50));
	rpc__args_add(args, GRPC_ARG_MAX_RECONNECT_BACKOFF_MS,
		      rpc__or_default(opts->backoff_max_ms, 1000));
	if (opts->keepalive_ms) {
		rpc__args_add(args, GRPC_ARG_KEEPALIVE_TIME_MS, opts->keepalive_ms);
		rpc__args_add(args, GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
			      rpc__or_default(opts->keepalive_timeout_ms, 5000));
		rpc__args_add(args, GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
	}
}

static grpc_channel *create_core(const char *target,
				 const struct rpc_channel_opts *opts,
				 grpc_channel_credentials *creds)
{
	struct rpc__args args = {0};

	fill_args(opts, &args);
	return grpc_channel_create(
	    target, creds, &(grpc_channel_args){.num_args = args.n, .args = args.v});
}

int rpc__channel_create(const char *target, const struct rpc_channel_opts *opts,
			grpc_channel_credentials *creds,
			struct rpc_channel **ret_channel, struct snp_err *err)
{
	static const struct rpc_channel_opts defaults;
	struct rpc_channel *channel;
	const char *scheme = "";
	size_t size;
	char *uri;
	int rc;

	rc = target_scheme(target, &scheme, err);
	if (rc < 0)
		return rc;
	if (asprintf(&uri, "%s%s", scheme, target) < 0)
		return snp_err_set(err, -ENOMEM, "out of memory for a channel");
	size = strlen(target) + 1;
	channel = malloc(sizeof(*channel) + size);
	if (!channel) {
		free(uri);
		return snp_err_set(err, -ENOMEM, "out of memory for a channel");
	}
	memcpy(channel->target, target, size);
	channel->core = create_core(uri, opts ? opts : &defaults, creds);
	free(uri);
	*ret_channel = channel;
	return 0;
}

int rpc_channel_create(const char *target, const struct rpc_channel_opts *opts,
		       struct rpc_channel **ret_channel, struct snp_err *err)
{
	grpc_channel_credentials *creds = grpc_insecure_credentials_create();
	int rc = rpc__channel_create(target, opts, creds, ret_channel, err);

	grpc_channel_credentials_release(creds);
	return rc;
}

void rpc_channel_destroy(struct rpc_channel **channel_ptr)
{
	struct rpc_channel *channel = *channel_ptr;

	if (!channel)
		return;
	*channel_ptr = NULL;
	grpc_channel_destroy(channel->core);
	free(channel);
}

void rpc_channel_reset_backoff(struct rpc_channel *channel)
{
	grpc_channel_reset_connect_backoff(channel->core);
}

const char *rpc_channel_target(const struct rpc_channel *channel)
{
	return channel->target;
}

grpc_channel *rpc__channel_core(struct rpc_channel *channel)
{
	return channel->core;
}
