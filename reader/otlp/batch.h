/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch.h - one request's worth of a signal.
 */
#ifndef SNP_OTLP_BATCH_H
#define SNP_OTLP_BATCH_H

#include <stddef.h>

#include <protobuf-c/protobuf-c.h>

#include "signals.h"

/* The message and all it points to are its maker's, unchanged until the maker makes the
 * next one. Never empty. */
struct otlp_batch {
	enum otlp_signal signal;
	const ProtobufCMessage *request; /* Export...ServiceRequest */
	size_t items;			 /* data points, spans or log records */
};

#endif
