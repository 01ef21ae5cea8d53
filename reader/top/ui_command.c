/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/nearest.h"
#include "ui_parts.h"
#include "words.h"

static int set_sort(struct top_ui *ui, const char *value, snp_mono_t now,
		    struct snp_err *err)
{
	struct top_sort sort = ui->sort;
	int rc = top_words_sort(value, &sort, err);

	if (rc < 0)
		return rc;
	sort.flags |= ui->sort.flags & TOP_SORT_UNHEALTHY_FIRST;
	ui->sort = sort;
	ui_toast_sort(ui, now);
	return 0;
}

static int set_view(struct top_ui *ui, const char *value, struct snp_err *err)
{
	int view = top_words_index(value, top_view_names, TOP_VIEW_NR);

	if (view < 0 && *value >= '1' && *value < '1' + TOP_VIEW_NR && !value[1])
		view = *value - '1';
	if (view < 0)
		return snp_err_set(err, -EINVAL,
				   "\"%s\" is no view: overview, workers, requests, "
				   "latency, events, lints, or 1 to 6",
				   value);
	ui_set_view(ui, (enum top_view_id)view);
	return 0;
}

static int set_theme(struct top_ui *ui, const char *value, struct snp_err *err)
{
	int theme = top_words_index(value, top_theme_names, TOP_THEME_NR);

	if (theme < 0)
		return snp_err_set(err, -EINVAL,
				   "\"%s\" is no theme: default, cb or mono", value);
	ui->theme = (enum top_theme)theme;
	ui->wants |= TOP_WANT_THEME;
	return 0;
}

static int silence(struct top_ui *ui, const char *value, snp_mono_t now,
		   struct snp_err *err)
{
	int id = top_lint_find(value);

	if (id < 0)
		return snp_err_set(err, -EINVAL, "\"%s\" is no lint; view 6 lists them",
				   value);
	ui_silence(ui, (enum top_lint_id)id, now);
	return 0;
}

static int set_columns(struct top_ui *ui, const char *value, struct snp_err *err)
{
	struct top_shown shown[TOP_TABLE_NR] = {0};
	int rc = *value ? top_words_columns(value, shown, err) : 0;

	if (rc == 0)
		memcpy(ui->shown, shown, sizeof(shown));
	return rc;
}

static int run(struct top_ui *ui, enum top_command_id id, const char *value,
	       const struct top_context *context, struct snp_query_place *ret_place,
	       struct snp_err *err)
{
	switch (id) {
	case TOP_COMMAND_sort:
		return set_sort(ui, value, context->now, err);
	case TOP_COMMAND_filter:
		return top_ui_filter(ui, value, ret_place, err);
	case TOP_COMMAND_find:
		(void)snprintf(ui->find, sizeof(ui->find), "%s", value);
		if (!ui_find(ui, 1, context))
			return snp_err_set(err, -EINVAL, "nothing found: %s", value);
		return 0;
	case TOP_COMMAND_view:
		return set_view(ui, value, err);
	case TOP_COMMAND_delay:
		return top_words_delay(value, &ui->delay_ms, err);
	case TOP_COMMAND_columns:
		return set_columns(ui, value, err);
	case TOP_COMMAND_theme:
		return set_theme(ui, value, err);
	case TOP_COMMAND_silence:
		return silence(ui, value, context->now, err);
	default:
		return ui_time_go(ui, value, context, err);
	}
}

static enum top_action action_of(const char *word, struct cli_nearest *nearest)
{
	static char names[TOP_ACTION_NR][TOP_ACTION_NAME_BYTES];

	for (int a = TOP_ACTION_NONE + 1; a < TOP_ACTION_NR; a++) {
		top_action_name(names[a], (enum top_action)a);
		if (strcmp(names[a], word) == 0)
			return (enum top_action)a;
		cli_nearest_try(nearest, names[a]);
	}
	return TOP_ACTION_NONE;
}

static int refuse(const char *word, const struct cli_nearest *nearest,
		  struct snp_err *err)
{
	if (nearest->best)
		return snp_err_set(err, -EINVAL, "no command \"%s\"; \"%s\"?", word,
				   nearest->best);
	return snp_err_set(err, -EINVAL, "no command \"%s\"; ? lists them", word);
}

int ui_command(struct top_ui *ui, const char *text, const struct top_context *context,
	       struct snp_query_place *ret_place, struct snp_err *err)
{
	size_t begin = strspn(text, " "), len = strcspn(text + begin, " "), value;
	struct cli_nearest nearest;
	enum top_action action;
	char word[32];
	int rc;

	value = begin + len + strspn(text + begin + len, " ");
	*ret_place = (struct snp_query_place){.at = begin, .len = len};
	(void)snprintf(word, sizeof(word), "%.*s", (int)len, text + begin);
	nearest = (struct cli_nearest){.word = word};
	for (int id = 0; id < TOP_COMMAND_NR; id++) {
		if (strcmp(top_commands[id].name, word) != 0) {
			cli_nearest_try(&nearest, top_commands[id].name);
			continue;
		}
		*ret_place = (struct snp_query_place){.len = strlen(text + value)};
		rc = run(ui, (enum top_command_id)id, text + value, context, ret_place,
			 err);
		ret_place->at += value;
		return rc;
	}
	action = action_of(word, &nearest);
	if (action == TOP_ACTION_NONE)
		return refuse(word, &nearest, err);
	if (text[value]) {
		*ret_place = (struct snp_query_place){value, strlen(text + value)};
		return snp_err_set(err, -EINVAL, "\"%s\" takes no value", word);
	}
	ui_act(ui, action, context);
	return 0;
}
