# SPDX-License-Identifier: Apache-2.0

defmodule SnakepitSegment.Text do
  @moduledoc false
  # Text of a segment, which is used only where it is UTF-8.

  @doc "Returns the text up to the first NUL or the end, or what stands for one that is not UTF-8."
  @spec before_nul(binary(), String.t()) :: String.t()
  def before_nul(data, instead \\ "") do
    [text | _rest] = :binary.split(data, <<0>>)
    if String.valid?(text), do: text, else: instead
  end

  @doc "As `before_nul/1`; \"\" also where no NUL ends it."
  @spec terminated(binary()) :: String.t()
  def terminated(data) do
    if :binary.match(data, <<0>>) == :nomatch, do: "", else: before_nul(data)
  end
end
