/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tracing costs a request in the runtime itself: the functions of
 * runtime/pool/spans.c in the order in which a request meets them, on a real segment.
 * Not in it: what gRPC does, and what the worker does with the context it is given.
 *
 * The metadata of a server's call are made here, in place of gRPC's (--wrap).
 */
#include <stdio.h>
#include <string.h>

#include "core/front.h"
#include "metadata_internal.h"
#include "pool/request.h"
#include "bench.h"
#include "segment.h"
#include "steps.h"

#define TIMES	    20
#define TRACEPARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static grpc_metadata pairs[8];
static struct rpc_md_in incoming;

const struct rpc_md_in *__wrap_rpc_server_call_metadata(const struct rpc_server_call *);
const struct rpc_md_in *
__wrap_rpc_server_call_metadata(const struct rpc_server_call *call)
{
	(void)call;
	return &incoming;
}

/* ---- one request, again and again ---------------------------------------- */

/* What a client sends that traces, as gRPC's Python client does. */
static void make_metadata(void)
{
	static const char *const sent[][2] = {
	    {"user-agent", "grpc-python/1.62.1 grpc-c/39.0.0 (linux; chttp2)"},
	    {"x-snakepit-correlation-id", "sp-0123456789abcdef01234567"},
	    {"traceparent", TRACEPARENT},
	};

	for (size_t i = 0; i < sizeof(sent) / sizeof(sent[0]); i++)
		pairs[i] = (grpc_metadata){
		    .key = grpc_slice_from_static_string(sent[i][0]),
		    .value = grpc_slice_from_static_string(sent[i][1]),
		};
	incoming.array = (grpc_metadata_array){.count = 3, .metadata = pairs};
}

/* A client's request, of the runtime's first pool and tool. */
struct scene {
	struct front front;
	struct request request;
	struct pool pool;
	struct tool tool;
	struct rpc_md_list outgoing;
	const struct snp_cfg_traces *cfg; /* NULL: tracing is off */
	bench_work counted;
	uint64_t times;
};

static void scene_init(struct scene *s, struct bench_segment *segment,
		       const struct snp_cfg_traces *cfg)
{
	s->cfg = cfg;
	s->front.loop.bank = bench_bank_adopt(segment);
	prng_seed(&s->front.loop.prng);
	rpc_correlation_make(s->front.program_key);
	s->front.tracing.on = cfg != NULL;
	if (cfg)
		(void)trace_sampler_init(&s->front.tracing.sampler, cfg, NULL, NULL);
	s->request = (struct request){
	    .front = &s->front,
	    .loop = &s->front.loop,
	    .pool = &s->pool,
	    .tool = &s->tool,
	    .protocol = &request_pool_unary,
	    .msg.session_id = "",
	    .correlation = "sp-0123456789abcdef01234567",
	};
}

static void arrive(struct scene *s, uint64_t i)
{
	s->request.received.ns = i;
	s->request.queued.ns = i;
	request_trace_begin(&s->request);
}

static void leave(struct scene *s, uint64_t i)
{
	struct request *r = &s->request;
	struct trace_buffers buffers;

	r->last.number = 1;
	r->last.slot = 1;
	r->last.start.ns = i;
	r->last.span = prng_next_nonzero(&r->loop->prng);
	s->outgoing.n = 0;
	request_trace_outgoing(r, &buffers, &s->outgoing);
	request_span_attempt(r, (snp_mono_t){i + 1000});
	request_span_whole(r, (snp_mono_t){i + 2000});
}

static void served_at_once(void *ctx, uint64_t n)
{
	for (uint64_t i = 1; i <= n; i++) {
		arrive(ctx, i);
		leave(ctx, i);
	}
}

static void served_after_a_wait(void *ctx, uint64_t n)
{
	struct scene *s = ctx;

	for (uint64_t i = 1; i <= n; i++) {
		arrive(s, i);
		request_span_queue(&s->request, RPC_OK, (snp_mono_t){i + 500});
		leave(s, i);
	}
}

/* ---- rows ---------------------------------------------------------------- */

enum { OFF, UNSAMPLED, ON, WAITED, NR };

static const struct snp_cfg_traces none = {.sampler = SNP_CFG_SAMPLER_ALWAYS_OFF};
static const struct snp_cfg_traces all = {.sampler =
					      SNP_CFG_SAMPLER_PARENTBASED_ALWAYS_ON};

static const struct {
	const char *name;
	const struct snp_cfg_traces *cfg;
	bench_work run;
	double instructions; /* at most */
} kinds[NR] = {
    [OFF] = {"tracing off", NULL, served_at_once, 3600},
    [UNSAMPLED] = {"tracing on, not sampled", &none, served_at_once, 3900},
    [ON] = {"sampled", &all, served_at_once, 3900},
    [WAITED] = {"sampled, after a wait in the queue", &all, served_after_a_wait, 4600},
};

static struct bench_segment segment;

/* In a process of its own: a writer's map is not inherited. */
static void child(void *ctx)
{
	struct scene *s = ctx;

	bench_segment_create(&segment, (struct bench_segment_size){1, 1, 1});
	scene_init(s, &segment, s->cfg);
	bench_steps_mark();
	s->counted(s, s->times);
	bench_steps_mark();
	bench_segment_remove(&segment);
}

/* Instructions of one request: of many less those of one, without what is around them.
 */
static double steps_of(struct scene *s)
{
	uint64_t one;

	s->times = 1;
	one = bench_steps(child, s);
	s->times = 1 + TIMES;
	return (double)(bench_steps(child, s) - one) / TIMES;
}

/* Exact, so what is compared before and after a change. */
static void count(struct scene scenes[NR])
{
	for (int i = 0; i < NR; i++) {
		struct scene *s = &scenes[i];
		struct bench_samples samples;
		char name[64];

		s->cfg = kinds[i].cfg;
		s->counted = kinds[i].run;
		samples = bench_value(steps_of(s));
		(void)snprintf(name, sizeof(name), "instructions: %s", kinds[i].name);
		bench_print(&(struct bench_row){
		    .name = name,
		    .unit = "instr",
		    .samples = &samples,
		    .target = BENCH_VALUE_AT_MOST,
		    .limit = kinds[i].instructions,
		});
	}
}

static void measure(struct scene scenes[NR])
{
	struct bench_variant variants[NR];
	struct bench_samples s[NR];

	bench_segment_create(&segment, (struct bench_segment_size){1, 1, NR});
	for (int i = 0; i < NR; i++) {
		scene_init(&scenes[i], &segment, kinds[i].cfg);
		variants[i] =
		    (struct bench_variant){.run = kinds[i].run, .ctx = &scenes[i]};
	}
	bench_measure(variants, NR, s);
	for (int i = 0; i < NR; i++) {
		char name[64];

		(void)snprintf(name, sizeof(name), "spans of a request, %s",
			       kinds[i].name);
		bench_print(&(struct bench_row){
		    .name = name,
		    .samples = &s[i],
		    .baseline = i == OFF ? NULL : &s[OFF],
		    .against = i == OFF ? NULL : "tracing off",
		    .target = i < ON ? BENCH_NO_TARGET : BENCH_VALUE_AT_MOST,
		    .limit = 300,
		});
	}
	bench_segment_remove(&segment);
}

/* With --instructions: those alone, which are the same however busy the machine is. */
int main(int argc, char **argv)
{
	static struct scene scenes[NR];

	make_metadata();
	count(scenes);
	if (argc > 1 && strcmp(argv[1], "--instructions") == 0)
		return 0;
	bench_print_ghz();
	measure(scenes);
	bench_print_ghz();
	return 0;
}
