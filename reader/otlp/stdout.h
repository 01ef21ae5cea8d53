/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stdout.h - transports that send nothing: they write to standard output, lines of JSON
 * that are never mixed.
 */
#ifndef SNP_OTLP_STDOUT_H
#define SNP_OTLP_STDOUT_H

#include "transport.h"

/* "otlp/stdout": each request in a line, as a receiver would get it. */
extern const struct otlp_transport_ops otlp_transport_stdout;
/* "console": each span, log record or metric in a line by itself. */
extern const struct otlp_transport_ops otlp_transport_console;

#endif
