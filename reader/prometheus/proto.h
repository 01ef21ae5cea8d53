/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proto.h - families as protobuf: each an io.prometheus.client.MetricFamily behind its
 * length, histograms both classic and native. The one module that knows protobuf-c.
 *
 * Begin a family, add what it has, end it. One thread at a time.
 */
#ifndef SNP_PROMETHEUS_PROTO_H
#define SNP_PROMETHEUS_PROTO_H

#include "model/arena.h"
#include "families.h"
#include "model/buf.h"
#include "own.h"
#include "source.h"

/* A zeroed struct is ready. */
struct proto {
	struct snp_arena arena; /* of the family at hand */
	void **metrics;
	size_t metrics_nr, metrics_max;
	bool failed; /* memory ran out: the family at hand is not whole */
};

void proto_fini(struct proto *proto);

void proto_begin(struct proto *proto);
/* A family that families_enter() let pass. */
void proto_add_family(struct proto *proto, const struct page_source *source,
		      const struct family *family);
void proto_add_own(struct proto *proto, const struct own_value *value);
/* Append the message, unless nothing was added. */
void proto_end(struct proto *proto, const struct expo_family *family,
	       struct snp_buf *buf);

#endif
