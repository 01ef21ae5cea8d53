/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call_load.c - makes the same call over several paths in turns, so that whatever the
 * machine does meanwhile meets all of them alike.
 *
 *   call_load CALLS IN_FLIGHT [NAME PID TARGET METHOD REQUEST]...
 *
 * REQUEST is a file with the message's bytes; PID whose processor time and context
 * switches are counted, 0 for none. Turns of one call, or with more than one in flight
 * of enough to keep them so. One line a path, tab-separated:
 *
 *   NAME  p50 us  p99 us  calls/s  CPU us a call  voluntary switches a call
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/alloc.h>

#define TURN_DEPTH 25 /* calls a turn, for each in flight, if these are several */
#define WARM_UP	   50 /* calls for each in flight that are not counted */
#define DEADLINE_S 10
#define PATH_WORDS 5
#define PATHS_MAX  4
#define NS_PER_S   1000000000U

struct path {
	const char *name;
	pid_t pid;
	const char *method;
	grpc_channel *channel;
	grpc_byte_buffer *request;
	uint64_t *took_ns;
	size_t calls;
	uint64_t turns_ns;
	uint64_t cpu_ns, switches; /* at the start */
};

struct call {
	grpc_call *core;
	uint64_t began_ns;
	grpc_metadata_array initial, trailing;
	grpc_byte_buffer *request, *reply;
	grpc_status_code code;
	grpc_slice details;
};

static void die(const char *what, const char *detail)
{
	(void)fprintf(stderr, "call_load: %s%s\n", what, detail);
	exit(1);
}

/* ---- what a process used --------------------------------------------------- */

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts) < 0)
		die("a clock cannot be read", "");
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static uint64_t cpu_ns(pid_t pid)
{
	clockid_t id;

	if (!pid)
		return 0;
	if (clock_getcpuclockid(pid, &id) != 0)
		die("a process is gone", "");
	return clock_ns(id);
}

static uint64_t switches_of(const char *file)
{
	static const char key[] = "voluntary_ctxt_switches:";
	unsigned long long n = 0;
	char line[256];
	FILE *f = fopen(file, "re");

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, key, sizeof(key) - 1) == 0)
			n = strtoull(line + sizeof(key) - 1, NULL, 10);
	if (f)
		(void)fclose(f);
	return n;
}

static uint64_t switches(pid_t pid)
{
	char path[300];
	struct dirent *entry;
	uint64_t sum = 0;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = pid ? opendir(path) : NULL;
	while (dir && (entry = readdir(dir))) {
		(void)snprintf(path, sizeof(path), "/proc/%d/task/%s/status", (int)pid,
			       entry->d_name);
		sum += entry->d_name[0] == '.' ? 0 : switches_of(path);
	}
	if (dir)
		(void)closedir(dir);
	return sum;
}

/* ---- calls ----------------------------------------------------------------- */

static void begin(const struct path *path, grpc_completion_queue *cq, struct call *call)
{
	const gpr_timespec deadline =
	    gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
			 gpr_time_from_seconds(DEADLINE_S, GPR_TIMESPAN));
	grpc_op ops[6] = {{.op = GRPC_OP_SEND_INITIAL_METADATA},
			  {.op = GRPC_OP_SEND_MESSAGE},
			  {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT},
			  {.op = GRPC_OP_RECV_INITIAL_METADATA},
			  {.op = GRPC_OP_RECV_MESSAGE},
			  {.op = GRPC_OP_RECV_STATUS_ON_CLIENT}};

	/* Sending empties a buffer, hence the copy, which shares the bytes. */
	*call = (struct call){.began_ns = clock_ns(CLOCK_MONOTONIC),
			      .request = grpc_byte_buffer_copy(path->request)};
	ops[1].data.send_message.send_message = call->request;
	ops[3].data.recv_initial_metadata.recv_initial_metadata = &call->initial;
	ops[4].data.recv_message.recv_message = &call->reply;
	ops[5].data.recv_status_on_client.trailing_metadata = &call->trailing;
	ops[5].data.recv_status_on_client.status = &call->code;
	ops[5].data.recv_status_on_client.status_details = &call->details;
	call->core = grpc_channel_create_call(
	    path->channel, NULL, 0, cq, grpc_slice_from_static_string(path->method),
	    NULL, deadline, NULL);
	if (grpc_call_start_batch(call->core, ops, 6, call, NULL) != GRPC_CALL_OK)
		die("a batch was refused", "");
}

static void end(struct path *path, struct call *call)
{
	path->took_ns[path->calls++] = clock_ns(CLOCK_MONOTONIC) - call->began_ns;
	if (call->code != GRPC_STATUS_OK)
		die("a call failed: ", grpc_slice_to_c_string(call->details));
	grpc_call_unref(call->core);
	grpc_metadata_array_destroy(&call->initial);
	grpc_metadata_array_destroy(&call->trailing);
	grpc_byte_buffer_destroy(call->request);
	grpc_byte_buffer_destroy(call->reply);
	grpc_slice_unref(call->details);
}

static void turn(struct path *path, grpc_completion_queue *cq, size_t calls,
		 size_t in_flight)
{
	struct call *slots = calloc(in_flight, sizeof(*slots));
	uint64_t began = clock_ns(CLOCK_MONOTONIC);
	size_t begun = 0;

	if (!slots)
		die("out of memory", "");
	while (begun < in_flight)
		begin(path, cq, &slots[begun++]);
	for (size_t ended = 0; ended < calls; ended++) {
		struct call *call = grpc_completion_queue_next(
					cq, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL)
					.tag;

		end(path, call);
		if (begun < calls) {
			begin(path, cq, call);
			begun++;
		}
	}
	path->turns_ns += clock_ns(CLOCK_MONOTONIC) - began;
	free(slots);
}

/* ---- the whole ------------------------------------------------------------- */

static grpc_byte_buffer *read_request(const char *file)
{
	char bytes[4096];
	FILE *f = fopen(file, "re");
	grpc_byte_buffer *buffer;
	grpc_slice slice;

	if (!f)
		die("cannot open ", file);
	slice = grpc_slice_from_copied_buffer(bytes, fread(bytes, 1, sizeof(bytes), f));
	(void)fclose(f);
	buffer = grpc_raw_byte_buffer_create(&slice, 1);
	grpc_slice_unref(slice);
	return buffer;
}

static void open_path(struct path *path, char **argv, size_t calls)
{
	grpc_arg pool = {.type = GRPC_ARG_INTEGER,
			 .key = (char *)GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL,
			 .value.integer = 1};
	const grpc_channel_args args = {1, &pool};
	grpc_channel_credentials *plain = grpc_insecure_credentials_create();

	*path = (struct path){.name = argv[0],
			      .pid = atoi(argv[1]),
			      .method = argv[3],
			      .channel = grpc_channel_create(argv[2], plain, &args),
			      .request = read_request(argv[4]),
			      .took_ns = calloc(calls, sizeof(uint64_t))};
	grpc_channel_credentials_release(plain);
	if (!path->took_ns)
		die("out of memory", "");
}

static void start_counting(struct path *path)
{
	path->calls = 0;
	path->turns_ns = 0;
	path->cpu_ns = cpu_ns(path->pid);
	path->switches = switches(path->pid);
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void print(struct path *path)
{
	const double n = (double)path->calls;
	const size_t p50 = path->calls / 2, p99 = path->calls * 99 / 100;

	qsort(path->took_ns, path->calls, sizeof(uint64_t), by_size);
	(void)printf("%s\t%.1f\t%.1f\t%.0f\t%.1f\t%.2f\n", path->name,
		     (double)path->took_ns[p50] / 1e3, (double)path->took_ns[p99] / 1e3,
		     n / ((double)path->turns_ns / NS_PER_S),
		     (double)(cpu_ns(path->pid) - path->cpu_ns) / 1e3 / n,
		     (double)(switches(path->pid) - path->switches) / n);
}

int main(int argc, char **argv)
{
	size_t calls = argc > 3 ? strtoul(argv[1], NULL, 10) : 0;
	size_t in_flight = argc > 3 ? strtoul(argv[2], NULL, 10) : 0;
	size_t a_turn = in_flight == 1 ? 1 : in_flight * TURN_DEPTH;
	size_t n = (size_t)(argc - 3) / PATH_WORDS;
	struct path paths[PATHS_MAX];
	grpc_completion_queue *cq;

	if (!in_flight || calls % a_turn || !n || n > PATHS_MAX ||
	    (argc - 3) % PATH_WORDS)
		die("usage: call_load CALLS IN_FLIGHT ",
		    "[NAME PID TARGET METHOD REQUEST]...");
	grpc_init();
	cq = grpc_completion_queue_create_for_next(NULL);
	for (size_t i = 0; i < n; i++) {
		open_path(&paths[i], argv + 3 + PATH_WORDS * i,
			  calls + WARM_UP * in_flight);
		turn(&paths[i], cq, WARM_UP * in_flight, in_flight);
	}
	for (size_t i = 0; i < n; i++)
		start_counting(&paths[i]);
	for (size_t done = 0; done < calls; done += a_turn)
		for (size_t i = 0; i < n; i++)
			turn(&paths[i], cq, a_turn, in_flight);
	for (size_t i = 0; i < n; i++)
		print(&paths[i]);
	return 0;
}
