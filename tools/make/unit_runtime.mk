# Tests of the runtime start processes by it.
unit-bins: $(BIN)/snakepit-launch $(BIN)/snakepit-guard
# A process that cannot be killed is one whose signals do not arrive.
WRAP_runtime_spawn_test := posix_spawn
WRAP_runtime_supervisor_test := kill pidfd_send_signal
