# SPDX-License-Identifier: Apache-2.0

defmodule SnakepitSegment.Rows do
  @moduledoc false
  # The rows of a half of SNAP: maps from index to row, for each kind.

  import Bitwise

  alias SnakepitSegment.Directory
  alias SnakepitSegment.Heartbeat
  alias SnakepitSegment.Pool
  alias SnakepitSegment.Row
  alias SnakepitSegment.Schema
  alias SnakepitSegment.Snap
  alias SnakepitSegment.Text
  alias SnakepitSegment.Tool
  alias SnakepitSegment.Worker

  @pool 1
  @worker 2
  @tool 3
  @name_off 128
  @adapter_off 256
  @name_bytes 128
  @record_bytes 128
  @text_bytes 504

  # States of a row: its generation modulo 4.
  @live 1
  @tombstone 2

  # WORKER_STATE to WORKER_STATUS.
  @ready 4
  @starting 0
  @idle 1
  @busy 2
  @draining 3
  @down 4
  @statuses %{1 => @starting, 2 => @starting, 3 => @starting, 5 => @draining}

  @doc "Returns pools, workers, tools, and how many rows were left out for want of a pool."
  @spec read(Snap.t(), Schema.t(), Heartbeat.t()) :: map()
  def read(snap, schema, heartbeat) do
    source = %{snap: snap, schema: schema, heartbeat: heartbeat}
    pools = for i <- used(snap, @pool), into: %{}, do: {i, pool(source, i)}
    {workers, lost_workers} = children(source, pools, @worker, &worker/3)
    {tools, lost_tools} = children(source, pools, @tool, &tool/3)
    %{pools: pools, workers: workers, tools: tools, orphans: lost_workers + lost_tools}
  end

  @doc "Returns a kind's rows in order of their index."
  @spec in_order(%{non_neg_integer() => row}) :: [row] when row: struct()
  def in_order(rows), do: rows |> Enum.sort() |> Enum.map(&elem(&1, 1))

  defp used(snap, kind) do
    for i <- 0..(Snap.table_of(snap, kind).count - 1)//1,
        (word(snap, kind, i, 0) &&& 3) in [@live, @tombstone],
        do: i
  end

  defp children(source, pools, kind, make) do
    {known, lost} =
      source.snap
      |> used(kind)
      |> Enum.split_with(&Map.has_key?(pools, word(source.snap, kind, &1, 16)))

    rows =
      for i <- known, into: %{}, do: {i, make.(source, i, pools[word(source.snap, kind, i, 16)])}

    {rows, length(lost)}
  end

  defp word(snap, kind, index, off), do: Snap.word(snap, Snap.row(snap, kind, index) + off)

  defp text(snap, kind, index, off) do
    snap |> Snap.bytes(Snap.row(snap, kind, index) + off, @name_bytes) |> Text.before_nul()
  end

  defp row(source, kind, index) do
    <<gen::little-64, uid::little-64, _parent::64, _slot::64, born::little-64, retired::little-64,
      _reuse::64,
      reason::little-64>> = Snap.bytes(source.snap, Snap.row(source.snap, kind, index), 64)

    retired? = (gen &&& 3) == @tombstone

    %Row{
      index: index,
      uid: uid,
      retired: retired?,
      retire_reason:
        if(retired?, do: Schema.text(source.schema, :retire_reason, reason), else: ""),
      born_time_ns: Heartbeat.time_ns(source.heartbeat, born),
      retired_time_ns: if(retired?, do: Heartbeat.time_ns(source.heartbeat, retired), else: 0)
    }
  end

  defp pool(source, index) do
    %Pool{
      row: row(source, @pool, index),
      name: text(source.snap, @pool, index, @name_off),
      adapter: text(source.snap, @pool, index, @adapter_off)
    }
  end

  defp tool(source, index, pool) do
    %Tool{
      row: row(source, @tool, index),
      pool: pool,
      name: text(source.snap, @tool, index, @name_off)
    }
  end

  defp worker(source, index, pool) do
    <<incarnation::little-64, pid::little-32, _::32, _start_mono::64, start_real::little-64,
      ready_mono::little-64, exit_reason::little-64, exit_status::little-32, _::32,
      python::binary-size(16), _rest::binary>> = record(source.snap, index)

    %Worker{
      row: row(source, @worker, index),
      pool: pool,
      slot: word(source.snap, @worker, index, 24) &&& 0xFFFFFFFF,
      status: status_text(source, index),
      incarnation: incarnation,
      pid: pid,
      python: Text.before_nul(python),
      start_time_ns: start_real,
      ready_time_ns: Heartbeat.time_ns(source.heartbeat, ready_mono),
      last_exit_reason: exit_reason_text(source.schema, exit_reason),
      last_exit_status: exit_status,
      last_error: last_error(source.snap, index)
    }
  end

  defp record(snap, index) do
    case Snap.table_of(snap, @worker).record do
      0 -> <<0::size(@record_bytes)-unit(8)>>
      off -> Snap.bytes(snap, Snap.row(snap, @worker, index) + off, @record_bytes)
    end
  end

  defp last_error(snap, index) do
    case Snap.table_of(snap, @worker).text do
      0 -> ""
      off -> Text.terminated(Snap.bytes(snap, Snap.row(snap, @worker, index) + off, @text_bytes))
    end
  end

  defp exit_reason_text(_schema, 0), do: ""
  defp exit_reason_text(schema, reason), do: Schema.text(schema, :exit_reason, reason - 1)

  # ---- status ----

  defp status_text(source, index) do
    derived = source.schema.derived
    status = if derived, do: status(source.snap, derived, index), else: @down
    Schema.text(source.schema, :worker_status, status)
  end

  defp status(snap, metric, index) do
    cells = Snap.table_of(snap, @worker).cells - Directory.latch_bytes()
    state = word(snap, @worker, index, cells + metric.descriptor.derive_a)

    case {state, word(snap, @worker, index, cells + metric.descriptor.derive_b)} do
      {@ready, 0} -> @idle
      {@ready, _requests} -> @busy
      {other, _requests} -> Map.get(@statuses, other, @down)
    end
  end

  @doc "Counts the live workers by the index of their pool and their status."
  @spec by_status(map(), Snap.t(), struct()) :: %{{non_neg_integer(), 0..4} => pos_integer()}
  def by_status(rows, snap, metric) do
    for {index, %Worker{row: %Row{retired: false}} = worker} <- rows.workers, reduce: %{} do
      counts ->
        key = {worker.pool.row.index, status(snap, metric, index)}
        Map.update(counts, key, 1, &(&1 + 1))
    end
  end

  # ---- labels ----

  @doc "Returns the text of a label, \"\" for what a row of its kind does not have."
  @spec label(struct() | nil, atom()) :: String.t()
  def label(nil, _attribute), do: ""
  def label(%Pool{} = pool, :pool), do: pool.name
  def label(%Pool{} = pool, :adapter), do: pool.adapter
  def label(%Pool{}, _attribute), do: ""
  def label(row, attribute) when attribute in [:pool, :adapter], do: label(row.pool, attribute)
  def label(%Tool{} = tool, :method), do: tool.name
  def label(%Worker{} = worker, :slot), do: Integer.to_string(worker.slot)
  def label(%Worker{} = worker, :worker_id), do: Worker.id(worker)
  def label(%Worker{} = worker, :pid), do: Integer.to_string(worker.pid)
  def label(%Worker{} = worker, :python), do: worker.python
  def label(_row, _attribute), do: ""
end
