"""An event loop in a thread of its own, for code that is not async."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import ClassVar, TypeVar

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


class WithTwins:
    """What belongs to the event loop it is first used on, and has ``_sync`` twins for code that has none: these use a
    loop of their own, in a thread.
    """

    _what: ClassVar[str]
    """What it is, in messages."""

    _loop: asyncio.AbstractEventLoop | None = None
    _background: BackgroundLoop | None = None

    async def close(self) -> None:
        """Let go of all it has. Closing twice is fine."""
        raise NotImplementedError

    def close_sync(self) -> None:
        """``close`` for code that is not async; also ends the loop that the ``_sync`` twins run on."""
        if self._background is not None:
            self._background.call(self.close())
            self._background.stop()
            self._background = None

    def call(self, work: Coroutine[object, object, T]) -> T:
        """Run ``work`` on its own loop, in a thread, and wait for it. What the ``_sync`` twins use."""
        if self._background is None:
            if self._loop is not None:
                work.close()
                raise WrongLoop(
                    f"this {self._what} is in use on an event loop; its _sync methods need one of their own"
                )
            self._background = BackgroundLoop()
        return self._background.call(work)
