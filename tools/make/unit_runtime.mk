# Tests of the runtime start processes by it.
unit-bins: $(BIN)/snakepit-launch
