/* SPDX-License-Identifier: Apache-2.0 */
/* spans.h - spans of the runtime as OTLP has them. Pure. */
#ifndef SNP_OTLP_SPANS_H
#define SNP_OTLP_SPANS_H

#include "message.h"
#include "record.h"

/* An ExportTraceServiceRequest of records with spans of one resource, nr > 0. It lives
 * until the maker is reset and points into the records. NULL: no memory. */
const ProtobufCMessage *otlp_spans_encode(struct otlp_maker *maker,
					  const struct otlp_record *records, size_t nr);

#endif
