# SPDX-License-Identifier: Apache-2.0

defmodule SnakepitSegment.CLI do
  @moduledoc """
  Prints segments as `snakepit-inspect --json --events` does, a line each.

      segment-json [--tier snap] PATH...

  Exit codes: 0 ok, 1 failure, 2 wrong usage, 3 no such file or not ready yet, 4 damaged or of
  another version; of several paths that of the last one that failed.
  """

  alias SnakepitSegment.Json
  alias SnakepitSegment.Report

  @statuses %{missing: 3, not_ready: 3, damaged: 4, version: 4}

  @doc "Runs the program."
  @spec main([String.t()]) :: no_return()
  def main(["--tier", "snap" | paths]), do: main(paths)

  def main(["--" <> _option | _rest]), do: usage()
  def main([]), do: usage()

  def main(paths) do
    # Bytes as they are: the text is UTF-8 already.
    out = Port.open({:fd, 0, 1}, [:out, :binary])

    status =
      Enum.reduce(paths, 0, fn path, status ->
        {line, failure} = line(path)
        Port.command(out, [line, ?\n])
        failure || status
      end)

    System.halt(status)
  end

  defp usage do
    IO.puts(:stderr, "usage: segment-json [--tier snap] PATH...")
    System.halt(2)
  end

  defp line(path) do
    case Report.of(path) do
      {:ok, report} ->
        {Json.encode(report), nil}

      {:error, error} ->
        IO.puts(:stderr, "segment-json: #{Exception.message(error)}")
        {Json.encode(Report.of_failure(error)), Map.get(@statuses, error.kind, 1)}
    end
  end
end
