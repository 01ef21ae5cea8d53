# SPDX-License-Identifier: Apache-2.0

defmodule SnakepitSegment.Crc32c do
  @moduledoc false
  # CRC-32C (Castagnoli), eight bytes at a time: table k has what a byte does to the
  # checksum after k more bytes.

  import Bitwise

  @polynomial 0x82F63B78
  @mask 0xFFFFFFFF

  first =
    for byte <- 0..255 do
      Enum.reduce(1..8, byte, fn _bit, crc ->
        if (crc &&& 1) == 1, do: bxor(crc >>> 1, @polynomial), else: crc >>> 1
      end)
    end

  tables =
    Enum.scan([first | List.duplicate(nil, 7)], fn nil, before ->
      for crc <- before, do: bxor(crc >>> 8, Enum.at(first, crc &&& 0xFF))
    end)

  for {table, k} <- Enum.with_index(tables) do
    Module.put_attribute(__MODULE__, :"t#{k}", List.to_tuple(table))
  end

  @doc "Returns the checksum of some bytes."
  @spec of(iodata()) :: non_neg_integer()
  def of(parts) do
    parts |> IO.iodata_to_binary() |> update(@mask) |> bxor(@mask)
  end

  defp update(<<low::little-32, high::little-32, rest::binary>>, crc) do
    low = bxor(low, crc)

    crc =
      elem(@t7, low &&& 0xFF)
      |> bxor(elem(@t6, low >>> 8 &&& 0xFF))
      |> bxor(elem(@t5, low >>> 16 &&& 0xFF))
      |> bxor(elem(@t4, low >>> 24))
      |> bxor(elem(@t3, high &&& 0xFF))
      |> bxor(elem(@t2, high >>> 8 &&& 0xFF))
      |> bxor(elem(@t1, high >>> 16 &&& 0xFF))
      |> bxor(elem(@t0, high >>> 24))

    update(rest, crc)
  end

  defp update(<<byte, rest::binary>>, crc) do
    update(rest, bxor(crc >>> 8, elem(@t0, bxor(crc, byte) &&& 0xFF)))
  end

  defp update(<<>>, crc), do: crc
end
