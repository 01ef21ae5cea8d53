/* SPDX-License-Identifier: Apache-2.0 */
/* TLS: which files are refused, who gets in, new certificates. */
#include "core_client.h"

#include <arpa/inet.h>
#include <grpc/grpc_security_constants.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

/* ---- Files --------------------------------------------------------------- */

static char path_of_pem[4][128];

/* A path in the test's directory; four at a time. */
static const char *pem(const char *name)
{
	static unsigned next;
	char *path = path_of_pem[next++ % 4];

	if (!name)
		return NULL;
	(void)snprintf(path, sizeof(path_of_pem[0]), "%s/%s", world.dir.path, name);
	return path;
}

static char *read_pem(const char *name)
{
	FILE *in = fopen(pem(name), "r");
	char *text = calloc(1, 65536);

	assert_non_null(in);
	assert_true(fread(text, 1, 65535, in) > 0);
	(void)fclose(in);
	return text;
}

static void write_pem(const char *name, const char *text, size_t len)
{
	FILE *out = fopen(pem(name), "w");

	assert_non_null(out);
	assert_int_equal(fwrite(text, 1, len, out), len);
	assert_int_equal(fclose(out), 0);
}

static void make_certificates(void)
{
	char command[256];

	(void)snprintf(command, sizeof(command), "tests/lib/make-certs '%s'",
		       world.dir.path);
	if (system(command) != 0)
		fail_msg("%s failed; see make-certs.log there", command);
}

static void remove_certificates(void)
{
	char command[256];

	(void)snprintf(command, sizeof(command), "rm -rf -- '%s'", world.dir.path);
	assert_int_equal(system(command), 0);
}

static struct rpc_tls_files files_of(const char *name, const char *client_ca)
{
	static char cert[128], key[128], ca[128];

	(void)snprintf(cert, sizeof(cert), "%s/%s.pem", world.dir.path, name);
	(void)snprintf(key, sizeof(key), "%s/%s.key", world.dir.path, name);
	(void)snprintf(ca, sizeof(ca), "%s/%s", world.dir.path,
		       client_ca ? client_ca : "");
	return (struct rpc_tls_files){cert, key, client_ca ? ca : NULL};
}

/* ---- The server ---------------------------------------------------------- */

static void serve(const struct rpc_tls_files *files)
{
	const struct rpc_server_opts opts = {.max_message_bytes = MAX_MESSAGE_BYTES};
	const struct rpc_listener_opts listen = {.on_connection = accept_into_server,
						 .user = world.server};
	struct rpc_listener_opts with_server = listen;
	struct snp_err err = {0};

	assert_int_equal(
	    rpc_loop_create("server", NULL, NULL, &world.server_loops[0], NULL), 0);
	assert_int_equal(rpc_server_create(&opts, &world.server, NULL), 0);
	add_methods(world.server);
	if (files && rpc_server_set_tls(world.server, files, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(rpc_server_start(world.server, world.server_loops, 1, NULL),
			 0);
	with_server.user = world.server;
	acceptor_start(&world.acceptor, "127.0.0.1:0", &with_server);
	(void)snprintf(world.address, sizeof(world.address), "%s",
		       rpc_listener_address(world.acceptor.listener));
}

static void stop(void)
{
	acceptor_stop(&world.acceptor);
	server_stop(&world.server, 100);
	rpc_loop_destroy(&world.server_loops[0]);
}

static int set_up_files(void **state)
{
	(void)state;
	memset(&world, 0, sizeof(world));
	temp_dir_make(&world.dir);
	make_certificates();
	assert_int_equal(
	    rpc_loop_create("client", NULL, NULL, &world.client_loop, NULL), 0);
	return 0;
}

static int tear_down_files(void **state)
{
	(void)state;
	rpc_loop_destroy(&world.client_loop);
	remove_certificates();
	return 0;
}

/* ---- A client that speaks TLS: gRPC's own -------------------------------- */

/* `ca`, and the client's `name`.pem and .key, NULL for none. */
static struct core_client connect_tls(const char *ca, const char *name)
{
	char *roots = read_pem(ca), *cert = NULL, *key = NULL, file[32];
	grpc_ssl_pem_key_cert_pair pair;
	grpc_channel_credentials *creds;
	struct core_client client;

	if (name) {
		(void)snprintf(file, sizeof(file), "%s.pem", name);
		cert = read_pem(file);
		(void)snprintf(file, sizeof(file), "%s.key", name);
		key = read_pem(file);
		pair = (grpc_ssl_pem_key_cert_pair){key, cert};
	}
	creds = grpc_ssl_credentials_create(roots, name ? &pair : NULL, NULL, NULL);
	client = core_connect(creds, NULL);
	free(roots);
	free(cert);
	free(key);
	return client;
}

/* The certificate that the server showed is the one in this file. */
static void assert_shown(grpc_call *call, const void *name)
{
	grpc_auth_context *context = grpc_call_auth_context(call);
	grpc_auth_property_iterator it = grpc_auth_context_find_properties_by_name(
	    context, GRPC_X509_PEM_CERT_PROPERTY_NAME);
	const grpc_auth_property *shown = grpc_auth_property_iterator_next(&it);
	char *expected = read_pem(name);

	assert_non_null(shown);
	assert_int_equal(shown->value_length, strlen(expected));
	assert_memory_equal(shown->value, expected, shown->value_length);
	free(expected);
	grpc_auth_context_release(context);
}

/* Call Echo. If `shown` is not NULL, the server must show this certificate. */
static grpc_status_code call_tls(const struct core_client *client, const char *shown)
{
	return core_echo(client, grpc_slice_from_static_string("hello"),
			 shown ? assert_shown : NULL, shown);
}

static grpc_status_code connect_and_call(const char *ca, const char *name,
					 const char *shown)
{
	struct core_client client = connect_tls(ca, name);
	grpc_status_code code = call_tls(&client, shown);

	core_disconnect(&client);
	return code;
}

/* ---- Tests: files -------------------------------------------------------- */

static void files_that_cannot_serve_are_refused_by_name(void **state)
{
	static const struct {
		const char *cert, *key, *ca;
		const char *words[2]; /* each must be in the error */
	} cases[] = {
	    {"none.pem", "server.key", NULL, {"none.pem", "cannot open"}},
	    {"server.pem", "none.key", NULL, {"none.key", "cannot open"}},
	    {"server.pem", "server.key", "none.pem", {"none.pem", "cannot open"}},
	    {"server.key", "server.key", NULL, {"server.key", "has no certificate"}},
	    {"server.pem", "server.pem", NULL, {"server.pem", "no private key"}},
	    {"server.pem", "client.key", NULL, {"client.key", "does not belong"}},
	    {"server.pem", "encrypted.key", NULL, {"encrypted.key", "encrypted"}},
	    {"server.pem",
	     "server.key",
	     "server.key",
	     {"server.key", "no certificate"}},
	    {"empty.pem", "server.key", NULL, {"empty.pem", "has no certificate"}},
	    {"half.pem", "server.key", NULL, {"half.pem", "certificate"}},
	    {"tail.pem", "server.key", NULL, {"tail.pem", "broken certificate"}},
	    {"nul.pem", "server.key", NULL, {"nul.pem", "not a PEM"}},
	    {"huge.pem", "server.key", NULL, {"huge.pem", "not a PEM"}},
	    {"fifo", "server.key", NULL, {"fifo", "not a PEM"}},
	    {".", "server.key", NULL, {"/.", "not a PEM"}},
	};
	char *good = read_pem("server.pem");
	size_t len = strlen(good);
	char *longer = calloc(1, 2 * len + 1);

	(void)state;
	write_pem("empty.pem", "", 0);
	write_pem("half.pem", good, len / 2);
	memcpy(longer, good, len);
	memcpy(longer + len, good, len / 2);
	write_pem("tail.pem", longer, len + len / 2);
	write_pem("nul.pem", good, len);
	assert_int_equal(truncate(pem("nul.pem"), (off_t)len + 10), 0);
	write_pem("huge.pem", good, len);
	assert_int_equal(truncate(pem("huge.pem"), 100 << 20), 0);
	assert_int_equal(mkfifo(pem("fifo"), 0600), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct rpc_tls_files files = {
		    pem(cases[i].cert), pem(cases[i].key), pem(cases[i].ca)};
		struct snp_err err = {0};

		assert_true(rpc_tls_check(&files, &err) < 0);
		for (int w = 0; w < 2; w++)
			if (!strstr(err.msg, cases[i].words[w]))
				fail_msg("'%s' does not say '%s'", err.msg,
					 cases[i].words[w]);
	}
	free(good);
	free(longer);
}

static void whole_chain_and_bundle_are_good(void **state)
{
	struct rpc_tls_files files;
	char *cert = read_pem("server.pem"), *ca = read_pem("ca.pem"), both[16384];
	struct snp_err err = {0};

	(void)state;
	(void)snprintf(both, sizeof(both), "words before\n%s\n%s", cert, ca);
	write_pem("chain.pem", both, strlen(both));
	(void)snprintf(both, sizeof(both), "%s%s", ca, ca);
	write_pem("bundle.pem", both, strlen(both));
	files = (struct rpc_tls_files){pem("chain.pem"), pem("server.key"),
				       pem("bundle.pem")};
	if (rpc_tls_check(&files, &err) < 0)
		fail_msg("%s", err.msg);
	free(cert);
	free(ca);
}

/* ---- Tests: who gets in -------------------------------------------------- */

static void server_is_believed_by_who_knows_its_ca(void **state)
{
	const struct rpc_tls_files files = files_of("server", NULL);

	(void)state;
	serve(&files);
	assert_int_equal(connect_and_call("ca.pem", NULL, "server.pem"),
			 GRPC_STATUS_OK);
	assert_int_equal(connect_and_call("ca.pem", "stranger", "server.pem"),
			 GRPC_STATUS_OK); /* nobody asks for it */
	assert_int_equal(connect_and_call("other.pem", NULL, NULL),
			 GRPC_STATUS_UNAVAILABLE);
	stop();
}

/* Call Echo by our own client. */
static enum rpc_code echo_by(const struct rpc_tls_client_files *files)
{
	struct rpc_channel *channel = NULL;
	struct rpc_buf *request = rpc_buf_from_bytes("x", 1);
	struct rpc_call_args args;
	struct snp_err err = {0};
	struct reply r;

	if (rpc_channel_create_tls(world.address, NULL, files, &channel, &err) < 0)
		fail_msg("%s", err.msg);
	args = args_for(ECHO, request, &r);
	args.channel = channel;
	start(&args, &r);
	finish(&r);
	rpc_channel_destroy(&channel);
	rpc_buf_unref(request);
	return r.status.code;
}

static void our_own_client_shows_what_it_has_and_checks_the_server(void **state)
{
	const struct rpc_tls_files files = files_of("server", "ca.pem");
	const char *ca = pem("ca.pem"), *cert = pem("client.pem"),
		   *key = pem("client.key"), *other = pem("other.pem");

	(void)state;
	serve(&files);
	assert_int_equal(echo_by(&(struct rpc_tls_client_files){ca, cert, key}),
			 RPC_OK);
	assert_int_equal(echo_by(&(struct rpc_tls_client_files){ca, NULL, NULL}),
			 RPC_UNAVAILABLE);
	assert_int_equal(echo_by(&(struct rpc_tls_client_files){other, cert, key}),
			 RPC_UNAVAILABLE);
	stop();
}

static void our_own_client_refuses_files_and_sockets_that_will_not_do(void **state)
{
	const char *ca = pem("ca.pem"), *key = pem("server.key");
	const struct rpc_tls_client_files files[] = {
	    {pem("none.pem"), NULL, NULL}, {key, NULL, NULL}, {ca, ca, key}};
	struct rpc_channel *channel = NULL;
	struct snp_err err;

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		assert_true(rpc_channel_create_tls("127.0.0.1:1", NULL, &files[i],
						   &channel, &err) < 0);
	assert_int_equal(
	    rpc_channel_create_tls("unix:/socket", NULL,
				   &(struct rpc_tls_client_files){ca, NULL, NULL},
				   &channel, &err),
	    -EINVAL);
	assert_null(channel);
}

static void client_ca_lets_in_its_clients_only(void **state)
{
	const struct rpc_tls_files files = files_of("server", "ca.pem");

	(void)state;
	serve(&files);
	assert_int_equal(connect_and_call("ca.pem", "client", "server.pem"),
			 GRPC_STATUS_OK);
	assert_int_equal(connect_and_call("ca.pem", NULL, NULL),
			 GRPC_STATUS_UNAVAILABLE);
	assert_int_equal(connect_and_call("ca.pem", "stranger", NULL),
			 GRPC_STATUS_UNAVAILABLE);
	assert_int_equal(atomic_load(&world.handled), 1);
	stop();
}

static void plain_client_of_a_tls_server_is_refused(void **state)
{
	const struct rpc_tls_files files = files_of("server", NULL);
	struct reply r;

	(void)state;
	serve(&files);
	assert_int_equal(rpc_channel_create(world.address, NULL, &world.channel, NULL),
			 0);
	call_text(ECHO, "hello", &r);
	assert_int_equal(r.status.code, RPC_UNAVAILABLE);
	assert_int_equal(atomic_load(&world.handled), 0);
	rpc_channel_destroy(&world.channel);
	assert_int_equal(connect_and_call("ca.pem", NULL, NULL), GRPC_STATUS_OK);
	stop();
}

static int connect_tcp(void)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	sin.sin_port = htons((uint16_t)atoi(strrchr(world.address, ':') + 1));
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	return fd;
}

/* Mute, babbling, and gone at once: others are served, and a stop does not wait. */
static void strangers_in_the_handshake_hold_nobody_up(void **state)
{
	const struct rpc_tls_files files = files_of("server", NULL);
	int fds[30];

	(void)state;
	serve(&files);
	for (int i = 0; i < 30; i++) {
		fds[i] = connect_tcp();
		if (i % 3 == 1)
			assert_int_equal(write(fds[i], "GET / HTTP/1.1\r\n\r\n", 18),
					 18);
		if (i % 3 == 2)
			close(fds[i]);
	}
	assert_int_equal(connect_and_call("ca.pem", NULL, NULL), GRPC_STATUS_OK);
	stop();
	for (int i = 0; i < 30; i++)
		if (i % 3 != 2)
			close(fds[i]);
}

/* ---- Tests: new certificates --------------------------------------------- */

static void new_certificates_are_for_connections_to_come(void **state)
{
	struct rpc_tls_files files = files_of("server", NULL);
	struct core_client before;
	struct snp_err err = {0};

	(void)state;
	serve(&files);
	before = connect_tls("ca.pem", NULL);
	assert_int_equal(call_tls(&before, "server.pem"), GRPC_STATUS_OK);
	files = files_of("renewed", NULL);
	if (rpc_server_set_tls(world.server, &files, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(call_tls(&before, "server.pem"), GRPC_STATUS_OK);
	core_disconnect(&before);
	/* twice, as gRPC takes them at the first handshake after */
	for (int i = 0; i < 2; i++)
		assert_int_equal(connect_and_call("ca.pem", NULL, "renewed.pem"),
				 GRPC_STATUS_OK);
	stop();
}

static void bad_new_certificates_leave_the_old_ones(void **state)
{
	struct rpc_tls_files files = files_of("server", NULL);
	const struct rpc_tls_files mixed = {pem("renewed.pem"), pem("server.key"),
					    NULL};
	struct snp_err err = {0};

	(void)state;
	serve(&files);
	assert_int_equal(rpc_server_set_tls(world.server, &mixed, &err), -EINVAL);
	files = files_of("renewed", "ca.pem");
	assert_int_equal(rpc_server_set_tls(world.server, &files, &err), -EBUSY);
	assert_int_equal(connect_and_call("ca.pem", NULL, "server.pem"),
			 GRPC_STATUS_OK);
	stop();
}

static void plain_server_stays_plain(void **state)
{
	const struct rpc_tls_files files = files_of("server", NULL);
	struct snp_err err = {0};
	struct reply r;

	(void)state;
	serve(NULL);
	assert_int_equal(rpc_server_set_tls(world.server, &files, &err), -EBUSY);
	assert_int_equal(rpc_channel_create(world.address, NULL, &world.channel, NULL),
			 0);
	call_text(ECHO, "hello", &r);
	assert_int_equal(r.status.code, RPC_OK);
	rpc_channel_destroy(&world.channel);
	stop();
}

/* ---- Tests: the end ------------------------------------------------------ */

static void connection_after_the_shutdown_is_closed(void **state)
{
	const struct rpc_tls_files files = files_of("server", NULL);
	struct latch stopped = LATCH_INIT;
	int ends[2];

	(void)state;
	serve(&files);
	acceptor_stop(&world.acceptor);
	rpc_server_shutdown(world.server, 0, on_server_stopped, &stopped);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(rpc_server_add_fd(world.server, ends[0]), -ESHUTDOWN);
	close(ends[1]);
	latch_wait(&stopped, 1);
	rpc_server_destroy(&world.server);
	rpc_loop_destroy(&world.server_loops[0]);
}

static void destroy_stops_a_server_that_runs(void **state)
{
	const struct rpc_tls_files files = files_of("server", NULL);
	struct core_client client;

	(void)state;
	for (int i = 0; i < 2; i++) {
		serve(i ? &files : NULL);
		client = connect_tls("ca.pem", NULL);
		(void)call_tls(&client, NULL);
		acceptor_stop(&world.acceptor);
		rpc_server_destroy(&world.server);
		rpc_loop_destroy(&world.server_loops[0]);
		core_disconnect(&client);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TLS_TEST(name)                                                                 \
	cmocka_unit_test_setup_teardown(name, set_up_files, tear_down_files)
	    TLS_TEST(files_that_cannot_serve_are_refused_by_name),
	    TLS_TEST(whole_chain_and_bundle_are_good),
	    TLS_TEST(server_is_believed_by_who_knows_its_ca),
	    TLS_TEST(our_own_client_shows_what_it_has_and_checks_the_server),
	    TLS_TEST(our_own_client_refuses_files_and_sockets_that_will_not_do),
	    TLS_TEST(client_ca_lets_in_its_clients_only),
	    TLS_TEST(plain_client_of_a_tls_server_is_refused),
	    TLS_TEST(strangers_in_the_handshake_hold_nobody_up),
	    TLS_TEST(new_certificates_are_for_connections_to_come),
	    TLS_TEST(bad_new_certificates_leave_the_old_ones),
	    TLS_TEST(plain_server_stays_plain),
	    TLS_TEST(connection_after_the_shutdown_is_closed),
	    TLS_TEST(destroy_stops_a_server_that_runs),
	};
	int failed;

	rpc_init(log_to_stderr);
	failed = cmocka_run_group_tests_name("rpc/tls", tests, NULL, NULL);
	rpc_shutdown();
	return failed;
}
