# SPDX-License-Identifier: Apache-2.0

defmodule SnakepitSegment.Event do
  @moduledoc """
  Something that happened. `SnakepitSegment.Snapshot.pool_of/2` says to which pool.

  `seq` is the number of the record in its `ring`, `mono_ns` a monotonic time of the writer,
  `values` are by kind, `trace_id` is "" for none, `evidence` the number of the text that belongs
  to it, 0 for none.
  """

  @enforce_keys [
    :ring,
    :seq,
    :mono_ns,
    :kind,
    :initiator,
    :from,
    :to,
    :reason,
    :pool_index,
    :pool_uid,
    :slot,
    :incarnation,
    :pid,
    :values,
    :trace_id,
    :evidence
  ]
  defstruct @enforce_keys

  @type t :: %__MODULE__{
          ring: non_neg_integer(),
          seq: non_neg_integer(),
          mono_ns: non_neg_integer(),
          kind: String.t(),
          initiator: String.t(),
          from: String.t(),
          to: String.t(),
          reason: String.t(),
          pool_index: non_neg_integer(),
          pool_uid: non_neg_integer(),
          slot: non_neg_integer(),
          incarnation: non_neg_integer(),
          pid: non_neg_integer(),
          values: {non_neg_integer(), non_neg_integer()},
          trace_id: String.t(),
          evidence: non_neg_integer()
        }
end

defmodule SnakepitSegment.Cursor do
  @moduledoc """
  Where a reader is in the rings of events; `lost` counts those that were overwritten before they
  were read, or are not whole. A new one starts with the oldest event that is still there.
  """

  defstruct next: %{}, lost: 0

  @type t :: %__MODULE__{
          next: %{non_neg_integer() => non_neg_integer()},
          lost: non_neg_integer()
        }
end
