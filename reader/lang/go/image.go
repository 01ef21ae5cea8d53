// SPDX-License-Identifier: Apache-2.0

package segment

// Tier says where a snapshot comes from.
type Tier int

// The tiers. Both say the same, Snap up to one heartbeat interval later.
const (
	Snap Tier = iota // the writer's checksummed copy
	Live             // the cells themselves, now
)

func (t Tier) String() string {
	if t == Live {
		return "live"
	}
	return "snap"
}

const (
	snapTries  = 16
	latchTries = 1000
	rowTries   = 4
)

// image is a private copy of all rows and values in the layout of a half of SNAP. Both
// tiers make one; everything after that is the same.
type image struct {
	words   []uint64
	tables  [rowKinds]table
	meters  []uint64 // header words from offMeters on
	skipped uint64   // rows left out because they were changing
	retries int
}

// table says where the rows of a kind are: offsets in bytes, of parts within an entry, 0
// where the kind has no such part.
type table struct {
	off, count, stride                uint64
	record, text, cells, sums, ledger uint64
}

// at returns n words of the part of a row that starts at the given offset.
func (im *image) at(t *table, row, off, n uint64) []uint64 {
	return im.words[(t.off+row*t.stride+off)/8:][:n]
}

// ---- SNAP ---------------------------------------------------------------------------

func (s *Segment) readSnap() (*image, error) {
	r := s.regions.snap
	if r.typ == 0 {
		return nil, fail(NotReady, "snap")
	}
	for try := 0; try < snapTries; try++ {
		seq, err := s.word(offSnapSeq)
		if err != nil {
			return nil, err
		}
		if seq == 0 {
			return nil, fail(NotReady, "snap")
		}
		half, err := s.readHalf(r.off+seq&1*r.outerStride, r.stride, seq)
		if err != nil {
			return nil, err
		}
		if half != nil {
			return s.snapImage(half, try)
		}
	}
	return nil, damaged("snap")
}

// readHalf returns nil where the half is not whole: the writer was at it.
func (s *Segment) readHalf(off, room, seq uint64) ([]byte, error) {
	b, err := s.read(off, snapBytes)
	if err != nil {
		return nil, err
	}
	length := u64(b, 16)
	if length < snapBytes || length > room || length%8 != 0 {
		return nil, nil
	}
	b, err = s.read(off, length)
	if err != nil || u64(b, 0) != crc(b[8:]) || u64(b, 8) != seq {
		return nil, err
	}
	return b, nil
}

func (s *Segment) snapImage(half []byte, retries int) (*image, error) {
	im := &image{
		words:   words(half),
		meters:  words(half[64:128]),
		skipped: u64(half, 56),
		retries: retries,
	}
	for kind := range im.tables {
		b := half[128+kind*snapTableSize:]
		t := table{off: u64(b, 0), count: u64(b, 8), stride: u64(b, 16),
			record: u64(b, 24), text: u64(b, 32), cells: u64(b, 40), sums: u64(b, 48),
			ledger: u64(b, 56)}
		if !s.tableFits(RowKind(kind), &t, uint64(len(half))) {
			return nil, damaged("snap")
		}
		im.tables[kind] = t
	}
	return im, nil
}

// tableFits says whether the half holds the parts that rows of the kind have, and no
// others.
func (s *Segment) tableFits(kind RowKind, t *table, length uint64) bool {
	if t.count == 0 {
		return kind != ProcessRow
	}
	if t.off%8 != 0 || t.off < snapBytes || t.off > length || t.stride%8 != 0 ||
		t.stride < rowBytes || t.count > s.regions.rows(kind) ||
		t.count > (length-t.off)/t.stride {
		return false
	}
	want := s.regions.parts(kind)
	for _, part := range [...]struct{ off, size uint64 }{
		{t.record, want.record}, {t.text, want.text}, {t.cells, want.cells}, {t.sums, want.sums},
		{t.ledger, want.ledger},
	} {
		if part.size == 0 && part.off == 0 {
			continue
		}
		if part.size == 0 || part.off%8 != 0 || part.off < rowBytes ||
			!fitsIn(part.off, part.size, t.stride) {
			return false
		}
	}
	return true
}

// parts returns the sizes of the parts that rows of a kind have in an image.
func (all *regions) parts(kind RowKind) (sizes table) {
	if r := all.rowc[kind]; r.typ != 0 {
		sizes.record, sizes.cells = recordBytes, r.stride-latchBytes
	}
	if kind == WorkerRow && all.text.typ != 0 {
		sizes.text = textBytes
	}
	if r := all.bank[kind]; r.typ != 0 {
		sizes.sums = r.stride
	}
	if all.ledg[kind].typ != 0 {
		sizes.ledger = recordBytes
	}
	return sizes
}

// ---- heartbeat ----------------------------------------------------------------------

// Heartbeat is the writer's last sign of life and the pair of its clocks then.
type Heartbeat struct {
	Seq  uint64
	Mono uint64 // ns of CLOCK_MONOTONIC
	Wall uint64 // ns since the epoch
}

func (s *Segment) heartbeat() (Heartbeat, error) {
	for try := 0; try < latchTries; try++ {
		seq, err := s.word(offHbSeq)
		if err != nil {
			return Heartbeat{}, err
		}
		b, err := s.read(offHb+seq&1*hbBytes, 64)
		if err != nil {
			return Heartbeat{}, err
		}
		again, err := s.word(offHbSeq)
		if err != nil {
			return Heartbeat{}, err
		}
		if again != seq {
			continue
		}
		if u64(b, 56) != crc(b[:56]) {
			return Heartbeat{}, damaged("heartbeat")
		}
		return Heartbeat{Seq: u64(b, 0), Mono: u64(b, 8), Wall: u64(b, 16)}, nil
	}
	return Heartbeat{}, damaged("heartbeat")
}
