// SPDX-License-Identifier: Apache-2.0

package segment

import (
	"errors"
	"math/rand"
	"os"
	"reflect"
	"syscall"
	"testing"
	"time"
)

var tiers = []Tier{Snap, Live}

func open(t *testing.T, f *fake) *Segment {
	t.Helper()
	s, err := Open(f.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func snapshot(t *testing.T, s *Segment, tier Tier) *Snapshot {
	t.Helper()
	snap, err := s.Snapshot(tier)
	if err != nil {
		t.Fatal(err)
	}
	return snap
}

func expect(t *testing.T, err error, kind Kind, field string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Kind != kind || e.Field != field {
		t.Fatalf("got %v, want %s %s", err, kind, field)
	}
}

func TestInfo(t *testing.T) {
	info := open(t, newFake(t)).Info()
	if info.Instance != "test" || info.UUID != "00010203-0405-0607-0809-0a0b0c0d0e0f" ||
		info.Incarnation != 7 || info.PID != 4242 || info.StaleAfterMs != 50 {
		t.Errorf("%+v", info)
	}
}

func TestRows(t *testing.T) {
	s := open(t, newFake(t))
	for _, tier := range tiers {
		snap := snapshot(t, s, tier)
		if len(snap.Pools()) != 2 || len(snap.Workers()) != 2 || len(snap.Tools()) != 1 {
			t.Fatalf("%v: %d pools, %d workers, %d tools", tier, len(snap.Pools()),
				len(snap.Workers()), len(snap.Tools()))
		}
		gone := snap.Pools()[1]
		if gone.Name != "gone" || !gone.Retired || gone.RetireReason != "removed" {
			t.Errorf("%v: %+v", tier, gone)
		}
		w := snap.Workers()[0]
		if w.ID != "default/0#3" || w.Status != "busy" || w.Python != "3.11.2" ||
			w.LastExitReason != "signal" || w.LastExitStatus != 137 ||
			w.LastError != "ImportError: no module\n" || w.Adapter != "demo.Adapter" {
			t.Errorf("%v: %+v", tier, w)
		}
		if got := snap.Wall(w.ReadyMono); got != fakeWall+2 {
			t.Errorf("%v: ready at %d", tier, got)
		}
		if name := snap.Tools()[0].Name; name != "" {
			t.Errorf("%v: a name that is not UTF-8 became %q", tier, name)
		}
		if snap.RowsDropped != 11 || snap.BanksExhausted != 12 || snap.TextTruncated != 13 {
			t.Errorf("%v: %+v", tier, snap)
		}
	}
}

func TestRowWithoutPoolIsLeftOut(t *testing.T) {
	f := newFake(t)
	put64(f.row(ToolRow, 0), 16, 1<<40)
	f.write()
	snap := snapshot(t, open(t, f), Live)
	if len(snap.Tools()) != 0 || snap.RowsSkipped != 1 {
		t.Errorf("%d tools, %d skipped", len(snap.Tools()), snap.RowsSkipped)
	}
}

// A copy that is of an earlier life of its row than the mapping shows at the end.
func TestReplacedPoolIsLeftOut(t *testing.T) {
	s := open(t, newFake(t))
	snapshot(t, s, Live) // maps the file
	g := gatherer{mem: s.mem, regions: &s.regions, image: &image{}}
	if err := g.plan(); err != nil {
		t.Fatal(err)
	}
	g.gather()
	pools := &g.image.tables[PoolRow]
	replaced, kept := g.image.at(pools, 0, 0, 1), g.image.at(pools, 1, 0, 1)
	replaced[0] += 4
	g.dropReplacedPools()
	if replaced[0] != genFree || kept[0] == genFree || g.image.skipped != 1 {
		t.Errorf("gens %d and %d, %d skipped", replaced[0], kept[0], g.image.skipped)
	}
}

func TestValues(t *testing.T) {
	s := open(t, newFake(t))
	for _, tier := range tiers {
		snap := snapshot(t, s, tier)
		for name, want := range map[string]float64{
			"tool.requests": float64(^uint64(0) - 2), "active": 1, "state": 4,
			"float": 2.5, "signed": -1.5, "info": 1, "dropped": 11,
			"seen": float64(uint64(fakeWall+3)) / 1e9, "start": 1600000000.5,
		} {
			m := snap.Metric(name)
			if m == nil || snap.Metric(name+"_prom") != m {
				t.Fatalf("no metric %s", name)
			}
			if got := snap.Series(m)[0].Number(); got != want {
				t.Errorf("%v: %s is %v, not %v", tier, name, got, want)
			}
		}
		if snap.Series(snap.Metric("tool.requests"))[0].Value != ^uint64(0)-2 {
			t.Error("a u64 is not exact")
		}
		if snap.Metric("unknown") != nil || snap.Metric("retired") != nil {
			t.Error("a descriptor that should be skipped was not")
		}
	}
}

func TestSeries(t *testing.T) {
	snap := snapshot(t, open(t, newFake(t)), Snap)
	series := snap.Series(snap.Metric("workers"))
	if len(series) != 10 {
		t.Fatalf("%d series", len(series))
	}
	busy := series[2]
	want := []Label{{"key0", "", "default"}, {"state", "snakepit.state", "busy"}}
	if !reflect.DeepEqual(busy.Labels, want) || busy.Value != 1 || series[4].Value != 1 {
		t.Errorf("%+v", series)
	}
	info := snap.Series(snap.Metric("info"))
	want = []Label{{"key3", "", "default/0#3"}, {"key4", "", "1234"},
		{"key5", "", "demo.Adapter"}, {"key6", "", "3.11.2"}}
	if len(info) != 1 || !reflect.DeepEqual(info[0].Labels, want) {
		t.Errorf("a slot without a process has no info: %+v", info)
	}
	states := snap.Series(snap.Metric("state"))
	text, ok := states[0].StateText()
	if text != "ready" || !ok {
		t.Errorf("state is %q", text)
	}
	if _, ok := states[1].StateText(); ok {
		t.Error("state 99 has a name")
	}
}

func TestHistogram(t *testing.T) {
	s := open(t, newFake(t))
	for _, tier := range tiers {
		snap := snapshot(t, s, tier)
		h := snap.Series(snap.Metric("wait"))[0].Histogram
		if h.Count() != 9 || h.Sum != 300 {
			t.Errorf("%v: %+v", tier, h)
		}
		for q, want := range map[float64]uint64{0: 10, 0.2: 10, 0.5: 34, 0.88: 34, 1: 50} {
			if got := h.Quantile(q); got != want {
				t.Errorf("%v: the %v quantile is %d, not %d", tier, q, got, want)
			}
		}
		if got := snap.Series(snap.Metric("wait"))[1].Histogram.Quantile(0.5); got != 0 {
			t.Errorf("%v: a quantile of nothing is %d", tier, got)
		}
	}
}

func TestEvents(t *testing.T) {
	f := newFake(t)
	s := open(t, f)
	var cursor Cursor
	events, err := s.Events(&cursor)
	if err != nil {
		t.Fatal(err)
	}
	var order []uint64
	for _, e := range events {
		order = append(order, e.Mono)
	}
	if !reflect.DeepEqual(order, []uint64{20, 30, 35, 40, 50}) || cursor.Lost != 2 {
		t.Fatalf("%v, %d lost", order, cursor.Lost)
	}
	e := events[1]
	if e.Kind != "worker_moved" || e.From != "warming" || e.To != "ready" || e.Seq != 3 ||
		e.Reason != "none" || e.PID != 1234 || e.Values != [2]uint64{7, 8} {
		t.Errorf("%+v", e)
	}
	f.event(fakeEvnt, 6, 60)
	f.event(fakeEvnt, 7, 70)
	f.b[fakeEvnt+ringHeader+3*eventBytes+100]++ // being overwritten
	put64(f.b, fakeEvnt, 8)
	f.write()
	events, err = s.Events(&cursor)
	if err != nil || len(events) != 1 || events[0].Mono != 60 || cursor.Lost != 3 {
		t.Errorf("%v, %+v, %d lost", err, events, cursor.Lost)
	}
}

func TestDamage(t *testing.T) {
	dir := func(n, field int) int { return 0x1000 + n*regionBytes + field }
	desc := func(n, field int) int { return fakeDesc + n*descBytes + field }
	for _, c := range []struct {
		kind   Kind
		field  string
		break_ func(b []byte)
		seal   bool
	}{
		{Damaged, "magic", func(b []byte) { b[0] = 0 }, true},
		{Damaged, "endian", func(b []byte) { b[8] = 1 }, true},
		{Version, "ver_major", func(b []byte) { b[12] = 2 }, false},
		{Version, "feat_incompat", func(b []byte) { b[0x18] = 1 }, false},
		{Damaged, "hdr_crc", func(b []byte) { b[0x50]++ }, false},
		{Damaged, "map_size", func(b []byte) { put64(b, 0x28, 4096) }, true},
		{Damaged, "dir_count", func(b []byte) { put64(b, 0x90, 65) }, true},
		{Damaged, "dir_count", func(b []byte) { put64(b, 0x90, 0) }, true},
		{Damaged, "dir_off", func(b []byte) { put64(b, 0x88, 0x1001) }, true},
		{Damaged, "dir_off", func(b []byte) { put64(b, 0x88, ^uint64(7)) }, true},
		{Damaged, "heartbeat_interval_ms", func(b []byte) { put32(b, 0xA0, 0) }, true},
		{Damaged, "stale_after_ms", func(b []byte) { put32(b, 0xA4, 0) }, true},
		{NotReady, "state", func(b []byte) { put64(b, offState, 0) }, true},
		{Damaged, "dir_crc", func(b []byte) { b[0x1004]++ }, false},
		{Damaged, "directory", func(b []byte) { put64(b, dir(0, 8), ^uint64(7)) }, true},
		{Damaged, "directory", func(b []byte) { put64(b, dir(0, 16), 1<<63) }, true},
		{Damaged, "directory", func(b []byte) { put64(b, dir(0, 24), 64) }, true},
		{Damaged, "directory", func(b []byte) { put64(b, dir(0, 24), 0) }, true},
		{Damaged, "directory", func(b []byte) { put64(b, dir(0, 32), 65) }, true},
		{Damaged, "directory", func(b []byte) { put64(b, dir(0, 48), 0) }, true},
		{Damaged, "directory", func(b []byte) { put32(b, dir(0, 0), 98) }, true},
		{Damaged, "directory", func(b []byte) { put32(b, dir(6, 4), 1) }, true},
		{Damaged, "directory", func(b []byte) { put64(b, dir(5, 32), 5) }, true},
		{Damaged, "directory", func(b []byte) { put64(b, dir(10, 40), 255) }, true},
		{Damaged, "directory", func(b []byte) { put64(b, dir(10, 48), 1<<60) }, true},
		{Damaged, "directory", func(b []byte) { put64(b, dir(12, 16), 0x23F) }, true},
		{Damaged, "directory", func(b []byte) { put64(b, dir(14, 48), 1) }, true},
		{Damaged, "strings", func(b []byte) { put64(b, offStrtUsed, 0x2001) }, true},
		{Damaged, "enums", func(b []byte) { put32(b, fakeEnum+4, 0x7FF) }, true},
		{Damaged, "enums", func(b []byte) { put32(b, fakeEnum+8, 0x7FE) }, true},
		{Damaged, "enums", func(b []byte) { put32(b, fakeEnum+4*20, 0) }, true},
		{Damaged, "keys", func(b []byte) { put32(b, fakeKeys+4, 0x400) }, true},
		{Damaged, "descriptors", func(b []byte) { put64(b, offDescUsed, 65) }, true},
		{Damaged, "descriptors", func(b []byte) { put32(b, desc(0, 24), 0x300) }, true},
		{Damaged, "descriptors", func(b []byte) { put32(b, desc(0, 12), 8) }, true},
		{Damaged, "descriptors", func(b []byte) { put32(b, desc(1, 16), 2) }, true},
		{Damaged, "descriptors", func(b []byte) { put32(b, desc(2, 12), 128) }, true},
		{Damaged, "descriptors", func(b []byte) { put32(b, desc(4, 12), 312) }, true},
		{Damaged, "descriptors", func(b []byte) { put32(b, desc(4, 36), 31) }, true},
		{Damaged, "descriptors", func(b []byte) { put32(b, desc(6, 16), 4) }, true},
		{Damaged, "descriptors", func(b []byte) { put32(b, desc(6, 88), 384) }, true},
		{Damaged, "descriptors", func(b []byte) { put32(b, desc(8, 12), 0x340) }, true},
		{Damaged, "bounds", func(b []byte) { put32(b, desc(1, 96), 508) }, true},
		{Damaged, "bounds", func(b []byte) { put64(b, fakeBnds+16, 20) }, true},
		{Damaged, "heartbeat", func(b []byte) { b[offHb+hbBytes+1]++ }, true},
		{NotReady, "snap", func(b []byte) { put64(b, offSnapSeq, 0) }, true},
		{Damaged, "snap", func(b []byte) { b[fakeSnap+0x4000+600]++ }, true},
		{Damaged, "snap", func(b []byte) { put64(b, offSnapSeq, 5) }, true},
		{Damaged, "snap", func(b []byte) { put64(b, fakeSnap+0x4000+16, 1<<40) }, true},
	} {
		f := newFake(t)
		c.break_(f.b)
		if c.seal {
			f.seal()
		}
		f.write()
		s, err := Open(f.path)
		if err == nil {
			_, err = s.Snapshot(Snap)
			s.Close()
		}
		expect(t, err, c.kind, c.field)
	}
}

func TestSnapTablesAreChecked(t *testing.T) {
	for field := 0; field < 7; field++ {
		f := newFake(t)
		half := f.b[fakeSnap+0x4000:]
		put64(half, 128+2*snapTableSize+8*field, 0x3FF8)
		put64(half, 0, crc(half[8:u64(half, 16)]))
		f.write()
		_, err := open(t, f).Snapshot(Snap)
		expect(t, err, Damaged, "snap")
	}
}

func TestRowsBeyondTheDirectory(t *testing.T) {
	f := newFake(t)
	put64(f.b, offRowHigh+16, 5)
	f.write()
	_, err := open(t, f).Snapshot(Live)
	expect(t, err, Damaged, "rows")
}

func TestFilesThatAreNotSegments(t *testing.T) {
	f := newFake(t)
	_, err := Open(f.path + ".none")
	expect(t, err, Missing, "path")
	_, err = Open(f.path + "/below")
	expect(t, err, Missing, "path")
	_, err = Open(t.TempDir())
	expect(t, err, Denied, "path")
	link := f.path + ".link"
	if err := os.Symlink(f.path, link); err != nil {
		t.Fatal(err)
	}
	_, err = Open(link)
	expect(t, err, Denied, "path")
	if err := syscall.Mkfifo(f.path+".fifo", 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Open(f.path + ".fifo")
	expect(t, err, Denied, "path")
	if err := os.Truncate(f.path, 4095); err != nil {
		t.Fatal(err)
	}
	_, err = Open(f.path)
	expect(t, err, Damaged, "file")
	if err := os.Chmod(f.path, 0o606); err != nil {
		t.Fatal(err)
	}
	_, err = Open(f.path)
	expect(t, err, Denied, "mode")
}

func TestTruncatedWhileOpen(t *testing.T) {
	for _, size := range []int64{0, 4096, fakeRowd + 0x1000, fakeSize - 1} {
		for _, tier := range tiers {
			f := newFake(t)
			s := open(t, f)
			snapshot(t, s, Live) // maps
			if err := os.Truncate(f.path, size); err != nil {
				t.Fatal(err)
			}
			_, err := s.Snapshot(tier)
			expect(t, err, Damaged, "file")
			_, err = s.Events(&Cursor{})
			expect(t, err, Damaged, "file")
		}
	}
}

func TestReattach(t *testing.T) {
	f := newFake(t)
	s := open(t, f)
	old := snapshot(t, s, Live)
	if changed, err := s.Reattach(); changed || err != nil {
		t.Fatal(changed, err)
	}
	if err := os.Remove(f.path); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Reattach(); err == nil || !s.Replaced() {
		t.Fatal("the file is gone")
	}
	f.b[0x50] = 8
	f.seal()
	f.write()
	if changed, err := s.Reattach(); !changed || err != nil || s.Info().Incarnation != 8 {
		t.Fatal(changed, err, s.Info())
	}
	if old.Pools()[0].Name != "default" || old.Series(old.Metric("active"))[0].Value != 1 {
		t.Error("a snapshot outlives its segment")
	}
}

func TestVerdict(t *testing.T) {
	f := newFake(t)
	s := open(t, f)
	is := func(want Verdict) {
		t.Helper()
		if got, err := s.Verdict(); got != want || err != nil {
			t.Fatalf("%s %v, want %s", got, err, want)
		}
	}
	is(Dead)
	writer, err := os.OpenFile(f.path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	lock := syscall.Flock_t{Type: syscall.F_WRLCK}
	if err := syscall.FcntlFlock(writer.Fd(), 37, &lock); err != nil {
		t.Skip("no open file description locks here:", err)
	}
	is(Alive)
	s.seenAt = s.seenAt.Add(-50 * time.Millisecond)
	is(Hung)
	put64(f.b, offHbSeq, 6)
	f.write()
	is(Alive)
	put64(f.b, offState, 3)
	f.write()
	is(Closed)
	f.b[0x40] = 1
	put64(f.b, offState, 1)
	f.seal()
	f.write()
	s = open(t, f)
	is(Old)
}

// TestAnyBytes reads segments with bytes that were changed at random: an answer or an
// error, never a panic.
func TestAnyBytes(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	f := newFake(t)
	good := append([]byte(nil), f.b...)
	read := 0
	for i := 0; i < 1000; i++ {
		copy(f.b, good)
		for n := random.Intn(4); n >= 0; n-- {
			off := random.Intn(fakeSnap+0x8000) &^ 7
			if random.Intn(2) == 0 {
				off = random.Intn(0x3000) &^ 7
			}
			put64(f.b, off, interesting[random.Intn(len(interesting))])
		}
		half := f.b[fakeSnap+0x4000:]
		if n := u64(half, 16); n >= snapBytes && n <= 0x4000 {
			put64(half, 0, crc(half[8:n]))
		}
		f.seal()
		f.write()
		s, err := Open(f.path)
		if err != nil {
			continue
		}
		for _, tier := range tiers {
			snap, err := s.Snapshot(tier)
			if err != nil {
				continue
			}
			read++
			for _, m := range snap.Metrics() {
				for _, series := range snap.Series(m) {
					if series.Histogram != nil {
						series.Histogram.Quantile(0.5)
					}
					series.Number()
				}
			}
		}
		_, _ = s.Events(&Cursor{})
		s.Close()
	}
	if read < 300 {
		t.Errorf("only %d snapshots could be taken: the test changes too much", read)
	}
}

var interesting = []uint64{0, 1, 2, 3, 7, 8, 64, 255, 4095, 4096, 1 << 16, 1 << 31, 1<<32 - 1,
	1 << 32, 1<<63 - 1, 1 << 63, ^uint64(7), ^uint64(0), 0x0101010101010101}
