// SPDX-License-Identifier: Apache-2.0

// Command segment-json prints what segments hold, one line of JSON each, as
// snakepit-inspect --json --events does.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"os"

	"snakepit.dev/segment"
)

func main() {
	tier := flag.String("tier", "snap", "`snap` or live")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: segment-json [--tier snap|live] PATH...")
	}
	flag.Parse()
	tiers := map[string]segment.Tier{"snap": segment.Snap, "live": segment.Live}
	from, ok := tiers[*tier]
	if !ok || flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	os.Exit(run(flag.Args(), from))
}

// run prints a line for each path; the status is that of the last failure.
func run(paths []string, tier segment.Tier) int {
	out := bufio.NewWriter(os.Stdout)
	status := 0
	for _, path := range paths {
		line, err := render(path, tier)
		if err != nil {
			fmt.Fprintln(os.Stderr, "segment-json:", err)
			line, status = renderError(err), exitStatus(err)
		}
		_, _ = out.Write(append(line, '\n'))
	}
	if err := out.Flush(); err != nil {
		fmt.Fprintln(os.Stderr, "segment-json: cannot write:", err)
		return 1
	}
	return status
}

func exitStatus(err error) int {
	var e *segment.Error
	if errors.As(err, &e) {
		switch e.Kind {
		case segment.Missing, segment.NotReady:
			return 3
		case segment.Damaged, segment.Version:
			return 4
		}
	}
	return 1
}
