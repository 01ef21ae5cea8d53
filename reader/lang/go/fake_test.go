// SPDX-License-Identifier: Apache-2.0

package segment

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// fake is a small segment made by hand: two pools (the second retired), two workers and
// a row that is being recycled, a tool, two banks, and an event ring of four records.
type fake struct {
	t    *testing.T
	path string
	b    []byte
	dirs int
	strt []byte
}

const (
	fakeDesc = 0x2000
	fakeStrt = 0x4000
	fakeKeys = 0x6000
	fakeEnum = 0x7000
	fakeBnds = 0x9000
	fakeRowd = 0xA000 // a page a kind
	fakeRowc = 0xE000
	fakeBank = 0x12000
	fakeEvnt = 0x16000
	fakeText = 0x18000
	fakeSnap = 0x1A000
	fakeSize = 0x22000

	fakeMono = 5_000_000_000
	fakeWall = 1_700_000_000_000_000_000

	poolStride   = 64  // bank entry of a pool: a histogram of 4 buckets in 7 words, spare
	workerStride = 384 // latch, then 8 words
)

func put64(b []byte, off int, v ...uint64) {
	for i, word := range v {
		binary.LittleEndian.PutUint64(b[off+8*i:], word)
	}
}

func put32(b []byte, off int, v ...uint32) {
	for i, word := range v {
		binary.LittleEndian.PutUint32(b[off+4*i:], word)
	}
}

func (f *fake) region(typ, kind uint32, off, length, stride, count, outerStride, outer int) {
	at := 0x1000 + f.dirs*regionBytes
	f.dirs++
	put32(f.b, at, typ, kind)
	put64(f.b, at+8, uint64(off), uint64(length), uint64(stride), uint64(count),
		uint64(outerStride), uint64(outer))
	put32(f.b, at+56, 1)
}

func (f *fake) str(text string) uint32 {
	if text == "" {
		return 0
	}
	ref := uint32(len(f.strt) / 8)
	f.strt = binary.LittleEndian.AppendUint32(f.strt, uint32(len(text)))
	f.strt = append(f.strt, text...)
	f.strt = append(f.strt, make([]byte, 8-len(f.strt)%8)...)
	return ref
}

type fakeDescriptor struct {
	kind, vtype, storage, row uint8
	off, count                uint32
	stride                    uint32
	name                      string
	exp                       int32
	keys, enum                uint32
	a, b                      uint32
	retired                   uint16
}

func (f *fake) desc(n int, d fakeDescriptor) {
	b := f.b[fakeDesc+n*descBytes:]
	if d.count == 0 {
		d.count = 1
	}
	if d.stride == 0 {
		d.stride = 8
	}
	put32(b, 0, uint32(n+1))
	b[4], b[5], b[6], b[8], b[9] = d.kind, d.vtype, d.storage, d.row, 1
	put32(b, 12, d.off, d.count, d.stride, f.str(d.name), f.str(d.name+"_prom"),
		f.str("1"), uint32(d.exp), f.str("Help of "+d.name+"."))
	put32(b, 52, d.keys, d.enum)
	if MetricKind(d.kind) == HistogramKind {
		put32(b, 60, 1, 2) // bounds 20, 30
		put32(b, 68, 0)
		b[72], b[74] = 4, 3
		put64(b, 80, 10)
		put32(b, 96, 0) // upper 10, 20, 30, 40, 50
	}
	b[75] = 1
	binary.LittleEndian.PutUint16(b[78:], d.retired)
	put32(b, 88, d.a, d.b)
}

func (f *fake) enums() (state, outcome uint32) {
	tables := make([][]string, 16)
	for i := range tables {
		tables[i] = []string{"none"}
	}
	tables[tableExitReason] = []string{"clean", "signal"}
	tables[tableWorkerState] = []string{"empty", "spawning", "starting", "warming", "ready"}
	tables[tableWorkerStatus] = []string{"starting", "idle", "busy", "draining", "down"}
	tables[tableEventKind] = []string{"worker_moved"}
	tables[tableRetireReason] = []string{"none", "idle", "removed"}
	w := []uint32{0, uint32(len(tables))}
	at := uint32(2 + len(tables))
	var body []uint32
	places := map[int]uint32{}
	for i, values := range tables {
		places[i] = at + uint32(len(body))
		w = append(w, places[i])
		body = append(body, f.str("state"), f.str("snakepit.state"), uint32(len(values)))
		for _, v := range values {
			body = append(body, f.str(v))
		}
	}
	w = append(w, body...)
	put32(f.b, fakeEnum, w...)
	return places[tableWorkerState], places[tableWorkerStatus]
}

func (f *fake) row(kind RowKind, index int, w ...uint64) []byte {
	at := fakeRowd + int(kind)*0x1000 + index*rowBytes
	put64(f.b, at, w...)
	return f.b[at:]
}

func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{t: t, path: filepath.Join(t.TempDir(), "test.seg"), b: make([]byte, fakeSize)}
	f.strt = make([]byte, 8)
	f.fillSchema()
	f.fillHeader()
	f.fillDirectory()
	f.fillRows()
	f.fillEvents()
	f.seal()
	f.write()
	f.fillSnap(3)
	return f
}

func (f *fake) fillSchema() {
	for i := uint32(0); i < keySources; i++ {
		put32(f.b, fakeKeys+int(i)*keyBytes, i, f.str("key"+string('0'+rune(i))), 0)
	}
	state, status := f.enums()
	for n, d := range []fakeDescriptor{
		{kind: 1, vtype: 1, storage: storageBank, row: 3, name: "tool.requests", keys: 0b101},
		{kind: 4, vtype: 1, storage: storageBank, row: 1, name: "wait", keys: 1, stride: 56},
		{kind: 3, vtype: 1, storage: storageLatch, row: 1, off: 16, name: "active", keys: 1},
		{kind: 5, vtype: 1, storage: storageRow, row: 2, off: 320, name: "state", keys: 2, enum: state},
		{kind: 3, vtype: 3, storage: storageRow, row: 2, off: 336, name: "float", keys: 2},
		{kind: 3, vtype: 2, storage: storageRow, row: 2, off: 344, name: "signed", exp: -3, keys: 2},
		{kind: 3, vtype: 1, storage: storageDerived, row: 1, count: 5, name: "workers", keys: 1,
			enum: status, a: 320, b: 328},
		{kind: 7, vtype: 6, storage: storageOne, row: 2, name: "info", keys: 0b1111000},
		{kind: 1, vtype: 1, storage: storageHeader, row: 0, off: 0x300, name: "dropped"},
		{kind: 99, vtype: 1, storage: storageRow, row: 2, off: 1, name: "unknown"},
		{kind: 1, vtype: 1, storage: storageRow, row: 2, off: 1, name: "retired", retired: 1},
		{kind: 6, vtype: 4, storage: storageRow, row: 2, off: 352, name: "seen", keys: 2, exp: -9},
		{kind: 6, vtype: 5, storage: storageHeader, row: 0, off: 0x80, name: "start", exp: -9},
	} {
		f.desc(n, d)
	}
	put64(f.b, offDescUsed, 13, uint64(len(f.strt)))
	copy(f.b[fakeStrt:], f.strt)
	put64(f.b, fakeBnds, 10, 20, 30, 40, 50)
}

func (f *fake) fillHeader() {
	copy(f.b, magic[:])
	put32(f.b, 0x08, endianTag, 1, 1, 0x400)
	put64(f.b, 0x28, fakeSize)
	for i := range f.b[0x30:0x40] {
		f.b[0x30+i] = byte(i)
	}
	put64(f.b, 0x50, 7)
	put32(f.b, 0x58, 4242, 0)
	put64(f.b, 0x78, 1, 1_600_000_000_500_000_000, 0x1000)
	put32(f.b, 0xA0, 100, 50, 10, 1000)
	copy(f.b[0xB0:], "test")
	put64(f.b, offState, 1)
	put64(f.b, offBankHigh, 2, 1, 2, 3, 1)
	put64(f.b, offHbSeq, 5)
	put64(f.b, offHb+hbBytes, 5, fakeMono, fakeWall)
	put64(f.b, offHb+hbBytes+56, crc(f.b[offHb+hbBytes:][:56]))
	put64(f.b, offMeters, 11, 12, 13)
}

func (f *fake) fillDirectory() {
	f.region(regionDesc, 0, fakeDesc, 0x2000, 128, 64, 0, 1)
	f.region(regionStrt, 0, fakeStrt, 0x2000, 1, 0x2000, 0, 1)
	f.region(regionKeys, 0, fakeKeys, 0x1000, 16, 256, 0, 1)
	f.region(regionEnum, 0, fakeEnum, 0x2000, 4, 0x800, 0, 1)
	f.region(regionBnds, 0, fakeBnds, 0x1000, 8, 512, 0, 1)
	f.region(regionRowd, 1, fakeRowd+0x1000, 0x1000, 384, 4, 0, 1)
	f.region(regionRowd, 2, fakeRowd+0x2000, 0x1000, 384, 4, 0, 1)
	f.region(regionRowd, 3, fakeRowd+0x3000, 0x1000, 384, 4, 0, 1)
	f.region(regionRowc, 1, fakeRowc+0x1000, 0x1000, 320, 4, 0, 1)
	f.region(regionRowc, 2, fakeRowc+0x2000, 0x1000, workerStride, 4, 0, 1)
	f.region(regionBank, 1, fakeBank+0x1000, 256, poolStride, 4, 0x100, 2)
	f.region(regionBank, 3, fakeBank+0x3000, 32, 8, 4, 0x40, 2)
	f.region(regionEvnt, 0, fakeEvnt, 0x240, 128, 4, 0x1000, 2)
	f.region(regionText, 2, fakeText, 0x2000, 1024, 4, 0, 1)
	f.region(regionSnap, 0, fakeSnap, 0x4000, 0x4000, 1, 0x4000, 2)
	f.region(99, 1234, 0x1000, 8, 1, 8, 0, 1)
	put64(f.b, 0x90, uint64(f.dirs))
}

func (f *fake) fillRows() {
	copy(f.row(PoolRow, 0, 1, 100, 0, 0, fakeMono)[128:], "default")
	copy(f.row(PoolRow, 0, 1)[256:], "demo.Adapter")
	copy(f.row(PoolRow, 1, 2, 101, 1, 0, fakeMono, fakeMono+1, 0, 2)[128:], "gone")
	f.row(WorkerRow, 0, 5, 200, 0, 0, fakeMono)
	f.row(WorkerRow, 1, 1, 201, 0, 1, fakeMono)
	f.row(WorkerRow, 2, 3, 202, 0, 2, fakeMono)
	copy(f.row(ToolRow, 0, 1, 300, 0, 0, fakeMono)[128:], "word\xffstats")

	latch := func(kind, index, stride int, w ...uint64) {
		at := fakeRowc + kind*0x1000 + index*stride
		put64(f.b, at, 3)
		put64(f.b, at+64, 0xBAD)
		put64(f.b, at+64+recordBytes, w...)
	}
	latch(1, 0, 320, 10, 9, 1)
	python := binary.LittleEndian.Uint64([]byte("3.11.2\x00\x00"))
	latch(2, 0, workerStride, 3, 1234, 7, fakeWall, fakeMono+2, 2, 137, python)
	put64(f.b, fakeRowc+0x2000+320, 4, 1, math.Float64bits(2.5), ^uint64(1499), fakeMono+3)
	put64(f.b, fakeRowc+0x2000+workerStride+320, 99)

	// Two banks; the bucket before the last, and the overflow.
	put64(f.b, fakeBank+0x1000, 1, 0, 0, 4, 0, 1, 200)
	put64(f.b, fakeBank+0x1100, 1, 0, 0, 2, 0, 0, 100)
	put64(f.b, fakeBank+0x3000, math.MaxUint64-5)
	put64(f.b, fakeBank+0x3040, 3)
	put64(f.b, fakeText, 2)
	copy(f.b[fakeText+16:], "ImportError: no module\n")
}

func (f *fake) fillEvents() {
	for n := uint64(2); n < 6; n++ {
		f.event(fakeEvnt, n, n*10)
	}
	put64(f.b, fakeEvnt, 6, 4)
	f.event(fakeEvnt+0x1000, 0, 35)
	put64(f.b, fakeEvnt+0x1000, 1, 4)
}

func (f *fake) event(ring int, n, mono uint64) {
	at := ring + ringHeader + int(n%4)*eventBytes
	b := f.b[at:][:eventBytes]
	put64(b, 16, mono, 0|0<<16|3<<32|4<<48, 0, 0, 1, 100, 3, 1234, 7, 8, 0xAB, 0xCD, 0)
	put64(b, 0, 0, n+1)
	sum := crc(b[8:])
	put64(b, 0, n+1, sum)
}

// seal makes the checksums right again.
func (f *fake) seal() {
	if n := u64(f.b, 0x90); n <= dirMax {
		put32(f.b, 0xF4, uint32(crc(f.b[0x1000:][:n*regionBytes])))
	}
	put32(f.b, 0xF0, uint32(crc(f.b[:0xF0])))
}

// fillSnap makes half seq&1 from the live cells, which other tests check.
func (f *fake) fillSnap(seq uint64) {
	s, err := Open(f.path)
	if err != nil {
		f.t.Fatal(err)
	}
	defer s.Close()
	im, err := s.readLive()
	if err != nil {
		f.t.Fatal(err)
	}
	half := f.b[fakeSnap+int(seq&1)*0x4000:][:0x4000]
	length := snapBytes + 8*len(im.words)
	put64(half, 8, seq, uint64(length))
	put64(half, 56, im.skipped)
	put64(half, 64, im.meters...)
	for kind, t := range im.tables {
		put64(half, 128+kind*64, t.off+snapBytes, t.count, t.stride, t.record, t.text,
			t.cells, t.sums)
	}
	put64(half, snapBytes, im.words...)
	put64(half, 0, crc(half[8:length]))
	put64(f.b, offSnapSeq, seq)
	f.write()
}

func (f *fake) write() {
	err := os.WriteFile(f.path, f.b, 0o600)
	if err != nil {
		f.t.Fatal(err)
	}
}
