# SPDX-License-Identifier: Apache-2.0

defmodule SnakepitSegment.Header do
  @moduledoc false
  # The part of the header that never changes, and the heartbeat.

  alias SnakepitSegment.Crc32c
  alias SnakepitSegment.File
  alias SnakepitSegment.Heartbeat
  alias SnakepitSegment.Info
  alias SnakepitSegment.Proc
  alias SnakepitSegment.Text

  @magic <<0x93, "SNKM", 0x0D, 0x0A, 0x1A>>
  @endian 0x01020304
  @major 1
  @dir_max 64
  @region_bytes 64
  @immutable_bytes 0x100
  @checked_bytes 0xF0
  @state_off 0x100
  @stop_reason_off 0x108
  @hb_seq_off 0x1C0
  @hb_off 0x200
  @hb_bytes 128
  @hb_checked_bytes 56
  @hb_tries 4

  defstruct [
    :data,
    :major,
    :minor,
    :feat_incompat,
    :map_size,
    :uuid,
    :boot_id,
    :incarnation,
    :pid,
    :start_time_ns,
    :dir_off,
    :dir_count,
    :heartbeat_interval_ms,
    :stale_after_ms,
    :scrape_hint_ms,
    :name,
    :hdr_crc,
    :dir_crc
  ]

  @type t :: %__MODULE__{}

  @doc "Reads and checks the header, in the order in which every reader checks it."
  @spec read!(File.t()) :: t()
  def read!(file) do
    # The state first: all else is complete once it is not INIT.
    state = state!(file)
    data = File.read!(file, 0, @immutable_bytes)
    check_origin!(file, data)
    header = parse(data)
    check_version!(file, header)
    check_fields!(file, header)

    if state == 0 do
      File.refuse!(file, :not_ready, "state", "is still being built; try again")
    end

    header
  end

  defp check_origin!(file, <<magic::binary-size(8), endian::little-32, _rest::binary>>) do
    if magic != @magic, do: File.damaged!(file, "magic", "is not a Snakepit segment (magic)")
    if endian != @endian, do: File.damaged!(file, "endian")
  end

  defp parse(data) do
    <<_magic::64, _endian::32, major::little-16, minor::little-16, _compat::32,
      _header_size::little-32, feat_incompat::little-64, _feat_compat::64, map_size::little-64,
      uuid::binary-size(16), boot_id::binary-size(16), incarnation::little-64, pid::little-32,
      _uid::32, _ticks::64, _pidns::64, _timens::64, _start_mono::64, start_real::little-64,
      dir_off::little-64, dir_count::little-64, _schema_hash::64, interval::little-32,
      stale::little-32, scrape::little-32, _quarantine::32, name::binary-size(64),
      hdr_crc::little-32, dir_crc::little-32, _rest::binary>> = data

    %__MODULE__{
      data: data,
      major: major,
      minor: minor,
      feat_incompat: feat_incompat,
      map_size: map_size,
      uuid: uuid,
      boot_id: boot_id,
      incarnation: incarnation,
      pid: pid,
      start_time_ns: start_real,
      dir_off: dir_off,
      dir_count: dir_count,
      heartbeat_interval_ms: interval,
      stale_after_ms: stale,
      scrape_hint_ms: scrape,
      name: name,
      hdr_crc: hdr_crc,
      dir_crc: dir_crc
    }
  end

  defp check_version!(file, header) do
    if header.major != @major do
      text = "has format #{header.major}.#{header.minor}, this is a reader of #{@major}.x"
      File.refuse!(file, :version, "ver_major", text)
    end

    if header.feat_incompat != 0 do
      features = Integer.to_string(header.feat_incompat, 16)
      text = "needs features 0x#{features}, unknown to this reader"
      File.refuse!(file, :version, "feat_incompat", text)
    end
  end

  defp check_fields!(file, header) do
    size = file.status.size

    cond do
      header.hdr_crc != Crc32c.of(binary_part(header.data, 0, @checked_bytes)) ->
        File.damaged!(file, "hdr_crc")

      header.map_size != size ->
        File.damaged!(file, "map_size")

      header.dir_count not in 1..@dir_max ->
        File.damaged!(file, "dir_count")

      rem(header.dir_off, 8) != 0 or header.dir_off + header.dir_count * @region_bytes > size ->
        File.damaged!(file, "dir_off")

      header.heartbeat_interval_ms == 0 ->
        File.damaged!(file, "heartbeat_interval_ms")

      header.stale_after_ms == 0 ->
        File.damaged!(file, "stale_after_ms")

      true ->
        :ok
    end
  end

  @spec info(t(), File.t()) :: Info.t()
  def info(header, file) do
    %Info{
      path: file.path,
      instance: Text.before_nul(header.name, "?"),
      uuid: uuid_text(header.uuid),
      version: {header.major, header.minor},
      incarnation: header.incarnation,
      pid: header.pid,
      size_bytes: file.status.size,
      start_time_ns: header.start_time_ns,
      heartbeat_interval_ms: header.heartbeat_interval_ms,
      stale_after_ms: header.stale_after_ms,
      scrape_hint_ms: header.scrape_hint_ms
    }
  end

  defp uuid_text(uuid) do
    digits = Base.encode16(uuid, case: :lower)
    Regex.replace(~r/^(.{8})(.{4})(.{4})(.{4})/, digits, "\\1-\\2-\\3-\\4-")
  end

  @doc "Whether the file is of an earlier boot than the kernel's; false where nobody knows."
  @spec of_earlier_boot?(t()) :: boolean()
  def of_earlier_boot?(header) do
    kernels = Proc.boot_id()
    kernels != nil and header.boot_id not in [<<0::128>>, kernels]
  end

  # ---- words that change ----

  @spec state!(File.t()) :: non_neg_integer()
  def state!(file), do: File.word!(file, @state_off)

  @spec stop_reason!(File.t()) :: non_neg_integer()
  def stop_reason!(file), do: File.word!(file, @stop_reason_off)

  @spec heartbeat_seq!(File.t()) :: non_neg_integer()
  def heartbeat_seq!(file), do: File.word!(file, @hb_seq_off)

  @doc "Reads the current heartbeat."
  @spec heartbeat!(File.t(), non_neg_integer()) :: Heartbeat.t()
  def heartbeat!(file, tries \\ @hb_tries)
  def heartbeat!(file, 0), do: File.damaged!(file, "heartbeat")

  def heartbeat!(file, tries) do
    copy = @hb_off + rem(heartbeat_seq!(file), 2) * @hb_bytes

    <<checked::binary-size(@hb_checked_bytes), crc::little-64>> =
      File.read!(file, copy, @hb_checked_bytes + 8)

    if crc == Crc32c.of(checked) do
      <<seq::little-64, mono_ns::little-64, real_ns::little-64, _rest::binary>> = checked
      %Heartbeat{seq: seq, mono_ns: mono_ns, real_time_ns: real_ns}
    else
      heartbeat!(file, tries - 1)
    end
  end
end
