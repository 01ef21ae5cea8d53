/* SPDX-License-Identifier: Apache-2.0 */
/* Keys as a text, and what they make of the state: each case begins with a fresh one.
 */
#include "scene.h"

static void press(struct scene *s, const char *keys)
{
	uint32_t key;

	while ((key = top_keys_next(&keys)) != 0) {
		struct top_context context = scene_context(s);

		top_ui_key(&s->ui, key, &context);
		scene_sort(s);
	}
}

static void tell_pick(struct snp_buf *out, const char *what,
		      const struct top_pick *pick)
{
	if (pick->kind == TOP_PICK_POOL)
		snp_buf_printf(out, " %s=%s", what, pick->pool);
	if (pick->kind == TOP_PICK_LINT)
		snp_buf_printf(out, " %s=%s:%s", what, top_lint_infos[pick->lint].name,
			       pick->pool);
	if (pick->kind == TOP_PICK_WORKER)
		snp_buf_printf(out, " %s=%s/%u", what, pick->pool, pick->slot);
}

static void tell_tables(struct snp_buf *out, const struct top_ui *ui)
{
	if (ui->sort.column != TOP_COLUMN_WORKER_worker)
		snp_buf_printf(out, " sort=%s", top_columns[ui->sort.column].field);
	if (ui->sort.flags & TOP_SORT_INVERT)
		snp_buf_printf(out, " inverted");
	if (!(ui->sort.flags & TOP_SORT_UNHEALTHY_FIRST))
		snp_buf_printf(out, " mixed");
	if (ui->sort.flags & TOP_SORT_BY_POOL)
		snp_buf_printf(out, ui->folded ? " folded" : " grouped");
	for (size_t t = 0; t < TOP_TABLE_NR; t++)
		for (size_t i = 0; i < ui->shown[t].nr; i++)
			snp_buf_printf(out, "%s%s", i ? "," : " columns=",
				       top_columns[ui->shown[t].id[i]].field);
	if (ui->filter_text[0])
		snp_buf_printf(out, " filter=%s", ui->filter_text);
	for (size_t i = 0; i < ui->pins_nr; i++)
		tell_pick(out, "pin", &ui->pins[i]);
}

static void tell_display(struct snp_buf *out, const struct top_ui *ui)
{
	if (ui->view != TOP_VIEW_OVERVIEW)
		snp_buf_printf(out, " view=%s", top_view_names[ui->view]);
	if (ui->help)
		snp_buf_printf(out, " help");
	if (ui->setup.open)
		snp_buf_printf(out, " setup=%u/%zu", ui->setup.page, ui->setup.at);
	if (ui->header_hidden)
		snp_buf_printf(out, " -header");
	if (ui->events_hidden)
		snp_buf_printf(out, " -events");
	if (ui->lints_hidden)
		snp_buf_printf(out, " -lints");
	if (ui->theme != TOP_THEME_DEFAULT)
		snp_buf_printf(out, " theme=%s", top_theme_names[ui->theme]);
	if (ui->ascii)
		snp_buf_printf(out, " ascii");
	if (!ui->follow)
		snp_buf_printf(out, " stay");
	if (ui->delay_ms != TOP_DELAY_DEFAULT_MS)
		snp_buf_printf(out, " delay=%u", ui->delay_ms);
}

/* All of the state that is not as in the beginning. */
static const char *told(const struct top_ui *ui, struct snp_buf *out)
{
	snp_buf_reset(out);
	tell_display(out, ui);
	tell_tables(out, ui);
	if (ui->find[0])
		snp_buf_printf(out, " find=%s", ui->find);
	tell_pick(out, "at", &ui->selected);
	tell_pick(out, "lint", &ui->lint);
	tell_pick(out, "detail", &ui->detail);
	if (ui->lints_silenced)
		snp_buf_printf(out, " silenced=%llx",
			       (unsigned long long)ui->lints_silenced);
	if (ui->paused)
		snp_buf_printf(out, " paused-%llus",
			       (unsigned long long)(ui->rewind_ns / SNP_NS_PER_S));
	if (ui->prompt.kind)
		snp_buf_printf(out, " [%s%.*s|%s]", top_prompt_labels[ui->prompt.kind],
			       (int)ui->prompt.cursor, ui->prompt.text,
			       ui->prompt.text + ui->prompt.cursor);
	if (ui->chord)
		snp_buf_printf(out, " chord");
	if (ui->wants)
		snp_buf_printf(out, " wants=%x", ui->wants);
	snp_buf_putc(out, '\0');
	assert_false(out->failed);
	return out->data[0] ? out->data + 1 : "";
}

struct keys_case {
	const char *keys, *want;
};

static void run_cases(struct scene *s, const struct keys_case *cases, size_t nr)
{
	struct snp_buf out = {0};

	for (size_t i = 0; i < nr; i++) {
		top_ui_fini(&s->ui);
		top_ui_init(&s->ui);
		s->ui.utf8 = true;
		scene_sort(s);
		press(s, cases[i].keys);
		if (strcmp(told(&s->ui, &out), cases[i].want) != 0)
			fail_msg("%s: \"%s\", not \"%s\"", cases[i].keys,
				 told(&s->ui, &out), cases[i].want);
	}
	snp_buf_fini(&out);
}

#define RUN(state, cases) run_cases(state, cases, sizeof(cases) / sizeof(*(cases)))

static void views_and_panels(void **state)
{
	static const struct keys_case cases[] = {
	    {"", ""},
	    {"\t", "view=workers"},
	    {"<S-Tab>", "view=lints"},
	    {"\t\t\t\t\t\t", ""},
	    {"5", "view=events"},
	    {"61", ""},
	    {"?", "help"},
	    {"?3", "view=requests"},
	    {"?\033", ""},
	    {"?h", ""},
	    {"e", "-events"},
	    {"el#", "-header -events -lints"},
	    {"ee", ""},
	    {"U", "ascii"},
	    {"c", "theme=cb wants=400"},
	    {"ccc", "wants=400"},
	    {"F", "stay"},
	    {"qW", "wants=21"},
	    {"wRy", "wants=1c0"},
	    {"mM", "wants=18"},
	};

	RUN(*state, cases);
}

static void sorting_and_rows(void **state)
{
	static const struct keys_case cases[] = {
	    {">", "sort=status"},
	    {"><", ""},
	    {"oq", "sort=req_s"},
	    {"om", "sort=rss_bytes"},
	    {"o", "chord"},
	    {"oX", ""},
	    {"o\033", ""},
	    {"Iom", "sort=rss_bytes"}, /* as if it were clicked for the first time */
	    {"omI", "sort=rss_bytes inverted"},
	    {"!", "mixed"},
	    {"t", "grouped"},
	    {"tI", "inverted"},
	    {"*", "folded"},
	    {"**", "grouped"},
	    {"*j", "folded at=default"},
	    {"*G", "folded at=io"},
	    {"jx", "pin=default/10 at=default/10"},
	    {"jxx", "at=default/10"},
	    {"x", ""},
	    {"jxjjx", "pin=default/10 pin=ml_infer/3 at=ml_infer/3"},
	    {"jxjxu", "at=ml_infer/1"},
	};
	RUN(*state, cases);
}

static void detail_opens_and_closes(void **state)
{
	static const struct keys_case cases[] = {
	    {"\r", "at=default/10 detail=default/10"},
	    {"\r\r", "at=default/10 detail=default"},
	    {"\r\r\033", "at=default/10"},
	    {"\r\033\033", ""},
	    {"*j\r", "folded at=default detail=default"},
	    {"\r2", "view=workers at=default/10"},
	};

	RUN(*state, cases);
}

static void prompts_edit_text(void **state)
{
	static const struct keys_case cases[] = {
	    {"\\", "[filter: |]"},
	    {"\\abc", "[filter: abc|]"},
	    {"\\q?1 ", "[filter: q?1 |]"},
	    {"\\abc<Left>X", "[filter: abX|c]"},
	    {"\\abc<Home><Del>", "[filter: |bc]"},
	    {"\\a\xc3\xa4\xe2\x82\xac<BkSp>", "[filter: a\xc3\xa4|]"},
	    {"\\a\xc3\xa4\xe2\x82\xac<Left><Left>x",
	     "[filter: ax|\xc3\xa4\xe2\x82\xac]"},
	    {"\\\xc3\xa4<Home><Del>", "[filter: |]"},
	    {"\\one two<^W>", "[filter: one |]"},
	    {"\\one two<Left><^U>", "[filter: |o]"},
	    {"\\one two<Home><^K>", "[filter: |]"},
	    {"\\abc<^A>x<^E>y", "[filter: xabcy|]"},
	    {"\\a<BkSp><BkSp>", ""},
	    {"\\abc\033", ""},
	    {"\\abc<^C>", "[filter: abc|] wants=1"},
	    {"\\abc<F10>", "[filter: abc|] wants=1"},
	    {"\\abc<PgUp><F5><Tab>", "[filter: abc|]"},
	};

	RUN(*state, cases);
}

static void prompts_do_what_they_say(void **state)
{
	static const struct keys_case cases[] = {
	    {"\\state=ready\r", "filter=state=ready"},
	    {"\\state=ready\r\\", "filter=state=ready [filter: state=ready|]"},
	    {"\\state=ready\r\\<^U>\r", ""},
	    {"\\pid>1\r\\<^U>pid>2\r\\<Up><Up>", "filter=pid>2 [filter: pid>1|]"},
	    {"\\pid>1\r\\<^U>x<Up><Down>", "filter=pid>1 [filter: x|]"},
	    {"\\stat=busy\r", "[filter: |stat=busy]"},
	    {"\\pid >\r", "[filter: pid >|]"},
	    {"d0.5\r", "delay=500"},
	    {"d0\r", "[seconds between updates: 0|]"},
	    {"/ml\r", "find=ml at=ml_infer/1"},
	    {"/ml\rn", "find=ml at=ml_infer/3"},
	    {"/ML_INFER/2\r", "find=ML_INFER/2 at=ml_infer/2"},
	    {"/nope\r", "find=nope at=ml_infer/1"}, /* where "/n" led */
	    {"/io\r\033", "at=io/0"},
	    {"5/io\r", "view=workers find=io at=io/0"},
	};

	RUN(*state, cases);
}

static void commands_do_what_keys_do(void **state)
{
	static const struct keys_case cases[] = {
	    {":sort rss\r", "sort=rss_bytes"},
	    {":sort +rss\r", "sort=rss_bytes inverted"},
	    {":filter pid>3 and rss>0\r", "filter=pid>3 and rss>0"},
	    {":filter pid>3\r:filter\r", ""},
	    {":filter pid~~\r", "[:filter pid|~~]"},
	    {":view 4\r", "view=latency"},
	    {":view lints\r", "view=lints"},
	    {":view 7\r", "[:view |7]"},
	    {":delay 2\r", "delay=2000"},
	    {":theme mono\r", "theme=mono wants=400"},
	    {":columns worker,rss\r", "columns=worker,rss_bytes"},
	    {":columns worker,rss\r:columns\r", ""},
	    {":columns worker,nope\r", "[:columns |worker,nope]"},
	    {":group\r", "grouped"},
	    {":page-down\r", "at=default/10"},
	    {":quit\r", "wants=1"},
	    {":quit now\r", "[:quit |now]"},
	    {":  find io\r", "find=io at=io/0"},
	    {":filter\r", ""},
	    {":\r", ""},
	    {":qiut\r", "[:|qiut]"},
	};

	RUN(*state, cases);
}

static void time_moves(void **state)
{
	static const struct keys_case cases[] = {
	    {" ", "paused-0s"},
	    {"  ", "wants=200"},
	    {"[", "paused-1s wants=200"},
	    {"[[[]", "paused-2s wants=200"},
	    {"{[", "paused-61s wants=200"},
	    {"{}}]", "paused-0s wants=200"},
	    {"{L", "wants=200"},
	    {"{<End>", "wants=200"},
	    {"{G", "at=io/0 paused-60s wants=200"},
	    {"T-5m\r", "paused-300s wants=200"},
	    {"T-1.5h\r", "paused-5400s wants=200"},
	    {"T-90\r", "paused-90s wants=200"},
	    {"T17:02\r", "paused-81s wants=200"},
	    {"T17:03:20\r", "paused-1s wants=200"},
	    {"T17:04\r", "paused-86361s wants=200"}, /* yesterday */
	    {"T25:00\r", "[go to time: 25:00|]"},
	    {"T-5x\r", "[go to time: -5x|]"},
	    {"T#999999\r", "[go to time: #999999|]"},
	    {":time -5m\r", "paused-300s wants=200"},
	};

	RUN(*state, cases);
}

static void lints_are_selected_and_silenced(void **state)
{
	static const struct keys_case cases[] = {
	    {"6j", "view=lints lint=queue-eta:ml_infer"},
	    {"6jj", "view=lints lint=skew:io"},
	    {"6G", "view=lints lint=skew:io"},
	    {"6Gs", "view=lints lint=skew:io silenced=40"},
	    {"6Gss", "view=lints lint=skew:io"},
	    {"6\r", "view=lints lint=queue-eta:ml_infer detail=queue-eta:ml_infer"},
	    {"6\r\033", "view=lints lint=queue-eta:ml_infer"},
	    {"s", ""},
	    {"6s", "view=lints"},
	    {":silence rss-slope\r", "silenced=80"},
	    {":silence nope\r", "[:silence |nope]"},
	};
	struct scene *s = *state;

	s->lints.lint[0] =
	    (struct top_lint){.id = TOP_LINT_QUEUE_ETA, .pool = "ml_infer"};
	s->lints.lint[1] = (struct top_lint){
	    .id = TOP_LINT_SKEW, .pool = "io", .is_worker = true, .slot = 3};
	s->lints.nr = 2;
	RUN(s, cases);
	s->lints.nr = 0;
}

static void escape_leads_back_to_all_instances_last(void **state)
{
	struct scene *s = *state;
	struct top_context context = scene_context(s);

	top_ui_fini(&s->ui);
	top_ui_init(&s->ui);
	press(s, "j\r\033\033\033");
	assert_false(s->ui.all); /* there is but the one */
	context.instances_nr = 3;
	press(s, "j");
	top_ui_key(&s->ui, TOP_KEY_ESC, &context);
	assert_false(s->ui.all);
	top_ui_key(&s->ui, TOP_KEY_ESC, &context);
	assert_true(s->ui.all);
	top_ui_key(&s->ui, 'G', &context);
	assert_int_equal(2, s->ui.instance_at);
	top_ui_key(&s->ui, TOP_KEY_ENTER, &context);
	assert_true(top_ui_take(&s->ui, TOP_WANT_ENTER));
}

static void columns_are_picked(void **state)
{
	static const struct keys_case cases[] = {
	    {"C", "setup=0/0"},
	    {"C\t\tj", "setup=2/1"},
	    {"C\t\t\t", "setup=0/0"},
	    {"CC", ""},
	    {"C\033", ""},
	    {"C?", "help setup=0/0"},
	    {"C\t\tj ", "setup=2/1 ascii"},
	    {"C\t\tG>", "setup=2/8 delay=2000"},
	    {":columns worker,pid\rC>", "setup=0/1 columns=pid,worker"},
	    {":columns worker,pid\rCj ", "setup=0/5 columns=worker"},
	    {":columns worker\rC ", "setup=0/0 columns=worker"},
	    {":columns worker,pid\rC<Del>", "setup=0/0"},
	    {":columns worker\rCj ", "setup=0/1 columns=worker,status"},
	};

	RUN(*state, cases);
}

static void text_of_keys_is_read(void **state)
{
	const char *text = "a<^L><F4><nope\xc3\xa4<Esc>";
	static const uint32_t want[] = {'a',
					TOP_KEY_CTRL('L'),
					TOP_KEY_F(4),
					'<',
					'n',
					'o',
					'p',
					'e',
					0xe4,
					TOP_KEY_ESC,
					0,
					0};

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++)
		assert_int_equal(want[i], top_keys_next(&text));
}

static void refusals_say_where_and_what_to_do(void **state)
{
	struct scene *s = *state;

	top_ui_fini(&s->ui);
	top_ui_init(&s->ui);
	press(s, ":filter stat=busy\r");
	assert_int_equal(strlen("filter "), s->ui.prompt.place.at);
	assert_int_equal(strlen("stat"), s->ui.prompt.place.len);
	assert_non_null(strstr(s->ui.prompt.error, "stat"));
	press(s, "x");
	assert_string_equal("", s->ui.prompt.error);
	press(s, "\033:qiut\r");
	assert_non_null(strstr(s->ui.prompt.error, "\"quit\"?"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(text_of_keys_is_read),
	    cmocka_unit_test(views_and_panels),
	    cmocka_unit_test(sorting_and_rows),
	    cmocka_unit_test(detail_opens_and_closes),
	    cmocka_unit_test(prompts_edit_text),
	    cmocka_unit_test(prompts_do_what_they_say),
	    cmocka_unit_test(commands_do_what_keys_do),
	    cmocka_unit_test(time_moves),
	    cmocka_unit_test(lints_are_selected_and_silenced),
	    cmocka_unit_test(escape_leads_back_to_all_instances_last),
	    cmocka_unit_test(columns_are_picked),
	    cmocka_unit_test(refusals_say_where_and_what_to_do),
	};

	return cmocka_run_group_tests_name("top/keys", tests, scene_open, scene_close);
}
