# SPDX-License-Identifier: Apache-2.0

defmodule SnakepitSegment.File do
  @moduledoc false
  # A file that may be a segment, open for reading. Offsets are checked by the callers. What goes
  # wrong is raised as SnakepitSegment.Error.

  import Bitwise
  require Record

  alias SnakepitSegment.Error
  alias SnakepitSegment.Proc

  Record.defrecordp(
    :file_info,
    Record.extract(:file_info, from_lib: "kernel/include/file.hrl")
  )

  @enforce_keys [:path, :device, :status]
  defstruct [:path, :device, :status]

  @type status :: %{
          type: atom(),
          mode: non_neg_integer(),
          owner: non_neg_integer(),
          size: non_neg_integer(),
          place: {non_neg_integer(), non_neg_integer()}
        }
  @type t :: %__MODULE__{path: Path.t(), device: :file.fd(), status: status()}

  @header_bytes 4096
  @max_bytes 1 <<< 32
  @writable_by_all 0o002
  @open_tries 4

  @doc "Opens the file, but no link, nothing that blocks and nothing that others write."
  @spec open!(Path.t(), non_neg_integer()) :: t()
  def open!(path, tries \\ @open_tries)
  def open!(path, 0), do: refuse!(path, :failed, nil, "is replaced again and again")

  def open!(path, tries) do
    # Looked at first: opening cannot refuse links, and would wait for the writer of a FIFO.
    before = path |> :file.read_link_info([:raw]) |> status!(path)

    if before.type != :regular do
      refuse!(path, :denied, "path", "is not a regular file, or a symbolic link")
    end

    case :file.open(path, [:read, :raw, :binary]) do
      {:ok, device} ->
        try do
          checked!(path, device, before) || open!(path, tries - 1)
        rescue
          error ->
            :file.close(device)
            reraise error, __STACKTRACE__
        end

      {:error, reason} ->
        refuse_open!(path, reason)
    end
  end

  # Returns nil where another file has taken the place of the one that was looked at.
  defp checked!(path, device, before) do
    status = device |> :file.read_file_info([:raw]) |> status!(path)

    cond do
      status.place != before.place ->
        _ = :file.close(device)
        nil

      (status.mode &&& @writable_by_all) != 0 ->
        refuse!(path, :denied, "mode", "is writable by everybody")

      status.owner not in [0, Proc.effective_user()] and Proc.effective_user() != 0 ->
        refuse!(path, :denied, "owner", "belongs to somebody else")

      status.size not in @header_bytes..@max_bytes ->
        refuse!(path, :damaged, "file", "is not a segment: it has #{status.size} bytes")

      true ->
        %__MODULE__{path: path, device: device, status: status}
    end
  end

  defp status!({:ok, info}, _path) do
    %{
      type: file_info(info, :type),
      mode: file_info(info, :mode),
      owner: file_info(info, :uid),
      size: file_info(info, :size),
      place: {file_info(info, :major_device), file_info(info, :inode)}
    }
  end

  defp status!({:error, reason}, path), do: refuse_open!(path, reason)

  @spec refuse_open!(Path.t(), atom()) :: no_return()
  defp refuse_open!(path, reason) when reason in [:enoent, :enotdir],
    do: refuse!(path, :missing, "path", "does not exist")

  defp refuse_open!(path, reason) when reason in [:eacces, :eperm],
    do: refuse!(path, :denied, "path", "cannot be read: permission denied")

  defp refuse_open!(path, reason),
    do: refuse!(path, :failed, nil, "#{:file.format_error(reason)}")

  @spec refuse!(t() | Path.t(), Error.kind(), String.t() | nil, String.t()) :: no_return()
  def refuse!(%__MODULE__{path: path}, kind, field, text), do: refuse!(path, kind, field, text)

  def refuse!(path, kind, field, text),
    do: raise(Error, kind: kind, field: field, path: path, text: text)

  @spec damaged!(t(), String.t()) :: no_return()
  def damaged!(file, field), do: damaged!(file, field, "is damaged (#{field})")

  @spec damaged!(t(), String.t(), String.t()) :: no_return()
  def damaged!(file, field, text), do: refuse!(file, :damaged, field, text)

  @doc "Returns exactly so many bytes, which were in the file when it was opened."
  @spec read!(t(), non_neg_integer(), non_neg_integer()) :: binary()
  def read!(_file, _offset, 0), do: ""

  def read!(file, offset, length) do
    case :file.pread(file.device, offset, length) do
      {:ok, data} when byte_size(data) == length ->
        data

      {:error, reason} ->
        refuse!(file, :failed, nil, "#{:file.format_error(reason)}")

      _short ->
        damaged!(file, "file", "became shorter while it was read")
    end
  end

  @doc "Returns the word of 64 bits at an offset."
  @spec word!(t(), non_neg_integer()) :: non_neg_integer()
  def word!(file, offset) do
    <<word::little-64>> = read!(file, offset, 8)
    word
  end

  @doc "Whether the file has lost bytes that it had when it was opened."
  @spec truncated?(t()) :: boolean()
  def truncated?(file) do
    case :file.read_file_info(file.device, [:raw]) do
      {:ok, info} -> file_info(info, :size) < file.status.size
      {:error, _reason} -> false
    end
  end

  @doc "Whether the path leads to another file by now, or to none."
  @spec replaced?(t()) :: boolean()
  def replaced?(file) do
    case :file.read_file_info(file.path, [:raw]) do
      {:ok, info} -> status!({:ok, info}, file.path).place != file.status.place
      {:error, _reason} -> true
    end
  end

  @spec close(t()) :: :ok
  def close(file) do
    _ = :file.close(file.device)
    :ok
  end
end
