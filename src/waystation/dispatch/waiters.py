"""Those who wait, in this process, for a run to come to rest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import TypeAlias

from waystation.core.machine import Machine
from waystation.errors import AppClosed, RunNotFound

Waiting: TypeAlias = "asyncio.Future[Machine]"
"""One who waits, to be told how the run rests, or why that cannot be told."""


class Waiters:
    """Those who wait, by run."""

    def __init__(self) -> None:
        self._by_run: dict[str, list[Waiting]] = {}

    @contextmanager
    def waiting(self, run_id: str) -> Generator[Waiting]:
        """One more who waits for the run."""
        future: Waiting = asyncio.get_running_loop().create_future()
        self.join(run_id, future)
        try:
            yield future
        finally:
            self.leave(run_id, future)

    def join(self, run_id: str, future: Waiting) -> None:
        """``future`` waits for the run from now on."""
        self._by_run.setdefault(run_id, []).append(future)

    def leave(self, run_id: str, future: Waiting) -> None:
        """It does so no more."""
        if self.has(run_id, future):
            self._drop(run_id, [future])

    def has(self, run_id: str, future: Waiting) -> bool:
        """Whether ``future`` waits for the run."""
        return future in self._by_run.get(run_id, ())

    def of(self, run_id: str) -> list[Waiting]:
        """Those who wait for the run now."""
        return list(self._by_run.get(run_id, ()))

    def __contains__(self, run_id: object) -> bool:
        return run_id in self._by_run

    def runs(self) -> list[str]:
        """The runs that someone waits for."""
        return list(self._by_run)

    def take(self, run_id: str) -> list[Waiting]:
        """Those who wait for the run now, to be told by whoever takes them."""
        return self._by_run.pop(run_id, [])

    def serve(self, run_id: str, waiting: Iterable[Waiting], machine: Machine) -> None:
        """Tell some of them how the run rests."""
        self._tell(run_id, waiting, lambda future: future.set_result(machine))

    def give_up(self, run_id: str, error: Exception) -> None:
        """Tell all who wait for the run why there is nothing to wait for."""
        self.refuse(run_id, self.of(run_id), error)

    def refuse(self, run_id: str, waiting: Iterable[Waiting], error: Exception) -> None:
        """Tell some of them so."""
        self._tell(run_id, waiting, lambda future: future.set_exception(error))

    def _tell(self, run_id: str, waiting: Iterable[Waiting], tell: Callable[[Waiting], None]) -> None:
        told = list(waiting)
        self._drop(run_id, told)
        for future in told:
            if not future.done():
                tell(future)

    def _drop(self, run_id: str, gone: Iterable[Waiting]) -> None:
        if run_id in self._by_run:
            left = [future for future in self._by_run.pop(run_id) if future not in gone]
            if left:
                self._by_run[run_id] = left

    def __bool__(self) -> bool:
        return bool(self._by_run)


def closed(run_id: str) -> AppClosed:
    """Why nobody can wait for the run any more."""
    return AppClosed(f"the app was closed while run {run_id!r} went on; {AppClosed.__doc__}")


def gone(run_id: str) -> RunNotFound:
    """Why there is nothing to wait for."""
    return RunNotFound(f"run {run_id!r} is not in the store (any more)", run_id=run_id)
