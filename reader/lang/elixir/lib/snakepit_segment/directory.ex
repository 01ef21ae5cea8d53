# SPDX-License-Identifier: Apache-2.0

defmodule SnakepitSegment.Directory do
  @moduledoc false
  # The regions of a segment, by type and row kind.

  import Bitwise

  alias SnakepitSegment.Crc32c
  alias SnakepitSegment.File

  defmodule Region do
    @moduledoc false
    # An entry of the directory; `block` and `entry` say where things start.

    @enforce_keys [:type, :kind, :off, :len, :stride, :count, :outer_stride, :outer_count]
    defstruct @enforce_keys

    @type t :: %__MODULE__{}

    def block(region, index), do: region.off + index * region.outer_stride
    def entry(region, index), do: region.off + index * region.stride
  end

  @type t :: %{{non_neg_integer(), non_neg_integer()} => Region.t()}

  @max_bytes 1 <<< 32
  @region_bytes 64
  @ring_bytes 64
  @latch_bytes 320
  @row_kinds 0..3

  # Numbers of the regions that are read or checked here.
  @types [desc: 1, strt: 2, keys: 3, enum: 4, bnds: 5, rowd: 7, rowc: 8, bank: 9] ++
           [
             snap: 10,
             infl: 11,
             evnt: 12,
             evid: 13,
             span: 14,
             hist: 15,
             text: 16,
             thrd: 17,
             ledg: 18
           ]
  @names Map.new(@types, fn {name, number} -> {number, name} end)
  @rings [:evnt, :evid, :span, :hist]

  # Bytes of an entry of words.
  @entry_bytes %{
    desc: 128,
    rowd: 384,
    rowc: @latch_bytes,
    ledg: @latch_bytes,
    bank: 8,
    snap: 512,
    infl: 256,
    evnt: 128,
    evid: 4096,
    span: 384,
    text: 1024,
    thrd: 128
  }

  @doc "Bytes of the header of a ring."
  def ring_bytes, do: @ring_bytes

  @doc "Bytes of the latched record with which an entry of ROWC starts."
  def latch_bytes, do: @latch_bytes

  @doc "Reads and checks the directory that a checked header leads to."
  @spec read!(File.t(), map()) :: t()
  def read!(file, header) do
    data = File.read!(file, header.dir_off, header.dir_count * @region_bytes)
    if header.dir_crc != Crc32c.of(data), do: File.damaged!(file, "dir_crc")
    directory = for(<<entry::binary-size(@region_bytes) <- data>>, do: entry) |> parse!(file)

    unless get(directory, :desc) && get(directory, :strt) do
      File.damaged!(file, "directory", "is damaged: no descriptors or no strings")
    end

    unless Enum.all?(@row_kinds, &cells_for_all_rows?(directory, &1)) do
      File.damaged!(file, "directory", "is damaged: fewer cells than rows")
    end

    directory
  end

  defp parse!(entries, file) do
    entries
    |> Enum.with_index()
    |> Enum.reduce(%{}, fn {entry, index}, directory ->
      region = parse(entry)
      key = {region.type, region.kind}
      text = "is damaged: region #{index} (type #{region.type})"
      if directory[key], do: File.damaged!(file, "directory", text <> " is there twice")

      unless fits?(region, file.status.size) do
        File.damaged!(file, "directory", text <> " does not fit")
      end

      Map.put(directory, key, region)
    end)
  end

  defp parse(entry) do
    <<type::little-32, kind::little-32, off::little-64, len::little-64, stride::little-64,
      count::little-64, outer_stride::little-64, outer_count::little-64, _rest::binary>> = entry

    %Region{
      type: type,
      kind: kind,
      off: off,
      len: len,
      stride: stride,
      count: count,
      outer_stride: outer_stride,
      outer_count: outer_count
    }
  end

  @doc "Whether all that the entry can lead to is in the file, and as large as its type needs."
  @spec fits?(Region.t(), non_neg_integer()) :: boolean()
  def fits?(region, size) do
    name = @names[region.type]
    head = if name in @rings, do: @ring_bytes, else: 0

    # Integers do not wrap here, so sums and products need no care.
    rem(region.off, 8) == 0 and stride_fits?(name, region) and
      head + region.count * region.stride <= region.len and
      entries_fit?(name, region.count) and blocks_fit?(name, region, size)
  end

  defp entries_fit?(name, count), do: count > 0 or name not in [:infl, :snap | @rings]

  defp blocks_fit?(:snap, %Region{outer_count: 1}, _size), do: false
  defp blocks_fit?(_name, %Region{outer_count: 0}, _size), do: false
  defp blocks_fit?(_name, %Region{outer_count: 1} = r, size), do: r.off + r.len <= size

  defp blocks_fit?(_name, region, size) do
    rem(region.outer_stride, 8) == 0 and region.outer_stride >= region.len and
      Region.block(region, region.outer_count - 1) + region.len <= size
  end

  defp stride_fits?(_name, %Region{stride: stride}) when stride == 0 or stride > @max_bytes,
    do: false

  defp stride_fits?(:strt, region), do: region.stride == 1
  defp stride_fits?(:enum, region), do: region.stride == 4
  defp stride_fits?(:bnds, region), do: region.stride == 8
  defp stride_fits?(:keys, region), do: region.stride >= 16 and rem(region.stride, 4) == 0

  defp stride_fits?(:hist, region) do
    least = if region.kind == 1, do: 192, else: 64
    region.stride >= least and rem(region.stride, 8) == 0
  end

  defp stride_fits?(name, region) do
    least = Map.get(@entry_bytes, name)
    least == nil or (region.stride >= least and rem(region.stride, 8) == 0)
  end

  defp cells_for_all_rows?(directory, kind) do
    Enum.all?([:rowc, :bank, :ledg], fn name ->
      region = get(directory, name, kind)
      region == nil or region.count >= rows(directory, kind)
    end)
  end

  @doc "Returns a region, nil where there is none."
  @spec get(t(), atom(), non_neg_integer()) :: Region.t() | nil
  def get(directory, name, kind \\ 0), do: directory[{Keyword.fetch!(@types, name), kind}]

  @doc "Returns for how many rows of a kind there is room."
  @spec rows(t(), non_neg_integer()) :: non_neg_integer()
  def rows(_directory, 0), do: 1

  def rows(directory, kind) do
    case get(directory, :rowd, kind) do
      nil -> 0
      region -> region.count
    end
  end

  @doc "Returns the bytes of an entry of a region, 0 where there is none."
  @spec stride(t(), atom(), non_neg_integer()) :: non_neg_integer()
  def stride(directory, name, kind) do
    case get(directory, name, kind) do
      nil -> 0
      region -> region.stride
    end
  end
end
