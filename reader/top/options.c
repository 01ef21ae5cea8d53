/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum { /* options without a letter */
       OPT_JSON = 256,
       OPT_COLOR,
       OPT_NO_COLOR,
};

static const struct option long_options[] = {
    {"instance", required_argument, NULL, 'n'},
    {"delay", required_argument, NULL, 'd'},
    {"columns", required_argument, NULL, 'o'},
    {"sort", required_argument, NULL, 's'},
    {"once", no_argument, NULL, '1'},
    {"json", no_argument, NULL, OPT_JSON},
    {"ascii", no_argument, NULL, 'U'},
    {"color", optional_argument, NULL, OPT_COLOR},
    {"no-color", no_argument, NULL, OPT_NO_COLOR},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {0},
};

#define SEE_HELP "; see snakepit-top --help"

static int parse_delay(const char *text, unsigned *ret_ms, struct snp_err *err)
{
	char *end;
	double s = strtod(text, &end);

	/* The negated form refuses NaN too. */
	if (end == text || *end != '\0' ||
	    !(s >= TOP_DELAY_MIN_MS / 1000.0 && s <= TOP_DELAY_MAX_MS / 1000.0))
		return snp_err_set(err, -EINVAL,
				   "delay \"%s\" is not between 0.05 and 60 seconds",
				   text);
	*ret_ms = (unsigned)(s * 1000.0 + 0.5);
	return 0;
}

/* "rss" in the column's natural order, "-rss" descending, "+rss" ascending. */
static int parse_sort(const char *text, struct top_sort *sort, struct snp_err *err)
{
	const char *name = text + (*text == '-' || *text == '+');
	int id = top_column_find(TOP_TABLE_WORKER, name);
	bool ascends, wanted = *text == '+';

	if (id < 0)
		return snp_err_set(
		    err, -EINVAL,
		    "no worker column \"%s\" to sort by; -o help lists them", name);
	sort->column = (enum top_column_id)id;
	ascends = top_unit_is_text(top_columns[id].unit) ||
		  top_columns[id].unit == TOP_UNIT_PID;
	sort->flags = name != text && wanted != ascends ? TOP_SORT_INVERT : 0;
	return 0;
}

static int add_column(struct top_options *o, const char *name, struct snp_err *err)
{
	enum top_table table = TOP_TABLE_WORKER;
	struct top_shown *shown;
	int id;

	if (strncmp(name, "pool.", 5) == 0) {
		table = TOP_TABLE_POOL;
		name += 5;
	}
	id = top_column_find(table, name);
	if (id < 0)
		return snp_err_set(err, -EINVAL,
				   "no %s column \"%s\"; -o help lists them",
				   table == TOP_TABLE_POOL ? "pool" : "worker", name);
	shown = &o->shown[table];
	for (size_t i = 0; i < shown->nr; i++)
		if (shown->id[i] == (enum top_column_id)id)
			return snp_err_set(err, -EINVAL, "column \"%s\" is named twice",
					   name);
	shown->id[shown->nr++] = (enum top_column_id)id;
	return 0;
}

static int parse_columns(const char *list, struct top_options *o, struct snp_err *err)
{
	char name[64];

	if (strcmp(list, "help") == 0) {
		o->mode = TOP_MODE_COLUMNS;
		return 0;
	}
	for (;;) {
		size_t len = strcspn(list, ",");
		int rc;

		if (len == 0 || len >= sizeof(name))
			return snp_err_set(
			    err, -EINVAL,
			    "\"%s\" is not a list of columns; -o help lists "
			    "them",
			    list);
		memcpy(name, list, len);
		name[len] = '\0';
		rc = add_column(o, name, err);
		if (rc < 0 || list[len] == '\0')
			return rc;
		list += len + 1;
	}
}

static int parse_color(const char *when, enum top_color *ret_color, struct snp_err *err)
{
	if (!when || strcmp(when, "always") == 0)
		*ret_color = TOP_COLOR_ALWAYS;
	else if (strcmp(when, "never") == 0)
		*ret_color = TOP_COLOR_NEVER;
	else if (strcmp(when, "auto") == 0)
		*ret_color = TOP_COLOR_AUTO;
	else
		return snp_err_set(err, -EINVAL,
				   "colour \"%s\" is not auto, always or never", when);
	return 0;
}

static int parse_one(int opt, struct top_options *o, struct snp_err *err)
{
	switch (opt) {
	case 'n':
		o->instance = optarg;
		return 0;
	case 'd':
		return parse_delay(optarg, &o->delay_ms, err);
	case 'o':
		return parse_columns(optarg, o, err);
	case 's':
		return parse_sort(optarg, &o->sort, err);
	case '1':
		o->mode = TOP_MODE_ONCE;
		return 0;
	case OPT_JSON:
		o->mode = TOP_MODE_JSON;
		return 0;
	case 'U':
		o->ascii = true;
		return 0;
	case OPT_COLOR:
		return parse_color(optarg, &o->color, err);
	case OPT_NO_COLOR:
		o->color = TOP_COLOR_NEVER;
		return 0;
	case 'h':
		o->mode = TOP_MODE_HELP;
		return 0;
	default:
		o->mode = TOP_MODE_VERSION;
		return 0;
	}
}

int top_options_parse(int argc, char **argv, struct top_options *ret_options,
		      struct snp_err *err)
{
	struct top_options o = {.delay_ms = TOP_DELAY_DEFAULT_MS,
				.sort = {.column = TOP_COLUMN_WORKER_worker,
					 .flags = TOP_SORT_UNHEALTHY_FIRST}};
	int opt, rc;

	optind = 0; /* also resets getopt's own state */
	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":n:d:o:s:1UhV", long_options, NULL)) !=
	       -1) {
		const char *given = argv[optind - 1];

		if (opt == ':')
			return snp_err_set(err, -EINVAL,
					   "option \"%s\" needs a value" SEE_HELP,
					   given);
		if (opt == '?' && optopt > 0 && optopt < 256)
			return snp_err_set(err, -EINVAL,
					   "unknown option \"-%c\"" SEE_HELP, optopt);
		if (opt == '?')
			return snp_err_set(err, -EINVAL,
					   "unknown option \"%s\"" SEE_HELP, given);
		rc = parse_one(opt, &o, err);
		if (rc < 0)
			return rc;
		/* Asking for a text ends it there. */
		if (o.mode >= TOP_MODE_HELP)
			break;
	}
	if (optind < argc && o.mode < TOP_MODE_HELP)
		return snp_err_set(
		    err, -EINVAL,
		    "unexpected \"%s\"; name an instance with -n" SEE_HELP,
		    argv[optind]);
	*ret_options = o;
	return 0;
}

/* ---- texts --------------------------------------------------------------- */

void top_options_help(FILE *out)
{
	(void)fputs(
	    "snakepit-top - watch pools and workers of a running snakepitd\n"
	    "\n"
	    "Examples:\n"
	    "  snakepit-top                          the only instance there is, live\n"
	    "  snakepit-top -n prod -d 0.5           instance \"prod\", twice a "
	    "second\n"
	    "  snakepit-top --once                   print the state and exit\n"
	    "  snakepit-top --once -s rss            largest workers first\n"
	    "  snakepit-top --once -o worker,pid,rss a table of these columns\n"
	    "  snakepit-top --json | jq .total       everything, for programs\n"
	    "\n"
	    "What to watch:\n"
	    "  -n, --instance NAME|PATH  instance, or path of a segment file\n"
	    "                            (default: $SNAKEPIT_INSTANCE, else the only "
	    "one)\n"
	    "How to watch it:\n"
	    "  -d, --delay SEC     time between updates, 0.05 to 60 (1)\n"
	    "  -s, --sort COL      sort workers; -COL descends, +COL ascends\n"
	    "  -o, --columns LIST  columns to show, pool.COL for pools; -o help lists "
	    "them\n"
	    "  -U, --ascii         draw with plain ASCII\n"
	    "      --color[=WHEN]  auto, always, never; NO_COLOR is honoured "
	    "(--no-color)\n"
	    "Without a terminal:\n"
	    "  -1, --once          print once; also when the output is not a "
	    "terminal.\n"
	    "                      Rates are of 0.25 s, \"-\" where the runtime is not "
	    "alive\n"
	    "      --json          one object with everything; times in nanoseconds\n"
	    "\n"
	    "  -h, --help          this text; in the live view ? lists the keys\n"
	    "  -V, --version       version\n"
	    "\n"
	    "Exit codes: 0 fine, also for the last state of a runtime that ended; 1 "
	    "failure;\n"
	    "2 usage; 3 no such instance; 4 damaged or of another version; 128+n "
	    "signal n.\n",
	    out);
}

void top_options_columns(FILE *out)
{
	for (int table = TOP_TABLE_NR - 1; table >= 0; table--) {
		(void)fprintf(out, "%sColumns of %s:\n",
			      table == TOP_TABLE_POOL ? "\n" : "",
			      table == TOP_TABLE_POOL ? "pools" : "workers");
		for (int id = 0; id < TOP_COLUMN_NR; id++)
			if (top_columns[id].table == table)
				(void)fprintf(out, "  %s%-18s %s\n",
					      table == TOP_TABLE_POOL ? "pool." : "",
					      top_columns[id].field,
					      top_columns[id].help);
	}
	(void)fputs(
	    "\nThe unit at the end of a name may be left out: rss for rss_bytes.\n",
	    out);
}
