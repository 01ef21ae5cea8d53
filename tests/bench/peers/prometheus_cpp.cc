// SPDX-License-Identifier: Apache-2.0
// prometheus_cpp FILE - the same as ours.c by prometheus-cpp: collect and serialize the
// series of the page in FILE.
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace
{

using Labels = std::map<std::string, std::string>;

struct Sample {
	std::string name;
	Labels labels;
	double value;
};

struct Histogram {
	prometheus::Histogram::BucketBoundaries bounds;
	std::vector<double> cumulative;
};

struct Family {
	std::string name, help, type;
	std::vector<Sample> scalars;
	std::map<Labels, Histogram> histograms;
};

bool EndsWith(const std::string &text, const std::string &suffix)
{
	return text.size() >= suffix.size() &&
	       text.compare(text.size() - suffix.size(), suffix.size(), suffix) == 0;
}

// name{label="value",...} value; of our own pages, whose values have no escapes.
Sample ParseSample(const std::string &line)
{
	const size_t space = line.rfind(' ');
	size_t at = line.find('{');
	Sample sample{
	    line.substr(0, std::min(at, space)), {}, std::stod(line.substr(space + 1))};

	while (at != std::string::npos && line[at] != '}') {
		const size_t equals = line.find('=', at);
		const size_t quote = line.find('"', equals + 2);

		sample.labels[line.substr(at + 1, equals - at - 1)] =
		    line.substr(equals + 2, quote - equals - 2);
		at = quote + 1;
	}
	return sample;
}

void AddToHistogram(Family &family, Sample sample)
{
	if (!EndsWith(sample.name, "_bucket"))
		return;
	const std::string le = sample.labels["le"];

	sample.labels.erase("le");
	Histogram &histogram = family.histograms[sample.labels];
	if (le == "+Inf")
		return;
	histogram.bounds.push_back(std::stod(le));
	histogram.cumulative.push_back(sample.value);
}

std::vector<Family> ReadPage(const char *path)
{
	const std::string help = "# HELP ", type = "# TYPE ";
	std::vector<Family> families;
	std::ifstream page(path);
	std::string line;

	while (std::getline(page, line)) {
		if (line.compare(0, help.size(), help) == 0) {
			const size_t space = line.find(' ', help.size());

			families.push_back(
			    {line.substr(help.size(), space - help.size()),
			     line.substr(space + 1),
			     "",
			     {},
			     {}});
		} else if (line.compare(0, type.size(), type) == 0) {
			families.back().type = line.substr(line.rfind(' ') + 1);
		} else if (families.back().type == "histogram") {
			AddToHistogram(families.back(), ParseSample(line));
		} else {
			families.back().scalars.push_back(ParseSample(line));
		}
	}
	return families;
}

// As many observations in each bucket as the page has.
void Observe(prometheus::Histogram &histogram, const Histogram &from)
{
	double before = 0;

	for (size_t i = 0; i < from.bounds.size(); i++)
		for (; before < from.cumulative[i]; before++)
			histogram.Observe(from.bounds[i]);
}

void Register(prometheus::Registry &registry, const Family &from)
{
	if (from.type == "histogram") {
		auto &family = prometheus::BuildHistogram()
				   .Name(from.name)
				   .Help(from.help)
				   .Register(registry);
		for (const auto &histogram : from.histograms)
			Observe(family.Add(histogram.first, histogram.second.bounds),
				histogram.second);
	} else if (from.type == "counter") {
		auto &family =
		    prometheus::BuildCounter().Name(from.name).Help(from.help).Register(
			registry);
		for (const auto &sample : from.scalars)
			family.Add(sample.labels).Increment(sample.value);
	} else {
		auto &family =
		    prometheus::BuildGauge().Name(from.name).Help(from.help).Register(
			registry);
		for (const auto &sample : from.scalars)
			family.Add(sample.labels).Set(sample.value);
	}
}

long SamplesOf(const std::string &page)
{
	long samples = 0;

	for (size_t at = 0; at < page.size(); at = page.find('\n', at) + 1)
		samples += page[at] != '#';
	return samples;
}

} // namespace

int main(int argc, char **argv)
{
	if (argc != 2) {
		std::cerr << "usage: prometheus_cpp FILE" << std::endl;
		return 2;
	}
	prometheus::Registry registry;
	const prometheus::TextSerializer serializer;
	std::string line;

	for (const auto &family : ReadPage(argv[1]))
		Register(registry, family);
	const std::string first = serializer.Serialize(registry.Collect());
	std::cout << SamplesOf(first) << ' ' << first.size() << std::endl;
	while (std::getline(std::cin, line)) {
		auto begin = std::chrono::steady_clock::now();
		std::string page = serializer.Serialize(registry.Collect());
		auto taken = std::chrono::steady_clock::now() - begin;

		std::cout << std::chrono::duration_cast<std::chrono::nanoseconds>(taken)
				 .count()
			  << std::endl;
	}
	return 0;
}
