"""Ports for servers that are stopped and started again at the same one."""

from __future__ import annotations

import random
import socket

_given: set[int] = set()


def free_port() -> int:
    """A port that nobody listens on and that was not given before, below those that systems give to outgoing
    connections: one of these could take it while the server is down."""
    for port in random.sample(range(15000, 32000), 100):
        if port in _given:
            continue
        with socket.socket() as tried:
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
            _given.add(port)
            return port
    raise OSError("none of a hundred ports from 15000 to 32000 is free")
