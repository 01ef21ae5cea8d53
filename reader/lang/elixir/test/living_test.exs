# SPDX-License-Identifier: Apache-2.0

defmodule SnakepitSegment.LivingTest do
  @moduledoc """
  Reads a segment as fast as it can while its writer counts as fast as it can, and retires and
  recycles rows. SNAKEPIT_TEST_SEGMENT names it.
  """

  use ExUnit.Case

  alias SnakepitSegment.Cursor
  alias SnakepitSegment.Error
  alias SnakepitSegment.Histogram
  alias SnakepitSegment.Snapshot

  @moduletag :living

  # At least so long and so often, but where the machine is too busy for that no longer than this.
  @look_ms 1000
  @least_looks 5
  @deadline_ms 20_000

  setup do
    {:ok, segment} = "SNAKEPIT_TEST_SEGMENT" |> System.fetch_env!() |> SnakepitSegment.open()
    %{segment: segment}
  end

  test "halves are of one moment", %{segment: segment} do
    copies = copy(segment, System.monotonic_time(:millisecond), 0)
    assert copies >= @least_looks
  end

  # Nothing but what tells a torn half, to make as many copies as can be.
  defp copy(segment, start, copies) do
    cond do
      enough?(start, copies) ->
        copies

      snapshot = snapshot_unless_too_fast(segment) ->
        check_moment(snapshot)
        Enum.each(snapshot.pools, &check_ledger(snapshot, &1))
        copy(segment, start, copies + 1)

      true ->
        copy(segment, start, copies)
    end
  end

  defp enough?(start, looks) do
    past_ms = System.monotonic_time(:millisecond) - start
    past_ms > @deadline_ms or (past_ms > @look_ms and looks >= @least_looks)
  end

  # All rows are of one moment: each round has ten requests and one ping a pool.
  defp check_moment(snapshot) do
    requests = for s <- Snapshot.series(snapshot, "snakepit.pool.requests"), do: s.raw
    pings = for s <- Snapshot.series(snapshot, "snakepit.heartbeat.pings"), do: 10 * s.raw
    assert length(Enum.uniq(requests ++ pings)) == 1
  end

  test "nothing falls or is ahead", %{segment: segment} do
    seen = %{looks: 0, grown: 0, events: 0, cursor: %Cursor{}, before: %{}}
    seen = look(segment, System.monotonic_time(:millisecond), seen)
    assert {:ok, {:alive, _segment}} = SnakepitSegment.verdict(segment)
    assert seen.looks >= @least_looks
    assert seen.grown > 0
    assert seen.events > 0
    assert seen.events + seen.cursor.lost == seen.cursor.next |> Map.values() |> Enum.sum()
  end

  defp look(segment, start, seen) do
    cond do
      enough?(start, seen.looks) ->
        seen

      snapshot = snapshot_unless_too_fast(segment) ->
        look(segment, start, check(segment, snapshot, seen))

      true ->
        look(segment, start, seen)
    end
  end

  # Returns nil where the writer replaced SNAP as often as the reader tried to copy it.
  defp snapshot_unless_too_fast(segment) do
    case SnakepitSegment.snapshot(segment) do
      {:ok, snapshot} -> snapshot
      {:error, %Error{field: "snap"}} -> nil
    end
  end

  defp check(segment, snapshot, seen) do
    Enum.each(snapshot.pools, &check_ledger(snapshot, &1))
    now = snapshot.metrics |> Enum.flat_map(&growing(snapshot, &1)) |> Map.new()
    {:ok, {events, cursor}} = SnakepitSegment.events(segment, seen.cursor)

    grown =
      for {key, value} <- now, before = seen.before[key], value != before do
        assert value > before, "#{inspect(key)} fell from #{before} to #{value}"
      end

    %{
      seen
      | looks: seen.looks + 1,
        grown: seen.grown + length(grown),
        events: seen.events + length(events),
        cursor: cursor,
        before: now
    }
  end

  # What a pool took in is what went out, runs and waits.
  defp check_ledger(snapshot, pool) do
    sum = fn name ->
      for(s <- Snapshot.series(snapshot, name), s.row == pool.row.index, do: s.raw) |> Enum.sum()
    end

    out = [
      "snakepit.pool.request.outcomes",
      "snakepit.request.active",
      "snakepit.pool.queue.depth"
    ]

    assert sum.("snakepit.pool.requests") == out |> Enum.map(sum) |> Enum.sum()
  end

  # Returns what never falls within the life of a row.
  defp growing(snapshot, metric) do
    for series <- Snapshot.series(snapshot, metric),
        metric.kind in [:counter, :histogram] do
      key = {metric.name, series.labels, uid(snapshot, metric, series.row)}

      case series.histogram do
        nil ->
          {key, series.raw}

        histogram ->
          check_sum(histogram)
          {key, Histogram.count(histogram)}
      end
    end
  end

  defp uid(snapshot, metric, index) do
    rows =
      case metric.descriptor.row_kind do
        0 -> %{}
        1 -> snapshot.rows.pools
        2 -> snapshot.rows.workers
        3 -> snapshot.rows.tools
      end

    with %{row: row} <- rows[index], do: row.uid
  end

  # No sum is ahead of its buckets; nobody knows how large those of the last are.
  defp check_sum(histogram) do
    buckets = Histogram.buckets(histogram)

    unless List.keymember?(buckets, nil, 0) do
      assert histogram.sum_ns <= buckets |> Enum.map(fn {le, n} -> le * n end) |> Enum.sum()
    end
  end
end
