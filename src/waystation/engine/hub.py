"""That runs have moved, announced in one place. Whoever listens (streams, pages) listens here.

Listeners read the journal, or the run's record; nothing of what happened is buffered here. So a slow listener costs
nothing, loses nothing, and sees what other processes write just the same.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import contextmanager


class News:
    """Which runs have moved since it was last asked, for one who listens to all of them.

    Attributes:
        came: set whenever there is some.
    """

    def __init__(self) -> None:
        self.came = asyncio.Event()
        self._run_ids: set[str] = set()
        self._others = False

    def tell(self, run_id: str | None) -> None:
        """The run has moved; None for runs that nobody here can name."""
        if run_id is None:
            self._others = True
        else:
            self._run_ids.add(run_id)
        self.came.set()

    def take(self) -> tuple[set[str], bool]:
        """The runs that have moved since the last time, and whether others may have, that nobody here can name."""
        taken = self._run_ids, self._others
        self._run_ids, self._others = set(), False
        self.came.clear()
        return taken


class Hub:
    """Tells listeners of this process which runs have moved."""

    def __init__(self) -> None:
        self._listeners: dict[str, deque[asyncio.Event]] = {}
        self._of_all: list[News] = []

    def announce(self, run_id: str) -> None:
        """The run is new, or gone, or its journal has grown, durably."""
        for event in self._listeners.get(run_id, ()):
            event.set()
        if self._of_all:  # asked after every step, and mostly nobody listens
            self.tell_of(run_id)

    def tell_of(self, run_id: str | None) -> None:
        """Tell those who listen to all runs, and nobody else, that a run may have moved; None for any."""
        for news in self._of_all:
            news.tell(run_id)

    @contextmanager
    def listening(self, run_id: str) -> Generator[asyncio.Event]:
        """An event that is set whenever the run's journal grows. Clear it before reading, not after."""
        event = asyncio.Event()
        self._listeners.setdefault(run_id, deque()).append(event)
        try:
            yield event
        finally:
            listeners = self._listeners[run_id]
            listeners.remove(event)
            if not listeners:
                del self._listeners[run_id]

    @contextmanager
    def listening_to_all(self) -> Generator[News]:
        """News of all runs, from now on."""
        news = News()
        self._of_all.append(news)
        try:
            yield news
        finally:
            self._of_all.remove(news)

    @property
    def has_listeners(self) -> bool:
        """Whether anyone listens to any run."""
        return bool(self._listeners or self._of_all)

    def is_listened(self, run_id: str) -> bool:
        """Whether someone listens to this very run."""
        return run_id in self._listeners

    def listened(self) -> Sequence[str]:
        """The runs that someone listens to, one by one."""
        return list(self._listeners)
