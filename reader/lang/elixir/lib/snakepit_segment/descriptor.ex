# SPDX-License-Identifier: Apache-2.0

defmodule SnakepitSegment.Descriptor do
  @moduledoc false
  # A metric as the file has it, and the limits of the format.

  import Bitwise

  alias SnakepitSegment.Directory

  @bytes 128
  @record_bytes 128
  @header_bytes 0x100
  @meters 0x300..0x340
  @unit_exps -30..30
  @scales -4..8
  @idx_mins -16384..16384
  @nbuckets 1..1024
  @worker 2

  @kinds %{
    1 => :counter,
    2 => :updown,
    3 => :gauge,
    4 => :histogram,
    5 => :state,
    6 => :timestamp,
    7 => :info
  }
  @vtypes %{2 => :i64, 3 => :f64, 4 => :mono_ns, 5 => :real_ns}
  @storages %{
    1 => :bank,
    2 => :row,
    3 => :latch,
    4 => :header,
    5 => :derived,
    6 => :one,
    7 => :ledger
  }
  @levels %{1 => :info, 2 => :diag}
  @workers_by_status 1
  @sparse 1
  @row 2

  defstruct [
    :kind,
    :vtype,
    :storage,
    :row_kind,
    :level,
    :sparse?,
    :off,
    :count,
    :stride,
    :name,
    :prometheus_name,
    :unit,
    :unit_exp,
    :help,
    :row_keys,
    :enum_off,
    :bounds_off,
    :bounds_count,
    :idx_min,
    :nbuckets,
    :scale,
    :derive,
    :retired_minor,
    :zero_threshold_ns,
    :derive_a,
    :derive_b,
    :upper_off
  ]

  @type t :: %__MODULE__{}

  def bytes, do: @bytes

  @doc "Parses an entry of DESC; what this reader does not know becomes nil."
  @spec parse(binary()) :: t()
  def parse(data) do
    <<_id::32, kind, vtype, storage, _agg, row_kind, level, _stability, flags, off::little-32,
      count::little-32, stride::little-32, name::little-32, prometheus_name::little-32,
      unit::little-32, unit_exp::little-signed-32, help::little-32, _help_long::32, _labels::32,
      row_keys::little-32, enum_off::little-32, bounds_off::little-32, bounds_count::little-32,
      idx_min::little-signed-32, nbuckets::little-16, scale::signed-8, derive, _since::16,
      retired_minor::little-16, zero_threshold_ns::little-64, derive_a::little-32,
      derive_b::little-32, upper_off::little-32, _rest::binary>> = data

    %__MODULE__{
      kind: @kinds[kind],
      vtype: Map.get(@vtypes, vtype, :u64),
      storage: @storages[storage],
      row_kind: row_kind,
      level: Map.get(@levels, level, :debug),
      sparse?: (flags &&& @sparse) != 0 and storage == @row,
      off: off,
      count: count,
      stride: stride,
      name: name,
      prometheus_name: prometheus_name,
      unit: unit,
      unit_exp: unit_exp,
      help: help,
      row_keys: row_keys,
      enum_off: enum_off,
      bounds_off: bounds_off,
      bounds_count: bounds_count,
      idx_min: idx_min,
      nbuckets: nbuckets,
      scale: scale,
      derive: derive,
      retired_minor: retired_minor,
      zero_threshold_ns: zero_threshold_ns,
      derive_a: derive_a,
      derive_b: derive_b,
      upper_off: upper_off
    }
  end

  @doc "Whether this reader knows what it means, and it is in use."
  @spec known?(t()) :: boolean()
  def known?(desc) do
    desc.kind != nil and desc.storage != nil and desc.row_kind < 4 and desc.retired_minor == 0 and
      (desc.storage != :derived or (desc.derive == @workers_by_status and desc.row_kind == 1))
  end

  @doc "Returns the words of a cell: those of a histogram and its sum, or one."
  @spec cell_words(t()) :: pos_integer()
  def cell_words(%{kind: :histogram, nbuckets: nbuckets}), do: nbuckets + 3
  def cell_words(_desc), do: 1

  @doc "Whether it keeps all rules of the format, with so many values in its enumeration."
  @spec good?(t(), non_neg_integer() | nil, Directory.t()) :: boolean()
  def good?(desc, values, directory) do
    cells = if values == nil or desc.kind == :state, do: 1, else: values

    (values != nil or (desc.enum_off == 0 and desc.kind != :state)) and
      desc.count == cells and desc.unit_exp in @unit_exps and
      shape_good?(desc) and placed?(desc, directory)
  end

  defp shape_good?(%{kind: :histogram} = desc) do
    desc.storage in [:bank, :row] and desc.nbuckets in @nbuckets and desc.scale in @scales and
      desc.idx_min in @idx_mins
  end

  defp shape_good?(_desc), do: true

  # Whether all its cells are in the place that its storage names.
  defp placed?(%{storage: :one}, _directory), do: true

  defp placed?(%{storage: :header} = desc, _directory) do
    cells_fit?(desc, 0, @header_bytes) or cells_fit?(desc, @meters.first, @meters.last)
  end

  defp placed?(%{storage: :bank} = desc, directory) do
    cells_fit?(desc, 0, Directory.stride(directory, :bank, desc.row_kind))
  end

  defp placed?(%{storage: :latch} = desc, directory) do
    Directory.get(directory, :rowc, desc.row_kind) != nil and cells_fit?(desc, 0, @record_bytes)
  end

  defp placed?(%{storage: :ledger} = desc, directory) do
    Directory.get(directory, :ledg, desc.row_kind) != nil and cells_fit?(desc, 0, @record_bytes)
  end

  defp placed?(%{storage: :row} = desc, directory) do
    stride = Directory.stride(directory, :rowc, desc.row_kind)
    cells_fit?(desc, Directory.latch_bytes(), stride)
  end

  defp placed?(%{storage: :derived} = desc, directory) do
    stride = Directory.stride(directory, :rowc, @worker)

    Enum.all?([desc.derive_a, desc.derive_b], fn off ->
      rem(off, 8) == 0 and off >= Directory.latch_bytes() and off + 8 <= stride
    end)
  end

  defp cells_fit?(desc, from, to) do
    size = 8 * cell_words(desc)

    rem(desc.off, 8) == 0 and rem(desc.stride, 8) == 0 and desc.stride >= size and
      desc.off >= from and desc.off + (desc.count - 1) * desc.stride + size <= to
  end
end
