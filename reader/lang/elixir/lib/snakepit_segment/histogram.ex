# SPDX-License-Identifier: Apache-2.0

defmodule SnakepitSegment.Histogram do
  @moduledoc """
  Durations by size, in nanoseconds.

  Word i of `words` counts what is at most the i-th of `upper_ns`, but more than the one before;
  the last counts the rest.
  """

  import Bitwise

  @enforce_keys [:upper_ns, :words, :sum_ns, :zero_threshold_ns]
  defstruct @enforce_keys

  @type t :: %__MODULE__{
          upper_ns: [non_neg_integer()],
          words: [non_neg_integer()],
          sum_ns: non_neg_integer(),
          zero_threshold_ns: non_neg_integer()
        }

  @u64 0xFFFFFFFFFFFFFFFF

  @doc "Returns the number of observations."
  @spec count(t()) :: non_neg_integer()
  def count(histogram), do: Enum.sum(histogram.words) &&& @u64

  @doc """
  Returns the buckets that have any observations, as `{inclusive upper bound, count}`, the bound
  nil for the last.
  """
  @spec buckets(t()) :: [{non_neg_integer() | nil, pos_integer()}]
  def buckets(histogram) do
    for {bound, count} <- Enum.zip(histogram.upper_ns ++ [nil], histogram.words),
        count > 0,
        do: {bound, count}
  end

  @doc """
  Returns the middle of the bucket that holds the observation of rank `q`, from 0 to 1: at most
  half a bucket from the truth. 0 without observations, the edge of the range where the bucket
  has only one bound.
  """
  @spec quantile_ns(t(), float()) :: non_neg_integer()
  def quantile_ns(histogram, q) do
    case count(histogram) do
      0 -> 0
      count -> find(histogram.words, histogram.upper_ns, nil, 0, q * count, histogram)
    end
  end

  # `low` is the bound below the bucket at hand, `below` what has been counted up to there.
  defp find(_words, [], edge, _below, _rank, _histogram), do: edge

  defp find([count | words], [upper | uppers], low, below, rank, histogram) do
    below = below + count &&& @u64

    cond do
      count == 0 or below * 1.0 < rank -> find(words, uppers, upper, below, rank, histogram)
      low == nil -> histogram.zero_threshold_ns
      true -> middle(low, upper)
    end
  end

  # In these steps, and not otherwise: all readers are to round alike.
  defp middle(low, high), do: min(trunc(:math.sqrt(low) * :math.sqrt(high)), @u64)
end
