"""Notices what other processes write to runs that are driven, waited for or followed here.

Some stores tell it (``Store.listen``); of the others, and of what was told and not heard, it is seen by looking.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from waystation.dispatch.waiters import Waiters
from waystation.engine.driver import Driver
from waystation.engine.engine import Engine
from waystation.errors import StoreError
from waystation.store.records import Heard


class LookOut:
    """Looks for what others wrote, for as long as there is someone here whom it concerns.

    Arguments:
        driven: the runs that are driven here.
        waiters: those who wait for runs.
        every: how often to look, in seconds.
        look_at: looks at a run that is waited for and not driven here.
        seek: there may be runs that nobody drives: look for them.
    """

    def __init__(
        self,
        engine: Engine,
        driven: Mapping[str, Driver],
        waiters: Waiters,
        *,
        every: float,
        look_at: Callable[[str], Awaitable[None]],
        seek: Callable[[], None],
    ) -> None:
        self._store = engine.store
        self._hub = engine.hub
        self._driven = driven
        self._waiters = waiters
        self._every = every
        self._look_at = look_at
        self._seek = seek
        self._is_told = False
        self._watched = asyncio.Event()
        self._told = asyncio.Event()

    def listen(self) -> None:
        """From now on hear what other processes tell, if this store tells it."""
        self._is_told = self._store.listen(self.hear)

    def watch(self) -> None:
        """There is someone now whom it may concern."""
        self._watched.set()

    def hear(self, heard: Heard) -> None:
        """What another process told."""
        if heard.free:
            self._seek()
        for run_id in (None,) if heard.run_ids is None else heard.run_ids:
            self._hub.tell_of(run_id)
        if heard.run_ids is None or any(self._concerns(run_id) for run_id in heard.run_ids):
            self._told.set()

    def _concerns(self, run_id: str) -> bool:
        return run_id in self._driven or run_id in self._waiters or self._hub.is_listened(run_id)

    async def look_on(self) -> None:
        """Look now and then, and whenever something was told."""
        seen: int | None = None
        while True:
            if not self._driven and not self._waiters and not self._hub.has_listeners:
                self._watched.clear()
                await self._watched.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._every):
                    await self._told.wait()
            told = self._told.is_set()
            self._told.clear()
            try:
                now = await self._store.foreign_changes()
                if now == seen and not told:
                    continue
                if not self._is_told:
                    self._hub.tell_of(None)
                await self._look()
                seen = now
            except StoreError:
                seen = None  # what was told is not lost: all of it is looked at when the store can be read again

    async def _look(self) -> None:
        for run_id in self._hub.listened():
            self._hub.announce(run_id)
        await self._look_at_driven()
        for run_id in self._waiters.runs():
            if run_id not in self._driven:
                await self._look_at(run_id)

    async def _look_at_driven(self) -> None:
        """Have those drivers look whose journal has grown without them: by an answer, an event, a cancel."""
        known = {run_id: driven.machine.state.last_seq for run_id, driven in self._driven.items()}
        if not known:
            return
        for run_id, seq in (await self._store.last_seqs(list(known))).items():
            if seq > known[run_id] and (driven := self._driven.get(run_id)) is not None:
                driven.look_again()
