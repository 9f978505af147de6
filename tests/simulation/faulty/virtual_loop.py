"""An event loop whose time passes only when there is nothing left to do: hours take milliseconds, and a seed replays.

All that real processes do at once happens here in one thread, in an order that depends on nothing but the program and
its dice: whoever waits for a time is called when that is the next thing to happen, and tasks are told apart, also in
sets, by their number and not by where they lie in memory.
"""

from __future__ import annotations

import asyncio
import itertools
import selectors
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from contextvars import Context, ContextVar
from typing import Any, TypeVar

from waystation.core.refs import Millis

T = TypeVar("T")

_START: Millis = 1_800_000_000_000
"""What time it is at first, as a clock shows it."""


class NothingLeft(AssertionError):
    """Everyone waits for someone else, and nobody for a time."""


class _NoWaiting(selectors.SelectSelector):
    """Asks no file whether it is ready; where the loop would wait, its time is moved on instead."""

    def __init__(self, a_look: float) -> None:
        super().__init__()
        self.passed = self.slept = 0.0
        self.sleeps = 0
        self._a_look = a_look

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise NothingLeft("nobody can go on, and no time is waited for")
        if timeout > 0:
            self.passed += timeout
            self.slept += timeout
            self.sleeps += 1
        else:
            self.passed += self._a_look
        return []


class NumberedTask(asyncio.Task[T]):
    """A task with a number, by which sets of tasks are in the same order each time."""

    _numbers = itertools.count()

    def __init__(self, coro: Coroutine[Any, Any, T] | Generator[Any, None, T], **named: Any) -> None:
        self._number = next(NumberedTask._numbers)  # before it is put into any set
        super().__init__(coro, **named)

    def __hash__(self) -> int:
        return self._number

    def __eq__(self, other: object) -> bool:
        return self is other


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its time is virtual. Tasks belong to the household, if any, in whose context they are begun.

    Arguments:
        a_look: what it takes, in seconds, to look at the connections and not to wait for them.
    """

    def __init__(self, a_look: float = 0.0) -> None:
        self._waiting = _NoWaiting(a_look)
        super().__init__(self._waiting)
        self.set_task_factory(_numbered)

    def time(self) -> float:
        """Seconds since it was made."""
        return self._waiting.passed

    @property
    def sleeps(self) -> int:
        """How often it waited for a time."""
        return self._waiting.sleeps

    @property
    def worked(self) -> float:
        """For how many of its seconds it did not."""
        return self._waiting.passed - self._waiting.slept


class Household:
    """Tasks that end together, as those of a process do.

    Attributes:
        tasks: those that have not ended.
    """

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[Any]] = set()
        self._context = Context()
        self._context.run(_household.set, self)

    def begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begin a task of it; so are all that this one begins."""
        return asyncio.get_running_loop().create_task(work, context=self._context.copy())

    async def end(self) -> None:
        """Cancel all, until none is left."""
        while self.tasks:
            ending = sorted(self.tasks, key=hash)
            for task in ending:
                task.cancel()
            await asyncio.wait(ending)


_household: ContextVar[Household] = ContextVar("household")


def _numbered(
    loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, T] | Generator[Any, None, T], **named: Any
) -> asyncio.Task[T]:
    task = NumberedTask(coro, loop=loop, **named)
    context = named.get("context")
    household = _household.get(None) if context is None else context.get(_household)
    if household is not None:
        household.tasks.add(task)
        task.add_done_callback(household.tasks.discard)
    return task


class LoopClock:
    """A clock of the library's that shows the loop's time."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def now(self) -> Millis:
        """Milliseconds since 1970-01-01 UTC."""
        return _START + int(self._loop.time() * 1000 + 1e-6)

    def call_at(self, when: Millis, callback: Callable[[], None]) -> Callable[[], None]:
        """Call ``callback`` at ``when``, or soon if that is past; gives what stops it."""
        return self._loop.call_at((when - _START) / 1000, callback).cancel


@contextmanager
def virtual_loop(a_look: float = 0.0) -> Generator[VirtualLoop]:
    """A loop that is closed in the end."""
    loop = VirtualLoop(a_look)
    NumberedTask._numbers = itertools.count()
    try:
        yield loop
    finally:
        loop.close()
