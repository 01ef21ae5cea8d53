/* SPDX-License-Identifier: Apache-2.0 */
#include "policy.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/buf.h"
#include "model/log.h"

#define FILE_BYTES_MAX 1048576
#define PATH_BYTES     4096

/* The file and those it may name. */
enum file { WEB_CONFIG, CERT, KEY, CLIENT_CA, FILE_NR };

struct content {
	struct snp_buf text;
	mode_t mode;
	bool present;
};

struct versioned {
	struct policy policy; /* first: what is handed out */
	struct content files[FILE_NR];
	unsigned refs;
};

struct policies {
	pthread_mutex_t lock; /* protects: everything below */
	const char *path;     /* NULL: no file */
	struct versioned *last;
	struct snp_err err; /* why the files are not good, as it was logged */
};

/* ---- files --------------------------------------------------------------- */

static void contents_free(struct content files[FILE_NR])
{
	for (int i = 0; i < FILE_NR; i++)
		snp_buf_fini(&files[i].text);
}

static int read_all(int fd, struct snp_buf *text)
{
	char *at;
	ssize_t n;

	do {
		at = snp_buf_reserve(text, 4096);
		if (!at)
			return -ENOMEM;
		n = read(fd, at, 4096);
		if (n < 0 && errno != EINTR)
			return -errno;
		snp_buf_commit(text, n > 0 ? (size_t)n : 0);
		if (text->len > FILE_BYTES_MAX)
			return -EFBIG;
	} while (n != 0);
	return 0;
}

static int read_file(const char *path, struct content *content, struct snp_err *err)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int r = 0;

	if (fd < 0)
		return snp_err_errno(err, "cannot open '%s'", path);
	if (fstat(fd, &st) < 0)
		r = -errno;
	else if (!S_ISREG(st.st_mode))
		r = S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	else
		r = read_all(fd, &content->text);
	(void)close(fd);
	if (r < 0)
		return snp_err_set(err, r, "cannot read '%s': %s", path, strerror(-r));
	content->mode = st.st_mode;
	content->present = true;
	return 0;
}

/* Names in the file count from where the file is. */
static int read_named(const char *config_path, const char *name,
		      struct content *content, struct snp_err *err)
{
	const char *slash = strrchr(config_path, '/');
	char path[PATH_BYTES];
	int len;

	if (!name || !*name)
		return 0;
	len = snprintf(path, sizeof(path), "%.*s%s",
		       *name == '/' || !slash ? 0 : (int)(slash + 1 - config_path),
		       config_path, name);
	if (len < 0 || (size_t)len >= sizeof(path))
		return snp_err_set(err, -ENAMETOOLONG, "'%.64s...' is too long a path",
				   name);
	return read_file(path, content, err);
}

static bool same(const struct content *a, const struct content *b)
{
	return a->present == b->present && a->text.len == b->text.len &&
	       (a->text.len == 0 ||
		memcmp(a->text.data, b->text.data, a->text.len) == 0);
}

static void warn_of_mode(const char *path, const struct content *content,
			 const char *what)
{
	if (content->present && content->mode & S_IROTH)
		snp_log_line(SNP_LOG_WARN,
			     "everybody on this machine can read %s%s%s; take the "
			     "permission away with chmod o-r",
			     what, *what ? " of " : "", path);
}

/* ---- versions ------------------------------------------------------------ */

static void unref(struct versioned *version)
{
	if (!version || --version->refs > 0)
		return;
	tls_destroy(&version->policy.tls);
	webconfig_destroy(&version->policy.config);
	contents_free(version->files);
	free(version);
}

static struct tls_pem pem(const char *text, const struct content *file)
{
	if (file->present)
		return (struct tls_pem){file->text.data, file->text.len};
	if (text && *text)
		return (struct tls_pem){text, strlen(text)};
	return (struct tls_pem){0};
}

static int make_tls(const char *path, struct versioned *version, struct snp_err *err)
{
	const struct webconfig *config = version->policy.config;
	struct content *files = version->files;
	struct tls_texts texts;
	int r = read_named(path, config->cert_file, &files[CERT], err);

	if (r == 0)
		r = read_named(path, config->key_file, &files[KEY], err);
	if (r == 0)
		r = read_named(path, config->client_ca_file, &files[CLIENT_CA], err);
	if (r < 0)
		return snp_err_wrap(err, "%s: tls_server_config", path);
	texts = (struct tls_texts){
	    .cert = pem(config->cert, &files[CERT]),
	    .key = pem(config->key, &files[KEY]),
	    .client_ca = pem(config->client_ca, &files[CLIENT_CA]),
	};
	r = tls_create(config, &texts, &version->policy.tls, err);
	return r < 0 ? snp_err_wrap(err, "%s: tls_server_config", path) : 0;
}

/* All files, from the start. */
static int make_version(const char *path, struct versioned **ret_version,
			struct snp_err *err)
{
	struct versioned *version = calloc(1, sizeof(*version));
	const struct snp_buf *text;
	int r;

	if (!version) {
		(void)snp_err_set(err, -ENOMEM, "%s: out of memory", path);
		return -ENOMEM;
	}
	version->refs = 1;
	r = read_file(path, &version->files[WEB_CONFIG], err);
	text = &version->files[WEB_CONFIG].text;
	if (r == 0)
		r = webconfig_parse(text->data ? text->data : "", text->len, path,
				    &version->policy.config, err);
	if (r == 0 && webconfig_has_tls(version->policy.config))
		r = make_tls(path, version, err);
	if (r != 0)
		unref(version);
	else
		*ret_version = version;
	return r;
}

/* Whether the files are those that `version` was made of. */
static bool is_current(const char *path, const struct versioned *version)
{
	const struct webconfig *config = version->policy.config;
	struct content now[FILE_NR] = {0};
	bool current;

	current = read_file(path, &now[WEB_CONFIG], NULL) == 0 &&
		  same(&now[WEB_CONFIG], &version->files[WEB_CONFIG]);
	if (current && version->policy.tls)
		current = read_named(path, config->cert_file, &now[CERT], NULL) == 0 &&
			  read_named(path, config->key_file, &now[KEY], NULL) == 0 &&
			  read_named(path, config->client_ca_file, &now[CLIENT_CA],
				     NULL) == 0;
	for (int i = CERT; current && i < FILE_NR; i++)
		current = same(&now[i], &version->files[i]);
	contents_free(now);
	return current;
}

static void tell_new_locked(const struct policies *policies,
			    const struct versioned *version)
{
	const struct policy *policy = &version->policy;

	if (webconfig_has_secrets(policy->config))
		warn_of_mode(policies->path, &version->files[WEB_CONFIG],
			     "the secrets");
	warn_of_mode(policies->path, &version->files[KEY], "the key_file");
	snp_log_line(SNP_LOG_INFO, "%s %s: TLS %s, %zu users",
		     policies->last ? "read again" : "read", policies->path,
		     policy->tls ? "on" : "off", policy->config->users.nr);
}

/* Make what is in the files the last version, if it is good. */
static int refresh_locked(struct policies *policies, struct snp_err *err)
{
	struct versioned *version = NULL;
	int r;

	if (policies->last && is_current(policies->path, policies->last))
		return 0;
	r = make_version(policies->path, &version, err);
	if (r != 0)
		return r;
	if (policies->last && !policies->last->policy.tls != !version->policy.tls) {
		unref(version);
		return snp_err_set(err, -EINVAL,
				   "%s: tls_server_config cannot come or go while this "
				   "runs; restart it",
				   policies->path);
	}
	tell_new_locked(policies, version);
	unref(policies->last);
	policies->last = version;
	return 0;
}

/* ---- in use -------------------------------------------------------------- */

int policies_open(const char *path, struct policies **ret_policies, struct snp_err *err)
{
	struct policies *policies = calloc(1, sizeof(*policies));
	int r;

	if (!policies || pthread_mutex_init(&policies->lock, NULL) != 0) {
		free(policies);
		return snp_err_set(err, -ENOMEM, "out of memory");
	}
	policies->path = path;
	if (path) {
		r = refresh_locked(policies, err);
	} else {
		policies->last = calloc(1, sizeof(*policies->last));
		r = -ENOMEM;
		if (policies->last) {
			policies->last->refs = 1;
			r = webconfig_parse("", 0, "", &policies->last->policy.config,
					    err);
		}
	}
	if (r < 0)
		policies_close(&policies);
	else
		*ret_policies = policies;
	return r;
}

void policies_close(struct policies **policies)
{
	if (!*policies)
		return;
	unref((*policies)->last);
	(void)pthread_mutex_destroy(&(*policies)->lock);
	free(*policies);
	*policies = NULL;
}

static struct policy *take_last_locked(struct policies *policies)
{
	policies->last->refs++;
	return &policies->last->policy;
}

struct policy *policies_take(struct policies *policies)
{
	struct policy *policy = NULL;
	struct snp_err err = {0};
	int r;

	(void)pthread_mutex_lock(&policies->lock);
	r = policies->path ? refresh_locked(policies, &err) : 0;
	if (r == 0)
		policy = take_last_locked(policies);
	else if (strcmp(err.msg, policies->err.msg) != 0)
		snp_log_line(SNP_LOG_ERROR, "every request is refused: %s", err.msg);
	policies->err = err;
	(void)pthread_mutex_unlock(&policies->lock);
	return policy;
}

struct policy *policies_take_last(struct policies *policies)
{
	struct policy *policy;

	(void)pthread_mutex_lock(&policies->lock);
	policy = take_last_locked(policies);
	(void)pthread_mutex_unlock(&policies->lock);
	return policy;
}

void policies_give_back(struct policies *policies, struct policy *policy)
{
	if (!policy)
		return;
	(void)pthread_mutex_lock(&policies->lock);
	unref((struct versioned *)policy);
	(void)pthread_mutex_unlock(&policies->lock);
}
