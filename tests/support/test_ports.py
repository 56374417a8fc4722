"""ports.py: a port that a server can have."""

from __future__ import annotations

import socket

from tests.support.ports import free_port


def test_a_free_port_can_be_listened_on() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", free_port()))
        server.listen()
