# SPDX-License-Identifier: Apache-2.0

defmodule SnakepitSegment.Heartbeat do
  @moduledoc """
  A sign of life of the writer, and the same moment on two of its clocks.
  """

  import Bitwise

  @enforce_keys [:seq, :mono_ns, :real_time_ns]
  defstruct @enforce_keys

  @type t :: %__MODULE__{
          seq: non_neg_integer(),
          mono_ns: non_neg_integer(),
          real_time_ns: non_neg_integer()
        }

  @doc "Converts a monotonic time of the writer to wall time; 0, which means never, stays 0."
  @spec time_ns(t(), non_neg_integer()) :: non_neg_integer()
  def time_ns(_heartbeat, 0), do: 0

  def time_ns(heartbeat, mono_ns) do
    heartbeat.real_time_ns + mono_ns - heartbeat.mono_ns &&& 0xFFFFFFFFFFFFFFFF
  end
end
