/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.h - an OTLP message as JSON, by the rules of the OTLP specification.
 *
 * They are those of protobuf (lowerCamelCase keys, 64-bit integers as strings, what has
 * its default value left out) with two exceptions: trace and span ids are hexadecimal,
 * and enumerations are numbers. Pure, any thread.
 */
#ifndef SNP_OTLP_JSON_H
#define SNP_OTLP_JSON_H

#include <protobuf-c/protobuf-c.h>

#include "model/buf.h"

/* Append `message` in one line without an end of line. Messages of ours alone: one
 * nested deeper than SNP_JSON_DEPTH_MAX aborts. -ENOMEM. */
int otlp_json_write(const ProtobufCMessage *message, struct snp_buf *out);

#endif
