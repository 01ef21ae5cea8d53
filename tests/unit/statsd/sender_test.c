/* SPDX-License-Identifier: Apache-2.0 */
/* S06: receivers that go, come back, move, or do not keep up. */
#include "sender.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "snp_test.h"

/* ---- a resolver of our own ----------------------------------------------- */

#define NAME "receiver.example"

/* Ports on 127.0.0.1 that NAME stands for, in this order; 0 ends them. */
static uint16_t answer[3];
static unsigned asked;

int __real_getaddrinfo(const char *node, const char *service,
		       const struct addrinfo *hints, struct addrinfo **res);
int __wrap_getaddrinfo(const char *node, const char *service,
		       const struct addrinfo *hints, struct addrinfo **res);

int __wrap_getaddrinfo(const char *node, const char *service,
		       const struct addrinfo *hints, struct addrinfo **res)
{
	struct addrinfo **next = res;
	char port[8];

	if (strcmp(node, NAME) != 0)
		return __real_getaddrinfo(node, service, hints, res);
	asked++;
	if (answer[0] == 0)
		return EAI_NONAME;
	for (unsigned i = 0; i < 3 && answer[i]; i++) {
		(void)snprintf(port, sizeof(port), "%u", answer[i]);
		assert_int_equal(__real_getaddrinfo("127.0.0.1", port, hints, next), 0);
		next = &(*next)->ai_next;
	}
	return 0;
}

/* ---- fixture ------------------------------------------------------------- */

struct fixture {
	char dir[64];
	struct sender *sender;
	snp_mono_t now;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	snp_test_tmpdir_make(f->dir, sizeof(f->dir));
	f->now = snp_mono_now();
	memset(answer, 0, sizeof(answer));
	asked = 0;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	sender_destroy(&f->sender);
	snp_test_tmpdir_remove(f->dir);
	free(f);
	return 0;
}

static int receive_udp(uint16_t *port)
{
	struct sockaddr_in own = {.sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				  .sin_port = htons(*port)};
	socklen_t len = sizeof(own);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&own, sizeof(own)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&own, &len), 0);
	*port = ntohs(own.sin_port);
	return fd;
}

static int receive_unix(const struct fixture *f)
{
	struct sockaddr_un own = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	(void)snprintf(own.sun_path, sizeof(own.sun_path), "%s/dsd.socket", f->dir);
	(void)unlink(own.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&own, sizeof(own)), 0);
	return fd;
}

static void create(struct fixture *f, const char *text)
{
	struct address address;

	assert_int_equal(address_parse(text, &address, NULL), 0);
	assert_int_equal(sender_create(&address, &f->sender), 0);
}

static void create_unix(struct fixture *f)
{
	char text[100];

	(void)snprintf(text, sizeof(text), "unix:%s/dsd.socket", f->dir);
	create(f, text);
}

static int begin_and_send(struct fixture *f, const char *text)
{
	(void)sender_begin(f->sender, f->now);
	return sender_send(f->sender, text, strlen(text));
}

static void assert_received(int fd, const char *text)
{
	char got[64] = "";

	assert_int_equal(recv(fd, got, sizeof(got) - 1, 0), strlen(text));
	assert_string_equal(got, text);
}

/* ---- UDP ----------------------------------------------------------------- */

static void udp_receiver_that_is_down_is_known_at_once(void **state)
{
	struct fixture *f = *state;
	uint16_t port = 0;
	int fd = receive_udp(&port);
	char text[64];

	(void)snprintf(text, sizeof(text), "127.0.0.1:%u", port);
	create(f, text);
	assert_int_equal(begin_and_send(f, "a"), 0);
	assert_received(fd, "a");
	(void)close(fd);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(begin_and_send(f, "b"), -ECONNREFUSED);
	fd = receive_udp(&port);
	assert_int_equal(begin_and_send(f, "c"), 0);
	assert_received(fd, "c");
	assert_int_equal(recv(fd, text, sizeof(text), 0), -1);
	assert_int_equal(sender_late_losses(f->sender), 0);
	(void)close(fd);
}

static void udp_too_long_is_said(void **state)
{
	static char much[70000];
	struct fixture *f = *state;
	uint16_t port = 0;
	int fd = receive_udp(&port);
	char text[64];

	(void)snprintf(text, sizeof(text), "127.0.0.1:%u", port);
	create(f, text);
	assert_int_equal(sender_begin(f->sender, f->now), 0);
	assert_int_equal(sender_send(f->sender, much, sizeof(much)), -EMSGSIZE);
	(void)close(fd);
}

static void udp_name_is_looked_up_again(void **state)
{
	struct fixture *f = *state;
	uint16_t old_port = 0, new_port = 0;
	int old = receive_udp(&old_port), new = receive_udp(&new_port);

	create(f, NAME ":8125");
	answer[0] = old_port;
	assert_int_equal(begin_and_send(f, "1"), 0);
	assert_received(old, "1");
	answer[0] = new_port;
	f->now = snp_mono_add_ms(f->now, SENDER_RESOLVE_MS - 1);
	assert_int_equal(begin_and_send(f, "2"), 0);
	assert_received(old, "2");
	assert_int_equal(asked, 1);
	f->now = snp_mono_add_ms(f->now, 1);
	assert_int_equal(begin_and_send(f, "3"), 0);
	assert_received(new, "3");
	assert_int_equal(asked, 2);
	/* A resolver that is down leaves things as they are. */
	answer[0] = 0;
	f->now = snp_mono_add_ms(f->now, SENDER_RESOLVE_MS);
	assert_int_equal(begin_and_send(f, "4"), 0);
	assert_received(new, "4");
	(void)close(old);
	(void)close(new);
}

static void udp_unknown_name_is_an_error_until_it_is_known(void **state)
{
	struct fixture *f = *state;
	uint16_t port = 0;
	int fd = receive_udp(&port);

	create(f, NAME ":8125");
	assert_int_equal(begin_and_send(f, "1"), -EHOSTUNREACH);
	answer[0] = port;
	assert_int_equal(begin_and_send(f, "2"), 0);
	assert_received(fd, "2");
	(void)close(fd);
}

/* As "localhost" is ::1 first and the receiver listens on 127.0.0.1 alone. */
static void udp_refusal_tries_the_next_address(void **state)
{
	struct fixture *f = *state;
	uint16_t dead_port = 0, port = 0;
	int dead = receive_udp(&dead_port), fd = receive_udp(&port);

	(void)close(dead);
	create(f, NAME ":8125");
	answer[0] = dead_port;
	answer[1] = port;
	assert_int_equal(begin_and_send(f, "1"), -ECONNREFUSED);
	assert_int_equal(begin_and_send(f, "2"), 0);
	assert_received(fd, "2");
	assert_int_equal(begin_and_send(f, "3"), 0);
	assert_received(fd, "3");
	(void)close(fd);
}

/* ---- unix datagrams ------------------------------------------------------ */

static void unix_socket_that_is_replaced_is_found_at_once(void **state)
{
	struct fixture *f = *state;
	int old = receive_unix(f), new;

	create_unix(f);
	assert_int_equal(begin_and_send(f, "1"), 0);
	assert_received(old, "1");
	(void)close(old);
	new = receive_unix(f);
	/* Without another begin: in the middle of a flush. */
	assert_int_equal(sender_send(f->sender, "2", 1), 0);
	assert_received(new, "2");
	(void)close(new);
	assert_int_equal(begin_and_send(f, "3"), -ECONNREFUSED);
}

static void unix_socket_that_is_not_there_yet(void **state)
{
	struct fixture *f = *state;
	int fd;

	create_unix(f);
	assert_int_equal(begin_and_send(f, "1"), -ENOENT);
	fd = receive_unix(f);
	assert_int_equal(begin_and_send(f, "2"), 0);
	assert_received(fd, "2");
	(void)close(fd);
}

/* A receiver that has stopped reading costs a bounded time, once for all datagrams. */
static void unix_receiver_that_does_not_read_is_given_up(void **state)
{
	struct fixture *f = *state;
	int fd = receive_unix(f);
	snp_mono_t begin;
	unsigned sent = 0;
	int r = 0;

	create_unix(f);
	assert_int_equal(sender_begin(f->sender, f->now), 0);
	for (; r == 0 && sent < 100000; sent++)
		r = sender_send(f->sender, "x", 1);
	assert_int_equal(r, -EAGAIN);
	begin = snp_mono_now();
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(sender_send(f->sender, "x", 1), -EAGAIN);
	/* Each of them waiting would be 200 s. */
	assert_true(snp_mono_since_ns(snp_mono_now(), begin) < 60 * SNP_NS_PER_S);
	assert_received(fd, "x");
	assert_int_equal(begin_and_send(f, "x"), 0);
	(void)close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(udp_receiver_that_is_down_is_known_at_once),
	    TEST(udp_too_long_is_said),
	    TEST(udp_name_is_looked_up_again),
	    TEST(udp_unknown_name_is_an_error_until_it_is_known),
	    TEST(udp_refusal_tries_the_next_address),
	    TEST(unix_socket_that_is_replaced_is_found_at_once),
	    TEST(unix_socket_that_is_not_there_yet),
	    TEST(unix_receiver_that_does_not_read_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
