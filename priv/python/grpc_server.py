#!/usr/bin/env python3
"""Start one Snakepit worker; all of it is in the package snakepit_bridge."""

from __future__ import annotations

import os
import sys

# Read when grpc is loaded. With fork support a fork in an adapter halts the threads of
# gRPC, those that answer heartbeats; no child of ours uses the parent's channels.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

from snakepit_bridge._main import main

if __name__ == "__main__":
    sys.exit(main())
