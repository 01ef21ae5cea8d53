# SPDX-License-Identifier: Apache-2.0
# Kaitai Struct description of a segment. segment.md is normative; tools/check-format-doc
# compares every offset of this file with it. Names of types and fields are those of
# shm/include/snakepit/format.h without `snp_fmt_`. Reads a file as it lies on disk:
# nothing here waits, retries or checks a checksum.
meta:
  id: snakepit_segment
  title: Snakepit segment, format 1.0
  file-extension: seg
  license: Apache-2.0
  endian: le
  encoding: UTF-8
  bit-endian: le
doc-ref: shm/format/segment.md
seq:
  - id: header
    type: header
instances:
  directory:
    pos: header.dir_off
    type: region
    repeat: expr
    repeat-expr: header.dir_count
types:
  header:
    seq:
      - id: magic
        contents: [0x93, 0x53, 0x4e, 0x4b, 0x4d, 0x0d, 0x0a, 0x1a]
      - id: endian
        contents: [0x04, 0x03, 0x02, 0x01]
      - id: ver_major
        type: u2
        valid: 1
      - id: ver_minor
        type: u2
      - id: compat_major_min
        type: u2
      - id: reserved0
        size: 2
      - id: header_size
        type: u4
      - id: feat_incompat
        type: u8
        valid: 0
      - id: feat_compat
        type: u8
      - id: map_size
        type: u8
      - id: instance_uuid
        size: 16
      - id: boot_id
        size: 16
      - id: incarnation
        type: u8
      - id: pid
        type: u4
      - id: uid
        type: u4
      - id: pid_start_ticks
        type: u8
      - id: pidns_inode
        type: u8
      - id: timens_inode
        type: u8
      - id: start_monotonic_ns
        type: u8
      - id: start_realtime_ns
        type: u8
      - id: dir_off
        type: u8
      - id: dir_count
        type: u8
        valid:
          min: 1
          max: 64
      - id: schema_hash
        type: u8
      - id: heartbeat_interval_ms
        type: u4
      - id: stale_after_ms
        type: u4
      - id: scrape_hint_ms
        type: u4
      - id: reuse_quarantine_ms
        type: u4
      - id: name
        type: strz
        size: 64
      - id: hdr_crc
        type: u4
      - id: dir_crc
        type: u4
      - id: pad0
        size: 8
      - id: state
        type: u8
        enum: state
      - id: stop_reason
        type: u8
      - id: pad1
        size: 0x30
      - id: struct_gen
        type: u8
      - id: pad2
        size: 0x38
      - id: desc_used
        type: u8
      - id: strt_used
        type: u8
      - id: bank_high
        type: u8
      - id: row_high
        type: u8
        repeat: expr
        repeat-expr: 4
      - id: reserved1
        size: 8
      - id: hb_seq
        type: u8
      - id: pad3
        size: 0x38
      - id: hb
        type: heartbeat
        repeat: expr
        repeat-expr: 2
      - id: rows_dropped
        type: u8
      - id: banks_exhausted
        type: u8
      - id: text_truncated
        type: u8
      - id: reserved2
        size: 0x28
      - id: snap_seq
        type: u8
      - id: pad4
        size: 0x38
      - id: reserved3
        size: 0xc80
  heartbeat:
    seq:
      - id: seq
        type: u8
      - id: mono_ns
        type: u8
      - id: real_ns
        type: u8
      - id: boottime_ns
        type: u8
      - id: pair_error_ns
        type: u8
      - id: loop_lag_max_ns
        type: u8
      - id: live_threads
        type: u8
      - id: crc
        type: u8
      - id: reserved
        size: 64
  region:
    seq:
      - id: type
        type: u4
        enum: region_type
      - id: kind
        type: u4
        enum: row_kind
      - id: 'off'
        type: u8
      - id: len
        type: u8
      - id: stride
        type: u8
      - id: count
        type: u8
      - id: outer_stride
        type: u8
      - id: outer_count
        type: u8
      - id: version
        type: u4
      - id: reserved
        size: 4
    instances:
      blocks:
        io: _root._io
        type: block(_index)
        repeat: expr
        repeat-expr: outer_count
    types:
      block:
        params:
          - id: index
            type: u8
        instances:
          body:
            io: _root._io
            pos: _parent.off + index * _parent.outer_stride
            size: _parent.len
            type:
              switch-on: _parent.type
              cases:
                'region_type::desc': descs(_parent.stride, _root.header.desc_used)
                'region_type::strt': strings(_root.header.strt_used)
                'region_type::keys': keys(_parent.stride, _parent.count)
                'region_type::enum': enums
                'region_type::bnds': words(_parent.count)
                'region_type::json': json
                'region_type::rowd': rows(_parent.stride, _root.header.row_high[_parent.kind.to_i])
                'region_type::rowc': cells(_parent.stride, _parent.count)
                'region_type::bank': cells(_parent.stride, _parent.count)
                'region_type::ledg': cells(_parent.stride, _parent.count)
                'region_type::text': texts(_parent.stride, _parent.count)
                'region_type::infl': inflights(_parent.stride, _parent.count)
                'region_type::evnt': events(_parent.stride, _parent.count)
                'region_type::span': spans(_parent.stride, _parent.count)
                'region_type::evid': evidences(_parent.stride, _parent.count)
                'region_type::hist': samples(_parent.stride, _parent.count, _parent.kind.to_i)
                'region_type::thrd': threads(_parent.stride, _parent.count)
                'region_type::snap': snap
  descs:
    params:
      - {id: stride, type: u8}
      - {id: count, type: u8}
    seq:
      - id: entries
        type: desc
        size: stride
        repeat: expr
        repeat-expr: count
  desc:
    seq:
      - id: id
        type: u4
      - id: kind
        type: u1
        enum: desc_kind
      - id: vtype
        type: u1
        enum: vtype
      - id: storage
        type: u1
        enum: storage
      - id: agg
        type: u1
      - id: row_kind
        type: u1
        enum: row_kind
      - id: level
        type: u1
        enum: level
      - id: stability
        type: u1
      - id: flags
        type: u1
      - id: 'off'
        type: u4
      - id: count
        type: u4
      - id: stride
        type: u4
      - id: name
        type: string_ref
      - id: prom_name
        type: string_ref
      - id: unit
        type: string_ref
      - id: unit_exp
        type: s4
      - id: help
        type: string_ref
      - id: help_long
        type: string_ref
      - id: labels
        type: string_ref
      - id: row_keys
        type: u4
      - id: enum_off
        type: u4
      - id: bounds_off
        type: u4
      - id: bounds_count
        type: u4
      - id: idx_min
        type: s4
      - id: nbuckets
        type: u2
      - id: scale
        type: s1
      - id: derive
        type: u1
      - id: since_minor
        type: u2
      - id: retired_minor
        type: u2
      - id: zero_threshold_ns
        type: u8
      - id: derive_a
        type: u4
      - id: derive_b
        type: u4
      - id: upper_off
        type: u4
      - id: reserved0
        size: 4
      - id: reserved
        size: 24
  string_ref:
    doc: Offset in STRT divided by 8; 0 is the empty string. STRT is the second region of writers of 1.0.
    seq:
      - id: ref
        type: u4
    instances:
      text:
        io: _root._io
        pos: _root.directory[1].off + ref * 8
        type: string
        if: ref != 0
  string:
    seq:
      - id: length
        type: u4
      - id: text
        type: str
        size: length
  strings:
    params:
      - {id: used, type: u8}
    seq:
      - id: bytes
        size: used
  keys:
    params:
      - {id: stride, type: u8}
      - {id: count, type: u8}
    seq:
      - id: entries
        type: key
        size: stride
        repeat: expr
        repeat-expr: count
  key:
    seq:
      - id: source
        type: u4
      - id: prom_name
        type: string_ref
      - id: otel_name
        type: string_ref
      - id: reserved
        size: 4
  enums:
    seq:
      - id: zero
        type: u4
      - id: count
        type: u4
      - id: index
        type: u4
        repeat: expr
        repeat-expr: count
  words:
    params:
      - {id: count, type: u8}
    seq:
      - id: words
        type: u8
        repeat: expr
        repeat-expr: count
  json:
    seq:
      - id: text
        type: strz
  rows:
    params:
      - {id: stride, type: u8}
      - {id: used, type: u8}
    seq:
      - id: entries
        type: row
        size: stride
        repeat: expr
        repeat-expr: used
  row:
    seq:
      - id: gen
        type: u8
      - id: uid
        type: u8
      - id: parent
        type: u8
      - id: slot
        type: u8
      - id: born_mono_ns
        type: u8
      - id: retired_mono_ns
        type: u8
      - id: reuse_after_mono_ns
        type: u8
      - id: retire_reason
        type: u8
      - id: reserved
        size: 64
      - id: name
        size: 128
        type: padded
      - id: text
        size: 128
        type: padded
  padded:
    doc: UTF-8 up to the first NUL or the end.
    seq:
      - id: text
        type: strz
        eos-error: false
  cells:
    params:
      - {id: stride, type: u8}
      - {id: count, type: u8}
    seq:
      - id: entries
        size: stride
        repeat: expr
        repeat-expr: count
  hist:
    doc: A histogram of the shape that writers of 1.0 use, at the offset a descriptor names.
    seq:
      - id: bucket
        type: u8
        repeat: expr
        repeat-expr: 258
      - id: sum
        type: u8
  latch:
    doc: The record at the start of each entry of ROWC and LEDG; copy `seq & 1` is the current one.
    seq:
      - id: seq
        type: u8
      - id: reserved
        size: 56
      - id: copy
        type: u8
        repeat: expr
        repeat-expr: 32
  texts:
    params:
      - {id: stride, type: u8}
      - {id: count, type: u8}
    seq:
      - id: entries
        type: text
        size: stride
        repeat: expr
        repeat-expr: count
  text:
    seq:
      - id: seq
        type: u8
      - id: reserved
        size: 8
      - id: copy
        type: padded
        size: 504
        repeat: expr
        repeat-expr: 2
  inflights:
    params:
      - {id: stride, type: u8}
      - {id: count, type: u8}
    seq:
      - id: entries
        type: inflight
        size: stride
        repeat: expr
        repeat-expr: count
  inflight:
    seq:
      - id: seq
        type: u8
      - id: reserved
        size: 8
      - id: copy
        type: inflight_copy
        repeat: expr
        repeat-expr: 2
  inflight_copy:
    seq:
      - id: start_mono_ns
        type: u8
      - id: deadline_mono_ns
        type: u8
      - id: received_mono_ns
        type: u8
      - id: tool
        type: u8
      - id: incarnation
        type: u8
      - id: trace_id
        type: u8
      - id: trace_id_lo
        type: u8
      - id: correlation
        size: 56
        type: padded
      - id: crc
        type: u8
  ring:
    seq:
      - id: head
        type: u8
      - id: capacity
        type: u8
      - id: reserved
        size: 48
  events:
    params:
      - {id: stride, type: u8}
      - {id: count, type: u8}
    seq:
      - id: ring
        type: ring
      - id: entries
        type: event
        size: stride
        repeat: expr
        repeat-expr: count
  event:
    seq:
      - id: seq
        type: u8
      - id: crc
        type: u8
      - id: mono_ns
        type: u8
      - id: kind
        type: u8
      - id: reason
        type: u8
      - id: pool
        type: u8
      - id: slot
        type: u8
      - id: pool_uid
        type: u8
      - id: incarnation
        type: u8
      - id: pid
        type: u8
      - id: value
        type: u8
        repeat: expr
        repeat-expr: 2
      - id: trace_id
        type: u8
        repeat: expr
        repeat-expr: 2
      - id: evidence
        type: u8
      - id: reserved
        size: 8
  evidences:
    params:
      - {id: stride, type: u8}
      - {id: count, type: u8}
    seq:
      - id: ring
        type: ring
      - id: entries
        type: evidence
        size: stride
        repeat: expr
        repeat-expr: count
  evidence:
    seq:
      - id: seq
        type: u8
      - id: crc
        type: u8
      - id: mono_ns
        type: u8
      - id: kind
        type: u8
      - id: part
        type: u8
      - id: length
        type: u8
      - id: pool
        type: u8
      - id: slot
        type: u8
      - id: pool_uid
        type: u8
      - id: incarnation
        type: u8
      - id: pid
        type: u8
      - id: reserved
        size: 40
      - id: text
        size: 3968
        type: padded
  spans:
    params:
      - {id: stride, type: u8}
      - {id: count, type: u8}
    seq:
      - id: ring
        type: ring
      - id: entries
        type: span
        size: stride
        repeat: expr
        repeat-expr: count
  span:
    seq:
      - id: seq
        type: u8
      - id: crc
        type: u8
      - id: start_mono_ns
        type: u8
      - id: end_mono_ns
        type: u8
      - id: trace_id
        type: u8
        repeat: expr
        repeat-expr: 2
      - id: span_id
        type: u8
      - id: parent_span_id
        type: u8
      - id: kind
        type: u8
      - id: flags
        type: u8
      - id: queue_ns
        type: u8
      - id: pool
        type: u8
      - id: pool_uid
        type: u8
      - id: tool
        type: u8
      - id: tool_uid
        type: u8
      - id: slot
        type: u8
      - id: incarnation
        type: u8
      - id: attempt
        type: u8
      - id: correlation
        size: 128
        type: padded
      - id: session
        size: 64
        type: padded
      - id: reserved
        size: 48
  samples:
    params:
      - {id: stride, type: u8}
      - {id: count, type: u8}
      - {id: kind, type: u8}
    seq:
      - id: ring
        type: ring
      - id: entries
        size: stride
        type:
          switch-on: kind
          cases:
            1: pool_sample
            2: worker_sample
        repeat: expr
        repeat-expr: count
  pool_sample:
    seq:
      - id: seq
        type: u8
      - id: crc
        type: u8
      - id: mono_ns
        type: u8
      - id: uid
        type: u8
      - id: queue_depth
        type: u8
      - id: active
        type: u8
      - id: requests
        type: u8
      - id: failures
        type: u8
      - id: octave
        type: u4
        repeat: expr
        repeat-expr: 32
  worker_sample:
    seq:
      - id: seq
        type: u8
      - id: crc
        type: u8
      - id: mono_ns
        type: u8
      - id: uid
        type: u8
      - id: state
        type: u8
      - id: requests
        type: u8
      - id: busy_ns
        type: u8
      - id: rss_bytes
        type: u8
  threads:
    params:
      - {id: stride, type: u8}
      - {id: count, type: u8}
    seq:
      - id: entries
        type: thread
        size: stride
        repeat: expr
        repeat-expr: count
  thread:
    seq:
      - id: busy_since_mono_ns
        type: u8
      - id: tid
        type: u8
      - id: name
        size: 16
        type: padded
      - id: reserved
        size: 96
  snap:
    seq:
      - id: crc
        type: u8
      - id: seq
        type: u8
      - id: length
        type: u8
      - id: begin_mono_ns
        type: u8
      - id: end_mono_ns
        type: u8
      - id: real_ns
        type: u8
      - id: struct_gen
        type: u8
      - id: rows_unsettled
        type: u8
      - id: meters
        type: u8
        repeat: expr
        repeat-expr: 8
      - id: table
        type: snap_table
        repeat: expr
        repeat-expr: 4
      - id: reserved
        size: 128
  snap_table:
    seq:
      - id: 'off'
        type: u8
      - id: count
        type: u8
      - id: stride
        type: u8
      - id: record
        type: u8
      - id: text
        type: u8
      - id: cells
        type: u8
      - id: sums
        type: u8
      - id: ledger
        type: u8
    instances:
      entries:
        pos: 'off'
        size: stride
        type: row
        repeat: expr
        repeat-expr: count
        if: stride != 0
enums:
  state:
    0: init
    1: live
    2: draining
    3: closed
    4: superseded
  region_type:
    1: desc
    2: strt
    3: keys
    4: enum
    5: bnds
    6: json
    7: rowd
    8: rowc
    9: bank
    10: snap
    11: infl
    12: evnt
    13: evid
    14: span
    15: hist
    16: text
    17: thrd
    18: ledg
  row_kind:
    0: proc
    1: pool
    2: worker
    3: tool
  desc_kind:
    1: counter
    2: updown
    3: gauge
    4: histogram
    5: state
    6: timestamp
    7: info
  vtype:
    1: u64
    2: i64
    3: f64
    4: mono_ns
    5: real_ns
    6: none
  storage:
    1: bank
    2: row
    3: latch
    4: header
    5: derived
    6: one
    7: ledger
  level:
    1: info
    2: diag
    3: debug
