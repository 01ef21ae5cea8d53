# SPDX-License-Identifier: Apache-2.0

defmodule SnakepitSegmentTest do
  @moduledoc "On golden segments; what all readers have to say of them is tested elsewhere."

  use ExUnit.Case, async: true

  alias SnakepitSegment.Bench
  alias SnakepitSegment.Cursor
  alias SnakepitSegment.Error
  alias SnakepitSegment.Histogram
  alias SnakepitSegment.Series
  alias SnakepitSegment.Snapshot
  alias SnakepitSegment.Worker

  @state_off 0x100
  @snap_seq_off 0x340
  @huge 0xFFFFFFFFFFFFFFFF

  setup do
    name = "segment-#{System.pid()}-#{System.unique_integer([:positive])}"
    directory = Path.join(System.tmp_dir!(), name)
    File.mkdir!(directory)
    on_exit(fn -> File.rm_rf!(directory) end)
    %{directory: directory}
  end

  defp open_golden(name, directory) do
    {:ok, segment} = name |> Bench.golden() |> Bench.write(directory) |> SnakepitSegment.open()
    segment
  end

  defp refusal({:error, %Error{kind: kind, field: field}}), do: {kind, field}

  test "tells the facts of the header", %{directory: directory} do
    segment = open_golden("full", directory)
    assert segment.info.instance == "full"
    assert segment.info.uuid == "66756c6c-a5a5-a5a5-a5a5-a5a5a5a5a5a5"
    assert segment.info.version == {1, 0}
    assert segment.info.start_time_ns == 1_767_225_600_000_002_002
    assert {:ok, {:old, _segment}} = SnakepitSegment.verdict(segment)
  end

  test "copies rows and values", %{directory: directory} do
    {:ok, snapshot} = directory |> then(&open_golden("full", &1)) |> SnakepitSegment.snapshot()
    assert snapshot.state == "live"
    assert hd(snapshot.pools).adapter == "demo.Adapter"
    assert Worker.id(hd(snapshot.workers)) == "default/0#1"
    assert hd(snapshot.workers).status == "busy"
    series = hd(Snapshot.series(snapshot, "snakepit_requests_total"))
    assert series.labels == [{"pool", "default"}, {"method", "café"}]
    assert Series.value(series) == 22

    [%Series{histogram: histogram} | _more] =
      Snapshot.series(snapshot, "snakepit.request.duration")

    assert Histogram.count(histogram) == 9
    assert Histogram.quantile_ns(histogram, 0.5) == 46_150_816
    assert length(Histogram.buckets(histogram)) == 6
    assert_raise KeyError, fn -> Snapshot.series(snapshot, "no") end
  end

  test "reads each event once", %{directory: directory} do
    segment = open_golden("full", directory)
    {:ok, snapshot} = SnakepitSegment.snapshot(segment)
    {:ok, {[event | _more], cursor}} = SnakepitSegment.events(segment)
    assert event.to == "spawning"
    assert Snapshot.pool_of(snapshot, event).name == "search"
    assert Snapshot.pool_of(snapshot, %{event | pool_uid: 77}) == nil
    assert SnakepitSegment.events(segment, cursor) == {:ok, {[], cursor}}
    assert cursor.lost == 0
  end

  test "counts events that are gone", %{directory: directory} do
    segment = open_golden("full", directory)
    ring = SnakepitSegment.Directory.get(segment.directory, :evnt).off
    data = Bench.golden("full")
    <<head::little-64>> = binary_part(data, ring, 8)
    path = data |> Bench.put(ring, head + 1000) |> Bench.write(directory)
    {:ok, segment} = SnakepitSegment.open(path)
    {:ok, {_events, cursor}} = SnakepitSegment.events(segment, %Cursor{})
    assert cursor.lost >= 1000
  end

  test "names what is wrong", %{directory: directory} do
    data = Bench.golden("full")
    path = Bench.write(data, directory)
    assert refusal(SnakepitSegment.open(Path.join(directory, "no"))) == {:missing, "path"}
    assert refusal(SnakepitSegment.open(Path.join(path, "below"))) == {:missing, "path"}
    assert refusal(SnakepitSegment.open(directory)) == {:denied, "path"}
    File.ln_s!(path, Path.join(directory, "link"))
    assert refusal(SnakepitSegment.open(Path.join(directory, "link"))) == {:denied, "path"}

    damage = fn change ->
      data |> change.() |> Bench.write(directory) |> SnakepitSegment.open()
    end

    assert refusal(damage.(&Bench.put(&1, @state_off, 0))) == {:not_ready, "state"}
    assert refusal(damage.(&Bench.put(&1, 0x90, @huge))) == {:damaged, "hdr_crc"}
    sealed = fn offset -> damage.(&(&1 |> Bench.put(offset, @huge) |> Bench.seal())) end
    assert refusal(sealed.(0x90)) == {:damaged, "dir_count"}
    assert refusal(sealed.(0x18)) == {:version, "feat_incompat"}
  end

  test "says when there is no SNAP yet", %{directory: directory} do
    path = Bench.golden("full") |> Bench.put(@snap_seq_off, 0) |> Bench.write(directory)
    {:ok, segment} = SnakepitSegment.open(path)
    assert refusal(SnakepitSegment.snapshot(segment)) == {:not_ready, "snap"}
  end

  test "follows a restart", %{directory: directory} do
    segment = open_golden("full", directory)
    assert {:ok, ^segment} = SnakepitSegment.reattach(segment)
    next = "closed" |> Bench.golden() |> Bench.write(directory, "next.seg")
    File.rename!(next, segment.info.path)
    assert SnakepitSegment.replaced?(segment)
    {:ok, segment} = SnakepitSegment.reattach(segment)
    assert {:ok, {:closed, _segment}} = SnakepitSegment.verdict(segment)
    File.rm!(segment.info.path)
    assert refusal(SnakepitSegment.reattach(segment)) == {:missing, "path"}
    assert {:ok, %Snapshot{state: "closed"}} = SnakepitSegment.snapshot(segment)
  end

  test "outlives a file that is cut", %{directory: directory} do
    segment = open_golden("full", directory)
    {:ok, file} = :file.open(segment.info.path, [:read, :write, :raw])
    {:ok, _position} = :file.position(file, 4096)
    :ok = :file.truncate(file)
    assert refusal(SnakepitSegment.snapshot(segment)) == {:damaged, "file"}
    assert refusal(SnakepitSegment.events(segment)) == {:damaged, "file"}
    assert {:ok, {:old, _segment}} = SnakepitSegment.verdict(segment)
  end
end
