"""A store that counts what is asked of it, and what a run holds in memory while it goes on."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from typing import Any, cast

from waystation import Store
from waystation.core.machine import Machine
from waystation.engine.driver import Driver
from waystation.store.records import Commit


class CountingStore:
    """Passes everything on to ``store``.

    Attributes:
        calls: how often each method was called.
        entries: how many journal entries the commits held.
        frontier_bytes: how long the frontiers were together.
    """

    def __init__(self, store: Store) -> None:
        self.calls: Counter[str] = Counter()
        self.entries = 0
        self.frontier_bytes = 0
        self._store = store

    def as_store(self) -> Store:
        """Itself, as what it stands for: ``__getattr__`` has every method of it."""
        return cast("Store", self)

    def __getattr__(self, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        method: Callable[..., Coroutine[Any, Any, Any]] = getattr(self._store, name)

        def counted(*args: Any, **kwargs: Any) -> Coroutine[Any, Any, Any]:
            self.calls[name] += 1
            if name == "commit":
                self._note(args[0])
            return method(*args, **kwargs)

        return counted

    def _note(self, commit: Commit) -> None:
        self.entries += len(commit.entries)
        self.frontier_bytes += len(commit.frontier or b"")

    def of_runs(self) -> Counter[str]:
        """The calls that are about runs: what an app does beside them, as time goes by, is left out."""
        beside = ("beat", "workers", "claimable", "next_wake", "foreign_changes", "schedules", "last_seqs", "retire")
        return Counter({name: times for name, times in self.calls.items() if name not in beside})


@contextmanager
def new_objects_alone() -> Generator[None]:
    """Within, the collector knows what comes newly alone. What there was before (all that other tests of this process
    have left behind: an exception that a test keeps holds the frames it crossed, a FastAPI holds every app) is neither
    counted nor walked through with each collection."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _in_memory() -> list[Machine | Driver]:
    return [each for each in gc.get_objects() if isinstance(each, (Machine, Driver))]


def the_machine() -> Machine:
    """The machine of the one run that is driven in this process now."""
    gc.collect()
    (found,) = [each for each in _in_memory() if isinstance(each, Machine)]
    return found


def driven() -> int:
    """How much of runs is in memory."""
    gc.collect()
    return len(_in_memory())
