# SPDX-License-Identifier: Apache-2.0

defmodule SnakepitSegment.Series do
  @moduledoc """
  A metric at one row and, where it has several cells, one of them.

  `labels` are pairs of name and text, in the order of the metric. `raw` is the stored word, a time
  as wall time; `histogram` is there in its place for a metric that is one.
  """

  import Bitwise

  alias SnakepitSegment.EnumTable
  alias SnakepitSegment.Histogram
  alias SnakepitSegment.Metric

  @enforce_keys [:metric, :labels, :row, :raw, :histogram]
  @derive {Inspect, except: [:metric]}
  defstruct @enforce_keys

  @type t :: %__MODULE__{
          metric: Metric.t(),
          labels: [{String.t(), String.t()}],
          row: non_neg_integer(),
          raw: non_neg_integer(),
          histogram: Histogram.t() | nil
        }

  @ns_exp -9
  @exp_step 9

  @doc """
  Returns the value in the metric's unit; times as seconds since 1970, 0 for never. An integer
  where it is one, nil where a floating point number is not finite.
  """
  @spec value(t()) :: integer() | float() | nil
  def value(series) do
    case exact(series) do
      {number, 0} -> number
      {number, exponent} when exponent > 0 -> number * Integer.pow(10, exponent)
      {number, exponent} -> number / Integer.pow(10, -exponent)
      float -> float
    end
  end

  @doc """
  Returns the value in the metric's unit to the last digit: `{number, exponent}` of ten, or a float
  (nil where it is not finite) for a metric that is stored as one.
  """
  @spec exact(t()) :: {integer(), integer()} | float() | nil
  def exact(%__MODULE__{metric: %Metric{kind: :info}}), do: {1, 0}

  def exact(%__MODULE__{metric: metric, raw: raw}) do
    case metric.descriptor.vtype do
      time when time in [:mono_ns, :real_ns] -> {raw, @ns_exp}
      :f64 -> scaled_float(raw, metric.descriptor.unit_exp)
      :i64 -> {signed(raw), metric.descriptor.unit_exp}
      :u64 -> {raw, metric.descriptor.unit_exp}
    end
  end

  @doc "Returns the name of the value of a state, nil where the segment has none for it."
  @spec state(t()) :: String.t() | nil
  def state(%__MODULE__{metric: %Metric{kind: :state, enum: enum}, raw: raw}),
    do: EnumTable.find(enum, raw)

  def state(_series), do: nil

  defp signed(word) when word < 1 <<< 63, do: word
  defp signed(word), do: word - (1 <<< 64)

  # In these steps, and not otherwise: all readers are to round alike.
  defp scaled_float(word, exponent) do
    case <<word::64>> do
      <<number::float-64>> -> scale(number, exponent)
      _not_finite -> nil
    end
  rescue
    ArithmeticError -> nil
  end

  defp scale(number, 0), do: number
  defp scale(number, exponent) when exponent > 0, do: scale(number * 10, exponent - 1)

  defp scale(number, exponent) do
    step = min(@exp_step, -exponent)
    scale(number / Integer.pow(10, step), exponent + step)
  end
end
