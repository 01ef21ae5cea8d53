// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"time"

	"snakepit.dev/segment"
)

// report is one look at one segment, written as snakepit-inspect --json --events does.
type report struct {
	*encoder
	snap *segment.Snapshot
}

func render(path string, tier segment.Tier) ([]byte, error) {
	seg, err := segment.Open(path)
	if err != nil {
		return nil, err
	}
	defer seg.Close()
	// Before the snapshot, which then has the pools they name.
	var cursor segment.Cursor
	events, err := seg.Events(&cursor)
	if err != nil {
		return nil, err
	}
	snap, err := seg.Snapshot(tier)
	if err != nil {
		return nil, err
	}
	verdict, err := seg.Verdict()
	if err != nil {
		return nil, err
	}
	r := report{&encoder{}, snap}
	r.object(func() {
		r.key("schema").u64(1)
		r.key("segment").object(func() { r.segment(seg.Info()) })
		r.key("writer").object(func() { r.writer(verdict, seg.HeartbeatAge(snap.Heartbeat)) })
		r.key("stats").object(r.stats)
		r.rows()
		r.key("metrics").array(func() {
			for _, m := range snap.Metrics() {
				r.object(func() { r.metric(m) })
			}
		})
		r.key("events_lost").u64(cursor.Lost)
		r.key("events").array(func() {
			for i := range events {
				r.object(func() { r.event(&events[i]) })
			}
		})
	})
	return r.b, nil
}

func renderError(err error) []byte {
	var e encoder
	e.object(func() {
		e.key("schema").u64(1)
		e.key("error").object(func() {
			var cause *segment.Error
			if !errors.As(err, &cause) {
				cause = &segment.Error{Kind: segment.Failed}
			}
			e.key("kind").string(string(cause.Kind))
			e.key("field")
			if cause.Field != "" {
				e.string(cause.Field)
			} else {
				e.null()
			}
			e.key("message").string(err.Error())
		})
	})
	return e.b
}

func (r report) segment(info segment.Info) {
	r.key("path").string(info.Path)
	r.key("instance").string(info.Instance)
	r.key("uuid").string(info.UUID)
	r.key("version").string(fmt.Sprintf("%d.%d", info.Major, info.Minor))
	r.key("incarnation").u64(info.Incarnation)
	r.key("pid").u64(uint64(uint32(info.PID)))
	r.key("size_bytes").u64(info.Size)
	r.key("start_time").ns(info.StartTime)
	r.key("heartbeat_interval_ms").u64(uint64(info.HeartbeatIntervalMs))
	r.key("stale_after_ms").u64(uint64(info.StaleAfterMs))
	r.key("scrape_hint_ms").u64(uint64(info.ScrapeHintMs))
}

func (r report) writer(verdict segment.Verdict, age time.Duration) {
	r.key("verdict").string(string(verdict))
	r.key("state").string(r.snap.State.String())
	r.key("heartbeat_age_ms").i64(age.Milliseconds())
	r.key("heartbeat_seq").u64(r.snap.Heartbeat.Seq)
	r.key("heartbeat_time").ns(r.snap.Heartbeat.Wall)
	r.key("stop_reason").string(r.snap.StopReason)
}

func (r report) stats() {
	r.key("snapshot_ns").i64(r.snap.Took.Nanoseconds())
	r.key("retries").i64(int64(r.snap.Retries))
	r.key("rows_skipped").u64(r.snap.RowsSkipped)
	r.key("rows_dropped").u64(r.snap.RowsDropped)
	r.key("banks_exhausted").u64(r.snap.BanksExhausted)
	r.key("text_truncated").u64(r.snap.TextTruncated)
}

// ---- rows ---------------------------------------------------------------------------

func (r report) rows() {
	r.key("pools").array(func() {
		for _, row := range r.snap.Pools() {
			r.object(func() {
				r.row(row)
				r.key("name").string(row.Name)
				r.key("adapter").string(row.Adapter)
			})
		}
	})
	r.key("workers").array(func() {
		for _, worker := range r.snap.Workers() {
			r.object(func() {
				r.row(&worker.Row)
				r.worker(worker)
			})
		}
	})
	r.key("tools").array(func() {
		for _, row := range r.snap.Tools() {
			r.object(func() {
				r.row(row)
				r.key("pool").string(row.PoolName)
				r.key("name").string(row.Name)
			})
		}
	})
}

func (r report) row(row *segment.Row) {
	r.key("row").u64(uint64(row.Index))
	r.key("uid").u64(row.UID)
	r.key("retired").bool(row.Retired)
	r.key("retire_reason").string(row.RetireReason)
	r.key("born_time").ns(r.snap.Wall(row.BornMono))
	r.key("retired_time").ns(r.snap.Wall(row.RetiredMono))
}

func (r report) worker(w *segment.Worker) {
	r.key("pool").string(w.PoolName)
	r.key("slot").u64(uint64(w.Slot))
	r.key("status").string(w.Status)
	r.key("worker_id").string(w.ID)
	r.key("incarnation").u64(w.Incarnation)
	r.key("pid").i64(int64(w.PID))
	r.key("python").string(w.Python)
	r.key("start_time").ns(w.StartTime)
	r.key("ready_time").ns(r.snap.Wall(w.ReadyMono))
	r.key("last_exit_reason").string(w.LastExitReason)
	r.key("last_exit_status").u64(uint64(w.LastExitStatus))
	r.key("last_error").string(w.LastError)
}

// ---- metrics ------------------------------------------------------------------------

var levels = map[segment.Level]string{segment.LevelInfo: "info", segment.LevelDiag: "diag"}

func (r report) metric(m *segment.Metric) {
	level, ok := levels[m.Level]
	if !ok {
		level = "debug"
	}
	r.key("name").string(m.Name)
	r.key("prometheus_name").string(m.PromName)
	r.key("kind").string(m.Kind.String())
	r.key("unit").string(m.Unit)
	r.key("level").string(level)
	r.key("help").string(m.Help)
	r.key("series").array(func() {
		for _, series := range r.snap.Series(m) {
			r.object(func() { r.series(&series) })
		}
	})
}

func (r report) series(s *segment.Series) {
	r.key("labels").object(func() {
		for _, label := range s.Labels {
			r.key(label.Name).string(label.Value)
		}
	})
	if s.Histogram != nil {
		r.histogram(s.Metric, s.Histogram)
		return
	}
	r.key("value")
	r.value(s)
	if text, ok := s.StateText(); ok {
		r.key("state").string(text)
	}
}

func (r report) value(s *segment.Series) {
	switch {
	case s.Metric.Type == segment.Float:
		r.float(s.Number())
	case s.Metric.Kind == segment.InfoKind:
		r.u64(1)
	case s.Metric.Type == segment.Signed && int64(s.Value) < 0:
		r.raw("-" + decimal(-s.Value, s.Metric.UnitExp))
	case s.Metric.Type == segment.MonoTime:
		r.ns(r.snap.Wall(s.Value))
	case s.Metric.Type == segment.WallTime:
		r.ns(s.Value)
	default:
		r.raw(decimal(s.Value, s.Metric.UnitExp))
	}
}

func (r report) histogram(m *segment.Metric, h *segment.Histogram) {
	r.key("count").u64(h.Count())
	r.key("sum_ns").u64(h.Sum)
	r.key("buckets").array(func() {
		for i, count := range h.Buckets {
			if count == 0 {
				continue
			}
			r.object(func() {
				r.key("le_ns")
				if i < len(m.Upper) {
					r.u64(m.Upper[i])
				} else {
					r.null()
				}
				r.key("count").u64(count)
			})
		}
	})
	r.key("quantiles").object(func() {
		r.key("p50").u64(h.Quantile(0.5))
		r.key("p90").u64(h.Quantile(0.9))
		r.key("p99").u64(h.Quantile(0.99))
	})
}

// ---- events -------------------------------------------------------------------------

func (r report) event(e *segment.Event) {
	r.key("time").ns(r.snap.Wall(e.Mono))
	r.key("mono_ns").u64(e.Mono)
	r.key("ring").u64(uint64(e.Ring))
	r.key("seq").u64(e.Seq)
	r.key("kind").string(e.Kind)
	r.key("initiator").string(e.Initiator)
	r.key("from").string(e.From)
	r.key("to").string(e.To)
	r.key("reason").string(e.Reason)
	r.key("pool").string(r.poolName(e))
	r.key("slot").u64(uint64(e.Slot))
	r.key("incarnation").u64(e.Incarnation)
	r.key("pid").i64(int64(e.PID))
	r.key("values").array(func() {
		r.u64(e.Values[0])
		r.u64(e.Values[1])
	})
	r.key("pool_uid").u64(e.PoolUID)
	trace := ""
	if e.TraceID != [2]uint64{} {
		trace = fmt.Sprintf("%016x%016x", e.TraceID[0], e.TraceID[1])
	}
	r.key("trace_id").string(trace)
	r.key("evidence").u64(e.Evidence)
}

func (r report) poolName(e *segment.Event) string {
	for _, row := range r.snap.Pools() {
		if row.Index == e.Pool && row.UID == e.PoolUID {
			return row.Name
		}
	}
	return ""
}
