# SPDX-License-Identifier: Apache-2.0

defmodule SnakepitSegment.Error do
  @moduledoc """
  A segment that cannot be read, and why.

  `kind` says what became of the attempt, `field` what is wrong, in the words of section 7 of the
  format:

    * `:missing` - there is no such file
    * `:denied` - the file may not be read, or could have been written by anybody
    * `:damaged` - the file breaks the format; it will not become better
    * `:version` - another version of the format wrote the file
    * `:not_ready` - the writer has not come that far yet: try again soon
    * `:failed` - the operating system had other reasons; `field` is nil
  """

  @type kind :: :missing | :denied | :damaged | :version | :not_ready | :failed
  @type t :: %__MODULE__{kind: kind(), field: String.t() | nil, path: Path.t(), text: String.t()}

  defexception [:kind, :field, :path, :text]

  @impl true
  def message(error), do: "#{error.path} #{error.text}"
end
