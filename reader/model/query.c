/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recursive descent parser over the text makes a tree in one array, children before
 * their parents. Depth is bounded by NESTING_MAX for what nests in the text, and by the
 * text's length for chains of "and" and "or".
 */
#include "model/query.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "query_tree.h"

#define NESTING_MAX	64
#define REPETITIONS_MAX 8
#define WORD_BYTES	128
/* Longer ones before those they begin with. */
static const struct {
	const char *text;
	enum query_op op;
} ops[] = {
    {"==", QUERY_EQ}, {"!=", QUERY_NE},	    {"<=", QUERY_LE},
    {">=", QUERY_GE}, {"!~", QUERY_UNLIKE}, {"=", QUERY_EQ},
    {"<", QUERY_LT},  {">", QUERY_GT},	    {"~", QUERY_LIKE},
};
/* ---- words --------------------------------------------------------------- */

struct parser {
	const char *text, *at;
	struct snp_query *query;
	struct snp_query_place *place;
	struct snp_err *err;
	unsigned depth;
};

struct token {
	const char *start;
	size_t len;
};

static void skip_space(struct parser *p)
{
	while (isspace((unsigned char)*p->at))
		p->at++;
}

/* What a name or a plain value is made of. Bytes of UTF-8 count. */
static bool is_word_char(char c)
{
	return isalnum((unsigned char)c) || (unsigned char)c >= 0x80 ||
	       (c && strchr("_./:%+-", c));
}

static struct token peek_word(struct parser *p)
{
	struct token word;

	skip_space(p);
	word.start = p->at;
	word.len = 0;
	while (is_word_char(word.start[word.len]))
		word.len++;
	return word;
}

static bool token_is(struct token token, const char *text)
{
	return token.len == strlen(text) &&
	       strncasecmp(token.start, text, token.len) == 0;
}

static bool take_keyword(struct parser *p, const char *keyword)
{
	struct token word = peek_word(p);

	if (!token_is(word, keyword))
		return false;
	p->at += word.len;
	return true;
}

static bool take_char(struct parser *p, char c)
{
	skip_space(p);
	if (*p->at != c)
		return false;
	p->at++;
	return true;
}

/* An error at the token; at one character where it is empty. */
__attribute__((format(printf, 3, 4))) static int
wrong(struct parser *p, struct token where, const char *fmt, ...)
{
	char text[SNP_ERR_MSG_BYTES];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	p->place->at = (size_t)(where.start - p->text);
	p->place->len = where.len ? where.len : 1;
	return snp_err_set(p->err, -EINVAL, "%s", text);
}

static struct token here(struct parser *p, size_t len)
{
	skip_space(p);
	return (struct token){p->at, len};
}

static int copy_word(struct token token, char out[WORD_BYTES])
{
	if (token.len >= WORD_BYTES)
		return -EINVAL;
	memcpy(out, token.start, token.len);
	out[token.len] = '\0';
	return 0;
}

/* ---- values -------------------------------------------------------------- */
static const struct query_unit *find_unit(enum snp_query_kind kind, const char *text)
{
	const struct query_unit *unit = snp__query_units[kind];

	/* Only times have units that differ in more than their case. */
	for (; unit->text; unit++)
		if ((kind == SNP_QUERY_NS ? strcmp : strcasecmp)(unit->text, text) == 0)
			return unit;
	return NULL;
}

/* Decimal digits with a point and an exponent; strtold() knows more than those. */
static size_t number_len(const char *word)
{
	size_t len = strspn(word, "0123456789.");

	if (len == 0 || strspn(word, ".") == len)
		return 0;
	if ((word[len] == 'e' || word[len] == 'E')) {
		size_t sign = word[len + 1] == '-' || word[len + 1] == '+';
		size_t digits = strspn(word + len + 1 + sign, "0123456789");

		if (digits > 0)
			len += 1 + sign + digits;
	}
	return len;
}

static int parse_number(struct parser *p, struct query_test *test, struct token token)
{
	const struct snp_query_field *field = &test->field;
	size_t len = number_len(test->text);
	const struct query_unit *unit = NULL;
	struct token rest = {token.start + len, token.len - len};
	char *end = NULL;
	/* In more digits than a double has, so that 12.003K is 12003. */
	long double number = len ? strtold(test->text, &end) : 0;

	if (len == 0 || end != test->text + len || number > 1e300L)
		return wrong(p, token, "%s is a number, and \"%s\" is none",
			     field->name, test->text);
	if (test->text[len]) {
		unit = find_unit(field->kind, test->text + len);
		if (!unit)
			return wrong(p, rest, "\"%s\" is no unit of %s",
				     test->text + len, field->name);
	} else if (field->kind == SNP_QUERY_NS && number > 0) {
		return wrong(p, token, "%s is a duration: write %sms, or %ss",
			     field->name, test->text, test->text);
	}
	test->number = (double)(number * (unit ? unit->factor : 1));
	return 0;
}

/* The C library copies what is repeated, so that a few dozen repetitions in each other
 * fill the memory. */
static bool is_modest(const char *regex)
{
	unsigned repetitions = 0;

	for (; *regex; regex++)
		if (strchr("*+?{", *regex))
			repetitions += *regex == '{' ? REPETITIONS_MAX + 1 : 1;
	return repetitions <= REPETITIONS_MAX;
}

static int parse_regex(struct parser *p, struct query_test *test, struct token token)
{
	char why[128];
	int rc;

	if (!is_modest(test->text))
		return wrong(p, token,
			     "a regular expression has at most %d of * + ?, and no {",
			     REPETITIONS_MAX);
	rc = regcomp(&test->regex, test->text, REG_EXTENDED | REG_NOSUB);

	if (rc == 0)
		return 0;
	if (rc == REG_ESPACE)
		return snp_err_set(p->err, -ENOMEM, "out of memory for a query");
	(void)regerror(rc, &test->regex, why, sizeof(why));
	return wrong(p, token, "no regular expression: %s", why);
}

/* A word, or anything in quotes. `*ret_token` includes the quotes. */
static int take_value(struct parser *p, struct query_test *test,
		      struct token *ret_token)
{
	struct token word = peek_word(p), inner = word;
	char quote = *word.start;

	if (quote == '\'' || quote == '"') {
		const char *end = strchr(word.start + 1, quote);

		word.len = end ? (size_t)(end + 1 - word.start) : strlen(word.start);
		if (!end)
			return wrong(p, word, "the quote is not closed");
		inner = (struct token){word.start + 1, word.len - 2};
	} else if (word.len == 0) {
		return wrong(p, word, "a value is missing");
	}
	test->text = strndup(inner.start, inner.len);
	if (!test->text)
		return snp_err_set(p->err, -ENOMEM, "out of memory for a query");
	test->unknown = inner.start == word.start && strcmp(test->text, "-") == 0;
	p->at = word.start + word.len;
	*ret_token = word;
	return 0;
}

static int parse_value(struct parser *p, struct query_test *test, struct token op)
{
	struct token token = {0};
	int rc = take_value(p, test, &token);

	if (rc < 0)
		return rc;
	if (test->unknown) {
		if (test->op != QUERY_EQ && test->op != QUERY_NE)
			return wrong(p, op,
				     "\"-\" stands for what is not known: only = and "
				     "!= make sense");
		return 0;
	}
	if (test->op == QUERY_LIKE || test->op == QUERY_UNLIKE)
		return parse_regex(p, test, token);
	if (test->field.kind == SNP_QUERY_TEXT)
		return 0;
	return parse_number(p, test, token);
}

/* ---- tests --------------------------------------------------------------- */

static int parse_field(struct parser *p, struct token *ret_word,
		       struct snp_query_field *ret_field)
{
	const struct snp_query_terms *terms = p->query->terms;
	struct token word = peek_word(p);
	char name[WORD_BYTES];
	const char *near;

	if (word.len == 0 && *word.start == '\0')
		return wrong(p, word, "the query ends where a field is expected");
	if (word.len == 0)
		return wrong(p, here(p, 1), "\"%c\" means nothing here",
			     isprint((unsigned char)*p->at) ? *p->at : '?');
	if (token_is(word, "and") || token_is(word, "or"))
		return wrong(p, word, "a field is missing before \"%.*s\"",
			     (int)word.len, word.start);
	if (copy_word(word, name) < 0)
		return wrong(p, word, "no field has so long a name");
	*ret_field = terms->find(name);
	if (ret_field->id < 0) {
		near = terms->nearest ? terms->nearest(name) : NULL;
		return wrong(p, word, "no field \"%s\"%s%s%s", name,
			     near ? "; did you mean \"" : "", near ? near : "",
			     near ? "\"?" : "");
	}
	p->at += word.len;
	*ret_word = word;
	return 0;
}

static int parse_op(struct parser *p, struct token field, enum query_op *ret_op,
		    struct token *ret_token)
{
	skip_space(p);
	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++) {
		size_t len = strlen(ops[i].text);

		if (strncmp(p->at, ops[i].text, len) != 0)
			continue;
		*ret_token = (struct token){p->at, len};
		*ret_op = ops[i].op;
		p->at += len;
		return 0;
	}
	return wrong(p, peek_word(p), "after \"%.*s\" comes one of = != < <= > >= ~ !~",
		     (int)field.len, field.start);
}

static int check_op(struct parser *p, const struct query_test *test, struct token op)
{
	bool is_text = test->field.kind == SNP_QUERY_TEXT;
	bool searches = test->op == QUERY_LIKE || test->op == QUERY_UNLIKE;

	if (searches && !is_text)
		return wrong(p, op, "%.*s searches texts, and %s is a number",
			     (int)op.len, op.start, test->field.name);
	if (is_text && !searches && test->op != QUERY_EQ && test->op != QUERY_NE)
		return wrong(p, op, "%s is a text: only = != ~ !~ make sense",
			     test->field.name);
	return 0;
}

static void add_node(struct parser *p, enum query_node_kind kind, size_t a, size_t b)
{
	p->query->nodes[p->query->nodes_nr++] =
	    (struct query_node){kind, (uint16_t)a, (uint16_t)b};
}

static size_t last_node(const struct parser *p)
{
	return p->query->nodes_nr - 1;
}

static int parse_test(struct parser *p)
{
	struct query_test *test = &p->query->tests[p->query->tests_nr];
	struct token word = {0}, op = {0};
	int rc = parse_field(p, &word, &test->field);

	if (rc == 0)
		rc = parse_op(p, word, &test->op, &op);
	if (rc == 0)
		rc = check_op(p, test, op);
	if (rc < 0)
		return rc;
	p->query->tests_nr++; /* snp_query_free() finds it */
	rc = parse_value(p, test, op);
	if (rc < 0) /* then there is no regular expression to free either */
		test->op = QUERY_EQ;
	else
		add_node(p, QUERY_NODE_TEST, p->query->tests_nr - 1, 0);
	return rc;
}

/* ---- expressions --------------------------------------------------------- */

static int parse_or(struct parser *p);

static int parse_group(struct parser *p)
{
	int rc = parse_or(p);

	if (rc < 0)
		return rc;
	if (!take_char(p, ')'))
		return wrong(p, peek_word(p), "\")\" is missing");
	return 0;
}

/* "!" before a test; "!=" and "!~" come after a field only. */
static bool take_not(struct parser *p)
{
	return take_keyword(p, "not") || take_char(p, '!');
}

static int parse_not(struct parser *p)
{
	bool negated = false;
	int rc;

	while (take_not(p))
		negated = !negated;
	if (take_char(p, '(')) {
		if (++p->depth > NESTING_MAX)
			return wrong(p, (struct token){p->at - 1, 1},
				     "nested more than %d deep", NESTING_MAX);
		rc = parse_group(p);
		p->depth--;
	} else {
		rc = parse_test(p);
	}
	if (rc == 0 && negated)
		add_node(p, QUERY_NODE_NOT, last_node(p), 0);
	return rc;
}

static int parse_and(struct parser *p)
{
	int rc = parse_not(p);

	while (rc == 0 && take_keyword(p, "and")) {
		size_t left = last_node(p);

		rc = parse_not(p);
		if (rc == 0)
			add_node(p, QUERY_NODE_AND, left, last_node(p));
	}
	return rc;
}

static int parse_or(struct parser *p)
{
	int rc = parse_and(p);

	while (rc == 0 && take_keyword(p, "or")) {
		size_t left = last_node(p);

		rc = parse_and(p);
		if (rc == 0)
			add_node(p, QUERY_NODE_OR, left, last_node(p));
	}
	return rc;
}

static int parse_end(struct parser *p)
{
	struct token rest = peek_word(p);

	if (*p->at == '\0')
		return 0;
	if (rest.len > 0 || *p->at == '(')
		return wrong(p, here(p, rest.len), "\"and\" or \"or\" is missing");
	if (*p->at == ')')
		return wrong(p, here(p, 1), "its \"(\" is missing");
	return wrong(p, here(p, 1), "\"%c\" means nothing here",
		     isprint((unsigned char)*p->at) ? *p->at : '?');
}

static int parse(struct parser *p)
{
	int rc;

	skip_space(p);
	if (*p->at == '\0') {
		p->at = p->text;
		return wrong(p, (struct token){p->text, 0}, "nothing is asked");
	}
	rc = parse_or(p);
	return rc < 0 ? rc : parse_end(p);
}

bool snp_query_is_short(const char *field, const char *word)
{
	static const char *const units[] = {"_ns", "_bytes", "_percent"};
	size_t len = strlen(word);

	if (strncmp(field, word, len) != 0)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (strcmp(field + len, units[i]) == 0)
			return true;
	return false;
}

int snp_query_compile(const char *text, const struct snp_query_terms *terms,
		      struct snp_query **ret_query, struct snp_query_place *ret_place,
		      struct snp_err *err)
{
	struct parser p = {.text = text, .at = text, .place = ret_place, .err = err};
	size_t len = strlen(text);
	int rc = -ENOMEM;

	*ret_place = (struct snp_query_place){0, 1};
	if (len > SNP_QUERY_BYTES_MAX)
		return snp_err_set(err, -EINVAL, "a query has at most %d bytes",
				   SNP_QUERY_BYTES_MAX);
	p.query = calloc(1, sizeof(*p.query));
	if (p.query) {
		p.query->terms = terms;
		/* Each takes a byte of the text at least. */
		p.query->nodes = calloc(len + 1, sizeof(*p.query->nodes));
		p.query->tests = calloc(len / 2 + 1, sizeof(*p.query->tests));
	}
	if (p.query && p.query->nodes && p.query->tests)
		rc = parse(&p);
	else
		(void)snp_err_set(err, -ENOMEM, "out of memory for a query");
	if (rc < 0) {
		snp_query_free(p.query);
		return rc;
	}
	*ret_query = p.query;
	return 0;
}

void snp_query_free(struct snp_query *query)
{
	if (!query)
		return;
	for (size_t i = 0; query->tests && i < query->tests_nr; i++) {
		struct query_test *test = &query->tests[i];

		if ((test->op == QUERY_LIKE || test->op == QUERY_UNLIKE) &&
		    !test->unknown)
			regfree(&test->regex);
		free(test->text);
	}
	free(query->tests);
	free(query->nodes);
	free(query);
}
