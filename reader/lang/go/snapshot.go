// SPDX-License-Identifier: Apache-2.0

package segment

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"
)

// Snapshot is a copy of everything the segment held at one moment.
type Snapshot struct {
	Tier           Tier
	Took           time.Duration // to make it
	State          WriterState
	StopReason     string
	Heartbeat      Heartbeat
	Retries        int    // torn reads that were repeated
	RowsSkipped    uint64 // rows left out because they were changing
	RowsDropped    uint64 // rows that the writer had no room for
	BanksExhausted uint64 // threads that found no free bank
	TextTruncated  uint64 // texts that the writer had to cut

	schema  *schema
	header  []byte
	image   *image
	pools   []*Row
	workers []*Worker
	tools   []*Row
	// Workers of a pool by status, of the rule in schema.derive.
	statuses map[uint32][5]uint64
}

// WriterState is what the writer says about itself.
type WriterState uint64

func (s WriterState) String() string {
	names := [...]string{"init", "live", "draining", "closed", "superseded"}
	if s >= WriterState(len(names)) {
		return "?"
	}
	return names[s]
}

// Row is a pool or a tool.
type Row struct {
	Index        uint32
	UID          uint64 // never used twice in a segment
	Retired      bool   // the values are final
	RetireReason string // "" while it is live
	BornMono     uint64
	RetiredMono  uint64 // 0 = live
	Name         string
	Pool         uint32 // index of the pool it belongs to; a pool's own
	PoolName     string
	Adapter      string // of the pool
}

// Worker is a slot of a pool and the process in it.
type Worker struct {
	Row
	Slot           uint32
	Status         string
	ID             string // pool/slot#incarnation
	Incarnation    uint64 // 0 = never had a process
	PID            int32  // 0 = none now
	StartMono      uint64
	StartTime      uint64 // ns since the epoch
	ReadyMono      uint64 // 0 = not ready yet
	Python         string
	LastExitReason string // "" = never exited
	LastExitStatus uint32
	LastError      string // why the last start failed
}

// Snapshot copies everything the segment holds. The zero Tier is Snap.
func (s *Segment) Snapshot(tier Tier) (*Snapshot, error) {
	begin := time.Now()
	snap, err := s.takeSnapshot(tier)
	if err != nil {
		return nil, s.named(err)
	}
	if s.truncated() {
		return nil, s.named(damaged("file"))
	}
	snap.Took = time.Since(begin)
	return snap, nil
}

func (s *Segment) takeSnapshot(tier Tier) (*Snapshot, error) {
	state, err := s.word(offState)
	if err != nil {
		return nil, err
	}
	reason, err := s.word(offStopReason)
	if err != nil {
		return nil, err
	}
	heartbeat, err := s.heartbeat()
	if err != nil {
		return nil, err
	}
	read := s.readSnap
	if tier == Live {
		read = s.readLive
	}
	im, err := read()
	if err != nil {
		return nil, err
	}
	snap := &Snapshot{
		Tier:           tier,
		State:          WriterState(state),
		StopReason:     s.schema.text(tableStopReason, uint64(uint32(reason))),
		Heartbeat:      heartbeat,
		Retries:        im.retries,
		RowsSkipped:    im.skipped,
		RowsDropped:    im.meters[0],
		BanksExhausted: im.meters[1],
		TextTruncated:  im.meters[2],
		schema:         s.schema,
		header:         s.header,
		image:          im,
	}
	snap.decode()
	return snap, nil
}

// Pools returns the pools in order of their index; some indexes may be absent.
func (s *Snapshot) Pools() []*Row { return s.pools }

// Workers returns the worker slots in order of their index.
func (s *Snapshot) Workers() []*Worker { return s.workers }

// Tools returns the tools in order of their index.
func (s *Snapshot) Tools() []*Row { return s.tools }

// Wall converts a stored monotonic time to ns since the epoch; 0 stays 0.
func (s *Snapshot) Wall(mono uint64) uint64 {
	if mono == 0 {
		return 0
	}
	return s.Heartbeat.Wall + (mono - s.Heartbeat.Mono)
}

// ---- rows ---------------------------------------------------------------------------

// Words of a row directory entry.
const (
	rowGen          = 0
	rowUID          = 1
	rowParent       = 2
	rowSlot         = 3
	rowBorn         = 4
	rowRetired      = 5
	rowRetireReason = 7
	rowName         = 16
	rowText         = 32
	rowTextWords    = 16
)

func (s *Snapshot) decode() {
	byIndex := map[uint64]*Row{}
	s.each(PoolRow, func(index uint64, w []uint64) {
		row := s.decodeRow(index, w)
		row.Pool, row.PoolName = row.Index, row.Name
		row.Adapter = wordsText(w[rowText:][:rowTextWords])
		byIndex[index] = row
		s.pools = append(s.pools, row)
	})
	// A row whose pool is not there costs itself alone: the next look has it.
	child := func(index uint64, w []uint64) *Row {
		pool := byIndex[w[rowParent]]
		if pool == nil {
			s.RowsSkipped++
			return nil
		}
		row := s.decodeRow(index, w)
		row.Pool, row.PoolName, row.Adapter = pool.Index, pool.Name, pool.Adapter
		return row
	}
	s.statuses = map[uint32][5]uint64{}
	s.each(WorkerRow, func(index uint64, w []uint64) {
		if row := child(index, w); row != nil {
			s.workers = append(s.workers, s.decodeWorker(row, w))
		}
	})
	s.each(ToolRow, func(index uint64, w []uint64) {
		if row := child(index, w); row != nil {
			s.tools = append(s.tools, row)
		}
	})
}

// each calls f with the directory entry of every row that is in use.
func (s *Snapshot) each(kind RowKind, f func(index uint64, w []uint64)) {
	t := &s.image.tables[kind]
	for i := uint64(0); i < t.count; i++ {
		w := s.image.at(t, i, 0, rowBytes/8)
		if gen := w[rowGen] % 4; gen != genFree && gen != genRecycling {
			f(i, w)
		}
	}
}

func (s *Snapshot) decodeRow(index uint64, w []uint64) *Row {
	row := &Row{
		Index:    uint32(index),
		UID:      w[rowUID],
		Retired:  w[rowGen]%4 == genTombstone,
		BornMono: w[rowBorn],
		Name:     wordsText(w[rowName:][:rowTextWords]),
	}
	if row.Retired {
		row.RetiredMono = w[rowRetired]
		row.RetireReason = s.schema.text(tableRetireReason, uint64(uint32(w[rowRetireReason])))
	}
	return row
}

func (s *Snapshot) decodeWorker(row *Row, w []uint64) *Worker {
	worker := &Worker{Row: *row, Slot: uint32(w[rowSlot])}
	worker.Name = ""
	status := s.workerStatus(row)
	worker.Status = s.schema.text(tableWorkerStatus, uint64(status))
	t := &s.image.tables[WorkerRow]
	if t.record != 0 {
		p := s.image.at(t, uint64(row.Index), t.record, recordBytes/8)
		worker.Incarnation, worker.PID = p[0], int32(p[1])
		worker.StartMono, worker.StartTime, worker.ReadyMono = p[2], p[3], p[4]
		if p[5] != 0 {
			worker.LastExitReason = s.schema.text(tableExitReason, uint64(uint32(p[5]-1)))
		}
		worker.LastExitStatus = uint32(p[6])
		worker.Python = wordsText(p[7:9])
	}
	worker.ID = fmt.Sprintf("%s/%d#%d", worker.PoolName, worker.Slot, worker.Incarnation)
	if t.text != 0 {
		worker.LastError = wordsText(s.image.at(t, uint64(row.Index), t.text, textBytes/8))
	}
	return worker
}

// wordsText returns the NUL-padded text in w, "" where it is not UTF-8.
func wordsText(w []uint64) string {
	b := make([]byte, 0, 16)
	for _, word := range w {
		b = binary.LittleEndian.AppendUint64(b, word)
		if end := bytes.IndexByte(b[len(b)-8:], 0); end >= 0 {
			b = b[:len(b)-8+end]
			break
		}
	}
	if !utf8.Valid(b) {
		return ""
	}
	return string(b)
}

// Numbers of WORKER_STATE and WORKER_STATUS that the rule of the format refers to.
const (
	stateSpawning = 1
	stateWarming  = 3
	stateReady    = 4
	stateDraining = 5

	statusStarting = 0
	statusIdle     = 1
	statusBusy     = 2
	statusDraining = 3
	statusDown     = 4
)

// workerStatus finds the status of a worker and counts it for its pool.
func (s *Snapshot) workerStatus(row *Row) int {
	m := s.schema.derive
	if m == nil {
		return statusDown
	}
	t := &s.image.tables[WorkerRow]
	state := s.image.at(t, uint64(row.Index), t.cells+m.deriveA-latchBytes, 1)[0]
	active := s.image.at(t, uint64(row.Index), t.cells+m.deriveB-latchBytes, 1)[0]
	status := statusDown
	switch {
	case state == stateReady && active != 0:
		status = statusBusy
	case state == stateReady:
		status = statusIdle
	case state == stateDraining:
		status = statusDraining
	case state >= stateSpawning && state <= stateWarming:
		status = statusStarting
	}
	if !row.Retired {
		counts := s.statuses[row.Pool]
		counts[status]++
		s.statuses[row.Pool] = counts
	}
	return status
}

// label returns the value that a worker has for a source of labels.
func (w *Worker) label(source uint32) string {
	switch source {
	case keyWorker:
		return strconv.FormatUint(uint64(w.Slot), 10)
	case keyWorkerID:
		return w.ID
	case keyPid:
		return strconv.FormatUint(uint64(int64(w.PID)), 10)
	case keyPython:
		return w.Python
	}
	return w.Row.label(source)
}

func (r *Row) label(source uint32) string {
	switch source {
	case keyPool:
		return r.PoolName
	case keyAdapter:
		return r.Adapter
	}
	return ""
}
