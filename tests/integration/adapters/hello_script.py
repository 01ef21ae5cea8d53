"""A worker's program that says what $HELLO says as its hello, and then waits."""

from __future__ import annotations

import os
import signal
import sys

fd = int(sys.argv[sys.argv.index("--ready-fd") + 1])
os.write(fd, os.environ["HELLO"].replace("PID", str(os.getpid())).encode())
os.close(fd)
signal.pause()
