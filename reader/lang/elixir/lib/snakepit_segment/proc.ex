# SPDX-License-Identifier: Apache-2.0

defmodule SnakepitSegment.Proc do
  @moduledoc false
  # What Linux says in /proc and Erlang has no call for.

  import Bitwise

  @doc "Returns the effective user of this process."
  @spec effective_user() :: non_neg_integer()
  def effective_user do
    {:ok, status} = :file.read_file("/proc/self/status")
    [_all, effective] = Regex.run(~r/^Uid:\s+\d+\s+(\d+)/m, status)
    String.to_integer(effective)
  end

  @doc "Returns the 16 bytes of the kernel's number of this boot, nil where it does not say."
  @spec boot_id() :: binary() | nil
  def boot_id do
    with {:ok, text} <- :file.read_file("/proc/sys/kernel/random/boot_id"),
         digits = text |> String.trim() |> String.replace("-", ""),
         {:ok, <<id::binary-size(16)>>} <- Base.decode16(digits, case: :lower) do
      id
    else
      _unknown -> nil
    end
  end

  @doc """
  Whether anybody holds an open file description lock on the file, or nobody can say.

  F_OFD_GETLK would be the question to ask; Erlang has no call for it.
  """
  @spec locked?({non_neg_integer(), non_neg_integer()}) :: boolean()
  def locked?(place) do
    case :file.read_file("/proc/locks") do
      {:ok, lines} -> lines |> String.split("\n") |> Enum.any?(&lock_on?(&1, place_text(place)))
      {:error, _reason} -> true
    end
  end

  @doc ~S(Whether a line such as "1: OFDLCK ADVISORY WRITE -1 00:1b:76893 0 EOF" is of the place.)
  @spec lock_on?(String.t(), String.t()) :: boolean()
  def lock_on?(line, place) do
    match?([_number, "OFDLCK", _advisory, _write, _pid, ^place | _range], String.split(line))
  end

  @doc "Returns device and inode as /proc/locks writes them."
  @spec place_text({non_neg_integer(), non_neg_integer()}) :: String.t()
  def place_text({device, inode}) do
    major = (device >>> 8 &&& 0xFFF) ||| (device >>> 32 &&& 0xFFFFF000)
    minor = (device &&& 0xFF) ||| (device >>> 12 &&& 0xFFFFFF00)
    "#{hex(major)}:#{hex(minor)}:#{inode}"
  end

  defp hex(number) do
    number |> Integer.to_string(16) |> String.downcase() |> String.pad_leading(2, "0")
  end
end
