/* SPDX-License-Identifier: Apache-2.0 */
#include "resource.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "message.h"
#include "model/log.h"
#include "model/utf8.h"
#include "pairs.h"

#define OURS_MAX   12 /* attributes we set ourselves */
#define HOST_BYTES 256
#define UUID_BYTES 37

struct otlp_identity {
	struct otlp_maker maker;  /* holds `given` */
	struct otlp_attrs given;  /* what the user says */
	const char *service_name; /* "" = not said */
	char host[HOST_BYTES];
};

struct otlp_resource {
	atomic_uint holders;
	struct otlp_maker maker;
	otlp_resource_message message;
};

/* ---- attributes, each once ----------------------------------------------- */

static otlp_attr *find(const struct otlp_attrs *attrs, const char *key)
{
	for (size_t i = 0; i < attrs->nr; i++)
		if (strcmp(attrs->list[i]->key, key) == 0)
			return attrs->list[i];
	return NULL;
}

/* ---- what the user says -------------------------------------------------- */

static size_t count(const char *text, char c)
{
	size_t nr = 0;

	for (; *text; text++)
		nr += *text == c;
	return nr;
}

/* Others would make the receiver refuse the whole message. */
static bool is_utf8(const char *text)
{
	size_t left = strlen(text);

	while (left > 0) {
		size_t len = snp_utf8_char_len(text, left);

		if (len == 0)
			return false;
		text += len;
		left -= len;
	}
	return true;
}

/* Of two of the same name the last one counts. */
static int take_pair(void *user, const char *name, const char *value,
		     const char **ret_wrong)
{
	struct otlp_identity *identity = user;
	struct otlp_maker *maker = &identity->maker;
	otlp_attr *same = find(&identity->given, name);

	if (!*name || !is_utf8(name) || !is_utf8(value)) {
		*ret_wrong = *name ? "is not UTF-8" : "has a member without a name";
		return 0;
	}
	if (same)
		same->value->string_value = otlp_copy(maker, value);
	else
		otlp_attr_text(maker, &identity->given, otlp_copy(maker, name),
			       otlp_copy(maker, value));
	return maker->failed ? -ENOMEM : 0;
}

static int read_given(struct otlp_identity *identity, const char *attributes)
{
	const char *wrong = NULL;
	int r;

	identity->given = otlp_attrs_new(&identity->maker, count(attributes, ',') + 1);
	if (identity->maker.failed)
		return -ENOMEM;
	r = otlp_pairs_read(attributes, take_pair, identity, &wrong);
	if (r == 0 && wrong) {
		snp_log_line(SNP_LOG_WARN,
			     "OTEL_RESOURCE_ATTRIBUTES %s: all of it is ignored",
			     wrong);
		identity->given.nr = 0;
	}
	return r;
}

int otlp_identity_create(const char *service_name, const char *attributes,
			 struct otlp_identity **ret_identity)
{
	struct otlp_identity *identity = calloc(1, sizeof(*identity));
	int r;

	if (!identity)
		return -ENOMEM;
	identity->service_name =
	    service_name && is_utf8(service_name) ? service_name : "";
	r = read_given(identity, attributes ? attributes : "");
	if (r < 0) {
		otlp_identity_destroy(&identity);
		return r;
	}
	if (gethostname(identity->host, sizeof(identity->host) - 1) < 0 ||
	    !is_utf8(identity->host))
		identity->host[0] = '\0';
	*ret_identity = identity;
	return 0;
}

void otlp_identity_destroy(struct otlp_identity **identity)
{
	if (!*identity)
		return;
	otlp_maker_fini(&(*identity)->maker);
	free(*identity);
	*identity = NULL;
}

/* ---- making one ---------------------------------------------------------- */

struct build {
	struct otlp_resource *resource;
	struct otlp_attrs attrs;
};

/* Unless there is one of that name, or nothing to say. */
static void add_text(struct build *b, const char *key, const char *value)
{
	struct otlp_maker *maker = &b->resource->maker;

	if (*value && !find(&b->attrs, key))
		otlp_attr_text(maker, &b->attrs, key, otlp_copy(maker, value));
}

static void add_pid(struct build *b, int64_t pid)
{
	if (!find(&b->attrs, "process.pid"))
		otlp_attr_int(&b->resource->maker, &b->attrs, "process.pid", pid);
}

static int begin(const struct otlp_identity *identity, struct build *ret)
{
	struct otlp_resource *resource = calloc(1, sizeof(*resource));

	if (!resource)
		return -ENOMEM;
	atomic_init(&resource->holders, 1);
	ret->resource = resource;
	ret->attrs = otlp_attrs_new(&resource->maker, identity->given.nr + OURS_MAX);
	add_text(ret, "telemetry.sdk.name", "snakepit");
	add_text(ret, "telemetry.sdk.language", "c");
	add_text(ret, "telemetry.sdk.version", SNP_VERSION);
	return 0;
}

static void add_given(struct build *b, const struct otlp_identity *identity)
{
	for (size_t i = 0; i < identity->given.nr; i++)
		add_text(b, identity->given.list[i]->key,
			 identity->given.list[i]->value->string_value);
}

static struct otlp_resource *finish(struct build *b)
{
	struct otlp_resource *resource = b->resource;

	opentelemetry__proto__resource__v1__resource__init(&resource->message);
	resource->message.attributes = b->attrs.list;
	resource->message.n_attributes = b->attrs.nr;
	if (resource->maker.failed)
		otlp_resource_drop(&resource);
	return resource;
}

struct otlp_resource *otlp_resource_of_runtime(const struct otlp_identity *identity,
					       const struct snp_segment_info *info)
{
	struct build b;

	if (begin(identity, &b) < 0)
		return NULL;
	add_text(&b, "service.name", identity->service_name);
	add_given(&b, identity);
	add_text(&b, "service.name", "snakepit");
	add_text(&b, "service.instance.id", info->uuid);
	add_text(&b, "service.version", SNP_VERSION);
	add_text(&b, "host.name", identity->host);
	add_text(&b, "process.executable.name", "snakepitd");
	add_pid(&b, info->pid);
	add_text(&b, "snakepit.instance", info->instance);
	return finish(&b);
}

/* A random one, version 4. */
static void make_uuid(char ret_text[UUID_BYTES])
{
	unsigned char b[16];

	/* 16 bytes are never given in part, and wait for no more than the boot; but a
	 * sandbox may refuse them. */
	if (getrandom(b, sizeof(b), 0) != (ssize_t)sizeof(b)) {
		const uint64_t own[2] = {snp_wall_now().ns,
					 snp_mono_now().ns ^ (uint64_t)getpid() << 40};

		memcpy(b, own, sizeof(b));
	}
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	(void)snprintf(ret_text, UUID_BYTES,
		       "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
		       "%02x%02x%02x%02x%02x%02x",
		       b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9],
		       b[10], b[11], b[12], b[13], b[14], b[15]);
}

struct otlp_resource *otlp_resource_of_self(const struct otlp_identity *identity)
{
	char uuid[UUID_BYTES];
	struct build b;

	if (begin(identity, &b) < 0)
		return NULL;
	make_uuid(uuid);
	/* The user speaks of the runtime where these are concerned. */
	add_text(&b, "service.name", "snakepit-otlp");
	add_text(&b, "service.instance.id", uuid);
	add_pid(&b, getpid());
	add_text(&b, "process.executable.name", "snakepit-otlp");
	add_given(&b, identity);
	add_text(&b, "service.version", SNP_VERSION);
	add_text(&b, "host.name", identity->host);
	return finish(&b);
}

/* ---- holding it ---------------------------------------------------------- */

struct otlp_resource *otlp_resource_hold(struct otlp_resource *resource)
{
	(void)atomic_fetch_add_explicit(&resource->holders, 1, memory_order_relaxed);
	return resource;
}

void otlp_resource_drop(struct otlp_resource **resource)
{
	struct otlp_resource *r = *resource;

	*resource = NULL;
	if (!r || atomic_fetch_sub_explicit(&r->holders, 1, memory_order_acq_rel) > 1)
		return;
	otlp_maker_fini(&r->maker);
	free(r);
}

otlp_resource_message *otlp_resource_message_of(struct otlp_resource *r)
{
	return &r->message;
}
