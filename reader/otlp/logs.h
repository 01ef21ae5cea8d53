/* SPDX-License-Identifier: Apache-2.0 */
/* logs.h - lifecycle events of the runtime as OTLP's log records. Pure. */
#ifndef SNP_OTLP_LOGS_H
#define SNP_OTLP_LOGS_H

#include "message.h"
#include "record.h"

/* An ExportLogsServiceRequest of records with events of one resource, nr > 0. It lives
 * until the maker is reset and points into the records. NULL: no memory. */
const ProtobufCMessage *otlp_logs_encode(struct otlp_maker *maker,
					 const struct otlp_record *records, size_t nr);

#endif
