# SPDX-License-Identifier: Apache-2.0

defmodule SnakepitSegment.Rings do
  @moduledoc false
  # Rings of events: copied whole, each record checked by its number and checksum.

  import Bitwise

  alias SnakepitSegment.Crc32c
  alias SnakepitSegment.Cursor
  alias SnakepitSegment.Directory
  alias SnakepitSegment.Directory.Region
  alias SnakepitSegment.Event
  alias SnakepitSegment.File
  alias SnakepitSegment.Schema

  @tries 4

  @doc "Returns the events that are new to the cursor, by time, ring and number."
  @spec read!(File.t(), Directory.t(), Schema.t(), Cursor.t()) :: {[Event.t()], Cursor.t()}
  def read!(file, directory, schema, cursor) do
    region = Directory.get(directory, :evnt)
    rings = if region, do: region.outer_count, else: 0

    {rings, cursor} =
      Enum.map_reduce(0..(rings - 1)//1, cursor, fn ring, cursor ->
        {records, cursor} = read_ring(file, region, ring, cursor, @tries)
        {Enum.map(records, &event(schema, ring, &1)), cursor}
      end)

    {rings |> Enum.concat() |> Enum.sort_by(&{&1.mono_ns, &1.ring, &1.seq}), cursor}
  end

  # Once more where the writer was so fast that nothing was left of what had been there.
  defp read_ring(file, region, ring, cursor, tries) do
    case read_once(file, region, ring, cursor) do
      {[], cursor} when tries > 1 -> read_ring(file, region, ring, cursor, tries - 1)
      done -> done
    end
  end

  defp read_once(file, region, ring, cursor) do
    next = Map.get(cursor.next, ring, 0)

    case File.word!(file, Region.block(region, ring)) do
      ^next -> {[], cursor}
      _news -> read_news(file, region, ring, cursor, next)
    end
  end

  # Head and records in one go: a fast writer leaves little of what it had between two calls.
  defp read_news(file, region, ring, cursor, next) do
    length = Directory.ring_bytes() + region.count * region.stride
    data = File.read!(file, Region.block(region, ring), length)
    <<head::little-64, _rest::binary>> = data
    # One that is ahead is of another ring than the cursor was made for.
    next = if next > head, do: 0, else: next
    first = max(next, head - region.count)
    records = for n <- first..(head - 1)//1, record = record(data, region, n), do: record
    lost = head - next - length(records)
    {records, %Cursor{next: Map.put(cursor.next, ring, head), lost: cursor.lost + lost}}
  end

  # Returns record n, nil where it is not whole.
  defp record(data, region, n) do
    off = Directory.ring_bytes() + rem(n, region.count) * region.stride
    record = binary_part(data, off, region.stride)
    if whole?(record, n + 1), do: record
  end

  defp whole?(<<seq::little-64, crc::little-64, rest::binary>>, number),
    do: seq == number and crc == Crc32c.of([<<seq::little-64>>, rest])

  defp event(schema, ring, record) do
    <<seq::little-64, _crc::64, mono_ns::little-64, kind::little-16, initiator::little-16,
      from::little-16, to::little-16, reason::little-64, pool::little-32, _::32, slot::little-32,
      _::32, pool_uid::little-64, incarnation::little-64, pid::little-32, _::32, value::little-64,
      second_value::little-64, trace::little-64, trace_low::little-64, evidence::little-64,
      _rest::binary>> = record

    %Event{
      ring: ring,
      seq: seq - 1,
      mono_ns: mono_ns,
      kind: Schema.text(schema, :event_kind, kind),
      initiator: Schema.text(schema, :initiator, initiator),
      from: Schema.text(schema, :worker_state, from),
      to: Schema.text(schema, :worker_state, to),
      reason: Schema.text(schema, :move_reason, reason),
      pool_index: pool,
      pool_uid: pool_uid,
      slot: slot,
      incarnation: incarnation,
      pid: pid,
      values: {value, second_value},
      trace_id: if((trace ||| trace_low) == 0, do: "", else: hex(<<trace::64, trace_low::64>>)),
      evidence: evidence
    }
  end

  defp hex(bytes), do: Base.encode16(bytes, case: :lower)
end
