// SPDX-License-Identifier: Apache-2.0

// Command client_golang FILE does the same as ours.c by client_golang: gather and encode
// the series of the page in FILE.
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

func labelsOf(metric *dto.Metric) (names, values []string) {
	for _, label := range metric.GetLabel() {
		names = append(names, label.GetName())
		values = append(values, label.GetValue())
	}
	return names, values
}

// observe gives the histogram as many observations in each bucket as the page has.
func observe(histogram prometheus.Observer, from *dto.Histogram) {
	var before uint64
	for _, bucket := range from.GetBucket() {
		for ; before < bucket.GetCumulativeCount(); before++ {
			histogram.Observe(bucket.GetUpperBound())
		}
	}
}

func bounds(histogram *dto.Histogram) (upper []float64) {
	for _, bucket := range histogram.GetBucket() {
		upper = append(upper, bucket.GetUpperBound())
	}
	return upper
}

func add(registry *prometheus.Registry, family *dto.MetricFamily) {
	name, help := family.GetName(), family.GetHelp()
	names, _ := labelsOf(family.GetMetric()[0])
	switch family.GetType() {
	case dto.MetricType_COUNTER:
		vec := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, names)
		registry.MustRegister(vec)
		for _, metric := range family.GetMetric() {
			_, values := labelsOf(metric)
			vec.WithLabelValues(values...).Add(metric.GetCounter().GetValue())
		}
	case dto.MetricType_HISTOGRAM:
		vec := prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: name, Help: help, Buckets: bounds(family.GetMetric()[0].GetHistogram()),
		}, names)
		registry.MustRegister(vec)
		for _, metric := range family.GetMetric() {
			_, values := labelsOf(metric)
			observe(vec.WithLabelValues(values...), metric.GetHistogram())
		}
	default:
		vec := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, names)
		registry.MustRegister(vec)
		for _, metric := range family.GetMetric() {
			_, values := labelsOf(metric)
			vec.WithLabelValues(values...).Set(metric.GetGauge().GetValue())
		}
	}
}

func load(registry *prometheus.Registry, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(file)
	for _, family := range families {
		add(registry, family)
	}
	return err
}

func render(registry *prometheus.Registry, page *bytes.Buffer) error {
	page.Reset()
	gathered, err := registry.Gather()
	if err != nil {
		return err
	}
	encoder := expfmt.NewEncoder(page, expfmt.NewFormat(expfmt.TypeTextPlain))
	for _, family := range gathered {
		if err := encoder.Encode(family); err != nil {
			return err
		}
	}
	return nil
}

func samples(page []byte) (number int) {
	for len(page) > 0 {
		if page[0] != '#' {
			number++
		}
		page = page[bytes.IndexByte(page, '\n')+1:]
	}
	return number
}

func run(path string) error {
	registry := prometheus.NewRegistry()
	var page bytes.Buffer
	if err := load(registry, path); err != nil {
		return err
	}
	if err := render(registry, &page); err != nil {
		return err
	}
	fmt.Println(samples(page.Bytes()), page.Len())
	for asked := bufio.NewScanner(os.Stdin); asked.Scan(); {
		begin := time.Now()
		if err := render(registry, &page); err != nil {
			return err
		}
		fmt.Println(time.Since(begin).Nanoseconds())
	}
	return nil
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: client_golang FILE")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
