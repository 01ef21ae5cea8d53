// SPDX-License-Identifier: Apache-2.0

// Command client_golang SHAPE does the same as ours.c by client_golang: gather and encode.
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
)

const (
	families   = 10
	rows       = 10000
	histograms = 4770
)

var bounds = []float64{
	0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75,
	1, 2.5, 5, 7.5, 10, 30, 60, 120, 300,
}

func addScalars(registry *prometheus.Registry) {
	for f := 0; f < families; f++ {
		family := prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: fmt.Sprintf("snakepit_family_%d_total", f),
			Help: "One of the families of workers.",
		}, []string{"pool", "worker"})
		registry.MustRegister(family)
		for i := 0; i < rows; i++ {
			family.WithLabelValues("default", strconv.Itoa(i)).Add(float64(i) * 7919)
		}
	}
}

func addHistograms(registry *prometheus.Registry) {
	family := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "snakepit_request_duration_seconds",
		Help:    "Time from receiving a request to its outcome.",
		Buckets: bounds,
	}, []string{"pool", "method"})
	registry.MustRegister(family)
	for i := 0; i < histograms; i++ {
		histogram := family.WithLabelValues("default", "tool"+strconv.Itoa(i))
		for k := 1; k <= 64; k++ {
			histogram.Observe(float64(k) * 0.015485863)
		}
	}
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

func samples(page []byte) int {
	number := 0
	for _, line := range bytes.Split(page, []byte("\n")) {
		if len(line) > 0 && line[0] != '#' {
			number++
		}
	}
	return number
}

func main() {
	registry := prometheus.NewRegistry()
	if len(os.Args) == 2 && os.Args[1] == "histograms" {
		addHistograms(registry)
	} else {
		addScalars(registry)
	}
	var page bytes.Buffer
	for asked := bufio.NewScanner(os.Stdin); asked.Scan(); {
		begin := time.Now()
		if err := render(registry, &page); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(time.Since(begin).Nanoseconds(), samples(page.Bytes()))
	}
}
