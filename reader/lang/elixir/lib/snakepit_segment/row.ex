# SPDX-License-Identifier: Apache-2.0

defmodule SnakepitSegment.Row do
  @moduledoc """
  What pools, tools and worker slots have in common: the life of their row.

  `index` is the number of the row, `uid` is never used twice in a segment. The values of a
  retired row are final.
  """

  @enforce_keys [:index, :uid, :retired, :retire_reason, :born_time_ns, :retired_time_ns]
  defstruct @enforce_keys

  @type t :: %__MODULE__{
          index: non_neg_integer(),
          uid: non_neg_integer(),
          retired: boolean(),
          retire_reason: String.t(),
          born_time_ns: non_neg_integer(),
          retired_time_ns: non_neg_integer()
        }
end

defmodule SnakepitSegment.Pool do
  @moduledoc "A pool, and the adapter that its workers run."

  @enforce_keys [:row, :name, :adapter]
  defstruct @enforce_keys

  @type t :: %__MODULE__{row: SnakepitSegment.Row.t(), name: String.t(), adapter: String.t()}
end

defmodule SnakepitSegment.Tool do
  @moduledoc "A tool of a pool."

  @enforce_keys [:row, :pool, :name]
  defstruct @enforce_keys

  @type t :: %__MODULE__{
          row: SnakepitSegment.Row.t(),
          pool: SnakepitSegment.Pool.t(),
          name: String.t()
        }
end

defmodule SnakepitSegment.Worker do
  @moduledoc """
  A worker slot and the process in it.

  `status` is starting, idle, busy, draining or down, `incarnation` counts the processes of the
  slot (0 = it never had one), `pid` is 0 while it has none. `last_exit_reason` says why the
  process before ended, `last_error` why its last start failed; both are "" for none.
  """

  @enforce_keys [
    :row,
    :pool,
    :slot,
    :status,
    :incarnation,
    :pid,
    :python,
    :start_time_ns,
    :ready_time_ns,
    :last_exit_reason,
    :last_exit_status,
    :last_error
  ]
  defstruct @enforce_keys

  @type t :: %__MODULE__{
          row: SnakepitSegment.Row.t(),
          pool: SnakepitSegment.Pool.t(),
          slot: non_neg_integer(),
          status: String.t(),
          incarnation: non_neg_integer(),
          pid: non_neg_integer(),
          python: String.t(),
          start_time_ns: non_neg_integer(),
          ready_time_ns: non_neg_integer(),
          last_exit_reason: String.t(),
          last_exit_status: non_neg_integer(),
          last_error: String.t()
        }

  @doc "Returns the name that the process has in logs and requests."
  @spec id(t()) :: String.t()
  def id(worker), do: "#{worker.pool.name}/#{worker.slot}##{worker.incarnation}"
end
