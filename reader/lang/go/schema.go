// SPDX-License-Identifier: Apache-2.0

package segment

import (
	"bytes"
	"unicode/utf8"
)

// MetricKind says how a metric behaves.
type MetricKind uint8

// The kinds of metrics.
const (
	Counter       MetricKind = 1 // only grows
	UpDown        MetricKind = 2 // adds and subtracts
	Gauge         MetricKind = 3 // is set
	HistogramKind MetricKind = 4
	State         MetricKind = 5 // a number of its enumeration
	Timestamp     MetricKind = 6 // 0 = never
	InfoKind      MetricKind = 7 // the labels are the message, the value is 1
)

func (k MetricKind) String() string {
	return [...]string{"?", "counter", "updown", "gauge", "histogram", "state",
		"timestamp", "info"}[k]
}

// ValueType says what the stored word of a value is.
type ValueType uint8

// The types of values.
const (
	Unsigned ValueType = 1
	Signed   ValueType = 2
	Float    ValueType = 3
	MonoTime ValueType = 4 // ns of the writer's CLOCK_MONOTONIC; shown as wall time
	WallTime ValueType = 5 // ns since the epoch
	NoValue  ValueType = 6
)

// Level says who wants to see a metric.
type Level uint8

// The levels.
const (
	LevelInfo  Level = 1 // everybody
	LevelDiag  Level = 2 // who looks for a cause
	LevelDebug Level = 3 // who develops the runtime
)

// Metric describes one metric; it never changes.
type Metric struct {
	ID             uint32
	Kind           MetricKind
	Type           ValueType
	Level          Level
	Row            RowKind
	Name, PromName string
	Unit, Help     string
	UnitExp        int      // value in Unit = stored * 10^UnitExp
	Cells          int      // series of each row
	Enum           *Enum    // State: names of the values; else of the cells; or nil
	Bounds         []uint64 // histogram: classic bounds in ns
	Upper          []uint64 // histogram: inclusive upper bounds in ns of all buckets but the last
	Scale          int      // histogram: base 2^(2^-Scale)
	IndexMin       int      // histogram: OpenTelemetry index of bucket 1
	ZeroThreshold  uint64   // histogram: bucket 0 holds values up to this, ns

	storage          uint8
	sparse           bool // rows without it say so in its first word
	off, stride      uint64
	rowKeys          uint32
	deriveA, deriveB uint64
}

// Enum is an enumeration of the segment.
type Enum struct {
	Label     string // name of the Prometheus label
	Attribute string // name of the OpenTelemetry attribute
	Values    []string
}

// Text returns the text of a number, "?" for one that the segment does not know.
func (e *Enum) Text(n uint64) string {
	if e == nil || n >= uint64(len(e.Values)) {
		return "?"
	}
	return e.Values[n]
}

// Tables of enumerations, by number.
const (
	tableExitReason   = 4
	tableWorkerState  = 9
	tableWorkerStatus = 10
	tableEventKind    = 11
	tableInitiator    = 12
	tableMoveReason   = 13
	tableStopReason   = 14
	tableRetireReason = 15
)

type key struct {
	source         uint32
	prom, openTele string
}

type schema struct {
	tables  []*Enum
	keys    []key
	metrics []*Metric
	derive  *Metric // the metric that says how the status of a worker is found
	used    uint64  // descriptors that there were; more may come
}

func (s *schema) text(table int, n uint64) string {
	if table >= len(s.tables) {
		return "?"
	}
	return s.tables[table].Text(n)
}

// parser holds private copies of what the schema is parsed from.
type parser struct {
	regions *regions
	strt    []byte
	texts   map[uint32]string // by reference
	enums   []byte
	tables  map[uint32]*Enum // by word index
	bnds    []uint64
	bad     bool // some text did not hold
}

func (s *Segment) readSchema() (*schema, error) {
	// First, because all that these refer to is complete by then.
	used, err := s.word(offDescUsed)
	if err != nil {
		return nil, err
	}
	p, err := s.newParser()
	if err != nil {
		return nil, err
	}
	sch := &schema{used: used}
	sch.tables, err = p.parseTables()
	if err != nil {
		return nil, err
	}
	r := s.regions.keys
	b, err := s.read(r.off, min(r.count, keysMax)*r.stride)
	if err != nil {
		return nil, err
	}
	sch.keys, err = p.parseKeys(b)
	if err != nil {
		return nil, err
	}
	r = s.regions.desc
	if used > r.count || used > mostOf {
		return nil, damaged("descriptors")
	}
	b, err = s.read(r.off, used*r.stride)
	if err != nil {
		return nil, err
	}
	for ; len(b) > 0; b = b[r.stride:] {
		m, err := p.parseDesc(b[:r.stride])
		if err != nil {
			return nil, err
		}
		if m == nil {
			continue
		}
		sch.metrics = append(sch.metrics, m)
		if m.storage == storageDerived && sch.derive == nil {
			sch.derive = m
		}
	}
	return sch, nil
}

func (s *Segment) newParser() (*parser, error) {
	r := &s.regions
	used, err := s.word(offStrtUsed)
	if err != nil {
		return nil, err
	}
	if used > r.strt.length {
		return nil, damaged("strings")
	}
	p := &parser{
		regions: r,
		texts:   map[uint32]string{0: ""},
		tables:  map[uint32]*Enum{},
	}
	p.strt, err = s.read(r.strt.off, used)
	if err != nil {
		return nil, err
	}
	p.enums, err = s.read(r.enums.off, r.enums.count*4)
	if err != nil {
		return nil, err
	}
	b, err := s.read(r.bnds.off, r.bnds.count*8)
	p.bnds = words(b)
	return p, err
}

// text returns the string at a reference. One that does not hold marks the parse, so
// that callers need not look before the end. Each string is checked once.
func (p *parser) text(ref uint32) string {
	if s, ok := p.texts[ref]; ok {
		return s
	}
	at, size := uint64(ref)*8, uint64(len(p.strt))
	if !fitsIn(at, 5, size) {
		p.bad = true
		return ""
	}
	length := uint64(u32(p.strt, int(at)))
	if length > size-at-5 || length > mostOf {
		p.bad = true
		return ""
	}
	b := p.strt[at+4 : at+4+length]
	if p.strt[at+4+length] != 0 || bytes.IndexByte(b, 0) >= 0 || !utf8.Valid(b) {
		p.bad = true
		return ""
	}
	p.texts[ref] = string(b)
	return p.texts[ref]
}

func (p *parser) parseTables() ([]*Enum, error) {
	if p.regions.enums.typ == 0 {
		return nil, nil
	}
	n := uint64(len(p.enums) / 4)
	if n < 2 || uint64(u32(p.enums, 4)) > n-2 || u32(p.enums, 4) > mostOf {
		return nil, damaged("enums")
	}
	tables := make([]*Enum, u32(p.enums, 4))
	for i := range tables {
		tables[i] = p.table(u32(p.enums, 8+4*i))
		if tables[i] == nil || p.bad {
			return nil, damaged("enums")
		}
	}
	return tables, nil
}

// table returns the table at a word index, nil where there is none.
func (p *parser) table(at uint32) *Enum {
	if e, ok := p.tables[at]; ok {
		return e
	}
	size := uint64(len(p.enums) / 4)
	if !fitsIn(uint64(at), 3, size) {
		return nil
	}
	b := p.enums[4*uint64(at):]
	n := u32(b, 8)
	if n == 0 || n > mostOf || uint64(n) > size-uint64(at)-3 {
		return nil
	}
	e := &Enum{Label: p.text(u32(b, 0)), Attribute: p.text(u32(b, 4))}
	for i := 0; i < int(n); i++ {
		e.Values = append(e.Values, p.text(u32(b, 12+4*i)))
	}
	p.tables[at] = e
	return e
}

func (p *parser) parseKeys(b []byte) ([]key, error) {
	var keys []key
	for ; len(b) > 0; b = b[p.regions.keys.stride:] {
		keys = append(keys, key{
			source:   u32(b, 0),
			prom:     p.text(u32(b, 4)),
			openTele: p.text(u32(b, 8)),
		})
	}
	if p.bad {
		return nil, damaged("keys")
	}
	return keys, nil
}

// parseDesc returns nil for a descriptor that is not known here, or retired.
func (p *parser) parseDesc(d []byte) (*Metric, error) {
	m := &Metric{
		ID:            u32(d, 0),
		Kind:          MetricKind(d[4]),
		Type:          ValueType(d[5]),
		Level:         Level(d[9]),
		Row:           RowKind(d[8]),
		UnitExp:       int(int32(u32(d, 36))),
		Cells:         int(u32(d, 16)),
		Scale:         int(int8(d[74])),
		IndexMin:      int(int32(u32(d, 68))),
		ZeroThreshold: u64(d, 80),
		storage:       d[6],
		sparse:        d[11]&descSparse != 0 && d[6] == storageRow,
		off:           uint64(u32(d, 12)),
		stride:        uint64(u32(d, 20)),
		rowKeys:       u32(d, 52),
		deriveA:       uint64(u32(d, 88)),
		deriveB:       uint64(u32(d, 92)),
	}
	retired, derive := u16(d, 78) != 0, d[75]
	if m.Kind < Counter || m.Kind > InfoKind || m.storage < storageBank ||
		m.storage > storageLedger || m.Row >= rowKinds || retired ||
		m.storage == storageDerived && (derive != deriveWorkersByStatus || m.Row != PoolRow) {
		return nil, nil
	}
	buckets := uint64(u16(d, 72))
	if !p.cellsFit(m, buckets) || !m.limitsHold(buckets) {
		return nil, damaged("descriptors")
	}
	m.Name, m.PromName = p.text(u32(d, 24)), p.text(u32(d, 28))
	m.Unit, m.Help = p.text(u32(d, 32)), p.text(u32(d, 40))
	if at := u32(d, 56); at != 0 {
		m.Enum = p.tables[at]
		p.bad = p.bad || m.Enum == nil
	}
	if p.bad || !m.cellsNamed() {
		return nil, damaged("descriptors")
	}
	return m, p.parseBounds(m, d, buckets)
}

func (p *parser) parseBounds(m *Metric, d []byte, buckets uint64) error {
	var ok bool
	if n := u32(d, 64); n != 0 {
		m.Bounds, ok = p.ascending(u32(d, 60), uint64(n))
		if !ok || n > mostOf {
			return damaged("bounds")
		}
	}
	if m.Kind != HistogramKind {
		return nil
	}
	m.Upper, ok = p.ascending(u32(d, 96), buckets+1)
	if !ok {
		return damaged("bounds")
	}
	if m.ZeroThreshold > m.Upper[1] {
		return damaged("bounds")
	}
	return nil
}

func (p *parser) ascending(at uint32, n uint64) ([]uint64, bool) {
	if !fitsIn(uint64(at), n, uint64(len(p.bnds))) {
		return nil, false
	}
	w := p.bnds[at:][:n]
	for i := 1; i < len(w); i++ {
		if w[i] <= w[i-1] {
			return nil, false
		}
	}
	return w, true
}

func (m *Metric) limitsHold(buckets uint64) bool {
	if m.UnitExp < -30 || m.UnitExp > 30 {
		return false
	}
	if m.Kind != HistogramKind {
		return true
	}
	return (m.storage == storageBank || m.storage == storageRow) &&
		buckets != 0 && buckets <= mostOf &&
		m.Scale >= -4 && m.Scale <= 8 && m.IndexMin >= -16384 && m.IndexMin <= 16384
}

// cellsNamed says whether there is a value of the enumeration for each cell, or for what
// the one cell of a state holds.
func (m *Metric) cellsNamed() bool {
	if m.Kind == State || m.Enum == nil {
		return m.Cells == 1 && (m.Enum != nil || m.Kind != State)
	}
	return m.Cells == len(m.Enum.Values)
}

// cellsFit says whether every cell lies inside its row.
func (p *parser) cellsFit(m *Metric, buckets uint64) bool {
	if m.Cells < 1 || m.Cells > mostOf {
		return false
	}
	size := uint64(8)
	if m.Kind == HistogramKind {
		size *= buckets + 3
	}
	var first, end uint64
	switch m.storage {
	case storageOne:
		return true
	case storageDerived:
		end = p.regions.rowc[WorkerRow].stride
		return inCells(m.deriveA, end) && inCells(m.deriveB, end)
	case storageBank:
		end = p.regions.bank[m.Row].stride
	case storageRow:
		first, end = latchBytes, p.regions.rowc[m.Row].stride
	case storageLatch:
		if p.regions.rowc[m.Row].typ != 0 {
			end = recordBytes
		}
	case storageLedger:
		if p.regions.ledg[m.Row].typ != 0 {
			end = recordBytes
		}
	case storageHeader:
		end = immutable
		if m.off >= offMeters {
			first, end = offMeters, offMeters+metersBytes
		}
	}
	if m.off%8 != 0 || m.off < first || !fitsIn(m.off, size, end) || m.stride%8 != 0 ||
		m.stride < size {
		return false
	}
	return uint64(m.Cells-1) <= (end-m.off-size)/m.stride
}

// inCells says whether a word lies in the cells of a ROWC entry, behind its latch.
func inCells(off, stride uint64) bool {
	return off%8 == 0 && off >= latchBytes && fitsIn(off, 8, stride)
}
