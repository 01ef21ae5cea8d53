// SPDX-License-Identifier: Apache-2.0

package segment

import "math"

// Label is a label of a series.
type Label struct {
	Name      string // for Prometheus
	Attribute string // for OpenTelemetry
	Value     string
}

// Series is a metric at one row and one value of its enumeration.
type Series struct {
	Metric    *Metric
	Row       uint32  // index within Metric.Row
	Labels    []Label // of the row, then that of the enumeration
	Value     uint64  // the stored word, see Metric.Type
	Histogram *Histogram

	snap *Snapshot
}

// Metrics returns the metrics in order of the schema; those of one name stand together.
func (s *Snapshot) Metrics() []*Metric { return s.schema.metrics }

// Metric returns the metric with an OpenTelemetry or Prometheus name, or nil.
func (s *Snapshot) Metric(name string) *Metric {
	for _, m := range s.schema.metrics {
		if m.Name == name || m.PromName == name {
			return m
		}
	}
	return nil
}

// labelled is a row that gives values to sources of labels.
type labelled interface{ label(source uint32) string }

// tool is a Row whose name is a label, process one without any.
type (
	tool    struct{ *Row }
	process struct{}
)

func (t tool) label(source uint32) string {
	if source == keyMethod {
		return t.Name
	}
	return t.Row.label(source)
}

func (process) label(uint32) string { return "" }

// Series returns the series of a metric of this snapshot: for each row in order of its
// index, each cell. A nil metric has none.
func (s *Snapshot) Series(m *Metric) []Series {
	var all []Series
	if m == nil {
		return nil
	}
	switch m.Row {
	case ProcessRow:
		all = s.appendRow(all, m, 0, process{})
	case PoolRow:
		for _, row := range s.pools {
			all = s.appendRow(all, m, row.Index, row)
		}
	case WorkerRow:
		for _, row := range s.workers {
			// An info series says who is there: nobody, nothing to say.
			if m.Kind != InfoKind || row.PID != 0 {
				all = s.appendRow(all, m, row.Index, row)
			}
		}
	case ToolRow:
		for _, row := range s.tools {
			all = s.appendRow(all, m, row.Index, tool{row})
		}
	}
	return all
}

func (s *Snapshot) appendRow(all []Series, m *Metric, row uint32, from labelled) []Series {
	var labels []Label
	if m.sparse && s.cell(m, row, 0, 1)[0] == absent {
		return all
	}
	for i, k := range s.schema.keys {
		if m.rowKeys>>i&1 != 0 && k.source < keySources {
			labels = append(labels, Label{k.prom, k.openTele, from.label(k.source)})
		}
	}
	for cell := 0; cell < m.Cells; cell++ {
		series := Series{Metric: m, Row: row, Labels: labels, snap: s}
		if m.Enum != nil && m.Kind != State {
			series.Labels = append(labels[:len(labels):len(labels)],
				Label{m.Enum.Label, m.Enum.Attribute, m.Enum.Values[cell]})
		}
		if m.Kind == HistogramKind {
			w := s.cell(m, row, cell, uint64(len(m.Upper))+2)
			series.Histogram = &Histogram{
				Buckets: w[:len(w)-1], Sum: w[len(w)-1], metric: m,
			}
		} else {
			series.Value = s.value(m, row, cell)
		}
		all = append(all, series)
	}
	return all
}

func (s *Snapshot) value(m *Metric, row uint32, cell int) uint64 {
	switch m.storage {
	case storageOne:
		return 1
	case storageDerived:
		if cell > statusDown {
			return 0
		}
		return s.statuses[row][cell]
	case storageHeader:
		off := m.off + uint64(cell)*m.stride
		if off < offMeters {
			return u64(s.header, int(off))
		}
		return s.image.meters[(off-offMeters)/8]
	}
	return s.cell(m, row, cell, 1)[0]
}

// cell returns n words of a cell in the image.
func (s *Snapshot) cell(m *Metric, row uint32, cell int, n uint64) []uint64 {
	t := &s.image.tables[m.Row]
	off := m.off + uint64(cell)*m.stride
	switch m.storage {
	case storageBank:
		off += t.sums
	case storageRow:
		off += t.cells - latchBytes
	case storageLatch:
		off += t.record
	case storageLedger:
		off += t.ledger
	}
	return s.image.at(t, uint64(row), off, n)
}

// Number returns a scalar in the metric's unit: times as Unix seconds, 0 = never.
// Counts beyond 2^53 lose digits; Value has them all.
func (s *Series) Number() float64 {
	m, number := s.Metric, float64(s.Value)
	switch m.Type {
	case MonoTime:
		number = float64(s.snap.Wall(s.Value))
	case Signed:
		number = float64(int64(s.Value))
	case Float:
		number = math.Float64frombits(s.Value)
	}
	for e := m.UnitExp; e < 0; e += 9 {
		number /= math.Pow10(int(min(9, uint64(-e))))
	}
	for e := m.UnitExp; e > 0; e-- {
		number *= 10
	}
	return number
}

// StateText returns the name of the value of a series of kind State; false where the
// segment has none for it.
func (s *Series) StateText() (string, bool) {
	e := s.Metric.Enum
	if s.Metric.Kind != State || e == nil || s.Value >= uint64(len(e.Values)) {
		return "", false
	}
	return e.Values[s.Value], true
}

// Histogram is a base-2 exponential histogram of nanoseconds.
type Histogram struct {
	Buckets []uint64 // observations; see Metric.Upper
	Sum     uint64   // ns

	metric *Metric
}

// Count returns the number of observations.
func (h *Histogram) Count() uint64 {
	var n uint64
	for _, bucket := range h.Buckets {
		n += bucket
	}
	return n
}

// Quantile returns the q-quantile (0 to 1) in ns: the geometric middle of the bucket
// that holds the observation of that rank, so at most half a bucket from it; the edge of
// the range where it lies outside the buckets; 0 without observations.
func (h *Histogram) Quantile(q float64) uint64 {
	count, upper := h.Count(), h.metric.Upper
	if count == 0 {
		return 0
	}
	rank := q * float64(count)
	var below uint64
	for i := range upper {
		if h.Buckets[i] == 0 || float64(below+h.Buckets[i]) < rank {
			below += h.Buckets[i]
			continue
		}
		if i == 0 {
			return h.metric.ZeroThreshold
		}
		middle := math.Sqrt(float64(upper[i-1])) * math.Sqrt(float64(upper[i]))
		if middle >= 1<<64 {
			return math.MaxUint64
		}
		return uint64(middle)
	}
	return upper[len(upper)-1]
}
