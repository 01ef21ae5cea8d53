#!/usr/bin/env python3
"""Start one Snakepit worker; all of it is in the package snakepit_bridge."""

from __future__ import annotations

import sys

from snakepit_bridge._main import main

if __name__ == "__main__":
    sys.exit(main())
