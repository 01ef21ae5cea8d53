# SPDX-License-Identifier: Apache-2.0

defmodule SnakepitSegment do
  @moduledoc """
  Reads what a Snakepit runtime keeps in its segment: metrics, workers, events.

  Any process that may read the file can look, also when the runtime is busy, hung or dead; the
  runtime never learns of it.

      {:ok, segment} = SnakepitSegment.open("/run/snakepit/prod.seg")
      {:ok, snapshot} = SnakepitSegment.snapshot(segment)

      for series <- SnakepitSegment.Snapshot.series(snapshot, "snakepit.requests") do
        IO.inspect({series.labels, SnakepitSegment.Series.value(series)})
      end

  A snapshot is taken from the SNAP tier, the copy with a checksum that the writer makes every
  `info.heartbeat_interval_ms`: Erlang cannot map files, and has no ordered loads. The file is a raw
  one, so only the process that has opened a segment may use it. Names that end in `time_ns` are
  nanoseconds since 1970, 0 for never.
  """

  alias SnakepitSegment.Cursor
  alias SnakepitSegment.Directory
  alias SnakepitSegment.Error
  alias SnakepitSegment.Event
  alias SnakepitSegment.File
  alias SnakepitSegment.Header
  alias SnakepitSegment.Info
  alias SnakepitSegment.Proc
  alias SnakepitSegment.Schema
  alias SnakepitSegment.Snapshot

  @enforce_keys [:info, :file, :header, :directory, :schema]
  @derive {Inspect, only: [:info]}
  defstruct @enforce_keys ++ [seen_heartbeat: nil]

  @opaque seen :: {non_neg_integer(), integer()} | nil
  @type t :: %__MODULE__{
          info: Info.t(),
          file: File.t(),
          header: Header.t(),
          directory: Directory.t(),
          schema: Schema.t(),
          seen_heartbeat: seen()
        }

  @typedoc """
  What became of the writer: it ended cleanly, the file is of an earlier boot, it ended without
  saying so, it lives but its heartbeat stands still, it lives.
  """
  @type verdict :: :closed | :old | :dead | :hung | :alive

  @state_closed 3
  @state_superseded 4

  @doc """
  Attaches to the segment at a path. Symbolic links are not followed. A segment whose writer is
  gone opens like any other.
  """
  @spec open(Path.t()) :: {:ok, t()} | {:error, Error.t()}
  def open(path) do
    file = File.open!(path)

    try do
      header = Header.read!(file)
      directory = Directory.read!(file, header)

      {:ok,
       %__MODULE__{
         info: Header.info(header, file),
         file: file,
         header: header,
         directory: directory,
         schema: Schema.read!(file, directory)
       }}
    rescue
      error in Error ->
        cause = truncated_or(error, file)
        File.close(file)
        {:error, cause}
    end
  rescue
    error in Error -> {:error, error}
  end

  @doc "Detaches. Snapshots stay as they are."
  @spec close(t()) :: :ok
  def close(segment), do: File.close(segment.file)

  @doc "Copies all rows and values."
  @spec snapshot(t()) :: {:ok, Snapshot.t()} | {:error, Error.t()}
  def snapshot(segment) do
    attempt(segment, fn ->
      Snapshot.read!(segment.file, segment.header, segment.directory, segment.schema)
    end)
  end

  @doc "Returns the events that are new to the cursor, in order of time, and the cursor after them."
  @spec events(t(), Cursor.t()) :: {:ok, {[Event.t()], Cursor.t()}} | {:error, Error.t()}
  def events(segment, cursor \\ %Cursor{}) do
    attempt(segment, fn ->
      SnakepitSegment.Rings.read!(segment.file, segment.directory, segment.schema, cursor)
    end)
  end

  defp attempt(segment, function) do
    {:ok, function.()}
  rescue
    error in Error -> {:error, truncated_or(error, segment.file)}
  end

  # Damage in a file that became shorter is a consequence of that.
  defp truncated_or(error, file) do
    if error.kind == :damaged and File.truncated?(file),
      do: %Error{error | field: "file", text: "became shorter while it was read"},
      else: error
  end

  # ---- the writer ----

  @doc """
  Whether the path leads to another file now, or to none: the runtime was restarted; or whether
  there are more metrics now.
  """
  @spec replaced?(t()) :: boolean()
  def replaced?(segment), do: File.replaced?(segment.file) or grown?(segment)

  defp grown?(segment) do
    case attempt(segment, fn -> Schema.described!(segment.file) end) do
      {:ok, described} -> described != segment.schema.described
      {:error, _error} -> true
    end
  end

  @doc """
  Attaches anew where `replaced?/1` says so, and closes the one before; otherwise returns the
  segment as it is. After an error it is still good.
  """
  @spec reattach(t()) :: {:ok, t()} | {:error, Error.t()}
  def reattach(segment) do
    with true <- replaced?(segment),
         {:ok, next} <- open(segment.info.path) do
      close(segment)
      {:ok, next}
    else
      false -> {:ok, segment}
      error -> error
    end
  end

  @doc """
  Says what became of the writer. Use the segment that it returns for the next look: only a second
  one after `info.stale_after_ms` can tell hung from alive.
  """
  @spec verdict(t()) :: {:ok, {verdict(), t()}} | {:error, Error.t()}
  def verdict(segment), do: attempt(segment, fn -> verdict!(segment) end)

  defp verdict!(segment) do
    cond do
      Header.state!(segment.file) in [@state_closed, @state_superseded] -> {:closed, segment}
      Header.of_earlier_boot?(segment.header) -> {:old, segment}
      not Proc.locked?(segment.file.status.place) -> {:dead, segment}
      true -> by_heartbeat!(segment)
    end
  end

  defp by_heartbeat!(segment) do
    seq = Header.heartbeat_seq!(segment.file)
    now = System.monotonic_time(:millisecond)

    case segment.seen_heartbeat do
      {^seq, since} when now - since >= segment.info.stale_after_ms -> {:hung, segment}
      {^seq, _since} -> {:alive, segment}
      _other -> {:alive, %{segment | seen_heartbeat: {seq, now}}}
    end
  end
end
