# SPDX-License-Identifier: Apache-2.0

defmodule SnakepitSegment.Schema do
  @moduledoc false
  # Strings, enumerations, label keys and metrics; of these more may come, and `described` is how
  # many descriptors there were. What this reader does not know is left out; what points outside its place is
  # damage. Nothing is read before it is known to be needed.

  import Bitwise

  alias SnakepitSegment.Descriptor
  alias SnakepitSegment.Directory
  alias SnakepitSegment.Directory.Region
  alias SnakepitSegment.EnumTable
  alias SnakepitSegment.File
  alias SnakepitSegment.Metric

  @enforce_keys [:metrics, :enums, :derived, :described]
  defstruct @enforce_keys

  @type t :: %__MODULE__{
          metrics: [Metric.t()],
          enums: %{non_neg_integer() => EnumTable.t()},
          derived: Metric.t() | nil,
          described: non_neg_integer()
        }

  @desc_used_off 0x180
  @strt_used_off 0x188

  # Of descriptors, enumerations, values, buckets, bounds, and bytes of a text.
  @most 1024
  @keys_max 32
  @key_bytes 16

  # Attributes of rows that are labels, by number.
  @sources {:pool, :slot, :method, :worker_id, :pid, :adapter, :python}

  # The format's own enumerations, by number.
  @tables [exit_reason: 4, worker_state: 9, worker_status: 10, event_kind: 11, initiator: 12] ++
            [move_reason: 13, stop_reason: 14, retire_reason: 15]

  @doc "Reads and checks the schema, in the order in which every reader checks it."
  @spec read!(File.t(), Directory.t()) :: t()
  def read!(file, directory) do
    # First, because all that the descriptors refer to is complete by then.
    described = described!(file)
    region = Directory.get(directory, :strt)
    used = File.word!(file, @strt_used_off)
    if used > region.len, do: File.damaged!(file, "strings")

    source = %{file: file, directory: directory, strings: region.off, strings_used: used}
    {enums, tables} = read_enums(source)
    keys = read_keys(source)
    metrics = read_metrics(source, described, tables, keys)
    derived = Enum.find(metrics, &(&1.descriptor.storage == :derived))
    %__MODULE__{metrics: metrics, enums: enums, derived: derived, described: described}
  end

  @doc "Returns how many descriptors there are now."
  @spec described!(File.t()) :: non_neg_integer()
  def described!(file), do: File.word!(file, @desc_used_off)

  @doc """
  Returns the text of a number of one of the format's own enumerations, "?" where there is none.
  The number is the lower half of the word.
  """
  @spec text(t(), atom(), non_neg_integer()) :: String.t()
  def text(schema, table, word) do
    case schema.enums[Keyword.fetch!(@tables, table)] do
      nil -> "?"
      enum -> EnumTable.text(enum, word &&& 0xFFFFFFFF)
    end
  end

  # ---- strings ----

  # Throws :bad where there is no good string.
  defp string(_source, 0), do: ""

  defp string(source, ref) do
    start = ref * 8 + 4
    check(start < source.strings_used)
    <<length::little-32>> = File.read!(source.file, source.strings + start - 4, 4)
    check(length <= @most and start + length < source.strings_used)
    text_and_nul = File.read!(source.file, source.strings + start, length + 1)
    check(:binary.match(text_and_nul, <<0>>) == {length, 1})
    text = binary_part(text_and_nul, 0, length)
    check(String.valid?(text))
    text
  end

  defp check(true), do: :ok
  defp check(false), do: throw(:bad)

  # Returns what the function does; where that is bad, the field is damaged.
  defp guarded(source, field, function) do
    function.()
  catch
    :bad -> File.damaged!(source.file, field)
  end

  # ---- enumerations and keys ----

  # Returns the tables by their number and by where they are.
  defp read_enums(source) do
    case Directory.get(source.directory, :enum) do
      %Region{count: words} = region when words >= 2 ->
        [count] = words(source, region, 1, 1)
        if count > min(words - 2, @most), do: File.damaged!(source.file, "enums")
        index = words(source, region, 2, count)

        tables =
          guarded(source, "enums", fn ->
            Map.new(index, &{&1, read_table(source, region, &1)})
          end)

        enums = for {at, number} <- Enum.with_index(index), into: %{}, do: {number, tables[at]}
        {enums, tables}

      _none ->
        {%{}, %{}}
    end
  end

  defp read_table(source, region, at) do
    check(at + 3 <= region.count)
    [label, otel_label, count] = words(source, region, at, 3)
    check(count in 1..@most and at + 3 + count <= region.count)
    values = source |> words(region, at + 3, count) |> Enum.map(&string(source, &1))

    %EnumTable{
      label: string(source, label),
      otel_label: string(source, otel_label),
      values: List.to_tuple(values)
    }
  end

  defp words(source, region, first, count) do
    data = File.read!(source.file, Region.entry(region, first), 4 * count)
    for <<word::little-32 <- data>>, do: word
  end

  # Returns attribute and label of each key, in order; the attribute is nil where it is unknown.
  defp read_keys(source) do
    region = Directory.get(source.directory, :keys)
    count = if region, do: min(region.count, @keys_max), else: 0

    for i <- 0..(count - 1)//1 do
      <<number::little-32, label::little-32, otel_label::little-32, _rest::binary>> =
        File.read!(source.file, Region.entry(region, i), @key_bytes)

      guarded(source, "keys", fn ->
        _ = string(source, otel_label)
        {if(number < tuple_size(@sources), do: elem(@sources, number)), string(source, label)}
      end)
    end
  end

  # ---- metrics ----

  defp read_metrics(source, used, tables, keys) do
    region = Directory.get(source.directory, :desc)
    if used > min(region.count, @most), do: File.damaged!(source.file, "descriptors")

    for i <- 0..(used - 1)//1,
        data = File.read!(source.file, Region.entry(region, i), Descriptor.bytes()),
        descriptor = Descriptor.parse(data),
        Descriptor.known?(descriptor) do
      metric(
        source,
        descriptor,
        if(descriptor.enum_off != 0, do: tables[descriptor.enum_off]),
        keys
      )
    end
  end

  defp metric(source, desc, table, keys) do
    [name, prometheus_name, unit, help] =
      guarded(source, "descriptors", fn ->
        values = if table, do: tuple_size(table.values)
        check(Descriptor.good?(desc, values, source.directory))
        refs = [desc.name, desc.prometheus_name, desc.unit, desc.help]
        Enum.map(refs, &string(source, &1))
      end)

    bounds_ns = bounds(source, desc.bounds_off, desc.bounds_count, @most)
    upper_ns = upper_bounds(source, desc)

    %Metric{
      name: name,
      prometheus_name: prometheus_name,
      kind: desc.kind,
      unit: unit,
      level: desc.level,
      help: help,
      enum: table,
      bounds_ns: bounds_ns,
      upper_ns: upper_ns,
      keys: keys_of(desc, keys),
      descriptor: desc
    }
  end

  # Those of all words of a histogram but the last.
  defp upper_bounds(source, %{kind: :histogram} = desc) do
    upper_ns = bounds(source, desc.upper_off, desc.nbuckets + 1, @most + 1)
    if desc.zero_threshold_ns > Enum.at(upper_ns, 1), do: File.damaged!(source.file, "bounds")
    upper_ns
  end

  defp upper_bounds(_source, _desc), do: []

  defp bounds(_source, _first, 0, _most), do: []

  defp bounds(source, first, count, most) do
    region = Directory.get(source.directory, :bnds)

    if region == nil or count > most or first + count > region.count do
      File.damaged!(source.file, "bounds")
    end

    data = File.read!(source.file, Region.entry(region, first), 8 * count)
    bounds = for <<bound::little-64 <- data>>, do: bound

    unless Enum.zip(bounds, tl(bounds)) |> Enum.all?(fn {low, high} -> low < high end) do
      File.damaged!(source.file, "bounds")
    end

    bounds
  end

  defp keys_of(desc, keys) do
    for {{attribute, label}, bit} <- Enum.with_index(keys),
        attribute != nil and (desc.row_keys >>> bit &&& 1) == 1,
        do: {attribute, label}
  end
end
