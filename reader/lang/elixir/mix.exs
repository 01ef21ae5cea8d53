# SPDX-License-Identifier: Apache-2.0

defmodule SnakepitSegment.MixProject do
  use Mix.Project

  def project do
    [
      app: :snakepit_segment,
      version: "1.0.0",
      elixir: "~> 1.14",
      description: "Reads the segments of Snakepit runtimes",
      package: [licenses: ["Apache-2.0"], links: %{}],
      elixirc_paths: elixirc_paths(Mix.env()),
      elixirc_options: [warnings_as_errors: true],
      escript: escript(),
      deps: []
    ]
  end

  def application, do: []

  defp elixirc_paths(:test), do: ["lib", "test/support"]
  defp elixirc_paths(_env), do: ["lib"]

  # Beside everything else that is built, wherever that is.
  defp escript do
    directory = System.get_env("MIX_BUILD_PATH", "_build")
    [main_module: SnakepitSegment.CLI, path: Path.join(directory, "segment-json")]
  end
end
