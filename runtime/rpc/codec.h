/* SPDX-License-Identifier: Apache-2.0 */
/*
 * codec.h - the two idioms every codec repeats.
 */
#ifndef RPC_CODEC_H
#define RPC_CODEC_H

#include "buf_internal.h"
#include "pairs.h"
#include "wire.h"

/* RPC__UNPACK(snakepit__bridge__ping_request, buf, arena, &m, err): unpack into the
 * typed pointer m. Evaluates to 0 or the error. */
#define RPC__UNPACK(type, buf, arena, ret_message, err)                                \
	rpc__unpack(&type##__descriptor, (buf), (arena),                               \
		    (ProtobufCMessage **)(void *)(ret_message), (err))

/* RPC__DECODE_MAP(m, metadata, arena, &pairs): a map member of m. 0 or -ENOMEM. */
#define RPC__DECODE_MAP(m, member, arena, ret_pairs)                                   \
	rpc__pairs_of_map((m)->n_##member, (m)->member, (arena), (ret_pairs))

/* RPC__ENCODE_MAP(message type, entry name, &pairs, scratch, &m, member): the reverse.
 */
#define RPC__ENCODE_MAP(type, entry, pairs, scratch, m, member)                        \
	rpc__map_of_pairs(&type##__##entry##_entry__descriptor, (pairs), (scratch),    \
			  &(m)->n_##member, (void **)(void *)&(m)->member)

#endif
