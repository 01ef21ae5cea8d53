// SPDX-License-Identifier: Apache-2.0

package segment

import (
	"fmt"
	"os"
	"testing"
	"time"
)

// TestLatch copies one ledger all the time: a writer that gets between two words of it
// must be noticed.
func TestLatch(t *testing.T) {
	s := openWritten(t)
	snap := snapshot(t, s, Live)
	at := func(name string, cell uint64) uint64 {
		m := snap.Metric(name)
		return (m.off + cell*m.stride) / 8
	}
	in, active := at("snakepit.pool.requests", 0), at("snakepit.request.active", 0)
	waiting := at("snakepit.pool.queue.depth", 0)
	ok, failed := at("snakepit.pool.request.outcomes", 0), at("snakepit.pool.request.outcomes", 1)
	g := gatherer{mem: s.mem, regions: &s.regions, image: &image{}}
	off := s.regions.rowc[PoolRow].off
	w := make([]uint64, recordBytes/8)
	copies, unsettled := 0, 0
	for end := time.Now().Add(300 * time.Millisecond); time.Now().Before(end); {
		for i := 0; i < 1000; i++ {
			if !g.latch(w, off, off+64) {
				unsettled++
			} else if w[in] != w[ok]+w[failed]+w[active]+w[waiting] {
				t.Fatalf("after %d copies: a mixture: %d", copies, w)
			}
			copies++
		}
	}
	t.Logf("%d copies, %d tried again, %d given up", copies, g.image.retries, unsettled)
	if unsettled > copies/100 {
		t.Errorf("%d of %d copies would not settle", unsettled, copies)
	}
}

// TestSum adds up one histogram all the time: its sum must never be ahead.
func TestSum(t *testing.T) {
	s := openWritten(t)
	snap := snapshot(t, s, Live)
	m := snap.Metric("snakepit.heartbeat.latency")
	g := gatherer{mem: s.mem, regions: &s.regions, image: &image{}}
	r := s.regions.bank[PoolRow]
	w := make([]uint64, r.stride/8)
	sums := 0
	for end := time.Now().Add(300 * time.Millisecond); time.Now().Before(end); sums++ {
		g.sum(w, r, 0)
		cell := w[m.off/8:][:len(m.Upper)+2]
		h := Histogram{Buckets: cell[:len(cell)-1], Sum: cell[len(cell)-1]}
		if n := h.Count(); h.Sum > latencies(n) {
			t.Fatalf("after %d sums: %d ns from %d observations", sums, h.Sum, n)
		}
	}
	t.Logf("%d sums", sums)
}

// TestRecycledRows copies the tools all the time while some of them are retired and
// declared anew. The tool churn<n> has n + 1 requests, once it has any.
func TestRecycledRows(t *testing.T) {
	s := openWritten(t)
	m := snapshot(t, s, Live).Metric("snakepit.requests")
	lives := map[uint64]bool{}
	var copies, retries int
	for begin := time.Now(); goesOn(begin, 400*time.Millisecond, len(lives) > 100); {
		g := gatherer{mem: s.mem, regions: &s.regions, image: &image{}}
		if err := g.plan(); err != nil {
			t.Fatal(err)
		}
		tools := &g.image.tables[ToolRow]
		for i := uint64(0); i < 100*tools.count; i++ {
			row := i % tools.count
			g.gatherRow(ToolRow, row)
			w := g.image.at(tools, row, 0, tools.stride/8)
			var n uint64
			name := wordsText(w[rowName:][:rowTextWords])
			if _, err := fmt.Sscanf(name, "churn%d", &n); err != nil || w[rowGen] == 0 {
				continue
			}
			if requests := w[(tools.sums+m.off)/8]; requests != 0 && requests != n+1 {
				t.Fatalf("after %d copies: %s has %d requests", copies, name, requests)
			}
			lives[w[rowUID]] = true
			copies++
		}
		retries += g.image.retries
	}
	t.Logf("%d copies of %d rows, %d tried again", copies, len(lives), retries)
	if len(lives) <= 100 {
		t.Errorf("only %d rows: the writer does not recycle any", len(lives))
	}
}

// latencies is what the writer's first n heartbeats add up to: that of round k took
// 700 us and k more.
func latencies(n uint64) uint64 { return n*700000 + n*(n+1)/2*1000 }

// goesOn says whether a test has more to see: for some time at least, and then until it
// has seen enough, on a busy machine too.
func goesOn(begin time.Time, least time.Duration, enough bool) bool {
	spent := time.Since(begin)
	return spent < least || !enough && spent < 20*time.Second
}

// openWritten opens the segment that SNAKEPIT_TEST_SEGMENT names, which a writer is
// filling as fast as it can; tests/conformance/test_lang_go.py starts it.
func openWritten(t *testing.T) *Segment {
	t.Helper()
	path := os.Getenv("SNAKEPIT_TEST_SEGMENT")
	if path == "" {
		t.Skip("SNAKEPIT_TEST_SEGMENT names no segment that is being written")
	}
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// TestLiveWriter reads a segment as fast as it can while its writer counts as fast as it
// can.
func TestLiveWriter(t *testing.T) {
	s := openWritten(t)
	for _, tier := range tiers {
		w := watcher{t: t, last: map[string]uint64{}}
		looks := 0
		for begin := time.Now(); goesOn(begin, 500*time.Millisecond, w.moved); looks++ {
			snap := snapshot(t, s, tier)
			w.ledgers(snap)
			w.counters(snap)
			w.histograms(snap)
		}
		t.Logf("%v: %d snapshots, %d values", tier, looks, len(w.last))
		if !w.moved {
			t.Errorf("%v: nothing was counted meanwhile", tier)
		}
	}
}

type watcher struct {
	t     *testing.T
	last  map[string]uint64
	moved bool
}

// ledgers: what a pool took in is what went out, runs and waits.
func (w *watcher) ledgers(snap *Snapshot) {
	sum := func(row int, names ...string) (n uint64) {
		for _, name := range names {
			m := snap.Metric(name)
			for _, series := range snap.Series(m)[row*m.Cells : (row+1)*m.Cells] {
				n += series.Value
			}
		}
		return n
	}
	for row := range snap.Pools() {
		in := sum(row, "snakepit.pool.requests")
		out := sum(row, "snakepit.pool.request.outcomes", "snakepit.request.active",
			"snakepit.pool.queue.depth")
		if in != out {
			w.t.Fatalf("%v: pool %d took in %d and accounts for %d", snap.Tier, row, in, out)
		}
	}
}

// counters never fall within the life of a row.
func (w *watcher) counters(snap *Snapshot) {
	uids := map[RowKind]map[uint32]uint64{ProcessRow: {}, PoolRow: {}, WorkerRow: {}, ToolRow: {}}
	for _, row := range snap.Pools() {
		uids[PoolRow][row.Index] = row.UID
	}
	for _, row := range snap.Workers() {
		uids[WorkerRow][row.Index] = row.UID
	}
	for _, row := range snap.Tools() {
		uids[ToolRow][row.Index] = row.UID
	}
	for _, m := range snap.Metrics() {
		for i, series := range snap.Series(m) {
			value := series.Value
			if series.Histogram != nil {
				value = series.Histogram.Count()
			} else if m.Kind != Counter {
				continue
			}
			key := fmt.Sprint(m.ID, i%m.Cells, uids[m.Row][series.Row])
			before, known := w.last[key]
			if value < before {
				w.t.Fatalf("%v: %s %v fell from %d to %d", snap.Tier, m.Name, series.Labels,
					before, value)
			}
			w.moved = w.moved || known && value > before
			w.last[key] = value
		}
	}
}

// histograms: no sum is ahead of its buckets.
func (w *watcher) histograms(snap *Snapshot) {
	for _, series := range snap.Series(snap.Metric("snakepit.heartbeat.latency")) {
		h := series.Histogram
		if n := h.Count(); h.Sum > latencies(n) {
			w.t.Fatalf("%v: %v: %d ns from %d observations", snap.Tier, series.Labels, h.Sum, n)
		}
	}
}
