/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire.h - what must hold before protobuf-c may unpack bytes from outside, and
 * unpacking.
 *
 * protobuf-c recurses without limit, accepts broken UTF-8 and cuts strings at a NUL.
 * The check walks the encoding with the descriptor, without allocating, and lets
 * nothing pass on which the unpacker would do one of these.
 */
#ifndef RPC_WIRE_H
#define RPC_WIRE_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/arena.h"
#include "rpc/buf.h"
#include "snakepit/err.h"

#define RPC__WIRE_DEPTH_MAX 32

/* 0, or -EBADMSG with the reason in err: a tag, length or varint runs out of bounds; a
 * field number is 0; a group; messages nested deeper than RPC__WIRE_DEPTH_MAX; a string
 * that is not UTF-8 or holds a NUL. Thread-safe, never allocates. */
int rpc__wire_check(const ProtobufCMessageDescriptor *descriptor, const uint8_t *data,
		    size_t len, struct snp_err *err);

/* Check and unpack into the arena. Errors as messages.h lists them. Memory is bounded
 * by a multiple of the encoded length, because a few bytes on the wire can ask for
 * many. */
int rpc__unpack(const ProtobufCMessageDescriptor *descriptor, const struct rpc_buf *buf,
		struct rpc_arena *arena, ProtobufCMessage **ret_message,
		struct snp_err *err);

#endif
