/* SPDX-License-Identifier: Apache-2.0 */
#include "format.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/pools.h"

static void unknown(char out[TOP_FORMAT_BYTES])
{
	memcpy(out, "-", sizeof("-"));
}

/* As many decimals (up to `decimals`) as fit into `width` columns. */
static void fixed(char out[TOP_FORMAT_BYTES], double value, int decimals, int width,
		  const char *suffix)
{
	int len = TOP_FORMAT_BYTES;

	for (int d = decimals; d >= 0 && len > width; d--)
		len = snprintf(out, TOP_FORMAT_BYTES, "%.*f%s", d, value, suffix);
}

/* 1234567 -> 1.23M: the suffix whose number is below `base` after rounding. */
static void scaled(char out[TOP_FORMAT_BYTES], double value, double base, int width)
{
	static const char *const suffixes[] = {"", "k", "M", "G", "T", "P", "E"};
	size_t i = 0;

	while (value >= base - 0.5 && i + 1 < sizeof(suffixes) / sizeof(*suffixes)) {
		value /= base;
		i++;
	}
	/* Between 1000 and 1023 there are four digits where there is room for three. */
	if (value >= 999.5 && i + 1 < sizeof(suffixes) / sizeof(*suffixes)) {
		value /= base;
		i++;
	}
	fixed(out, value,
	      value < 9.995   ? 2
	      : value < 99.95 ? 1
			      : 0,
	      width, suffixes[i]);
}

void top_format_count(char out[TOP_FORMAT_BYTES], uint64_t value, int width)
{
	if (value == SNP_UNKNOWN)
		unknown(out);
	else if (snprintf(out, TOP_FORMAT_BYTES, "%" PRIu64, value) > width)
		scaled(out, (double)value, 1000.0, width);
}

void top_format_rate(char out[TOP_FORMAT_BYTES], double per_second, int width)
{
	if (isnan(per_second))
		unknown(out);
	else if (per_second < 999.5)
		fixed(out, per_second, per_second < 99.95 ? 1 : 0, width, "");
	else if (per_second < 9999.5)
		fixed(out, per_second, 0, width, "");
	else
		scaled(out, per_second, 1000.0, width);
}

void top_format_percent(char out[TOP_FORMAT_BYTES], double percent, int width)
{
	if (isnan(percent))
		unknown(out);
	else if (percent < 9999.5)
		fixed(out, percent, percent < 99.95 ? 1 : 0, width, "");
	else
		scaled(out, percent, 1000.0, width);
}

void top_format_bytes(char out[TOP_FORMAT_BYTES], uint64_t bytes, int width)
{
	static const char *const suffixes[] = {"B", "K", "M", "G", "T", "P", "E"};
	double value = (double)bytes;
	size_t i = 0;

	if (bytes == SNP_UNKNOWN) {
		unknown(out);
		return;
	}
	while (value >= 999.5 && i + 1 < sizeof(suffixes) / sizeof(*suffixes)) {
		value /= 1024.0;
		i++;
	}
	fixed(out, value, value < 9.95 && i > 0 ? 1 : 0, width, suffixes[i]);
}

/* Two units at most: 1m40s, 12m, 3h04m, 12h, 3d04h, 400d. */
static void long_time(char out[TOP_FORMAT_BYTES], uint64_t s)
{
	static const struct {
		unsigned big_s, small_s;
		char big, small;
	} units[] = {{60, 1, 'm', 's'}, {3600, 60, 'h', 'm'}, {86400, 3600, 'd', 'h'}};
	size_t i = s < 3600 ? 0 : s < 86400 ? 1 : 2;
	uint64_t big = s / units[i].big_s;

	if (big < 10)
		(void)snprintf(out, TOP_FORMAT_BYTES, "%" PRIu64 "%c%02" PRIu64 "%c",
			       big, units[i].big, s % units[i].big_s / units[i].small_s,
			       units[i].small);
	else if (big < 10000)
		(void)snprintf(out, TOP_FORMAT_BYTES, "%" PRIu64 "%c", big,
			       units[i].big);
	else
		(void)snprintf(out, TOP_FORMAT_BYTES, "%" PRIu64 "y", big / 365);
}

void top_format_latency(char out[TOP_FORMAT_BYTES], uint64_t ns, int width)
{
	double value = (double)ns;

	if (ns == SNP_UNKNOWN)
		unknown(out);
	else if (value < 999.5)
		fixed(out, value, 0, width, "ns");
	else if (value < 999.5e3)
		fixed(out, value / 1e3, value < 9.95e3 ? 1 : 0, width, "us");
	else if (value < 999.5e6)
		fixed(out, value / 1e6, value < 9.95e6 ? 1 : 0, width, "ms");
	else if (value < 99.95e9)
		fixed(out, value / 1e9, 1, width, "s");
	else
		long_time(out, (ns + SNP_NS_PER_S / 2) / SNP_NS_PER_S);
}

void top_format_age(char out[TOP_FORMAT_BYTES], uint64_t ns, int width)
{
	if (ns == SNP_UNKNOWN)
		unknown(out);
	else if ((double)ns < 99.95e9)
		fixed(out, (double)ns / 1e9, 1, width, "s");
	else
		long_time(out, ns / SNP_NS_PER_S);
}

void top_format_uptime(char out[TOP_FORMAT_BYTES], uint64_t ns, int width)
{
	uint64_t s = ns / SNP_NS_PER_S;

	if (ns == SNP_UNKNOWN)
		unknown(out);
	else if (s < 100)
		fixed(out, (double)s, 0, width, "s");
	else
		long_time(out, s);
}
