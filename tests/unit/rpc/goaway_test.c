/* SPDX-License-Identifier: Apache-2.0 */
/*
 * never_sent, when connections end under calls: a peer that speaks just enough HTTP/2
 * to say which calls it has seen, and that may lie in words. A call the peer has not
 * seen is never_sent once nobody is there to take it; any other never is.
 */
#include "rpc_world.h"

#include <sys/socket.h>
#include <sys/un.h>

/* ---- HTTP/2 by hand ------------------------------------------------------ */

enum frame_type {
	FRAME_DATA = 0,
	FRAME_HEADERS = 1,
	FRAME_RST_STREAM = 3,
	FRAME_SETTINGS = 4,
	FRAME_PING = 6,
	FRAME_GOAWAY = 7,
};
#define FLAG_ACK	 0x1
#define FLAG_END_STREAM	 0x1
#define FLAG_END_HEADERS 0x4

struct peer {
	char path[96], address[104];
	int listen_fd, fd; /* -1: closed */
	unsigned streams;  /* HEADERS received on this connection */
};

static struct peer peer;

static void peer_listen(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	(void)snprintf(peer.path, sizeof(peer.path), "%s/raw", world.dir.path);
	(void)snprintf(peer.address, sizeof(peer.address), "unix:%s", peer.path);
	memcpy(sun.sun_path, peer.path, strlen(peer.path) + 1);
	peer.listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	peer.fd = -1;
	assert_int_equal(bind(peer.listen_fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(peer.listen_fd, 8), 0);
}

/* Whoever connects from now on is refused. */
static void peer_leave(void)
{
	if (peer.listen_fd < 0)
		return;
	close(peer.listen_fd);
	peer.listen_fd = -1;
	assert_int_equal(unlink(peer.path), 0);
}

static void peer_close(void)
{
	if (peer.fd >= 0)
		close(peer.fd);
	peer.fd = -1;
}

static void peer_read(void *to, size_t len)
{
	assert_int_equal(recv(peer.fd, to, len, MSG_WAITALL), len);
}

static void put32(unsigned char *to, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		to[i] = (unsigned char)(value >> (24 - 8 * i));
}

static uint32_t get32(const unsigned char *from)
{
	uint32_t value = 0;

	for (int i = 0; i < 4; i++)
		value = value << 8 | from[i];
	return value;
}

static void peer_send(enum frame_type type, unsigned flags, uint32_t stream,
		      const void *payload, size_t len)
{
	unsigned char frame[512];

	assert_true(9 + len <= sizeof(frame));
	put32(frame, (uint32_t)len << 8 | (uint32_t)type);
	frame[4] = (unsigned char)flags;
	put32(frame + 5, stream);
	if (len)
		memcpy(frame + 9, payload, len);
	assert_int_equal(send(peer.fd, frame, 9 + len, MSG_NOSIGNAL), 9 + len);
}

/* Take one frame; PINGs and SETTINGS are answered. */
static enum frame_type peer_take(void)
{
	unsigned char head[9], payload[65536];
	size_t len;
	enum frame_type type;

	peer_read(head, sizeof(head));
	len = get32(head) >> 8;
	type = (enum frame_type)head[3];
	assert_true(len <= sizeof(payload));
	peer_read(payload, len);
	if (type == FRAME_PING && !(head[4] & FLAG_ACK))
		peer_send(FRAME_PING, FLAG_ACK, 0, payload, len);
	if (type == FRAME_SETTINGS && !(head[4] & FLAG_ACK))
		peer_send(FRAME_SETTINGS, FLAG_ACK, 0, NULL, 0);
	if (type == FRAME_HEADERS)
		peer.streams++;
	return type;
}

/* Accept a connection and say how many calls it may carry at a time. */
static void peer_accept(uint32_t max_streams)
{
	unsigned char preface[24], setting[6] = {0, 3};

	peer.fd = accept4(peer.listen_fd, NULL, NULL, SOCK_CLOEXEC);
	assert_true(peer.fd >= 0);
	peer.streams = 0;
	put32(setting + 2, max_streams);
	peer_send(FRAME_SETTINGS, 0, 0, setting, sizeof(setting));
	peer_read(preface, sizeof(preface));
}

static void peer_take_calls(unsigned n)
{
	while (peer.streams < n)
		(void)peer_take();
}

static void peer_goaway(uint32_t last_stream)
{
	unsigned char payload[8];

	put32(payload, last_stream);
	put32(payload + 4, 0); /* NO_ERROR */
	peer_send(FRAME_GOAWAY, 0, 0, payload, sizeof(payload));
}

/* A header as a literal that is not indexed, without compression. */
static size_t put_header(unsigned char *to, const char *key, const char *value)
{
	size_t key_len = strlen(key), value_len = strlen(value);

	assert_true(key_len < 127 && value_len < 127);
	to[0] = 0;
	to[1] = (unsigned char)key_len;
	memcpy(to + 2, key, key_len);
	to[2 + key_len] = (unsigned char)value_len;
	memcpy(to + 3 + key_len, value, value_len);
	return 3 + key_len + value_len;
}

/* End a call with UNAVAILABLE and these words. */
static void peer_refuse(uint32_t stream, const char *words)
{
	unsigned char block[400];
	size_t n = put_header(block, ":status", "200");

	n += put_header(block + n, "content-type", "application/grpc");
	n += put_header(block + n, "grpc-status", "14");
	n += put_header(block + n, "grpc-message", words);
	peer_send(FRAME_HEADERS, FLAG_END_STREAM | FLAG_END_HEADERS, stream, block, n);
}

/* ---- Calls to it --------------------------------------------------------- */

static struct rpc_channel *to_peer;

static int set_up_peer(void **state)
{
	(void)state;
	memset(&world, 0, sizeof(world));
	temp_dir_make(&world.dir);
	assert_int_equal(
	    rpc_loop_create("client", NULL, NULL, &world.client_loop, NULL), 0);
	peer_listen();
	assert_int_equal(rpc_channel_create(peer.address, NULL, &to_peer, NULL), 0);
	return 0;
}

static int tear_down_peer(void **state)
{
	(void)state;
	rpc_channel_destroy(&to_peer);
	peer_close();
	peer_leave();
	rpc_loop_destroy(&world.client_loop);
	temp_dir_remove(&world.dir);
	return 0;
}

static void begin(struct reply *reply, unsigned flags)
{
	struct rpc_buf *request = rpc_buf_from_bytes("x", 1);
	struct rpc_call_args args = args_for(HANG, request, reply);

	args.channel = to_peer;
	args.flags = flags;
	args.deadline = snp_mono_add_ms(snp_mono_now(), WAIT_MS);
	start(&args, reply);
	rpc_buf_unref(request);
}

static void assert_never_sent(struct reply *reply)
{
	finish(reply);
	assert_int_equal(reply->status.code, RPC_UNAVAILABLE);
	if (!reply->status.never_sent)
		fail_msg("perhaps sent: %s", reply->status.message);
}

static void assert_perhaps_sent(struct reply *reply)
{
	finish(reply);
	assert_int_equal(reply->status.code, RPC_UNAVAILABLE);
	if (reply->status.never_sent)
		fail_msg("never sent: %s", reply->status.message);
}

/* ---- Tests --------------------------------------------------------------- */

static const unsigned kinds[] = {RPC_CALL_UNARY, RPC_CALL_SERVER_STREAM, RPC_CALL_BIDI};

static void call_the_peer_says_it_has_not_seen_was_never_sent(void **state)
{
	struct reply r;

	(void)state;
	for (int i = 0; i < 3; i++) {
		begin(&r, kinds[i]);
		peer_accept(100);
		peer_take_calls(1);
		peer_leave();
		peer_goaway(0);
		assert_never_sent(&r);
		peer_close();
		peer_listen();
		rpc_channel_destroy(&to_peer);
		assert_int_equal(rpc_channel_create(peer.address, NULL, &to_peer, NULL),
				 0);
	}
}

/* The connection may carry one call at a time, so the second has no stream yet. */
static void call_that_waits_for_its_stream_was_never_sent(void **state)
{
	struct reply first, second;

	(void)state;
	begin(&first, RPC_CALL_UNARY);
	peer_accept(1);
	peer_take_calls(1);
	begin(&second, RPC_CALL_UNARY);
	peer_leave();
	peer_goaway(1);
	assert_never_sent(&second);
	assert_int_equal(peer.streams, 1);
	peer_close();
	assert_perhaps_sent(&first);
}

static void call_not_seen_goes_over_to_a_new_connection(void **state)
{
	struct reply r;

	(void)state;
	begin(&r, RPC_CALL_UNARY);
	peer_accept(100);
	peer_take_calls(1);
	peer_goaway(0);
	peer_close();
	peer_accept(100);
	peer_take_calls(1);
	peer_refuse(1, "no");
	finish(&r);
	assert_int_equal(r.status.code, RPC_UNAVAILABLE);
	assert_string_equal(r.status.message, "no");
	assert_false(r.status.never_sent);
}

static void call_the_peer_has_seen_was_perhaps_sent(void **state)
{
	static const unsigned char refused[4] = {0, 0, 0, 8}; /* CANCEL */
	struct reply r;

	(void)state;
	for (int i = 0; i < 3; i++) {
		begin(&r, RPC_CALL_UNARY);
		peer_accept(100);
		peer_take_calls(1);
		peer_leave();
		if (i == 1)
			peer_goaway(1);
		if (i == 2)
			peer_send(FRAME_RST_STREAM, 0, 1, refused, sizeof(refused));
		peer_close();
		finish(&r);
		assert_int_not_equal(r.status.code, RPC_OK);
		assert_false(r.status.never_sent);
		peer_listen();
		rpc_channel_destroy(&to_peer);
		assert_int_equal(rpc_channel_create(peer.address, NULL, &to_peer, NULL),
				 0);
	}
}

static void words_of_the_peer_prove_nothing(void **state)
{
	static const char *const words[] = {
	    "failed to connect to all addresses; last error: refused",
	    "DNS resolution failed for x",
	    "Transport closed",
	    "GOAWAY received",
	};
	struct reply r;

	(void)state;
	for (uint32_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		begin(&r, RPC_CALL_UNARY);
		if (i == 0)
			peer_accept(100);
		peer_take_calls(i + 1);
		peer_refuse(2 * i + 1, words[i]);
		assert_perhaps_sent(&r);
		assert_string_equal(r.status.message, words[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define PEER_TEST(name)                                                                \
	cmocka_unit_test_setup_teardown(name, set_up_peer, tear_down_peer)
	    PEER_TEST(call_the_peer_says_it_has_not_seen_was_never_sent),
	    PEER_TEST(call_that_waits_for_its_stream_was_never_sent),
	    PEER_TEST(call_not_seen_goes_over_to_a_new_connection),
	    PEER_TEST(call_the_peer_has_seen_was_perhaps_sent),
	    PEER_TEST(words_of_the_peer_prove_nothing),
	};
	int failed;

	rpc_init(log_to_stderr);
	failed = cmocka_run_group_tests_name("rpc/goaway", tests, NULL, NULL);
	rpc_shutdown();
	return failed;
}
