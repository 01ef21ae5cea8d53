// SPDX-License-Identifier: Apache-2.0

package segment

// region is a directory entry. Its zero value stands for a region that is not there: it
// has no entries.
type region struct {
	typ, kind   uint32
	off, length uint64
	stride      uint64
	count       uint64
	outerStride uint64
	outerCount  uint64
}

// regions are those that this package uses, by row kind where they have one.
type regions struct {
	desc, strt, keys, enums, bnds, snap, evnt, text region
	rowd, rowc, bank, ledg                          [rowKinds]region
}

func (s *Segment) readDirectory() error {
	off, count := u64(s.header, 0x88), u64(s.header, 0x90)
	b, err := s.read(off, count*regionBytes)
	if err != nil {
		return err
	}
	if uint64(u32(s.header, 0xF4)) != crc(b) {
		return damaged("dir_crc")
	}
	seen := make(map[[2]uint32]bool, count)
	for ; len(b) > 0; b = b[regionBytes:] {
		r := parseRegion(b)
		id := [2]uint32{r.typ, r.kind}
		place := s.regions.place(r)
		if !r.fits(s.info.Size) || seen[id] {
			return damaged("directory")
		}
		seen[id] = true
		*place = r
	}
	return s.regions.check()
}

func parseRegion(b []byte) region {
	return region{
		typ:         u32(b, 0),
		kind:        u32(b, 4),
		off:         u64(b, 8),
		length:      u64(b, 16),
		stride:      u64(b, 24),
		count:       u64(b, 32),
		outerStride: u64(b, 40),
		outerCount:  u64(b, 48),
	}
}

// fits says whether every byte that the entry can lead to lies inside the file, and
// whether its entries have the size and alignment of their type.
func (r region) fits(size uint64) bool {
	var head uint64
	if r.isRing() {
		head = ringHeader
	}
	if r.off%8 != 0 || !fitsIn(r.off, r.length, size) || r.outerCount == 0 ||
		!r.strideFits() || r.length < head || r.count > (r.length-head)/r.stride {
		return false
	}
	if r.count == 0 && (r.isRing() || r.typ == regionInfl || r.typ == regionSnap) ||
		r.typ == regionSnap && r.outerCount < 2 {
		return false
	}
	if r.outerCount == 1 {
		return true
	}
	room := size - r.off - r.length
	return r.outerStride >= r.length && r.outerStride%8 == 0 &&
		(r.outerStride == 0 || r.outerCount-1 <= room/r.outerStride)
}

func (r region) isRing() bool {
	return r.typ >= regionEvnt && r.typ <= regionHist
}

// entryBytes are the least that an entry takes, of the types whose entries are records
// of 64-bit words.
var entryBytes = map[uint32]uint64{
	regionDesc: descBytes,
	regionRowd: rowBytes,
	regionRowc: latchBytes,
	regionLedg: latchBytes,
	regionBank: 8,
	regionSnap: snapBytes,
	regionInfl: 256,
	regionEvnt: eventBytes,
	regionEvid: 4096,
	regionSpan: 384,
	regionHist: 64,
	regionText: 1024,
	regionThrd: 128,
}

func (r region) strideFits() bool {
	switch r.typ {
	case regionStrt:
		return r.stride == 1
	case regionEnum:
		return r.stride == 4
	case regionBnds:
		return r.stride == 8
	case regionKeys:
		return r.stride >= keyBytes && r.stride <= maxBytes && r.stride%4 == 0
	case regionHist:
		if RowKind(r.kind) == PoolRow && r.stride < 192 {
			return false
		}
	}
	least := entryBytes[r.typ]
	return r.stride != 0 && r.stride <= maxBytes && r.stride >= least && (least == 0 || r.stride%8 == 0)
}

// place returns where a region is remembered: nowhere, for those that are not used.
func (all *regions) place(r region) *region {
	if r.kind >= rowKinds {
		return new(region)
	}
	switch r.typ {
	case regionRowd:
		return &all.rowd[r.kind]
	case regionRowc:
		return &all.rowc[r.kind]
	case regionBank:
		return &all.bank[r.kind]
	case regionLedg:
		return &all.ledg[r.kind]
	case regionText:
		if RowKind(r.kind) == WorkerRow {
			return &all.text
		}
	}
	if r.kind != 0 {
		return new(region)
	}
	switch r.typ {
	case regionDesc:
		return &all.desc
	case regionStrt:
		return &all.strt
	case regionKeys:
		return &all.keys
	case regionEnum:
		return &all.enums
	case regionBnds:
		return &all.bnds
	case regionSnap:
		return &all.snap
	case regionEvnt:
		return &all.evnt
	}
	return new(region)
}

// check looks for what is required, and that all rows have cells: what a snapshot
// allocates then never exceeds the file, whatever the watermarks say.
func (all *regions) check() error {
	if all.desc.typ == 0 || all.strt.typ == 0 {
		return damaged("directory")
	}
	for kind := range all.rowd {
		rows := all.rows(RowKind(kind))
		for _, r := range [...]region{all.rowc[kind], all.bank[kind], all.ledg[kind]} {
			if r.typ != 0 && r.count < rows {
				return damaged("directory")
			}
		}
	}
	return nil
}

// rows returns for how many rows of the kind there is room.
func (all *regions) rows(kind RowKind) uint64 {
	if kind == ProcessRow {
		return 1
	}
	return all.rowd[kind].count
}
