/* SPDX-License-Identifier: Apache-2.0 */
#include "settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <yaml.h>

#include "cli/nearest.h"
#include "words.h"

enum setting_kind { SWITCH, WORD, COLUMNS, LINTS, LIMITS };
enum setting_id {
#define TOP_SETTING(name, kind, help) SETTING_##name,
#include "settings.def"
#undef TOP_SETTING
	SETTING_NR
};

static const struct {
	const char *name, *help;
	enum setting_kind kind;
} settings[SETTING_NR] = {
#define TOP_SETTING(name, kind, help) {#name, help, kind},
#include "settings.def"
#undef TOP_SETTING
};

int top_settings_path(char ret_path[PATH_MAX])
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	int len;

	/* A relative one is to be ignored, says the specification. */
	if (config && config[0] == '/')
		len = snprintf(ret_path, PATH_MAX, "%s/snakepit/top.yaml", config);
	else if (home && home[0] == '/')
		len =
		    snprintf(ret_path, PATH_MAX, "%s/.config/snakepit/top.yaml", home);
	else
		return -ENOENT;
	return len < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* ---- switches ------------------------------------------------------------ */

static void set_flag(unsigned *flags, unsigned flag, bool on)
{
	*flags = on ? *flags | flag : *flags & ~flag;
}

static void set_switch(struct top_ui *ui, enum setting_id id, bool on)
{
	switch (id) {
	case SETTING_unhealthy_first:
		set_flag(&ui->sort.flags, TOP_SORT_UNHEALTHY_FIRST, on);
		break;
	case SETTING_group:
		set_flag(&ui->sort.flags, TOP_SORT_BY_POOL, on);
		break;
	case SETTING_follow:
		ui->follow = on;
		break;
	case SETTING_ascii:
		ui->ascii = on;
		break;
	case SETTING_mouse:
		ui->mouse = on;
		break;
	case SETTING_header:
		ui->header_hidden = !on;
		break;
	case SETTING_events:
		ui->events_hidden = !on;
		break;
	default:
		ui->lints_hidden = !on;
		break;
	}
}

static bool get_switch(const struct top_ui *ui, enum setting_id id)
{
	switch (id) {
	case SETTING_unhealthy_first:
		return ui->sort.flags & TOP_SORT_UNHEALTHY_FIRST;
	case SETTING_group:
		return ui->sort.flags & TOP_SORT_BY_POOL;
	case SETTING_follow:
		return ui->follow;
	case SETTING_ascii:
		return ui->ascii && ui->utf8; /* else it is the locale's doing */
	case SETTING_mouse:
		return ui->mouse;
	case SETTING_header:
		return !ui->header_hidden;
	case SETTING_events:
		return !ui->events_hidden;
	default:
		return !ui->lints_hidden;
	}
}

/* ---- words --------------------------------------------------------------- */

static int set_choice(const char *text, const char *const *names, int nr, int *ret,
		      struct snp_err *err)
{
	struct cli_nearest nearest = {.word = text};
	int index = top_words_index(text, names, nr);

	if (index >= 0) {
		*ret = index;
		return 0;
	}
	for (int i = 0; i < nr; i++)
		cli_nearest_try(&nearest, names[i]);
	return snp_err_set(err, -EINVAL, "\"%s\" is none of them%s%s%s", text,
			   nearest.best ? "; \"" : "", nearest.best ? nearest.best : "",
			   nearest.best ? "\"?" : "");
}

static int set_word(struct top_ui *ui, enum setting_id id, const char *text,
		    struct snp_err *err)
{
	struct top_sort sort = ui->sort;
	int rc, index = 0;

	switch (id) {
	case SETTING_view:
		rc = set_choice(text, top_view_names, TOP_VIEW_NR, &index, err);
		if (rc == 0)
			ui->view = (enum top_view_id)index;
		return rc;
	case SETTING_theme:
		rc = set_choice(text, top_theme_names, TOP_THEME_NR, &index, err);
		if (rc == 0)
			ui->theme = (enum top_theme)index;
		return rc;
	case SETTING_delay:
		return top_words_delay(text, &ui->delay_ms, err);
	default:
		rc = top_words_sort(text, &sort, err);
		if (rc == 0) {
			ui->sort.column = sort.column;
			set_flag(&ui->sort.flags, TOP_SORT_INVERT,
				 sort.flags & TOP_SORT_INVERT);
		}
		return rc;
	}
}

static void put_word(FILE *out, const struct top_ui *ui, enum setting_id id)
{
	enum top_column_id column = ui->sort.column;

	switch (id) {
	case SETTING_view:
		(void)fputs(top_view_names[ui->view], out);
		break;
	case SETTING_theme:
		(void)fputs(top_theme_names[ui->theme], out);
		break;
	case SETTING_delay:
		(void)fprintf(out, "%g", (double)ui->delay_ms / 1000.0);
		break;
	default:
		(void)fprintf(out, "\"%s%s\"",
			      !(ui->sort.flags & TOP_SORT_INVERT) ? ""
			      : top_column_ascends(column)	  ? "-"
								  : "+",
			      top_columns[column].field);
		break;
	}
}

/* ---- reading ------------------------------------------------------------- */

struct reader {
	yaml_document_t *document;
	const char *path;
	struct top_ui *ui;
	bool seen[SETTING_NR];
};

static int refuse(const struct reader *r, const yaml_node_t *node, struct snp_err *err)
{
	return snp_err_wrap(err, "%s:%zu:%zu", r->path, node->start_mark.line + 1,
			    node->start_mark.column + 1);
}

static const char *text_of(const yaml_node_t *node)
{
	const char *text;

	if (node->type != YAML_SCALAR_NODE)
		return NULL;
	text = (const char *)node->data.scalar.value;
	return strlen(text) == node->data.scalar.length ? text : NULL;
}

/* Each word of a list goes to `take`, which says what is wrong with it. */
static int read_list(const struct reader *r, const yaml_node_t *node,
		     int (*take)(struct top_ui *ui, const char *word,
				 struct snp_err *err),
		     struct snp_err *err)
{
	const yaml_node_item_t *item;

	if (node->type != YAML_SEQUENCE_NODE) {
		(void)snp_err_set(err, -EINVAL, "a list was expected: [one, two]");
		return refuse(r, node, err);
	}
	for (item = node->data.sequence.items.start;
	     item < node->data.sequence.items.top; item++) {
		const yaml_node_t *word = yaml_document_get_node(r->document, *item);
		const char *text = text_of(word);

		if (!text)
			(void)snp_err_set(err, -EINVAL, "a word was expected");
		if (!text || take(r->ui, text, err) < 0)
			return refuse(r, word, err);
	}
	return 0;
}

static int take_column(struct top_ui *ui, const char *word, struct snp_err *err)
{
	return top_words_column(word, ui->shown, err);
}

static int take_lint(struct top_ui *ui, const char *word, struct snp_err *err)
{
	int id = top_lint_find(word);

	if (id < 0)
		return snp_err_set(err, -EINVAL, "no lint \"%s\"; view 6 lists them",
				   word);
	ui->lints_silenced |= UINT64_C(1) << id;
	return 0;
}

static int find_limit(const char *name)
{
	for (int id = 0; id < TOP_LIMIT_NR; id++)
		if (strcmp(top_limit_infos[id].name, name) == 0)
			return id;
	return -1;
}

static int read_limit(const struct reader *r, const yaml_node_pair_t *pair,
		      struct snp_err *err)
{
	const yaml_node_t *key = yaml_document_get_node(r->document, pair->key);
	const yaml_node_t *value = yaml_document_get_node(r->document, pair->value);
	const char *name = text_of(key), *text = text_of(value);
	int id = find_limit(name ? name : "");
	char *end = NULL;
	double number = text ? strtod(text, &end) : 0;

	if (id < 0) {
		(void)snp_err_set(err, -EINVAL, "no limit \"%.40s\"", name ? name : "");
		return refuse(r, key, err);
	}
	/* The negated form refuses NaN too. */
	if (!text || end == text || *end != '\0' || !(number >= 0 && number <= 1e12)) {
		(void)snp_err_set(err, -EINVAL, "%s: a number was expected",
				  top_limit_infos[id].name);
		return refuse(r, value, err);
	}
	r->ui->limits.value[id] = number;
	return 0;
}

static int read_limits(const struct reader *r, const yaml_node_t *node,
		       struct snp_err *err)
{
	const yaml_node_pair_t *pair;
	int rc = 0;

	top_lint_limits_init(&r->ui->limits);
	if (node->type != YAML_MAPPING_NODE) {
		(void)snp_err_set(err, -EINVAL, "limits were expected: \"%s: %g\"",
				  top_limit_infos[0].name, top_limit_infos[0].value);
		return refuse(r, node, err);
	}
	for (pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top && rc == 0; pair++)
		rc = read_limit(r, pair, err);
	return rc;
}

static int read_scalar(const struct reader *r, enum setting_id id,
		       const yaml_node_t *node, struct snp_err *err)
{
	const char *text = text_of(node);
	bool is_switch = settings[id].kind == SWITCH;

	if (is_switch && text &&
	    (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)) {
		set_switch(r->ui, id, text[0] == 't');
		return 0;
	}
	if (!is_switch && text && set_word(r->ui, id, text, err) == 0)
		return 0;
	if (is_switch || !text)
		(void)snp_err_set(err, -EINVAL, "%s was expected",
				  is_switch ? "true or false" : "a word");
	(void)snp_err_wrap(err, "%s", settings[id].name);
	return refuse(r, node, err);
}

static int read_value(const struct reader *r, enum setting_id id,
		      const yaml_node_t *node, struct snp_err *err)
{
	switch (settings[id].kind) {
	case COLUMNS:
		memset(r->ui->shown, 0, sizeof(r->ui->shown));
		return read_list(r, node, take_column, err);
	case LINTS:
		r->ui->lints_silenced = 0;
		return read_list(r, node, take_lint, err);
	case LIMITS:
		return read_limits(r, node, err);
	default:
		return read_scalar(r, id, node, err);
	}
}

static int find_setting(const char *name, struct cli_nearest *nearest)
{
	for (int id = 0; id < SETTING_NR; id++) {
		if (strcmp(settings[id].name, name) == 0)
			return id;
		cli_nearest_try(nearest, settings[id].name);
	}
	return -1;
}

static int read_pair(struct reader *r, const yaml_node_pair_t *pair,
		     struct snp_err *err)
{
	const yaml_node_t *key = yaml_document_get_node(r->document, pair->key);
	const char *text = text_of(key), *name = text ? text : "";
	struct cli_nearest nearest = {.word = name};
	int id = find_setting(name, &nearest);

	if (id < 0) {
		if (nearest.best)
			(void)snp_err_set(err, -EINVAL, "no setting \"%.40s\"; \"%s\"?",
					  name, nearest.best);
		else
			(void)snp_err_set(err, -EINVAL, "no setting \"%.40s\"", name);
		return refuse(r, key, err);
	}
	if (r->seen[id]) {
		(void)snp_err_set(err, -EINVAL, "\"%s\" stands here twice", name);
		return refuse(r, key, err);
	}
	r->seen[id] = true;
	return read_value(r, (enum setting_id)id,
			  yaml_document_get_node(r->document, pair->value), err);
}

static int read_document(struct reader *r, struct snp_err *err)
{
	const yaml_node_t *root = yaml_document_get_root_node(r->document);
	const yaml_node_pair_t *pair;
	int rc = 0;

	/* An empty file, or one with an empty document. */
	if (!root || (root->type == YAML_SCALAR_NODE && root->data.scalar.length == 0))
		return 0;
	if (root->type != YAML_MAPPING_NODE) {
		(void)snp_err_set(err, -EINVAL,
				  "settings were expected: \"theme: cb\"");
		return refuse(r, root, err);
	}
	for (pair = root->data.mapping.pairs.start;
	     pair < root->data.mapping.pairs.top && rc == 0; pair++)
		rc = read_pair(r, pair, err);
	return rc;
}

static int read_file(FILE *file, const char *path, struct top_ui *ui,
		     struct snp_err *err)
{
	struct reader r = {.path = path, .ui = ui};
	yaml_document_t document;
	yaml_parser_t parser;
	int rc;

	if (!yaml_parser_initialize(&parser))
		return snp_err_set(err, -ENOMEM, "out of memory");
	yaml_parser_set_input_file(&parser, file);
	if (!yaml_parser_load(&parser, &document)) {
		rc = snp_err_set(err, -EINVAL, "%s:%zu:%zu: %s", path,
				 parser.problem_mark.line + 1,
				 parser.problem_mark.column + 1,
				 parser.problem ? parser.problem : "not YAML");
	} else {
		r.document = &document;
		rc = read_document(&r, err);
		yaml_document_delete(&document);
	}
	yaml_parser_delete(&parser);
	return rc;
}

int top_settings_load(const char *path, struct top_ui *ui, struct snp_err *err)
{
	FILE *file = fopen(path, "re");
	struct top_ui *read;
	int rc;

	if (!file && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (!file)
		return snp_err_errno(err, "cannot read %s", path);
	/* All of it or nothing. It owns nothing that the settings touch. */
	read = malloc(sizeof(*read));
	if (!read) {
		(void)fclose(file);
		return snp_err_set(err, -ENOMEM, "out of memory");
	}
	*read = *ui;
	rc = read_file(file, path, read, err);
	if (rc == 0)
		*ui = *read;
	free(read);
	(void)fclose(file);
	return rc;
}

/* ---- writing ------------------------------------------------------------- */

static void put_columns(FILE *out, const struct top_ui *ui)
{
	const char *before = "";

	(void)fputc('[', out);
	for (size_t table = 0; table < TOP_TABLE_NR; table++) {
		for (size_t i = 0; i < ui->shown[table].nr; i++) {
			(void)fprintf(out, "%s%s%s", before,
				      table == TOP_TABLE_POOL ? "pool." : "",
				      top_columns[ui->shown[table].id[i]].field);
			before = ", ";
		}
	}
	(void)fputc(']', out);
}

static void put_lints(FILE *out, const struct top_ui *ui)
{
	const char *before = "";

	(void)fputc('[', out);
	for (int id = 0; id < TOP_LINT_NR; id++) {
		if (!(ui->lints_silenced >> id & 1))
			continue;
		(void)fprintf(out, "%s%s", before, top_lint_infos[id].name);
		before = ", ";
	}
	(void)fputc(']', out);
}

/* Those that were changed: what is built in may become better. */
static void put_limits(FILE *out, const struct top_ui *ui)
{
	const char *before = "";

	(void)fputc('{', out);
	for (int id = 0; id < TOP_LIMIT_NR; id++) {
		const struct top_limit_info *info = &top_limit_infos[id];
		double value = ui->limits.value[id];

		if (value >= info->value && value <= info->value)
			continue;
		(void)fprintf(out, "%s%s: %.10g", before, info->name, value);
		before = ", ";
	}
	(void)fputc('}', out);
}

static void put_value(FILE *out, const struct top_ui *ui, enum setting_id id)
{
	switch (settings[id].kind) {
	case SWITCH:
		(void)fputs(get_switch(ui, id) ? "true" : "false", out);
		break;
	case WORD:
		put_word(out, ui, id);
		break;
	case COLUMNS:
		put_columns(out, ui);
		break;
	case LINTS:
		put_lints(out, ui);
		break;
	case LIMITS:
		put_limits(out, ui);
		break;
	}
}

static void put_settings(FILE *out, const struct top_ui *ui)
{
	(void)fputs("# Written by snakepit-top when W is pressed.\n", out);
	for (int id = 0; id < SETTING_NR; id++) {
		(void)fprintf(out, "\n# %s\n%s: ", settings[id].help,
			      settings[id].name);
		put_value(out, ui, (enum setting_id)id);
		(void)fputc('\n', out);
	}
}

/* Make the directories above `path`, which starts with '/'. */
static int make_parents(const char *path, struct snp_err *err)
{
	char dir[PATH_MAX];

	for (const char *slash = strchr(path + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		(void)snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
		if (mkdir(dir, 0700) < 0 && errno != EEXIST)
			return snp_err_errno(err, "cannot make %s", dir);
	}
	return 0;
}

/* The file itself where `path` is a link to it; refused when it is another's. */
static int resolve(const char *path, char real[PATH_MAX], struct snp_err *err)
{
	struct stat st;

	if (!realpath(path, real)) {
		if (errno != ENOENT)
			return snp_err_errno(err, "cannot write %s", path);
		(void)snprintf(real, PATH_MAX, "%s", path);
		return 0;
	}
	if (stat(real, &st) < 0)
		return snp_err_errno(err, "cannot write %s", real);
	if (st.st_uid != geteuid())
		return snp_err_set(err, -EPERM, "%s is another user's, not written",
				   real);
	return 0;
}

static int write_all(int fd, const struct top_ui *ui)
{
	FILE *out = fdopen(fd, "w");
	int rc = 0;

	if (!out) {
		rc = -errno;
		(void)close(fd);
		return rc;
	}
	put_settings(out, ui);
	if (fflush(out) != 0 || fsync(fd) < 0)
		rc = -errno;
	if (fclose(out) != 0 && rc == 0)
		rc = -errno;
	return rc;
}

int top_settings_save(const char *path, const struct top_ui *ui, struct snp_err *err)
{
	char real[PATH_MAX], draft[PATH_MAX];
	int fd, rc;

	rc = resolve(path, real, err);
	if (rc == 0)
		rc = make_parents(real, err);
	if (rc < 0)
		return rc;
	if (snprintf(draft, sizeof(draft), "%s.XXXXXX", real) >= (int)sizeof(draft))
		return snp_err_set(err, -ENAMETOOLONG, "%s is too long a name", real);
	fd = mkostemp(draft, O_CLOEXEC);
	if (fd < 0)
		return snp_err_errno(err, "cannot write %s", real);
	rc = write_all(fd, ui);
	if (rc == 0 && rename(draft, real) < 0)
		rc = -errno;
	if (rc < 0) {
		(void)unlink(draft);
		errno = -rc;
		return snp_err_errno(err, "cannot write %s", real);
	}
	return 0;
}
