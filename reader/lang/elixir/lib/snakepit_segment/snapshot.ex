# SPDX-License-Identifier: Apache-2.0

defmodule SnakepitSegment.Snapshot do
  @moduledoc """
  All rows and values at one moment: a copy, which stays as it is.

  `state` is what the writer says it is at, `stop_reason` why it ended ("none" while it has not).
  `pools`, `workers` and `tools` are in order of their index. `stats` says of the copy how long the
  writer took, how often the reader had to try again, and what found no place.
  """

  alias SnakepitSegment.Directory
  alias SnakepitSegment.Event
  alias SnakepitSegment.File
  alias SnakepitSegment.Header
  alias SnakepitSegment.Heartbeat
  alias SnakepitSegment.Histogram
  alias SnakepitSegment.Metric
  alias SnakepitSegment.Pool
  alias SnakepitSegment.Row
  alias SnakepitSegment.Rows
  alias SnakepitSegment.Schema
  alias SnakepitSegment.Series
  alias SnakepitSegment.Snap
  alias SnakepitSegment.Tool
  alias SnakepitSegment.Worker

  @enforce_keys [
    :state,
    :stop_reason,
    :heartbeat,
    :stats,
    :metrics,
    :pools,
    :workers,
    :tools,
    :rows,
    :snap,
    :header
  ]
  @derive {Inspect, only: [:state, :stop_reason, :heartbeat, :stats]}
  defstruct @enforce_keys

  @type t :: %__MODULE__{
          state: String.t(),
          stop_reason: String.t(),
          heartbeat: Heartbeat.t(),
          stats: %{atom() => non_neg_integer()},
          metrics: [Metric.t()],
          pools: [Pool.t()],
          workers: [Worker.t()],
          tools: [Tool.t()],
          rows: map(),
          snap: Snap.t(),
          header: binary()
        }

  @states {"init", "live", "draining", "closed", "superseded"}
  @meters_off 0x300
  @snap_meters_off 64
  @absent 0xFFFFFFFFFFFFFFFF

  @doc false
  @spec read!(File.t(), Header.t(), Directory.t(), Schema.t()) :: t()
  def read!(file, header, directory, schema) do
    state = Header.state!(file)
    stop_reason = Header.stop_reason!(file)
    heartbeat = Header.heartbeat!(file)
    snap = Snap.read!(file, directory)
    rows = Rows.read(snap, schema, heartbeat)

    %__MODULE__{
      state: if(state < tuple_size(@states), do: elem(@states, state), else: "?"),
      stop_reason: Schema.text(schema, :stop_reason, stop_reason),
      heartbeat: heartbeat,
      stats: stats(snap, rows),
      metrics: schema.metrics,
      pools: Rows.in_order(rows.pools),
      workers: Rows.in_order(rows.workers),
      tools: Rows.in_order(rows.tools),
      rows: rows,
      snap: snap,
      header: header.data
    }
  end

  defp stats(snap, rows) do
    <<begin_ns::little-64, end_ns::little-64, _real::64, _struct_gen::64, unsettled::little-64,
      rows_dropped::little-64, banks_exhausted::little-64,
      text_truncated::little-64>> = Snap.bytes(snap, 24, 64)

    %{
      snapshot_ns: max(end_ns - begin_ns, 0),
      retries: snap.retries,
      rows_skipped: unsettled + rows.orphans,
      rows_dropped: rows_dropped,
      banks_exhausted: banks_exhausted,
      text_truncated: text_truncated
    }
  end

  @doc "Converts a monotonic time of the writer to wall time; 0 stays 0."
  @spec time_ns(t(), non_neg_integer()) :: non_neg_integer()
  def time_ns(snapshot, mono_ns), do: Heartbeat.time_ns(snapshot.heartbeat, mono_ns)

  @doc "Returns the pool of an event, nil when the pool is gone."
  @spec pool_of(t(), Event.t()) :: Pool.t() | nil
  def pool_of(snapshot, %Event{pool_uid: uid} = event) do
    case snapshot.rows.pools[event.pool_index] do
      %Pool{row: %Row{uid: ^uid}} = pool -> pool
      _gone -> nil
    end
  end

  @doc """
  Returns the series of a metric of this segment, by order of rows and then of cells.

  The metric may be given by its OpenTelemetry or Prometheus name; a KeyError where there is none.
  """
  @spec series(t(), Metric.t() | String.t()) :: [Series.t()]
  def series(snapshot, name) when is_binary(name) do
    case Enum.find(snapshot.metrics, &Metric.called?(&1, name)) do
      nil -> raise KeyError, key: name, term: Enum.map(snapshot.metrics, & &1.name)
      metric -> series(snapshot, metric)
    end
  end

  def series(snapshot, %Metric{} = metric) do
    derived? = metric.descriptor.storage == :derived
    counts = if derived?, do: Rows.by_status(snapshot.rows, snapshot.snap, metric), else: %{}

    for {index, row} <- rows_of(snapshot.rows, metric.descriptor.row_kind),
        not (metric.kind == :info and match?(%Worker{pid: 0}, row)),
        has?(snapshot, metric.descriptor, index),
        labels = for({attribute, label} <- metric.keys, do: {label, Rows.label(row, attribute)}),
        cell <- 0..(metric.descriptor.count - 1)//1 do
      one(snapshot, metric, {index, cell}, labels, counts)
    end
  end

  # Of a sparse metric the first word says whether the row has it.
  defp has?(_snapshot, %{sparse?: false}, _index), do: true

  defp has?(snapshot, desc, index),
    do: Snap.word(snapshot.snap, cell_off(snapshot, desc, {index, 0})) != @absent

  defp rows_of(_rows, 0), do: [{0, nil}]
  defp rows_of(rows, 1), do: Enum.sort(rows.pools)
  defp rows_of(rows, 2), do: Enum.sort(rows.workers)
  defp rows_of(rows, 3), do: Enum.sort(rows.tools)

  defp one(snapshot, metric, {index, cell} = place, labels, counts) do
    histogram = if metric.kind == :histogram, do: histogram(snapshot, metric, place)

    %Series{
      metric: metric,
      labels: labels ++ label_of_cell(metric, cell),
      row: index,
      raw: if(histogram, do: 0, else: raw(snapshot, metric, place, counts)),
      histogram: histogram
    }
  end

  defp label_of_cell(%Metric{kind: :state}, _cell), do: []
  defp label_of_cell(%Metric{enum: nil}, _cell), do: []
  defp label_of_cell(%Metric{enum: enum}, cell), do: [{enum.label, elem(enum.values, cell)}]

  defp histogram(snapshot, metric, place) do
    length = metric.descriptor.nbuckets + 2

    <<words::binary-size(length)-unit(64), sum::little-64>> =
      Snap.bytes(snapshot.snap, cell_off(snapshot, metric.descriptor, place), 8 * (length + 1))

    %Histogram{
      upper_ns: metric.upper_ns,
      words: for(<<word::little-64 <- words>>, do: word),
      sum_ns: sum,
      zero_threshold_ns: metric.descriptor.zero_threshold_ns
    }
  end

  defp raw(snapshot, metric, {_index, cell} = place, counts) do
    desc = metric.descriptor

    word =
      case desc.storage do
        :one -> 1
        :derived -> Map.get(counts, place, 0)
        :header -> header_word(snapshot, desc.off + cell * desc.stride)
        _in_row -> Snap.word(snapshot.snap, cell_off(snapshot, desc, place))
      end

    if desc.vtype == :mono_ns, do: time_ns(snapshot, word), else: word
  end

  defp header_word(snapshot, off) when off >= @meters_off,
    do: Snap.word(snapshot.snap, @snap_meters_off + off - @meters_off)

  defp header_word(snapshot, off) do
    <<word::little-64>> = binary_part(snapshot.header, off, 8)
    word
  end

  defp cell_off(snapshot, desc, {index, cell}) do
    table = Snap.table_of(snapshot.snap, desc.row_kind)

    part =
      case desc.storage do
        :bank -> table.sums
        :row -> table.cells - Directory.latch_bytes()
        :latch -> table.record
        :ledger -> table.ledger
      end

    Snap.row(snapshot.snap, desc.row_kind, index) + part + desc.off + cell * desc.stride
  end
end
