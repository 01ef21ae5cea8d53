/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_out.h - write JSON into a buffer, front to back.
 *
 * Commas, quoting and escaping are done here; the output is one line of valid JSON in
 * valid UTF-8 whatever the strings contain. Nesting is the caller's: an unbalanced end
 * or a value without a key inside an object is a bug of ours and aborts. 64-bit
 * integers are written exactly. Numbers JSON lacks (NaN, infinities) become null. One
 * thread at a time.
 */
#ifndef SNP_MODEL_JSON_OUT_H
#define SNP_MODEL_JSON_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "model/buf.h"

#define SNP_JSON_DEPTH_MAX 16

struct snp_json {
	struct snp_buf *out;
	unsigned depth;
	bool key_pending;
	struct {
		char close; /* '}' or ']' */
		bool has_items;
	} level[SNP_JSON_DEPTH_MAX];
};

/* Values are appended to `out`, which the writer borrows. */
void snp_json_init(struct snp_json *json, struct snp_buf *out);

void snp_json_object_begin(struct snp_json *json);
void snp_json_object_end(struct snp_json *json);
void snp_json_array_begin(struct snp_json *json);
void snp_json_array_end(struct snp_json *json);

/* The key of the value that follows. */
void snp_json_key(struct snp_json *json, const char *key);

void snp_json_string(struct snp_json *json, const char *text);
void snp_json_string_n(struct snp_json *json, const char *text, size_t len);
void snp_json_u64(struct snp_json *json, uint64_t value);
void snp_json_i64(struct snp_json *json, int64_t value);
void snp_json_seconds(struct snp_json *json, uint64_t ns); /* exact decimal seconds */
void snp_json_double(struct snp_json *json, double value);
void snp_json_bool(struct snp_json *json, bool value);
void snp_json_null(struct snp_json *json);
/* Text that is a JSON number already, for example from number.h. */
void snp_json_number(struct snp_json *json, const char *text, size_t len);

/* Key and value in one. */
void snp_json_kv_string(struct snp_json *json, const char *key, const char *text);
void snp_json_kv_u64(struct snp_json *json, const char *key, uint64_t value);
void snp_json_kv_i64(struct snp_json *json, const char *key, int64_t value);
void snp_json_kv_seconds(struct snp_json *json, const char *key, uint64_t ns);
void snp_json_kv_double(struct snp_json *json, const char *key, double value);
void snp_json_kv_bool(struct snp_json *json, const char *key, bool value);

#endif
