/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resource.h - who all this is about: OTLP's Resource.
 *
 * Each run of a runtime is an instance of its own, which its segment's uuid names. This
 * program is another service, as what it counts about itself starts anew with it and
 * not with the runtime.
 *
 * What the user says (OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES) comes before what we
 * know, except telemetry.sdk.*.
 */
#ifndef SNP_OTLP_RESOURCE_H
#define SNP_OTLP_RESOURCE_H

#include "otlp/resource.pb-c.h"
#include "snakepit/read.h"

typedef Opentelemetry__Proto__Resource__V1__Resource otlp_resource_message;

/* What is the same for every resource of this process. */
struct otlp_identity;

/* Both as in the environment; NULL or "" = not set. The name is borrowed. Where one of
 * the attributes is malformed all are left out, as the specification wants, and a
 * warning says so. -ENOMEM. */
int otlp_identity_create(const char *service_name, const char *attributes,
			 struct otlp_identity **ret_identity);
void otlp_identity_destroy(struct otlp_identity **identity);

/* Counted: whoever holds it may read it from any thread. */
struct otlp_resource;

/* Of the runtime whose segment this is; held once. NULL when there is no memory. */
struct otlp_resource *otlp_resource_of_runtime(const struct otlp_identity *identity,
					       const struct snp_segment_info *info);
/* Of this process, "snakepit-otlp". */
struct otlp_resource *otlp_resource_of_self(const struct otlp_identity *identity);

/* Once more; returns it. Any thread. */
struct otlp_resource *otlp_resource_hold(struct otlp_resource *resource);
/* Once less, and *resource is NULL; with the last it is freed. */
void otlp_resource_drop(struct otlp_resource **resource);

/* Not to be changed; as it goes into other messages. */
otlp_resource_message *otlp_resource_message_of(struct otlp_resource *r);

#endif
