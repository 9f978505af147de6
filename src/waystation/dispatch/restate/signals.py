"""A worker is told to end by a signal."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

from waystation.errors import ExtraMissing

try:
    from restate.server import install_shutdown_hook
except ImportError as error:
    raise ExtraMissing("a worker needs restate-sdk: install waystation[restate], which brings it") from error


def on_end(end: Callable[[], None]) -> None:
    """Have ``end`` called on this loop at SIGTERM and SIGINT. A second SIGINT interrupts the process as ever."""
    loop = asyncio.get_running_loop()

    def interrupted() -> None:
        end()
        loop.remove_signal_handler(signal.SIGINT)

    # By the SDK's own way: it has a hook for SIGTERM too, and a loop has one handler for a signal.
    install_shutdown_hook(loop, end, signal.SIGTERM)
    install_shutdown_hook(loop, interrupted, signal.SIGINT)
