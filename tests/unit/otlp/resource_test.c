/* SPDX-License-Identifier: Apache-2.0 */
#include "resource.h"

#include <string.h>

#include "model/log.h"
#include "snp_test.h"

static const struct snp_segment_info info = {
    .instance = "prod",
    .uuid = "0b0e7c4e-5f0a-4c79-8a0e-8d4e6b1c2d3e",
    .pid = 4711,
};

/* The value of an attribute that is there once, NULL where it is not. */
static const char *text_of(struct otlp_resource *resource, const char *key)
{
	const otlp_resource_message *message = otlp_resource_message_of(resource);
	const char *found = NULL;

	for (size_t i = 0; i < message->n_attributes; i++) {
		if (strcmp(message->attributes[i]->key, key) != 0)
			continue;
		assert_null(found);
		found = message->attributes[i]->value->string_value;
	}
	return found;
}

static void assert_text(struct otlp_resource *resource, const char *key,
			const char *expected)
{
	const char *text = text_of(resource, key);

	if (expected && text)
		assert_string_equal(text, expected);
	else
		assert_true(!expected && !text);
}

struct row {
	const char *name, *attributes; /* as in the environment */
	const char *key, *expected;
};

static void check(const struct row *row)
{
	struct otlp_identity *identity = NULL;
	struct otlp_resource *resource;

	assert_int_equal(otlp_identity_create(row->name, row->attributes, &identity),
			 0);
	resource = otlp_resource_of_runtime(identity, &info);
	assert_non_null(resource);
	assert_text(resource, row->key, row->expected);
	otlp_resource_drop(&resource);
	assert_null(resource);
	otlp_identity_destroy(&identity);
}

static void the_user_comes_before_us(void **state)
{
	static const struct row rows[] = {
	    {NULL, NULL, "service.name", "snakepit"},
	    {"", "", "service.name", "snakepit"},
	    {NULL, NULL, "service.instance.id", info.uuid},
	    {NULL, NULL, "service.version", SNP_VERSION},
	    {NULL, NULL, "snakepit.instance", "prod"},
	    {NULL, NULL, "process.executable.name", "snakepitd"},
	    {NULL, NULL, "telemetry.sdk.language", "c"},
	    {NULL, NULL, "service.namespace", NULL},
	    {"models", NULL, "service.name", "models"},
	    {NULL, "service.name=a", "service.name", "a"},
	    {"models", "service.name=a", "service.name", "models"},
	    {NULL, "service.namespace=shop, k=v", "service.namespace", "shop"},
	    {NULL, "service.instance.id=pod-7", "service.instance.id", "pod-7"},
	    {NULL, "k=a,k=b", "k", "b"},
	    {NULL, "k=%C3%A4%2Cb", "k", "\xC3\xA4,b"},
	    {NULL, "telemetry.sdk.language=java", "telemetry.sdk.language", "c"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(&rows[i]);
}

/* All or nothing, as the specification has it. */
static void malformed_attributes_are_left_out(void **state)
{
	static const struct row rows[] = {
	    {NULL, "a=1,b", "a", NULL},
	    {NULL, "a=1,=2", "a", NULL},
	    {NULL, "a=1,b=%4", "a", NULL},
	    {NULL, "a=1,b=%ff", "a", NULL},
	    {"\xff", NULL, "service.name", "snakepit"},
	};

	(void)state;
	snp_log_set_level(SNP_LOG_ERROR);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(&rows[i]);
}

/* Two processes never speak of the same stream. */
static void we_are_another_service(void **state)
{
	struct otlp_identity *identity = NULL;
	struct otlp_resource *first, *second;

	(void)state;
	assert_int_equal(otlp_identity_create("models",
					      "service.instance.id=pod-7,"
					      "deployment.environment.name=dev",
					      &identity),
			 0);
	first = otlp_resource_of_self(identity);
	second = otlp_resource_of_self(identity);
	assert_text(first, "service.name", "snakepit-otlp");
	assert_text(first, "deployment.environment.name", "dev");
	assert_int_equal(strlen(text_of(first, "service.instance.id")), 36);
	assert_string_not_equal(text_of(first, "service.instance.id"),
				text_of(second, "service.instance.id"));
	otlp_resource_drop(&second);
	second = otlp_resource_hold(first);
	otlp_resource_drop(&first);
	assert_text(second, "service.name", "snakepit-otlp");
	otlp_resource_drop(&second);
	otlp_identity_destroy(&identity);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_user_comes_before_us),
	    cmocka_unit_test(malformed_attributes_are_left_out),
	    cmocka_unit_test(we_are_another_service),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
