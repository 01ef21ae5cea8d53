# SPDX-License-Identifier: Apache-2.0

defmodule SnakepitSegment.Metric do
  @moduledoc """
  What a metric is; its values are in snapshots.

  `kind` is what its values are, `level` who wants to see it, `unit` that of its values by UCUM.
  A histogram has `upper_ns`, the inclusive upper bounds of all its buckets but the last, and
  `bounds_ns`, the few that a text format shows. `enum` has the texts of a state's numbers, or of
  the label that tells the series of a row apart.
  """

  alias SnakepitSegment.EnumTable

  @enforce_keys [
    :name,
    :prometheus_name,
    :kind,
    :unit,
    :level,
    :help,
    :enum,
    :bounds_ns,
    :upper_ns,
    :keys,
    :descriptor
  ]
  @derive {Inspect, except: [:bounds_ns, :upper_ns, :keys, :descriptor]}
  defstruct @enforce_keys

  @type kind :: :counter | :updown | :gauge | :histogram | :state | :timestamp | :info
  @type t :: %__MODULE__{
          name: String.t(),
          prometheus_name: String.t(),
          kind: kind(),
          unit: String.t(),
          level: :info | :diag | :debug,
          help: String.t(),
          enum: EnumTable.t() | nil,
          bounds_ns: [non_neg_integer()],
          upper_ns: [non_neg_integer()],
          keys: list(),
          descriptor: map()
        }

  @doc "Whether it has that OpenTelemetry or Prometheus name."
  @spec called?(t(), String.t()) :: boolean()
  def called?(metric, name), do: name in [metric.name, metric.prometheus_name]
end
