/* SPDX-License-Identifier: Apache-2.0 */
/* Pages, with each allocation and system call failing in turn. */
#include "fault.h"

#include "collector.h"
#include "page.h"
#include "segment_fixture.h"
#include "webconfig.h"

static struct segment_fixture writer;

/* How often a text is there; of anything else a binary page may have any number. */
static uint64_t count(const struct snp_buf *page, const char *text)
{
	const char *end = page->data + page->len, *at = page->data;
	uint64_t n = 0;

	if (page->len == 0)
		return 0;
	while ((at = memmem(at, (size_t)(end - at), text, strlen(text)))) {
		n++;
		at++;
	}
	return n;
}

/* A page of now has other figures each time, but the same names. */
static int render(void *user, uint64_t *ret_result, struct snp_err *err)
{
	struct snp_segment *seg = NULL;
	struct snp_snapshot *snap = NULL;
	struct families *families = NULL;
	struct page_room *room = NULL;
	struct own_totals totals = {0};
	struct page_source source = {.up = true, .totals = &totals};
	struct page page = {.as = *(const struct negotiated *)user,
			    .filter = &scrape_filter_all,
			    .created = true,
			    .sources = &source,
			    .sources_nr = 1};
	struct snp_buf text = {0};
	int rc = snp_segment_attach(writer.path, &seg, err);

	if (rc == 0)
		rc = snp_segment_snapshot(seg, &snap, err);
	if (rc == 0)
		rc = fault_say(families_create(snap, FAMILIES_DIAG, "a", &families),
			       err);
	if (rc == 0)
		rc = fault_say(page_room_create(&room), err);
	for (int scrape = 0; scrape < 2 && rc == 0; scrape++) {
		source.seg = seg;
		source.snap = snap;
		source.families = families;
		page.begin = snp_mono_now();
		snp_buf_reset(&text);
		page_render(room, &page, &text);
		rc = fault_say(text.failed ? -ENOMEM : 0, err);
		*ret_result = count(&text, "snakepit_");
	}
	snp_buf_fini(&text);
	page_room_destroy(&room);
	families_destroy(&families);
	snp_snapshot_destroy(&snap);
	snp_segment_detach(&seg);
	return rc;
}

static void a_page_is_whole_or_has_failed(void **state)
{
	struct negotiated as[] = {{.format = EXPO_TEXT},
				  {.format = EXPO_OPENMETRICS_1_0_0},
				  {.format = EXPO_PROTOBUF}};

	(void)state;
	for (size_t i = 0; i < sizeof(as) / sizeof(as[0]); i++)
		fault_drive(render, &as[i], writer.dir);
}

/* Whether the page says that it lacks something. */
static bool says_so(const struct snp_buf *text)
{
	static const char *const words[] = {
	    "\nsnakepit_up 0\n",
	    "\nsnakepit_scrape_collector_success{collector=\"segment\"} 0\n",
	    "\nsnakepit_scrape_collector_success{collector=\"exporter\"} 0\n",
	    "\nsnakepit_scrape_collector_success{collector=\"process\"} 0\n",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (count(text, words[i]) > 0)
			return true;
	return false;
}

/* What failed once is over with the scrape in which it did. */
static void assert_next_is_whole(struct collector *collector,
				 const struct negotiated *as)
{
	struct collector_body *body =
	    collector_scrape(collector, as, &scrape_filter_all);

	assert_non_null(body);
	collector_give_back(body);
}

static int scrape(void *user, uint64_t *ret_result, struct snp_err *err)
{
	const char *names[] = {writer.path};
	const struct collector_options options = {.choice = INSTANCES_NAMED,
						  .names = names,
						  .names_nr = 1,
						  .levels = FAMILIES_DEFAULT,
						  .exporter_metrics = true,
						  .groups = UINT32_MAX};
	const struct negotiated *as = user;
	struct collector *collector = NULL;
	struct collector_body *body = NULL;
	int rc = fault_say(collector_create(&options, &collector), err);

	if (rc == 0) {
		body = collector_scrape(collector, as, &scrape_filter_all);
		rc = fault_say(body ? 0 : -ENOMEM, err);
		if (!body && !fault.persistent)
			assert_next_is_whole(collector, as);
	}
	if (body) {
		/* Lines about this process come from /proc, which may fail. */
		*ret_result = count(&body->text, "\nsnakepit_");
		if (says_so(&body->text))
			rc = snp_err_set(err, -EAGAIN, "the page says so");
		collector_give_back(body);
	}
	collector_destroy(&collector);
	return rc;
}

static void a_scrape_is_whole_or_says_down_or_has_failed(void **state)
{
	struct negotiated text = {.format = EXPO_TEXT};

	(void)state;
	fault_drive(scrape, &text, writer.dir);
}

static int parse_web_config(void *user, uint64_t *ret_result, struct snp_err *err)
{
	struct webconfig *config = NULL;
	int rc = webconfig_parse(user, strlen(user), "web.yaml", &config, err);

	*ret_result = 1;
	webconfig_destroy(&config);
	return rc;
}

static void a_web_configuration_is_whole_or_refused(void **state)
{
	char text[] =
	    "tls_server_config:\n"
	    "  cert_file: a.pem\n"
	    "  key_file: b.pem\n"
	    "http_server_config:\n"
	    "  headers: {X-Frame-Options: deny}\n"
	    "basic_auth_users:\n"
	    "  ada: $2y$10$abcdefghijklmnopqrstuuO1J8Zz4XbY0y8wN8m9t0pQrStUvWxYz"
	    "\n";

	(void)state;
	fault_drive(parse_web_config, text, NULL);
}

static int set_up(void **state)
{
	(void)state;
	segment_fixture_open(&writer, "default", "word_stats");
	segment_fixture_run_worker(&writer, 4711);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	segment_fixture_close(&writer);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_page_is_whole_or_has_failed),
	    cmocka_unit_test(a_scrape_is_whole_or_says_down_or_has_failed),
	    cmocka_unit_test(a_web_configuration_is_whole_or_refused),
	};

	return cmocka_run_group_tests_name("fault", tests, set_up, tear_down);
}
