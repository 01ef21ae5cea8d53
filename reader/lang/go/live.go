// SPDX-License-Identifier: Apache-2.0

package segment

import (
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// gatherer copies rows from a mapping that the writer is writing to.
//
// Words are loaded with sync/atomic, whose operations are sequentially consistent: all
// the acquire loads and fences that the format asks for, and a little more.
type gatherer struct {
	mem     []byte
	regions *regions
	image   *image
}

// readLive copies all rows from the mapping. A page that the file no longer has is a
// fault, which debug.SetPanicOnFault turns into a panic of this goroutine.
func (s *Segment) readLive() (im *image, err error) {
	if s.mem == nil {
		s.mem, err = syscall.Mmap(int(s.file.Fd()), 0, int(s.info.Size),
			syscall.PROT_READ, syscall.MAP_SHARED)
		if err != nil {
			return nil, err
		}
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if cause := recover(); cause != nil {
			if _, fault := cause.(interface{ Addr() uintptr }); !fault {
				panic(cause)
			}
			im, err = nil, damaged("file")
		}
	}()
	g := gatherer{mem: s.mem, regions: &s.regions, image: &image{}}
	err = g.plan()
	if err != nil {
		return nil, err
	}
	g.gather()
	// The mapping may not go before the last load.
	runtime.KeepAlive(s)
	return g.image, nil
}

// load returns the word at an offset that has been checked; the slice checks it again.
func (g *gatherer) load(off uint64) uint64 {
	return atomic.LoadUint64((*uint64)(unsafe.Pointer(&g.mem[off : off+8][0])))
}

func (g *gatherer) copyTo(dst []uint64, off uint64) {
	for i := range dst {
		dst[i] = g.load(off + 8*uint64(i))
	}
}

// plan lays out the image for the rows there are.
func (g *gatherer) plan() error {
	size := uint64(0)
	for kind := range g.image.tables {
		n := uint64(1)
		if RowKind(kind) != ProcessRow {
			n = 0
			if r := g.regions.rowd[kind]; r.typ != 0 {
				n = g.load(offRowHigh + 8*uint64(kind))
			}
		}
		if n > g.regions.rows(RowKind(kind)) {
			return damaged("rows")
		}
		t := g.regions.parts(RowKind(kind))
		t.off, t.count, t.stride = size, n, rowBytes
		for _, part := range []*uint64{&t.record, &t.text, &t.cells, &t.sums, &t.ledger} {
			if bytes := *part; bytes != 0 {
				*part = t.stride
				t.stride += bytes
			}
		}
		g.image.tables[kind] = t
		size += n * t.stride
	}
	g.image.words = make([]uint64, size/8)
	return nil
}

func (g *gatherer) gather() {
	g.image.meters = make([]uint64, metersBytes/8)
	g.copyTo(g.image.meters, offMeters)
	for kind := range g.image.tables {
		t := &g.image.tables[kind]
		for row := uint64(0); row < t.count; row++ {
			if !g.gatherRow(RowKind(kind), row) {
				g.image.skipped++
			}
		}
	}
	g.dropReplacedPools()
}

// dropReplacedPools leaves out a pool whose row has got another life since it was
// copied: it would lend its name to the rows of the next one.
func (g *gatherer) dropReplacedPools() {
	t, r := &g.image.tables[PoolRow], g.regions.rowd[PoolRow]
	for row := uint64(0); row < t.count; row++ {
		entry := g.image.at(t, row, 0, 1)
		if entry[0] != genFree && g.load(r.off+row*r.stride)/4 != entry[0]/4 {
			entry[0] = genFree
			g.image.skipped++
		}
	}
}

// gatherRow reports false for a row that would not settle; its gen is 0 then.
func (g *gatherer) gatherRow(kind RowKind, row uint64) bool {
	entry := g.image.at(&g.image.tables[kind], row, 0, rowBytes/8)
	entry[0] = genFree
	if kind == ProcessRow {
		entry[0] = 1
		return g.gatherValues(kind, row)
	}
	r := g.regions.rowd[kind]
	off := r.off + row*r.stride
	for try := 0; try < rowTries; try++ {
		gen := g.load(off)
		if gen%4 == genFree || gen%4 == genRecycling {
			return true
		}
		g.copyTo(entry[1:], off+8)
		if !g.gatherValues(kind, row) {
			continue
		}
		if g.load(off) == gen {
			entry[0] = gen
			return true
		}
		g.image.retries++
	}
	return false
}

func (g *gatherer) gatherValues(kind RowKind, row uint64) bool {
	t := &g.image.tables[kind]
	if r := g.regions.rowc[kind]; r.typ != 0 {
		off := r.off + row*r.stride
		if !g.latch(g.image.at(t, row, t.record, recordBytes/8), off, off+64) {
			return false
		}
		g.copyTo(g.image.at(t, row, t.cells, (r.stride-latchBytes)/8), off+latchBytes)
	}
	if r := g.regions.text; kind == WorkerRow && row < r.count {
		off := r.off + row*r.stride
		if !g.latch(g.image.at(t, row, t.text, textBytes/8), off, off+16) {
			return false
		}
	}
	if r := g.regions.ledg[kind]; r.typ != 0 {
		off := r.off + row*r.stride
		if !g.latch(g.image.at(t, row, t.ledger, recordBytes/8), off, off+64) {
			return false
		}
	}
	if r := g.regions.bank[kind]; r.typ != 0 {
		g.sum(g.image.at(t, row, t.sums, r.stride/8), r, row)
	}
	return true
}

// latch copies the current one of the two copies at an offset.
func (g *gatherer) latch(dst []uint64, seqOff, copies uint64) bool {
	for try := 0; try < latchTries; try++ {
		seq := g.load(seqOff)
		g.copyTo(dst, copies+seq&1*8*uint64(len(dst)))
		if g.load(seqOff) == seq {
			return true
		}
		g.image.retries++
	}
	return false
}

// sum adds up the row's entry of every bank. From the last word to the first: a
// histogram's sum stands behind its buckets and is stored after them, so a sum counted
// here has its bucket counted too.
func (g *gatherer) sum(dst []uint64, r region, row uint64) {
	banks := min(g.load(offBankHigh), r.outerCount)
	for i := len(dst) - 1; i >= 0; i-- {
		dst[i] = 0
		for b := uint64(0); b < banks; b++ {
			dst[i] += g.load(r.off + b*r.outerStride + row*r.stride + 8*uint64(i))
		}
	}
}
