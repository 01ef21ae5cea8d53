/* SPDX-License-Identifier: Apache-2.0 */
/* What the man page says of snakepit-top beyond its options: keys and columns. */
#include <stdio.h>

#include "columns.h"
#include "keys.h"
#include "model/json_out.h"
#include "options.h"

static void row(struct snp_json *json, const char *name, const char *help)
{
	snp_json_object_begin(json);
	snp_json_kv_string(json, "name", name);
	snp_json_kv_string(json, "help", help);
	snp_json_object_end(json);
}

static void describe_keys(struct snp_json *json)
{
	char names[TOP_ACTION_KEYS_MAX * (TOP_KEY_NAME_BYTES + 1)];
	char name[TOP_KEY_NAME_BYTES];

	for (int a = TOP_ACTION_NONE + 1; a < TOP_ACTION_NR; a++) {
		const uint32_t *keys = top_actions[a].keys;
		int len = 0;

		names[0] = '\0';
		for (int i = 0; i < TOP_ACTION_KEYS_MAX && keys[i]; i++) {
			top_key_name(name, keys[i]);
			len += snprintf(names + len, sizeof(names) - (size_t)len,
					"%s%s", i ? " " : "", name);
		}
		row(json, names, top_actions[a].help);
	}
	for (int i = 0; i < TOP_CHORD_NR; i++) {
		top_key_name(name, top_chords[i].letter);
		(void)snprintf(names, sizeof(names), "o%s", name);
		row(json, names, top_chords[i].help);
	}
}

static void describe_commands(struct snp_json *json)
{
	char name[64];

	for (int i = 0; i < TOP_COMMAND_NR; i++) {
		(void)snprintf(name, sizeof(name), ":%s %s", top_commands[i].name,
			       top_commands[i].value);
		row(json, name, top_commands[i].help);
	}
}

static void describe_columns(struct snp_json *json)
{
	char name[64];

	for (int id = 0; id < TOP_COLUMN_NR; id++) {
		bool of_pool = top_columns[id].table == TOP_TABLE_POOL;

		(void)snprintf(name, sizeof(name), "%s%s", of_pool ? "pool." : "",
			       top_columns[id].field);
		row(json, name, top_columns[id].help);
	}
}

void top_describe(struct snp_json *json)
{
	snp_json_key(json, "keys");
	snp_json_array_begin(json);
	describe_keys(json);
	describe_commands(json);
	snp_json_array_end(json);
	snp_json_key(json, "columns");
	snp_json_array_begin(json);
	describe_columns(json);
	snp_json_array_end(json);
}
