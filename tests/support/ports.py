"""A port for a server that a test starts later."""

from __future__ import annotations

import random
import socket

# Below the range that the system gives to connections (32768 and up on Linux), so that none takes it in between.
_PORTS = range(20_000, 32_000)


def free_port() -> int:
    """A port that nothing listens on now."""
    while True:
        port = random.choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
