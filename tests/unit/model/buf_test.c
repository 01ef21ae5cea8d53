/* SPDX-License-Identifier: Apache-2.0 */
#include "model/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void put_many_keeps_every_byte(void **state)
{
	struct snp_buf buf = {0};

	(void)state;
	for (unsigned i = 0; i < 100000; i++)
		snp_buf_putc(&buf, (char)i);
	snp_buf_puts(&buf, "end");
	assert_false(buf.failed);
	assert_int_equal(buf.len, 100003);
	for (unsigned i = 0; i < 100000; i++)
		assert_int_equal(buf.data[i], (char)i);
	assert_memory_equal(buf.data + 100000, "end", 3);
	snp_buf_fini(&buf);
}

static void reset_keeps_the_memory(void **state)
{
	struct snp_buf buf = {0};
	size_t cap;
	char *data;

	(void)state;
	snp_buf_printf(&buf, "%0*d", 10000, 7);
	assert_int_equal(buf.len, 10000);
	cap = buf.cap;
	data = buf.data;
	snp_buf_reset(&buf);
	assert_int_equal(buf.len, 0);
	snp_buf_printf(&buf, "%0*d", 10000, 8);
	assert_int_equal(buf.cap, cap);
	assert_ptr_equal(buf.data, data);
	snp_buf_fini(&buf);
	assert_null(buf.data);
}

static void grow_beyond_memory_is_sticky(void **state)
{
	struct snp_buf buf = {0};

	(void)state;
	snp_buf_puts(&buf, "kept");
	assert_null(snp_buf_reserve(&buf, SIZE_MAX - 2));
	assert_true(buf.failed);
	snp_buf_puts(&buf, "lost");
	snp_buf_u64(&buf, 1);
	assert_int_equal(buf.len, 4);
	assert_int_equal(snp_buf_write_fd(&buf, STDOUT_FILENO), -ENOMEM);
	snp_buf_reset(&buf);
	snp_buf_puts(&buf, "again");
	assert_int_equal(buf.len, 5);
	snp_buf_fini(&buf);
}

static void numbers_are_appended(void **state)
{
	struct snp_buf buf = {0};

	(void)state;
	snp_buf_u64(&buf, UINT64_MAX);
	snp_buf_putc(&buf, ' ');
	snp_buf_seconds(&buf, 1500000000);
	snp_buf_printf(&buf, " %s=%d", "x", -3);
	assert_int_equal(buf.len, strlen("18446744073709551615 1.5 x=-3"));
	assert_memory_equal(buf.data, "18446744073709551615 1.5 x=-3", buf.len);
	snp_buf_fini(&buf);
}

static void write_fd_to_full_device_reports_it(void **state)
{
	struct snp_buf buf = {0};
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	snp_buf_puts(&buf, "x");
	assert_int_equal(snp_buf_write_fd(&buf, fd), -ENOSPC);
	(void)close(fd);
	snp_buf_fini(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(put_many_keeps_every_byte),
	    cmocka_unit_test(reset_keeps_the_memory),
	    cmocka_unit_test(grow_beyond_memory_is_sticky),
	    cmocka_unit_test(numbers_are_appended),
	    cmocka_unit_test(write_fd_to_full_device_reports_it),
	};

	return cmocka_run_group_tests_name("model/buf", tests, NULL, NULL);
}
