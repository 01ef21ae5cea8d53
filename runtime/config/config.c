/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From bytes to a struct snp_config, one step a file:
 *
 *	tree.c      YAML to nodes with positions; ${VAR} expanded by expand.c
 *	complete.c  defaults and inherited values filled in from the table in schema.c
 *	typed.c     nodes to C by libcyaml: unknown keys, wrong types
 *	check.c     ranges, forms, what must agree
 */
#include "config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "complete.h"
#include "tree.h"
#include "typed.h"
#include "utf8.h"

/* ---- The bytes ----------------------------------------------------------- */

static bool is_allowed(uint32_t cp)
{
	return cp == '\t' || cp == '\n' || cp == '\r' || (cp >= 0x20 && cp < 0x7F) ||
	       cp >= 0xA0;
}

/* Refuse what is not text before the YAML parser sees it: it has no positions for that.
 */
static int check_text(const char *text, size_t len, const struct diag *diag)
{
	struct mark mark = {1, 1};
	size_t at = 0;

	while (at < len) {
		uint32_t cp;
		size_t n = snp__utf8_decode(text + at, len - at, &cp);

		if (n == 0)
			return diag_at(diag, mark,
				       "byte 0x%02x is not UTF-8; expected a "
				       "text file in UTF-8",
				       (unsigned char)text[at]);
		if (!is_allowed(cp))
			return diag_at(diag, mark,
				       "control character U+%04X; expected a "
				       "text file in UTF-8",
				       (unsigned)cp);
		at += n;
		mark.column++;
		if (cp == '\n')
			mark = (struct mark){mark.line + 1, 1};
	}
	return 0;
}

static int too_long(const char *name, struct snp_err *err)
{
	return snp_err_set(err, -EFBIG, "%s: over %d bytes; expected a smaller file",
			   name, SNP_CONFIG_MAX_BYTES);
}

int snp_config_parse(const char *text, size_t len, const char *name,
		     struct snp_config **ret_cfg, struct snp_err *err)
{
	struct diag diag = {.name = name, .err = err};
	struct snp_config *cfg = NULL;
	struct node *root = NULL;
	int rc;

	if (len > SNP_CONFIG_MAX_BYTES)
		return too_long(name, err);
	rc = check_text(text, len, &diag);
	if (rc == 0)
		rc = snp__tree_parse(text, len, &diag, &root);
	if (rc < 0)
		return rc;
	rc = snp__complete(root);
	if (rc < 0)
		(void)snp_err_set(err, rc, "%s: out of memory", name);
	if (rc == 0)
		rc = snp__typed_load(root, &diag, &cfg);
	if (rc == 0)
		rc = snp__check(root, cfg, &diag);
	snp__tree_destroy(&root);
	if (rc < 0)
		snp_config_destroy(&cfg);
	else
		*ret_cfg = cfg;
	return rc;
}

/* Read to the end, at most one byte over the limit. Returns the length. */
static ssize_t read_all(int fd, char *buf, size_t size)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = read(fd, buf + len, size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

static int read_file(const char *path, char **ret_text, size_t *ret_len,
		     struct snp_err *err)
{
	size_t size = SNP_CONFIG_MAX_BYTES + 1;
	char *buf = NULL;
	struct stat st;
	ssize_t len;
	int fd, rc = 0;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return snp_err_errno(err, "cannot open the configuration file %s",
				     path);
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		rc = snp_err_set(err, -EISDIR,
				 "%s is a directory; expected a YAML file", path);
		goto out;
	}
	buf = malloc(size);
	if (!buf) {
		rc = snp_err_set(err, -ENOMEM, "%s: out of memory", path);
		goto out;
	}
	len = read_all(fd, buf, size);
	if (len < 0) {
		rc = snp_err_errno(err, "cannot read the configuration file %s", path);
		free(buf);
	} else {
		*ret_text = buf;
		*ret_len = (size_t)len;
	}
out:
	(void)close(fd);
	return rc;
}

uint32_t snp_config_largest_capacity(const struct snp_config *cfg)
{
	uint32_t most = 1;

	for (uint32_t i = 0; i < cfg->pools_count; i++) {
		uint32_t capacity = snp_cfg_pool_capacity(&cfg->pools[i]);

		most = capacity > most ? capacity : most;
	}
	return most;
}

int snp_config_load(const char *path, struct snp_config **ret_cfg, struct snp_err *err)
{
	char *text = NULL;
	size_t len = 0;
	int rc = read_file(path, &text, &len, err);

	if (rc == 0)
		rc = snp_config_parse(text, len, path, ret_cfg, err);
	free(text);
	return rc;
}

void snp_config_destroy(struct snp_config **cfg)
{
	snp__typed_destroy(*cfg);
	*cfg = NULL;
}

/* ---- Where a key stands --------------------------------------------------- */

/* Whether the dotted path at *path begins with `name`; then *path is behind it. */
static bool step(const char **path, const char *name)
{
	size_t len = strlen(name);

	if (strncmp(*path, name, len) != 0 || ((*path)[len] && (*path)[len] != '.'))
		return false;
	*path += len + ((*path)[len] == '.');
	return true;
}

/* The child of a mapping by its key, of a list of pools by their names. */
static const struct node *child_on(const struct node *parent, const char **path)
{
	for (const struct node *n = parent->first; n; n = n->next) {
		const struct node *name =
		    parent->kind == NODE_LIST && n->kind == NODE_MAP
			? snp__tree_find(n, "name")
			: NULL;
		const char *called = name ? name->text : n->key;

		if (called && step(path, called))
			return n;
	}
	return NULL;
}

int snp_config_locate(const char *file, const char *key, size_t *ret_line,
		      size_t *ret_column)
{
	struct diag diag = {.name = file};
	struct node *root = NULL;
	const struct node *node;
	char *text = NULL;
	size_t len = 0;
	int rc = read_file(file, &text, &len, NULL);

	if (rc == 0)
		rc = snp__tree_parse(text, len, &diag, &root);
	if (rc == 0)
		rc = snp__complete(root);
	for (node = root; rc == 0 && node && *key;)
		node = child_on(node, &key);
	if (rc == 0 && !node)
		rc = -ENOENT;
	if (rc == 0) {
		*ret_line = node->mark.line;
		*ret_column = node->mark.column;
	}
	snp__tree_destroy(&root);
	free(text);
	return rc;
}

/* ---- What depends on the directory --------------------------------------- */

/* A copy of `address` with `dir` in place of a placeholder. NULL if memory is short. */
static char *with_dir(const char *address, const char *dir)
{
	const char *at = strstr(address, DIR_PLACEHOLDER);
	char *text = NULL;

	if (!at)
		return strdup(address);
	if (asprintf(&text, "%.*s%s%s", (int)(at - address), address, dir,
		     at + strlen(DIR_PLACEHOLDER)) < 0)
		return NULL;
	return text;
}

static void free_strings(char **strings, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		free(strings[i]);
	free(strings);
}

int snp_config_resolve_dir(struct snp_config *cfg, const char *dir, struct snp_err *err)
{
	char **listen = calloc(cfg->listen_count, sizeof(*listen));
	int rc = listen ? 0 : -ENOMEM;

	for (uint32_t i = 0; i < cfg->listen_count && rc == 0; i++) {
		listen[i] = with_dir(cfg->listen[i], dir);
		if (!listen[i])
			rc = -ENOMEM;
		else if (!snp__rule_accepts(RULE_LISTEN, listen[i]))
			rc = snp_err_set(
			    err, -ENAMETOOLONG,
			    "listen address %s; expected %s, choose a shorter "
			    "data_dir",
			    listen[i], snp__rule_expected(RULE_LISTEN));
	}
	if (rc == -ENOMEM)
		(void)snp_err_set(err, rc, "listen addresses: out of memory");
	if (rc < 0) {
		if (listen)
			free_strings(listen, cfg->listen_count);
		return rc;
	}
	free_strings(cfg->listen, cfg->listen_count);
	cfg->listen = listen;
	return 0;
}
