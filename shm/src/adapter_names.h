/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapter_names.h - what the metric of an adapter may be called, and its name for
 * Prometheus: by the rules with which OpenTelemetry translates, so that both ways lead
 * to one name. Pure.
 */
#ifndef SNP_SHM_ADAPTER_NAMES_H
#define SNP_SHM_ADAPTER_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "snakepit/write.h"

/* The longest suffixes of unit and type, and the NUL. */
#define SNP__ADAPTER_PROM_BYTES (SNP_ADAPTER_NAME_BYTES + 16)

/* Why kind, name, unit or help are not such as snp_adapter_metric() asks for; NULL:
 * they are. Static text. */
const char *snp__adapter_refusal(const struct snp_adapter_metric *metric);

/* The name for Prometheus of a metric that is not refused. */
void snp__adapter_prom_name(const struct snp_adapter_metric *metric,
			    char ret_name[SNP__ADAPTER_PROM_BYTES]);

/* How much of a metric's name for Prometheus is that of its family: a counter's has an
 * ending besides, which OpenMetrics leaves to the sample. */
size_t snp__prom_family_len(unsigned kind, const char *prom_name);

#endif
