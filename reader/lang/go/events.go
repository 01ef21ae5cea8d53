// SPDX-License-Identifier: Apache-2.0

package segment

import "sort"

// Event is a record of what happened, and to which worker.
type Event struct {
	Ring        uint32
	Seq         uint64 // within the ring, from 0
	Mono        uint64 // ns of the writer's CLOCK_MONOTONIC
	Kind        string
	Initiator   string
	From, To    string // states of the worker
	Reason      string
	Pool        uint32 // row index, while that row has PoolUID
	PoolUID     uint64
	Slot        uint32
	Incarnation uint64
	PID         int32
	Values      [2]uint64
	TraceID     [2]uint64
	Evidence    uint64 // number of its text plus 1; 0 = none
}

// Cursor is where a reader is in the event rings. Its zero value starts with the oldest
// events that are kept.
type Cursor struct {
	Lost uint64 // events that were overwritten before they were read
	next []uint64
}

// ringTries is how often a ring is read that was overwritten as a whole meanwhile.
const ringTries = 4

// Events returns what happened since the cursor, in order of time, and moves it.
func (s *Segment) Events(cursor *Cursor) ([]Event, error) {
	r := s.regions.evnt
	var events []Event
	for ring := uint64(0); r.typ != 0 && ring < r.outerCount; ring++ {
		if ring == uint64(len(cursor.next)) {
			cursor.next = append(cursor.next, 0)
		}
		before := len(events)
		for try := 0; try < ringTries && len(events) == before; try++ {
			var err error
			events, err = s.readRing(events, cursor, uint32(ring))
			if err != nil {
				return nil, s.named(err)
			}
		}
	}
	if s.truncated() {
		return nil, s.named(damaged("file"))
	}
	sort.SliceStable(events, func(i, k int) bool {
		return events[i].Mono < events[k].Mono
	})
	return events, nil
}

// readRing appends the new records of one ring. They are copied in one go; the checksum
// of each says whether the writer was at it meanwhile.
func (s *Segment) readRing(events []Event, cursor *Cursor, ring uint32) ([]Event, error) {
	r := s.regions.evnt
	base := r.off + uint64(ring)*r.outerStride
	head, err := s.word(base)
	if err != nil {
		return nil, err
	}
	next := &cursor.next[ring]
	if *next > head { // another ring than the cursor was made for
		*next = 0
	}
	if head-*next > r.count {
		cursor.Lost += head - r.count - *next
		*next = head - r.count
	}
	if *next == head {
		return events, nil
	}
	b, err := s.read(base+ringHeader, r.count*r.stride)
	if err != nil {
		return nil, err
	}
	for ; *next < head; *next++ {
		record := b[*next%r.count*r.stride:][:r.stride]
		if !recordHolds(record, *next) {
			cursor.Lost++
			continue
		}
		events = append(events, s.decodeEvent(words(record), ring))
	}
	return events, nil
}

// recordHolds says whether b is record n of its ring, and whole.
func recordHolds(b []byte, n uint64) bool {
	if u64(b, 0) != n+1 {
		return false
	}
	sum := u64(b, 8)
	copy(b[8:16], b[:8]) // what is summed: n + 1, then what follows the sum
	return sum == crc(b[8:])
}

func (s *Segment) decodeEvent(w []uint64, ring uint32) Event {
	kind, text := w[3], s.schema.text
	return Event{
		Ring:        ring,
		Seq:         w[0] - 1,
		Mono:        w[2],
		Kind:        text(tableEventKind, kind&0xFFFF),
		Initiator:   text(tableInitiator, kind>>16&0xFFFF),
		From:        text(tableWorkerState, kind>>32&0xFFFF),
		To:          text(tableWorkerState, kind>>48),
		Reason:      text(tableMoveReason, uint64(uint32(w[4]))),
		Pool:        uint32(w[5]),
		Slot:        uint32(w[6]),
		PoolUID:     w[7],
		Incarnation: w[8],
		PID:         int32(w[9]),
		Values:      [2]uint64{w[10], w[11]},
		TraceID:     [2]uint64{w[12], w[13]},
		Evidence:    w[14],
	}
}
