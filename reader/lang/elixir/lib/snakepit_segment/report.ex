# SPDX-License-Identifier: Apache-2.0

defmodule SnakepitSegment.Report do
  @moduledoc false
  # One look at one segment, as docs/inspect.md describes it: a value for SnakepitSegment.Json.

  alias SnakepitSegment.Cursor
  alias SnakepitSegment.Error
  alias SnakepitSegment.Histogram
  alias SnakepitSegment.Json
  alias SnakepitSegment.Series
  alias SnakepitSegment.Snapshot
  alias SnakepitSegment.Worker

  @schema 1
  @stats [:snapshot_ns, :retries, :rows_skipped, :rows_dropped, :banks_exhausted, :text_truncated]

  @doc "Returns the report on a segment."
  @spec of(Path.t()) :: {:ok, Json.value()} | {:error, Error.t()}
  def of(path) do
    with {:ok, segment} <- SnakepitSegment.open(path) do
      try do
        look(segment)
      after
        SnakepitSegment.close(segment)
      end
    end
  end

  @doc "Returns what stands in the place of a report that could not be made."
  @spec of_failure(Error.t()) :: Json.value()
  def of_failure(error) do
    error = [
      {"kind", Atom.to_string(error.kind)},
      {"field", error.field},
      {"message", Exception.message(error)}
    ]

    {:object, [{"schema", @schema}, {"error", {:object, error}}]}
  end

  defp look(segment) do
    # Events before the snapshot, which then has the pools they name.
    with {:ok, {events, cursor}} <- SnakepitSegment.events(segment, %Cursor{}),
         {:ok, snapshot} <- SnakepitSegment.snapshot(segment),
         {:ok, {verdict, segment}} <- SnakepitSegment.verdict(segment) do
      {:ok,
       {:object,
        [
          {"schema", @schema},
          {"segment", {:object, info(segment.info)}},
          {"writer", {:object, writer(snapshot, verdict)}},
          {"stats", {:object, stats(snapshot)}},
          {"pools", objects(snapshot.pools, &pool/1)},
          {"workers", objects(snapshot.workers, &worker/1)},
          {"tools", objects(snapshot.tools, &tool/1)},
          {"metrics", objects(snapshot.metrics, &metric(snapshot, &1))},
          {"events_lost", cursor.lost},
          {"events", objects(events, &event(snapshot, &1))}
        ]}}
    end
  end

  defp objects(items, pairs_of), do: Enum.map(items, &{:object, pairs_of.(&1)})

  defp seconds(time_ns), do: {:decimal, time_ns, -9}

  defp info(info) do
    {major, minor} = info.version

    [
      {"path", info.path},
      {"instance", info.instance},
      {"uuid", info.uuid},
      {"version", "#{major}.#{minor}"},
      {"incarnation", info.incarnation},
      {"pid", info.pid},
      {"size_bytes", info.size_bytes},
      {"start_time", seconds(info.start_time_ns)},
      {"heartbeat_interval_ms", info.heartbeat_interval_ms},
      {"stale_after_ms", info.stale_after_ms},
      {"scrape_hint_ms", info.scrape_hint_ms}
    ]
  end

  defp writer(snapshot, verdict) do
    # By the wall clock: Erlang promises of no other that it is the writer's, too.
    age_ns = System.os_time(:nanosecond) - snapshot.heartbeat.real_time_ns

    [
      {"verdict", Atom.to_string(verdict)},
      {"state", snapshot.state},
      {"heartbeat_age_ms", max(div(age_ns, 1_000_000), 0)},
      {"heartbeat_seq", snapshot.heartbeat.seq},
      {"heartbeat_time", seconds(snapshot.heartbeat.real_time_ns)},
      {"stop_reason", snapshot.stop_reason}
    ]
  end

  defp stats(snapshot) do
    for key <- @stats, do: {Atom.to_string(key), Map.fetch!(snapshot.stats, key)}
  end

  # ---- rows ----

  defp row(row) do
    [
      {"row", row.index},
      {"uid", row.uid},
      {"retired", row.retired},
      {"retire_reason", row.retire_reason},
      {"born_time", seconds(row.born_time_ns)},
      {"retired_time", seconds(row.retired_time_ns)}
    ]
  end

  defp pool(pool), do: row(pool.row) ++ [{"name", pool.name}, {"adapter", pool.adapter}]

  defp tool(tool), do: row(tool.row) ++ [{"pool", tool.pool.name}, {"name", tool.name}]

  defp worker(worker) do
    row(worker.row) ++
      [
        {"pool", worker.pool.name},
        {"slot", worker.slot},
        {"status", worker.status},
        {"worker_id", Worker.id(worker)},
        {"incarnation", worker.incarnation},
        {"pid", worker.pid},
        {"python", worker.python},
        {"start_time", seconds(worker.start_time_ns)},
        {"ready_time", seconds(worker.ready_time_ns)},
        {"last_exit_reason", worker.last_exit_reason},
        {"last_exit_status", worker.last_exit_status},
        {"last_error", worker.last_error}
      ]
  end

  # ---- metrics and events ----

  defp metric(snapshot, metric) do
    [
      {"name", metric.name},
      {"prometheus_name", metric.prometheus_name},
      {"kind", Atom.to_string(metric.kind)},
      {"unit", metric.unit},
      {"level", Atom.to_string(metric.level)},
      {"help", metric.help},
      {"series", objects(Snapshot.series(snapshot, metric), &series/1)}
    ]
  end

  defp series(series), do: [{"labels", {:object, series.labels}} | value(series)]

  defp value(%Series{histogram: nil} = series) do
    value =
      case Series.exact(series) do
        {number, exponent} -> {:decimal, number, exponent}
        float -> float
      end

    case Series.state(series) do
      nil -> [{"value", value}]
      state -> [{"value", value}, {"state", state}]
    end
  end

  defp value(%Series{histogram: histogram}) do
    quantiles =
      for {name, q} <- [{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}],
          do: {name, Histogram.quantile_ns(histogram, q)}

    [
      {"count", Histogram.count(histogram)},
      {"sum_ns", histogram.sum_ns},
      {"buckets",
       objects(Histogram.buckets(histogram), fn {bound, count} ->
         [{"le_ns", bound}, {"count", count}]
       end)},
      {"quantiles", {:object, quantiles}}
    ]
  end

  defp event(snapshot, event) do
    pool = Snapshot.pool_of(snapshot, event)

    [
      {"time", seconds(Snapshot.time_ns(snapshot, event.mono_ns))},
      {"mono_ns", event.mono_ns},
      {"ring", event.ring},
      {"seq", event.seq},
      {"kind", event.kind},
      {"initiator", event.initiator},
      {"from", event.from},
      {"to", event.to},
      {"reason", event.reason},
      {"pool", if(pool, do: pool.name, else: "")},
      {"slot", event.slot},
      {"incarnation", event.incarnation},
      {"pid", event.pid},
      {"values", Tuple.to_list(event.values)},
      {"pool_uid", event.pool_uid},
      {"trace_id", event.trace_id},
      {"evidence", event.evidence}
    ]
  end
end
