/* SPDX-License-Identifier: Apache-2.0 */
/* Apart from channel.c, so that programs without TLS need no gRPC that has it. */
#include "rpc/channel.h"

#include <errno.h>
#include <string.h>

#include "channel_internal.h"
#include "tls.h"

int rpc_channel_create_tls(const char *target, const struct rpc_channel_opts *opts,
			   const struct rpc_tls_client_files *files,
			   struct rpc_channel **ret_channel, struct snp_err *err)
{
	grpc_channel_credentials *creds = NULL;
	int rc;

	if (strncmp(target, "unix:", 5) == 0)
		return snp_err_set(err, -EINVAL, "unix sockets speak no TLS (\"%s\")",
				   target);
	rc = rpc__tls_client_credentials(files, &creds, err);
	if (rc < 0)
		return rc;
	rc = rpc__channel_create(target, opts, creds, ret_channel, err);
	grpc_channel_credentials_release(creds);
	return rc;
}
