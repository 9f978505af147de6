"""An event loop in a thread of its own, for code that is not async."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import TypeVar

from waystation.errors import WrongLoop

T = TypeVar("T")


class BackgroundLoop:
    """Runs coroutines in a daemon thread. Ends with the process if ``stop`` is not called."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="waystation loop", daemon=True)
        self._thread.start()

    def call(self, work: Coroutine[object, object, T]) -> T:
        """Run ``work`` there and wait for its result.

        Raises:
            WrongLoop: called from async code, which must not be blocked: await the method without ``_sync``.
        """
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run_coroutine_threadsafe(work, self._loop).result()
        work.close()
        raise WrongLoop("a _sync method was called from async code; await the method without _sync")

    def stop(self) -> None:
        """End the loop and its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
