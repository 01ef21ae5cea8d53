# SPDX-License-Identifier: Apache-2.0

defmodule SnakepitSegment.Bench do
  @moduledoc "Golden segments as files of their own, for tests to change."

  alias SnakepitSegment.Crc32c

  @golden Path.expand("../../../../../tests/golden/segments", __DIR__)

  @doc "Returns the bytes of a golden segment."
  def golden(name), do: Path.join(@golden, "#{name}.seg.gz") |> File.read!() |> :zlib.gunzip()

  @doc "Writes bytes over the file of a test; returns its path."
  def write(data, directory, name \\ "test.seg") do
    path = Path.join(directory, name)
    File.write!(path, data)
    File.chmod!(path, 0o640)
    path
  end

  @doc "Replaces the word of 64 bits at an offset."
  def put(data, offset, word) do
    <<before::binary-size(offset), _word::64, rest::binary>> = data
    <<before::binary, word::little-64, rest::binary>>
  end

  @doc "Makes the header's checksum right again."
  def seal(<<checked::binary-size(0xF0), _crc::32, rest::binary>>) do
    <<checked::binary, Crc32c.of(checked)::little-32, rest::binary>>
  end
end
