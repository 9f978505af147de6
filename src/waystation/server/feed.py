"""News of all runs, for the streams of one server: which have moved, and when a reader should load its lists anew.

There is one feed for all readers: it hears what this process and, where the store tells it, others have written, and
reads each run's record once, however many readers there are. What a reader has not read yet is in a ring of the last
messages; one that falls out of it, or comes from another server, is told to load its lists anew (``resync``). What a
message tells of a run is never older than the change that it is about.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from waystation.core.refs import Millis
from waystation.engine.hub import News
from waystation.errors import AppClosed, StoreError
from waystation.shapes import time_text
from waystation.store.protocol import Store
from waystation.store.records import UNFINISHED, RunFilter, RunRecord, RunStatus

if TYPE_CHECKING:
    from waystation.runtime import Waystation

_RING = 2000
_MOST_AT_ONCE = 500
"""Of more runs that have moved at once it is not told one by one."""
_NEWEST = 100
_UNFINISHED = 1000
_PACE = 0.25
"""So many seconds at least are between two messages about one run."""
_LOOK_PACE = 0.5
_RESYNC_PACE = 5.0
_LONGEST_NUMBER = 18
_LINGER = 15.0
"""So long the feed goes on without readers: one whose connection broke finds what it missed."""


class Message(NamedTuple):
    """What readers are told: ``run-changed``, ``run-deleted`` or ``resync``, and its data."""

    id: str
    event: str
    data: dict[str, object]


class _Seen(NamedTuple):
    status: RunStatus
    updated_at: Millis


class Feed:
    """News of all runs of an app. It works while there are readers."""

    def __init__(self, app: Waystation) -> None:
        self._app = app
        self._name = ""
        self._last = 0
        self._ring: deque[Message] = deque(maxlen=_RING)
        self._known: dict[str, _Seen] = {}
        self._readers: set[asyncio.Event] = set()
        self._task: asyncio.Task[None] | None = None
        self._started = asyncio.Event()
        self._ending: asyncio.TimerHandle | None = None

    # ------------------------------------------------------------------ reading

    async def read(self, last_id: str = "") -> AsyncGenerator[Message]:
        """What happens from now on, or after the message ``last_id``; if that is not known, ``resync`` first."""
        grown = asyncio.Event()
        self._readers.add(grown)
        try:
            await self._work()
            at = self._place_after(last_id)
            while True:
                grown.clear()
                if at is None:
                    at = self._last
                    yield Message(f"{self._name}.{at}", "resync", {})
                missing = self._last - at
                if missing > len(self._ring):
                    at = None
                    continue
                for message in list(self._ring)[len(self._ring) - missing :]:
                    at += 1
                    yield message
                if at == self._last:
                    await grown.wait()
        finally:
            self._readers.discard(grown)
            if not self._readers:
                self._ending = asyncio.get_running_loop().call_later(_LINGER, self.stop)

    def _place_after(self, last_id: str) -> int | None:
        name, _, number = last_id.partition(".")
        if name != self._name or not number.isdecimal() or len(number) > _LONGEST_NUMBER:
            return None
        return int(number) if int(number) <= self._last else None

    def stop(self) -> None:
        """Listen no more. Who reads from now on begins anew."""
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _work(self) -> None:
        """See to it that the feed works, and has seen how the runs stand."""
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None
        if self._task is None or self._task.done():
            # Another name: what happened while it did not listen is not known.
            self._name, self._last = secrets.token_hex(4), 0
            self._ring.clear()
            self._known.clear()
            self._started.clear()
            self._task = asyncio.create_task(self._listen(), name="waystation feed")
        await self._started.wait()

    # ------------------------------------------------------------------ listening

    async def _listen(self) -> None:
        try:
            engine, dispatcher = await self._app.opened()
            with engine.hub.listening_to_all() as news:
                dispatcher.watch()
                with suppress(StoreError):
                    await self._look(engine.store, tell=False)
                self._started.set()
                await self._tell_on(engine.store, news)
        except AppClosed:
            pass
        finally:
            self._started.set()

    async def _tell_on(self, store: Store, news: News) -> None:
        loop = asyncio.get_running_loop()
        looked = resynced = loop.time()
        others = missed = False
        while True:
            due = looked + _LOOK_PACE if others or missed else None
            with suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await news.came.wait()
            run_ids, unnamed = news.take()
            others |= unnamed
            try:
                if missed:
                    self._tell("resync", {})
                    missed = False
                await self._tell_of(store, run_ids)
                if others and loop.time() >= looked + _LOOK_PACE:
                    looked, others = loop.time(), False
                    seen_all = await self._look(store, tell=True)
                    if not seen_all and loop.time() >= resynced + _RESYNC_PACE:
                        resynced = loop.time()
                        self._tell("resync", {})
            except StoreError:
                missed, looked = True, loop.time()
            await asyncio.sleep(_PACE)

    async def _tell_of(self, store: Store, run_ids: set[str]) -> None:
        if len(run_ids) > _MOST_AT_ONCE:
            self._tell("resync", {})
            return
        for run_id in run_ids:
            record = await store.get_run(run_id)
            if record is None:
                self._known.pop(run_id, None)
                self._tell("run-deleted", {"run_id": run_id})
            else:
                self._tell_changed(record)

    async def _look(self, store: Store, *, tell: bool) -> bool:
        """Look for what others wrote without telling: at the newest runs, and at those that have not ended. Whether
        nothing else can have moved."""
        newest = await store.list_runs(RunFilter(), limit=_NEWEST)
        unfinished = await store.list_runs(RunFilter(statuses=UNFINISHED), limit=_UNFINISHED)
        there = {record.run_id: record for record in (*newest.runs, *unfinished.runs)}
        before, self._known = self._known, {}
        for run_id, record in there.items():
            if tell and before.get(run_id) != _seen(record):
                self._tell_changed(record)
            self._known[run_id] = _seen(record)
        if tell:
            gone = {run_id for run_id, seen in before.items() if seen.status in UNFINISHED and run_id not in there}
            await self._tell_of(store, gone)
        return unfinished.cursor is None

    def _tell_changed(self, record: RunRecord) -> None:
        self._known[record.run_id] = _seen(record)
        self._tell(
            "run-changed",
            {
                "run_id": record.run_id,
                "workflow_id": record.workflow_id,
                "status": record.status,
                "updated_at": time_text(record.updated_at),
            },
        )

    def _tell(self, event: str, data: dict[str, object]) -> None:
        self._last += 1
        self._ring.append(Message(f"{self._name}.{self._last}", event, data))
        for grown in self._readers:
            grown.set()


def _seen(record: RunRecord) -> _Seen:
    return _Seen(record.status, record.updated_at)
