# SPDX-License-Identifier: Apache-2.0

defmodule SnakepitSegment.Json do
  @moduledoc false
  # JSON of what it is given: lists are arrays, `{:object, pairs}` keeps the order of its keys,
  # `{:decimal, number, exponent}` is a number times a power of ten, to the last digit.

  @type value ::
          nil
          | boolean()
          | integer()
          | float()
          | String.t()
          | [value()]
          | {:decimal, integer(), integer()}
          | {:object, [{String.t(), value()}]}

  @escapes %{
    ?" => "\\\"",
    ?\\ => "\\\\",
    ?\b => "\\b",
    ?\t => "\\t",
    ?\n => "\\n",
    ?\f => "\\f",
    ?\r => "\\r"
  }

  @spec encode(value()) :: iodata()
  def encode(nil), do: "null"
  def encode(value) when is_boolean(value), do: Atom.to_string(value)
  def encode(value) when is_integer(value), do: Integer.to_string(value)
  def encode(value) when is_float(value), do: :erlang.float_to_binary(value, [:short])
  def encode(value) when is_list(value), do: [?[, commas(value, &encode/1), ?]]
  def encode({:decimal, number, exponent}), do: decimal(number, exponent)

  def encode({:object, pairs}),
    do: [?{, commas(pairs, fn {key, value} -> [encode(key), ?:, encode(value)] end), ?}]

  def encode(text) when is_binary(text), do: [?", escape(text, text, 0, 0, []), ?"]

  defp commas(items, encoder), do: items |> Enum.map(encoder) |> Enum.intersperse(?,)

  # Copies runs of bytes that need no escape; `start` and `length` are those of the run at hand.
  defp escape(<<char, rest::binary>>, text, start, length, done)
       when char < 0x20 or char in [?", ?\\, 0x7F] do
    done = [done, binary_part(text, start, length), escaped(char)]
    escape(rest, text, start + length + 1, 0, done)
  end

  defp escape(<<char::utf8, rest::binary>>, text, start, length, done),
    do: escape(rest, text, start, length + byte_size(<<char::utf8>>), done)

  # A path may have any bytes.
  defp escape(<<_byte, rest::binary>>, text, start, length, done) do
    escape(rest, text, start + length + 1, 0, [done, binary_part(text, start, length), "\uFFFD"])
  end

  defp escape(<<>>, text, start, length, done), do: [done, binary_part(text, start, length)]

  defp escaped(char) do
    hex = char |> Integer.to_string(16) |> String.pad_leading(4, "0") |> String.downcase()
    Map.get(@escapes, char, "\\u" <> hex)
  end

  # In plain notation, without zeros at the end of a fraction.
  defp decimal(number, exponent) when number < 0, do: [?-, decimal(-number, exponent)]

  defp decimal(number, exponent) when exponent >= 0,
    do: Integer.to_string(number * Integer.pow(10, exponent))

  defp decimal(number, exponent) do
    power = Integer.pow(10, -exponent)
    fraction = number |> rem(power) |> Integer.to_string() |> String.pad_leading(-exponent, "0")

    case String.trim_trailing(fraction, "0") do
      "" -> Integer.to_string(div(number, power))
      digits -> [Integer.to_string(div(number, power)), ?., digits]
    end
  end
end
