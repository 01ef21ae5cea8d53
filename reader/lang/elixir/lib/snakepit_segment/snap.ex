# SPDX-License-Identifier: Apache-2.0

defmodule SnakepitSegment.Snap do
  @moduledoc false
  # The half of SNAP that is whole, and where things are in it.

  alias SnakepitSegment.Crc32c
  alias SnakepitSegment.Directory
  alias SnakepitSegment.Directory.Region
  alias SnakepitSegment.File

  @enforce_keys [:half, :tables, :retries]
  defstruct @enforce_keys

  @type t :: %__MODULE__{half: binary(), tables: tuple(), retries: non_neg_integer()}

  @snap_seq_off 0x340
  @tries 4
  @head_bytes 512
  @tables_off 128
  @table_bytes 64
  @row_bytes 384
  @record_bytes 128
  @text_bytes 504
  @row_kinds 0..3

  @doc "Reads the current half."
  @spec read!(File.t(), Directory.t(), non_neg_integer()) :: t()
  def read!(file, directory, attempt \\ 0)
  def read!(file, _directory, @tries), do: File.damaged!(file, "snap")

  def read!(file, directory, attempt) do
    region = Directory.get(directory, :snap)
    seq = File.word!(file, @snap_seq_off)

    if region == nil or seq == 0 do
      File.refuse!(file, :not_ready, "snap", "has no SNAP copy yet")
    end

    with {:ok, half} <- read_half(file, region, seq),
         tables = Enum.map(@row_kinds, &table(half, &1)),
         true <- tables |> Enum.with_index() |> Enum.all?(&table_fits?(&1, directory, half)) do
      %__MODULE__{half: half, tables: List.to_tuple(tables), retries: attempt}
    else
      _not_whole -> read!(file, directory, attempt + 1)
    end
  end

  defp read_half(file, region, seq) do
    start = Region.block(region, rem(seq, 2))
    <<_crc::64, _seq::64, length::little-64>> = File.read!(file, start, 24)

    with true <- rem(length, 8) == 0 and length in @head_bytes..region.len//1,
         half = File.read!(file, start, length),
         <<crc::little-64, rest::binary>> = half,
         <<^seq::little-64, ^length::little-64, _rest::binary>> <- rest,
         ^crc <- Crc32c.of(rest) do
      {:ok, half}
    else
      _not_whole -> :error
    end
  end

  defp table(half, kind) do
    <<off::little-64, count::little-64, stride::little-64, record::little-64, text::little-64,
      cells::little-64, sums::little-64,
      ledger::little-64>> = binary_part(half, @tables_off + kind * @table_bytes, @table_bytes)

    %{
      off: off,
      count: count,
      stride: stride,
      record: record,
      text: text,
      cells: cells,
      sums: sums,
      ledger: ledger
    }
  end

  # Whether the half holds the parts that rows of the kind have, and no others.
  defp table_fits?({%{count: 0}, kind}, _directory, _half), do: kind != 0

  defp table_fits?({table, kind}, directory, half) do
    cells = Directory.stride(directory, :rowc, kind)
    record = if cells > 0, do: @record_bytes, else: 0
    text = if Directory.get(directory, :text, kind), do: @text_bytes, else: 0
    ledger = if Directory.get(directory, :ledg, kind), do: @record_bytes, else: 0

    rem(table.off, 8) == 0 and table.off >= @head_bytes and rem(table.stride, 8) == 0 and
      table.stride >= @row_bytes and table.count <= Directory.rows(directory, kind) and
      table.off + table.count * table.stride <= byte_size(half) and
      part_fits?(table.record, record, table.stride) and
      part_fits?(table.text, text, table.stride) and
      part_fits?(table.cells, max(cells - Directory.latch_bytes(), 0), table.stride) and
      part_fits?(table.sums, Directory.stride(directory, :bank, kind), table.stride) and
      part_fits?(table.ledger, ledger, table.stride)
  end

  defp part_fits?(off, 0, _stride), do: off == 0

  defp part_fits?(off, size, stride),
    do: rem(off, 8) == 0 and off >= @row_bytes and off + size <= stride

  @spec table_of(t(), non_neg_integer()) :: map()
  def table_of(snap, kind), do: elem(snap.tables, kind)

  @doc "Returns where a row's entry starts."
  @spec row(t(), non_neg_integer(), non_neg_integer()) :: non_neg_integer()
  def row(snap, kind, index) do
    table = table_of(snap, kind)
    table.off + index * table.stride
  end

  @doc "Returns the word of 64 bits at an offset."
  @spec word(t(), non_neg_integer()) :: non_neg_integer()
  def word(%__MODULE__{half: half}, off) do
    <<_before::binary-size(off), word::little-64, _rest::binary>> = half
    word
  end

  @spec bytes(t(), non_neg_integer(), non_neg_integer()) :: binary()
  def bytes(snap, off, length), do: binary_part(snap.half, off, length)
end
