// SPDX-License-Identifier: Apache-2.0
// prometheus_cpp SHAPE - the same as ours.c by prometheus-cpp: collect and serialize.
#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <chrono>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

namespace {

const int kFamilies = 10, kRows = 10000, kHistograms = 4770;
const prometheus::Histogram::BucketBoundaries kBounds{
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75,
    1,     2.5,  5,     7.5,  10,    30,  60,   120, 300};

void AddScalars(prometheus::Registry &registry)
{
	for (int f = 0; f < kFamilies; f++) {
		auto &family = prometheus::BuildCounter()
				   .Name("snakepit_family_" + std::to_string(f) + "_total")
				   .Help("One of the families of workers.")
				   .Register(registry);
		for (int i = 0; i < kRows; i++)
			family.Add({{"pool", "default"}, {"worker", std::to_string(i)}})
			    .Increment(i * 7919.0);
	}
}

void AddHistograms(prometheus::Registry &registry)
{
	auto &family = prometheus::BuildHistogram()
			   .Name("snakepit_request_duration_seconds")
			   .Help("Time from receiving a request to its outcome.")
			   .Register(registry);
	for (int i = 0; i < kHistograms; i++) {
		auto &histogram = family.Add(
		    {{"pool", "default"}, {"method", "tool" + std::to_string(i)}}, kBounds);
		for (int k = 1; k <= 64; k++)
			histogram.Observe(k * 0.015485863);
	}
}

} // namespace

int main(int argc, char **argv)
{
	prometheus::Registry registry;
	const prometheus::TextSerializer serializer;
	std::string line;

	if (argc == 2 && std::string(argv[1]) == "histograms")
		AddHistograms(registry);
	else
		AddScalars(registry);
	while (std::getline(std::cin, line)) {
		auto begin = std::chrono::steady_clock::now();
		std::string page = serializer.Serialize(registry.Collect());
		auto taken = std::chrono::steady_clock::now() - begin;
		unsigned long samples = 0;
		std::istringstream lines(page);

		while (std::getline(lines, line))
			samples += line[0] != '#';
		std::cout
		    << std::chrono::duration_cast<std::chrono::nanoseconds>(taken).count()
		    << ' ' << samples << std::endl;
	}
	return 0;
}
