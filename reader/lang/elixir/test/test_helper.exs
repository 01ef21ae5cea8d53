# SPDX-License-Identifier: Apache-2.0

# A segment that is being written is there only where somebody says so.
living = System.get_env("SNAKEPIT_TEST_SEGMENT")
ExUnit.start(exclude: if(living, do: [], else: [:living]))
