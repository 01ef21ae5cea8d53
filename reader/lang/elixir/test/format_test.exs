# SPDX-License-Identifier: Apache-2.0

defmodule SnakepitSegment.FormatTest do
  @moduledoc "The parts, on numbers made by hand."

  use ExUnit.Case, async: true

  alias SnakepitSegment.Crc32c
  alias SnakepitSegment.Directory
  alias SnakepitSegment.Directory.Region
  alias SnakepitSegment.Heartbeat
  alias SnakepitSegment.Histogram
  alias SnakepitSegment.Json
  alias SnakepitSegment.Metric
  alias SnakepitSegment.Proc
  alias SnakepitSegment.Series
  alias SnakepitSegment.Text

  @huge 0xFFFFFFFFFFFFFFFF
  @file_bytes 1_048_576
  @desc 1
  @bank 9
  @evnt 12

  defp region(type, fields) do
    defaults = %Region{
      type: type,
      kind: 0,
      off: 0,
      len: 1280,
      stride: 128,
      count: 10,
      outer_stride: 0,
      outer_count: 1
    }

    Directory.fits?(struct!(defaults, fields), @file_bytes)
  end

  test "the checksum is Castagnoli's" do
    assert Crc32c.of("123456789") == 0xE3069283
    assert Crc32c.of(["1234", "56789"]) == 0xE3069283
    assert Crc32c.of("") == 0
  end

  test "the checksum of a large segment takes no time" do
    {micros, _crc} = :timer.tc(fn -> Crc32c.of(:binary.copy("snakepit", 625_000)) end)
    assert micros < 2_000_000
  end

  test "regions fit or do not" do
    assert region(@desc, [])
    refute region(@desc, len: 1279)
    refute region(@desc, off: 4)
    refute region(@desc, off: @huge - 7)
    refute region(@desc, len: @huge)
    refute region(@desc, stride: 0)
    refute region(@desc, stride: 120)
    refute region(@desc, count: @huge)
    refute region(@desc, outer_count: 0)
    refute region(@evnt, [])
    assert region(@evnt, len: 1344)
    refute region(@evnt, len: 1344, count: 0)
    assert region(99, stride: 3, count: 1)
  end

  test "blocks fit or do not" do
    block = [len: 64, stride: 64, count: 1]
    assert region(@bank, block ++ [outer_stride: 64, outer_count: 16_384])
    refute region(@bank, block ++ [outer_stride: 64, outer_count: 16_385])
    refute region(@bank, block ++ [outer_stride: 64, outer_count: @huge])
    refute region(@bank, block ++ [outer_stride: 56, outer_count: 2])
  end

  test "text is UTF-8 or nothing" do
    assert Text.before_nul("é\0x") == "é"
    assert Text.before_nul(<<0xED, 0xA0, 0x80>>) == ""
    assert Text.before_nul(<<0xC3>>, "?") == "?"
    assert Text.terminated("abc") == ""
  end

  test "histograms have quantiles" do
    histogram = %Histogram{
      upper_ns: [10, 20, 40, @huge],
      words: [1, 0, 8, 0, 1],
      sum_ns: 300,
      zero_threshold_ns: 7
    }

    assert Histogram.count(histogram) == 10
    assert Histogram.quantile_ns(histogram, 0.1) == 7
    assert Histogram.quantile_ns(histogram, 0.5) == 28
    assert Histogram.quantile_ns(histogram, 1.0) == @huge
    assert Histogram.buckets(histogram) == [{10, 1}, {40, 8}, {nil, 1}]
    assert Histogram.quantile_ns(%{histogram | words: [0, 0, 0, 0, 0]}, 0.5) == 0
  end

  test "values have the unit of their metric" do
    value = fn vtype, unit_exp, raw ->
      metric = struct(Metric, kind: :gauge, descriptor: %{vtype: vtype, unit_exp: unit_exp})
      series = struct(Series, metric: metric, raw: raw)
      {Series.exact(series), Series.value(series)}
    end

    assert value.(:u64, 0, @huge) == {{@huge, 0}, @huge}
    assert value.(:u64, 3, 2) == {{2, 3}, 2000}
    assert value.(:i64, -1, @huge) == {{-1, -1}, -0.1}
    assert value.(:real_ns, 0, 1_500_000_000) == {{1_500_000_000, -9}, 1.5}
    <<bits::64>> = <<2.5::float-64>>
    assert value.(:f64, 1, bits) == {25.0, 25.0}
    assert value.(:f64, -10, bits) == {2.5e-10, 2.5e-10}
    assert value.(:f64, 0, 0x7FF0000000000000) == {nil, nil}
    <<bits::64>> = <<1.0e300::float-64>>
    assert value.(:f64, 30, bits) == {nil, nil}
  end

  test "monotonic time becomes wall time" do
    heartbeat = %Heartbeat{seq: 1, mono_ns: 500, real_time_ns: 1000}
    assert Heartbeat.time_ns(heartbeat, 490) == 990
    assert Heartbeat.time_ns(heartbeat, 0) == 0
  end

  test "finds its lock" do
    place = Proc.place_text({0x1B, 76_893})
    assert place == "00:1b:76893"
    assert Proc.lock_on?("1: OFDLCK ADVISORY  WRITE -1 00:1b:76893 0 EOF", place)
    refute Proc.lock_on?("1: POSIX  ADVISORY  WRITE 12 00:1b:76893 0 EOF", place)
    refute Proc.lock_on?("1: OFDLCK ADVISORY  WRITE -1 00:1b:768 0 EOF", place)
    refute Proc.lock_on?("1: -> OFDLCK", place)
    assert Proc.place_text({0x10310, 5}) == "103:10:5"
  end

  describe "JSON" do
    defp json(value), do: value |> Json.encode() |> IO.iodata_to_binary()

    test "keeps the order of keys" do
      value = {:object, [{"b", [@huge, nil, true]}, {"a", {:object, []}}]}
      assert json(value) == ~S({"b":[18446744073709551615,null,true],"a":{}})
    end

    test "escapes what has to be" do
      assert json("\"\\\x01\n\x7Fä😀<") == ~S("\"\\\u0001\n\u007fä😀<")
      assert json(<<"a", 0xFF, "b">>) == ~s("a\uFFFDb")
    end

    test "writes numbers to the last digit" do
      assert json({:decimal, 1_500_000_000, -9}) == "1.5"
      assert json({:decimal, 0, -9}) == "0"
      assert json({:decimal, -1, -9}) == "-0.000000001"
      assert json({:decimal, 12, 2}) == "1200"
      assert json(0.1) == "0.1"
    end
  end
end
