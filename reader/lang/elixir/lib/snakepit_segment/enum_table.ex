# SPDX-License-Identifier: Apache-2.0

defmodule SnakepitSegment.EnumTable do
  @moduledoc """
  The texts of an enumeration's numbers, and the names of the label that has them.
  """

  @enforce_keys [:label, :otel_label, :values]
  defstruct @enforce_keys

  @type t :: %__MODULE__{label: String.t(), otel_label: String.t(), values: tuple()}

  @doc "Returns the text of a number, \"?\" for one that the segment does not know."
  @spec text(t(), non_neg_integer()) :: String.t()
  def text(table, number), do: find(table, number) || "?"

  @doc "Returns the text of a number, nil for one that the segment does not know."
  @spec find(t(), non_neg_integer()) :: String.t() | nil
  def find(table, number) do
    if number < tuple_size(table.values), do: elem(table.values, number)
  end
end
