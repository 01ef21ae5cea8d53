/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otlp_send - the sender of snakepit-otlp, with batches that a test orders.
 *
 *   otlp_send metrics|traces|logs
 *
 * Settings come from the environment. Obeys lines on stdin:
 *
 *   send ITEMS BYTES  send a batch of so many items, each of so many bytes of text;
 * says how it went, as a line of JSON stop MS           end within MS milliseconds from
 * now, also what is under way exit              also at the end of input: once
 * everything before it is done
 */
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/json_out.h"
#include "otlp/logs_service.pb-c.h"
#include "otlp/metrics_service.pb-c.h"
#include "otlp/trace_service.pb-c.h"
#include "sender.h"
#include "settings.h"

#define LINE_BYTES 128

/* ---- batches ------------------------------------------------------------- */

typedef Opentelemetry__Proto__Collector__Metrics__V1__ExportMetricsServiceRequest
    metrics_request;
typedef Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceRequest
    traces_request;
typedef Opentelemetry__Proto__Collector__Logs__V1__ExportLogsServiceRequest
    logs_request;
typedef Opentelemetry__Proto__Metrics__V1__ResourceMetrics metrics_item;
typedef Opentelemetry__Proto__Trace__V1__ResourceSpans traces_item;
typedef Opentelemetry__Proto__Logs__V1__ResourceLogs logs_item;

/* An item is a resource that has nothing but the address of a schema: the same one as
 * often as asked for. */
struct order {
	size_t items;
	char *text;
	void **list;
	union {
		metrics_request metrics;
		traces_request traces;
		logs_request logs;
		ProtobufCMessage base;
	} request;
	union {
		metrics_item metrics;
		traces_item traces;
		logs_item logs;
	} item;
};

#define FILL(order, name, init, item_init, member)                                     \
	do {                                                                           \
		init(&(order)->request.name);                                          \
		item_init(&(order)->item.name);                                        \
		(order)->item.name.schema_url = (order)->text;                         \
		(order)->request.name.n_##member = (order)->items;                     \
		(order)->request.name.member = (name##_item **)(order)->list;          \
	} while (0)

static struct otlp_batch make_batch(enum otlp_signal signal, struct order *order)
{
	switch (signal) {
	case OTLP_METRICS:
		FILL(
		    order, metrics,
		    opentelemetry__proto__collector__metrics__v1__export_metrics_service_request__init,
		    opentelemetry__proto__metrics__v1__resource_metrics__init,
		    resource_metrics);
		break;
	case OTLP_TRACES:
		FILL(
		    order, traces,
		    opentelemetry__proto__collector__trace__v1__export_trace_service_request__init,
		    opentelemetry__proto__trace__v1__resource_spans__init,
		    resource_spans);
		break;
	default:
		FILL(
		    order, logs,
		    opentelemetry__proto__collector__logs__v1__export_logs_service_request__init,
		    opentelemetry__proto__logs__v1__resource_logs__init, resource_logs);
		break;
	}
	for (size_t i = 0; i < order->items; i++)
		order->list[i] = &order->item;
	return (struct otlp_batch){signal, &order->request.base, order->items};
}

/* ---- sending ------------------------------------------------------------- */

struct program {
	enum otlp_signal signal;
	struct otlp_sender *sender;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t items, bytes;
	bool ordered, ending;
};

static void say(enum otlp_sent sent, const struct otlp_report *report)
{
	static const char *const words[] = {
	    [OTLP_SENT] = "sent",
	    [OTLP_DROPPED] = "dropped",
	    [OTLP_STOPPED] = "stopped",
	};
	struct snp_buf out = {0};
	struct snp_json json;

	snp_json_init(&json, &out);
	snp_json_object_begin(&json);
	snp_json_kv_string(&json, "outcome", words[sent]);
	snp_json_kv_u64(&json, "sent", report->sent);
	snp_json_kv_u64(&json, "rejected", report->rejected);
	snp_json_kv_u64(&json, "dropped", report->dropped);
	snp_json_kv_string(&json, "drop", otlp_drop_word(report->drop));
	snp_json_kv_u64(&json, "attempts", report->attempts);
	snp_json_kv_seconds(&json, "duration", report->duration_ns);
	snp_json_kv_string(&json, "error", report->error);
	snp_json_object_end(&json);
	snp_buf_putc(&out, '\n');
	if (snp_buf_write_fd(&out, 1) < 0)
		exit(1);
	snp_buf_fini(&out);
}

static void send_one(struct program *program, size_t items, size_t bytes)
{
	struct order order = {.items = items};
	struct otlp_report report;
	struct otlp_batch batch;
	enum otlp_sent sent;

	order.text = calloc(1, bytes + 1);
	order.list = calloc(items, sizeof(*order.list));
	if (!order.text || !order.list)
		exit(1);
	memset(order.text, 'x', bytes);
	batch = make_batch(program->signal, &order);
	sent = otlp_sender_send(program->sender, &batch, &report);
	say(sent, &report);
	free(order.text);
	free(order.list);
}

static void *send_orders(void *arg)
{
	struct program *program = arg;

	(void)pthread_mutex_lock(&program->lock);
	while (program->ordered || !program->ending) {
		if (!program->ordered) {
			(void)pthread_cond_wait(&program->changed, &program->lock);
			continue;
		}
		(void)pthread_mutex_unlock(&program->lock);
		send_one(program, program->items, program->bytes);
		(void)pthread_mutex_lock(&program->lock);
		program->ordered = false;
		(void)pthread_cond_broadcast(&program->changed);
	}
	(void)pthread_mutex_unlock(&program->lock);
	return NULL;
}

/* One batch at a time: another waits until the one before it is done. */
static void order_batch(struct program *program, size_t items, size_t bytes)
{
	(void)pthread_mutex_lock(&program->lock);
	while (program->ordered)
		(void)pthread_cond_wait(&program->changed, &program->lock);
	program->items = items;
	program->bytes = bytes;
	program->ordered = true;
	(void)pthread_cond_broadcast(&program->changed);
	(void)pthread_mutex_unlock(&program->lock);
}

static void obey(struct program *program)
{
	char line[LINE_BYTES];
	char *rest;

	while (fgets(line, sizeof(line), stdin) && strcmp(line, "exit\n") != 0) {
		if (strncmp(line, "send ", 5) == 0) {
			const size_t items = strtoull(line + 5, &rest, 10);

			order_batch(program, items, strtoull(rest, NULL, 10));
		} else if (strncmp(line, "stop ", 5) == 0) {
			otlp_sender_stop(program->sender,
					 snp_mono_add_ms(snp_mono_now(),
							 strtoull(line + 5, NULL, 10)));
		}
	}
	(void)pthread_mutex_lock(&program->lock);
	program->ending = true;
	(void)pthread_cond_broadcast(&program->changed);
	(void)pthread_mutex_unlock(&program->lock);
}

/* ---- main ---------------------------------------------------------------- */

static const char *env(void *user, const char *variable)
{
	(void)user;
	return getenv(variable);
}

static void warn(void *user, const char *variable, const char *text)
{
	(void)user;
	snp_log_line(SNP_LOG_WARN, "%s: %s", variable, text);
}

static int run(struct program *program, struct otlp_settings *settings)
{
	struct otlp_endpoint *endpoint = &settings->endpoint[program->signal];
	struct snp_err err = {0};
	pthread_t thread;

	if (otlp_sender_create(program->signal, endpoint, otlp_sender_ops(endpoint),
			       &program->sender, &err) < 0) {
		snp_log_line(SNP_LOG_ERROR, "%s", err.msg);
		return 1;
	}
	if (pthread_create(&thread, NULL, send_orders, program) != 0)
		return 1;
	obey(program);
	(void)pthread_join(thread, NULL);
	otlp_sender_destroy(&program->sender);
	return 0;
}

int main(int argc, char **argv)
{
	const struct otlp_source source = {.env = env, .warn = warn};
	struct program program = {.signal = OTLP_SIGNAL_NR,
				  .lock = PTHREAD_MUTEX_INITIALIZER,
				  .changed = PTHREAD_COND_INITIALIZER};
	struct otlp_settings settings;
	struct snp_err err = {0};
	int status;

	for (int i = 0; argc == 2 && i < OTLP_SIGNAL_NR; i++)
		if (strcmp(argv[1], otlp_signals[i].name) == 0)
			program.signal = (enum otlp_signal)i;
	if (program.signal == OTLP_SIGNAL_NR) {
		(void)fprintf(stderr, "usage: otlp_send metrics|traces|logs\n");
		return 2;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	if (otlp_settings_read(&source, &settings, &err) < 0) {
		snp_log_line(SNP_LOG_ERROR, "%s", err.msg);
		return 1;
	}
	status = run(&program, &settings);
	otlp_settings_fini(&settings);
	return status;
}
