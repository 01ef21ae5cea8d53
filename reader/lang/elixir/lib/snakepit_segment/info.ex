# SPDX-License-Identifier: Apache-2.0

defmodule SnakepitSegment.Info do
  @moduledoc """
  What the header of a segment says; it never changes.

  `instance` is the name of the instance, `uuid` new for each start of the runtime, `incarnation`
  counts its starts in a row, `pid` is that of the runtime in its own namespace.
  """

  @enforce_keys [
    :path,
    :instance,
    :uuid,
    :version,
    :incarnation,
    :pid,
    :size_bytes,
    :start_time_ns,
    :heartbeat_interval_ms,
    :stale_after_ms,
    :scrape_hint_ms
  ]
  defstruct @enforce_keys

  @type t :: %__MODULE__{
          path: Path.t(),
          instance: String.t(),
          uuid: String.t(),
          version: {non_neg_integer(), non_neg_integer()},
          incarnation: non_neg_integer(),
          pid: non_neg_integer(),
          size_bytes: non_neg_integer(),
          start_time_ns: non_neg_integer(),
          heartbeat_interval_ms: pos_integer(),
          stale_after_ms: pos_integer(),
          scrape_hint_ms: non_neg_integer()
        }
end
