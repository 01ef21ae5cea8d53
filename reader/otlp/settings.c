/* SPDX-License-Identifier: Apache-2.0 */
#include "settings.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "endpoint.h"

#define NAME_BYTES   64
#define NUMBER_MAX   UINT64_C(2147483647)
#define QUOTED_CHARS 100

/* ---- what there is ------------------------------------------------------- */

enum kind { NUMBER, BOOLEAN, WORD, TEXT, ADDRESS, HEADERS };

struct word {
	const char *text; /* NULL ends the list */
	unsigned value;
};

struct variable {
	const char *name;
	enum kind kind;
	size_t offset; /* in struct found, or in the settings */
	uint64_t otherwise;
	uint64_t min;		  /* of numbers */
	const struct word *words; /* in the order they are named to the user */
};

/* What the variables of one signal say. */
struct found {
	struct otlp_endpoint endpoint;
	bool insecure;
	const char *address; /* NULL: the default */
	enum endpoint_form form;
};

/* Through the tables enums are written as what they are. */
static_assert(sizeof(enum otlp_exporter) == sizeof(unsigned), "enums are unsigned");

static const struct word protocols[] = {{"http/protobuf", OTLP_HTTP_PROTOBUF},
					{"http/json", OTLP_HTTP_JSON},
					{"grpc", OTLP_GRPC},
					{0}};
static const struct word compressions[] = {
    {"none", OTLP_PLAIN}, {"gzip", OTLP_GZIP}, {0}};
/* The first is for metrics alone, and another program's: snakepit-prometheus. */
static const struct word metrics_exporters[] = {
    {"prometheus", OTLP_EXPORTER_NONE}, {"otlp", OTLP_EXPORTER_OTLP},
    {"console", OTLP_EXPORTER_CONSOLE}, {"otlp/stdout", OTLP_EXPORTER_STDOUT},
    {"none", OTLP_EXPORTER_NONE},	{0}};
#define EXPORTERS (&metrics_exporters[1])
static const struct word temporalities[] = {{"cumulative", OTLP_CUMULATIVE},
					    {"delta", OTLP_DELTA},
					    {"lowmemory", OTLP_LOWMEMORY},
					    {0}};
static const struct word histograms[] = {
    {"explicit_bucket_histogram", OTLP_HISTOGRAMS_EXPLICIT},
    {"base2_exponential_bucket_histogram", OTLP_HISTOGRAMS_EXPONENTIAL},
    {0}};
static const struct word exemplars[] = {{"trace_based", OTLP_EXEMPLARS_TRACE_BASED},
					{"always_on", OTLP_EXEMPLARS_ALWAYS_ON},
					{"always_off", OTLP_EXEMPLARS_ALWAYS_OFF},
					{0}};
static const struct word levels[] = {{"debug", SNP_LOG_DEBUG},
				     {"info", SNP_LOG_INFO},
				     {"warn", SNP_LOG_WARN},
				     {"error", SNP_LOG_ERROR},
				     {0}};

/* Behind OTEL_EXPORTER_OTLP_, or OTEL_EXPORTER_OTLP_<signal>_. What is a good address
 * depends on the protocol, which therefore comes before it. */
#define EACH(member) offsetof(struct found, member)
static const struct variable each[] = {
    {"PROTOCOL", WORD, EACH(endpoint.protocol), OTLP_HTTP_PROTOBUF, 0, protocols},
    {"INSECURE", BOOLEAN, EACH(insecure), 0, 0, NULL},
    {"ENDPOINT", ADDRESS, EACH(address), 0, 0, NULL},
    {"CERTIFICATE", TEXT, EACH(endpoint.ca), 0, 0, NULL},
    {"CLIENT_CERTIFICATE", TEXT, EACH(endpoint.cert), 0, 0, NULL},
    {"CLIENT_KEY", TEXT, EACH(endpoint.key), 0, 0, NULL},
    {"HEADERS", HEADERS, EACH(endpoint), 0, 0, NULL},
    {"COMPRESSION", WORD, EACH(endpoint.compression), OTLP_PLAIN, 0, compressions},
    {"TIMEOUT", NUMBER, EACH(endpoint.timeout_ms), 10000, 0, NULL},
};

#define ALL(member) offsetof(struct otlp_settings, member)
static const struct variable all[] = {
    {"OTEL_SDK_DISABLED", BOOLEAN, ALL(disabled), 0, 0, NULL},
    {"OTEL_METRICS_EXPORTER", WORD, ALL(endpoint[OTLP_METRICS].exporter),
     OTLP_EXPORTER_OTLP, 0, metrics_exporters},
    {"OTEL_TRACES_EXPORTER", WORD, ALL(endpoint[OTLP_TRACES].exporter),
     OTLP_EXPORTER_OTLP, 0, EXPORTERS},
    {"OTEL_LOGS_EXPORTER", WORD, ALL(endpoint[OTLP_LOGS].exporter), OTLP_EXPORTER_OTLP,
     0, EXPORTERS},
    {"OTEL_METRIC_EXPORT_INTERVAL", NUMBER, ALL(interval_ms), 60000, 1, NULL},
    {"OTEL_METRIC_EXPORT_TIMEOUT", NUMBER, ALL(endpoint[OTLP_METRICS].budget_ms), 30000,
     0, NULL},
    {"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", WORD,
     ALL(metrics.temporality), OTLP_CUMULATIVE, 0, temporalities},
    {"OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", WORD,
     ALL(metrics.histograms), OTLP_HISTOGRAMS_EXPLICIT, 0, histograms},
    {"OTEL_METRICS_EXEMPLAR_FILTER", WORD, ALL(metrics.exemplars),
     OTLP_EXEMPLARS_TRACE_BASED, 0, exemplars},
    {"OTEL_BSP_SCHEDULE_DELAY", NUMBER, ALL(spans.delay_ms), 5000, 0, NULL},
    {"OTEL_BSP_EXPORT_TIMEOUT", NUMBER, ALL(endpoint[OTLP_TRACES].budget_ms), 30000, 0,
     NULL},
    {"OTEL_BSP_MAX_QUEUE_SIZE", NUMBER, ALL(spans.queue_max), 2048, 1, NULL},
    {"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", NUMBER, ALL(spans.batch_max), 512, 1, NULL},
    {"OTEL_BLRP_SCHEDULE_DELAY", NUMBER, ALL(logs.delay_ms), 1000, 0, NULL},
    {"OTEL_BLRP_EXPORT_TIMEOUT", NUMBER, ALL(endpoint[OTLP_LOGS].budget_ms), 30000, 0,
     NULL},
    {"OTEL_BLRP_MAX_QUEUE_SIZE", NUMBER, ALL(logs.queue_max), 2048, 1, NULL},
    {"OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", NUMBER, ALL(logs.batch_max), 512, 1, NULL},
    {"OTEL_LOG_LEVEL", WORD, ALL(log_level), SNP_LOG_INFO, 0, levels},
    {"OTEL_SERVICE_NAME", TEXT, ALL(service_name), 0, 0, NULL},
    {"OTEL_RESOURCE_ATTRIBUTES", TEXT, ALL(resource_attributes), 0, 0, NULL},
    /* The specification leaves it open; ours, for all signals. */
    {"SNAKEPIT_OTLP_RETRY_WAIT", NUMBER, ALL(endpoint[0].retry_wait_ms), 1000, 1, NULL},
};

/* Known to the specification, and without effect here. Who samples and propagates is
 * the runtime, so what is about that is not in this list. */
static const char *const unsupported[] = {
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_SPAN_EVENT_COUNT_LIMIT",
    "OTEL_SPAN_LINK_COUNT_LIMIT",
    "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_ENTITIES",
};

/* ---- one value ----------------------------------------------------------- */

struct reader {
	const struct otlp_source *source;
	bool out_of_memory;
};

__attribute__((format(printf, 3, 4))) static void
warn(const struct reader *reader, const char *name, const char *fmt, ...)
{
	char text[SNP_ERR_MSG_BYTES];
	va_list ap;

	if (!reader->source->warn)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	reader->source->warn(reader->source->user, name, text);
}

static void *field(const struct variable *variable, void *base)
{
	return (char *)base + variable->offset;
}

static bool set_number(const struct reader *reader, const struct variable *variable,
		       const char *name, const char *value, void *base)
{
	size_t digits = strspn(value, "0123456789");
	uint64_t number = strtoull(value, NULL, 10);

	if (digits == 0 || digits > 10 || value[digits] != '\0' ||
	    number < variable->min || number > NUMBER_MAX) {
		warn(reader, name, "'%.*s' is not a whole number from %d to %d",
		     QUOTED_CHARS, value, (int)variable->min, (int)NUMBER_MAX);
		return false;
	}
	*(uint64_t *)field(variable, base) = number;
	return true;
}

/* Whatever it is, it is a value: all but "true" is false. */
static void set_boolean(const struct reader *reader, const struct variable *variable,
			const char *name, const char *value, void *base)
{
	const bool on = strcasecmp(value, "true") == 0;

	if (!on && strcasecmp(value, "false") != 0)
		warn(reader, name, "'%.*s' is neither true nor false: taken as false",
		     QUOTED_CHARS, value);
	*(bool *)field(variable, base) = on;
}

static bool set_word(const struct reader *reader, const struct variable *variable,
		     const char *name, const char *value, void *base)
{
	char known[128] = "";
	size_t len = 0;

	for (const struct word *word = variable->words; word->text; word++) {
		if (strcasecmp(word->text, value) == 0) {
			*(unsigned *)field(variable, base) = word->value;
			return true;
		}
		len += (size_t)snprintf(known + len, sizeof(known) - len, "%s%s",
					len ? ", " : "", word->text);
	}
	warn(reader, name, "'%.*s' is none of %s", QUOTED_CHARS, value, known);
	return false;
}

static void set_text(struct reader *reader, const struct variable *variable,
		     const char *value, void *base)
{
	char **text = field(variable, base);

	*text = strdup(value);
	reader->out_of_memory |= !*text;
}

static bool set_address(const struct reader *reader, const char *name,
			const char *value, struct found *found)
{
	const char *wrong = endpoint_check(value, found->endpoint.protocol);

	if (!wrong)
		found->address = value;
	else if (strpbrk(value, "@?")) /* there may be a secret in it */
		warn(reader, name, "the address %s", wrong);
	else
		warn(reader, name, "'%.*s' %s", QUOTED_CHARS, value, wrong);
	return !wrong;
}

/* Nothing of it is quoted: it is where secrets are. */
static void set_headers(struct reader *reader, const char *name, const char *value,
			struct found *found)
{
	const char *wrong;

	if (endpoint_headers(value, &found->endpoint, &wrong) < 0)
		reader->out_of_memory = true;
	else if (wrong)
		warn(reader, name, "%s", wrong);
}

/* False: this value is ignored, and the next place may have another. */
static bool set(struct reader *reader, const struct variable *variable,
		const char *name, const char *value, void *base)
{
	switch (variable->kind) {
	case NUMBER:
		return set_number(reader, variable, name, value, base);
	case BOOLEAN:
		set_boolean(reader, variable, name, value, base);
		return true;
	case WORD:
		return set_word(reader, variable, name, value, base);
	case TEXT:
		set_text(reader, variable, value, base);
		return true;
	case ADDRESS:
		return set_address(reader, name, value, base);
	case HEADERS:
		set_headers(reader, name, value, base);
		return true;
	}
	return false;
}

static void set_default(const struct variable *variable, void *base)
{
	if (variable->kind == NUMBER)
		*(uint64_t *)field(variable, base) = variable->otherwise;
	else if (variable->kind == WORD)
		*(unsigned *)field(variable, base) = (unsigned)variable->otherwise;
}

/* ---- where it comes from ------------------------------------------------- */

/* In the order they are asked. */
enum place { FLAG, ENVIRONMENT, PLACES_NR };

/* NULL also for an empty value. */
static const char *look_up(const struct reader *reader, int place, const char *name)
{
	const struct otlp_source *source = reader->source;
	const char *value = NULL;

	if (place == ENVIRONMENT)
		value = source->env(source->user, name);
	else if (source->flag)
		value = source->flag(source->user, name);
	return value && *value ? value : NULL;
}

static void read_each(struct reader *reader, const struct variable *variable,
		      const char *infix, struct found *found)
{
	char names[2][NAME_BYTES];

	(void)snprintf(names[ENDPOINT_GENERIC], NAME_BYTES, "OTEL_EXPORTER_OTLP_%s",
		       variable->name);
	(void)snprintf(names[ENDPOINT_OWN], NAME_BYTES, "OTEL_EXPORTER_OTLP_%s_%s",
		       infix, variable->name);
	set_default(variable, found);
	for (int place = 0; place < PLACES_NR; place++) {
		for (int form = ENDPOINT_OWN; form >= ENDPOINT_GENERIC; form--) {
			const char *value = look_up(reader, place, names[form]);

			if (!value || !set(reader, variable, names[form], value, found))
				continue;
			if (variable->kind == ADDRESS)
				found->form = (enum endpoint_form)form;
			return;
		}
	}
}

static void read_endpoint(struct reader *reader, const struct otlp_signal_kind *signal,
			  struct otlp_endpoint *endpoint)
{
	struct found found = {.endpoint = *endpoint};
	bool is_grpc;

	for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++)
		read_each(reader, &each[i], signal->infix, &found);
	is_grpc = found.endpoint.protocol == OTLP_GRPC;
	if (!found.address) {
		found.address =
		    is_grpc ? "http://localhost:4317" : "http://localhost:4318";
		found.form = ENDPOINT_GENERIC;
	}
	found.endpoint.url = endpoint_url(found.address, found.endpoint.protocol,
					  found.form, signal->path, found.insecure);
	reader->out_of_memory |= !found.endpoint.url;
	*endpoint = found.endpoint;
}

static void read_all(struct reader *reader, const struct variable *variable,
		     struct otlp_settings *settings)
{
	set_default(variable, settings);
	for (int place = 0; place < PLACES_NR; place++) {
		const char *value = look_up(reader, place, variable->name);

		if (value && set(reader, variable, variable->name, value, settings))
			return;
	}
}

/* ---- all together -------------------------------------------------------- */

static int refuse_config_file(const struct reader *reader, struct snp_err *err)
{
	static const char *const names[] = {"OTEL_CONFIG_FILE",
					    "OTEL_EXPERIMENTAL_CONFIG_FILE"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (look_up(reader, ENVIRONMENT, names[i]))
			return snp_err_set(
			    err, -ENOTSUP,
			    "%s is set, and would replace all other settings, but "
			    "configuration files are not supported: unset it, and use "
			    "options or the OTEL_ variables",
			    names[i]);
	return 0;
}

static void fit_batches(const struct reader *reader, const char *name,
			struct otlp_batching *batching)
{
	if (batching->batch_max <= batching->queue_max)
		return;
	warn(reader, name, "is more than the queue holds: taken as %d",
	     (int)batching->queue_max);
	batching->batch_max = batching->queue_max;
}

/* Who reads that, a pager for example, takes their time. */
static bool is_output(enum otlp_exporter exporter)
{
	return exporter == OTLP_EXPORTER_CONSOLE || exporter == OTLP_EXPORTER_STDOUT;
}

static void read_everything(struct reader *reader, struct otlp_settings *settings)
{
	struct otlp_endpoint *metrics = &settings->endpoint[OTLP_METRICS];

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		read_all(reader, &all[i], settings);
	for (int i = 0; i < OTLP_SIGNAL_NR; i++) {
		settings->endpoint[i].retry_wait_ms =
		    settings->endpoint[0].retry_wait_ms;
		read_endpoint(reader, &otlp_signals[i], &settings->endpoint[i]);
	}
	for (size_t i = 0; i < sizeof(unsupported) / sizeof(unsupported[0]); i++)
		if (look_up(reader, ENVIRONMENT, unsupported[i]))
			warn(reader, unsupported[i], "has no effect here");
	fit_batches(reader, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", &settings->spans);
	fit_batches(reader, "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", &settings->logs);
	/* The next collection says everything again, so this one need not wait. */
	if (metrics->budget_ms == 0 || metrics->budget_ms > settings->interval_ms)
		metrics->budget_ms = settings->interval_ms;
	for (int i = 0; i < OTLP_SIGNAL_NR; i++)
		if (is_output(settings->endpoint[i].exporter))
			settings->endpoint[i].timeout_ms =
			    settings->endpoint[i].budget_ms = 0;
}

int otlp_settings_read(const struct otlp_source *source,
		       struct otlp_settings *ret_settings, struct snp_err *err)
{
	struct reader reader = {.source = source};
	int rc;

	*ret_settings = (struct otlp_settings){0};
	rc = refuse_config_file(&reader, err);
	if (rc < 0)
		return rc;
	read_everything(&reader, ret_settings);
	if (!reader.out_of_memory)
		return 0;
	otlp_settings_fini(ret_settings);
	return snp_err_set(err, -ENOMEM, "out of memory for the settings");
}

void otlp_settings_fini(struct otlp_settings *settings)
{
	for (int i = 0; i < OTLP_SIGNAL_NR; i++) {
		struct otlp_endpoint *endpoint = &settings->endpoint[i];

		free(endpoint->url);
		free(endpoint->ca);
		free(endpoint->cert);
		free(endpoint->key);
		endpoint_headers_fini(endpoint);
	}
	free(settings->service_name);
	free(settings->resource_attributes);
	*settings = (struct otlp_settings){0};
}
